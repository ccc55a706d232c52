"""The page on telemetry: its Python runs as it stands, and it names every metric there is."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest

from offhours.faces.interceptors import forget_global_chain
from offhours.telemetry import names
from offhours.testing import memory_app

PAGE = (Path(__file__).parents[2] / "docs" / "telemetry.md").read_text(encoding="utf-8")


def test_the_examples_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {"__name__": "page"}
    metrics, traces, logs = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(metrics, space)
    assert capsys.readouterr().out.startswith("http://127.0.0.1:")
    assert "offhours_workers 0.0" in space["text"]
    space["app"].close()
    exec(traces, space)
    space["app"].close()
    space["provider"].shutdown()
    forget_global_chain()
    exec(logs, space)
    logging.getLogger().removeHandler(space["handler"])


def test_each_metric_is_in_the_table() -> None:
    told = set(re.findall(r"^# TYPE (\w+)", memory_app().metrics(), re.MULTILINE))
    told = {name for name in told if "offhours_jobs_" not in name}
    assert told == {name for name in told if f"`{name}`" in PAGE}
    [counters] = re.findall(r"offhours_jobs_\{(.*?)\}_total", PAGE)
    assert counters.split(",") == list(names.JOB_COUNTERS)
    assert f"first {names.MOST_SERIES} pairs" in PAGE


def test_its_options_are_there() -> None:
    from offhours.cli.metrics import metrics
    from offhours.cli.up import up

    assert metrics.name == "metrics"
    assert "--metrics-port" in {name for option in up.params for name in option.opts}
