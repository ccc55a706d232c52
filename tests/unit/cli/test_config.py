from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from offhours import Offhours
from offhours.sources.keys import KEYS
from offhours.sources.schema import schema

DOCS = Path(__file__).parents[3] / "docs"


def test_each_value_has_its_source(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("offhours.toml").write_text("threads = 8\n[monitoring]\nenabled = false")
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://ann:hunter2@cache/0")
    shown = run("config", "show", "--sources")
    assert shown.code == 0
    assert [line.split("  ")[0] for line in shown.out.splitlines()] == [
        "KEY", "threads", "broker", "monitoring.enabled"
    ]  # fmt: skip
    assert "offhours.toml: threads" in shown.out and "CELERY_BROKER_URL" in shown.out
    assert '"redis://ann:***@cache/0"' in shown.out and "hunter2" not in shown.out
    assert "TaskMonitor" in shown.out
    assert "have their default" in shown.err


def test_json_has_all_of_them_and_no_secret(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOURS_DB", "postgresql://ann:hunter2@db/jobs?password=hunter2")
    monkeypatch.setenv("PERFCATCHER_LOKI_TOKEN", "hunter2")
    told = run("config", "show", "--json")
    settings = told.json["settings"]
    assert set(settings) == set(KEYS) and "hunter2" not in told.out
    assert settings["threads"] == {"value": 4, "source": "default", "used_by": "Offhours"}
    assert settings["db"]["value"] == "postgresql://ann:***@db/jobs?password=***"
    assert settings["recorder.loki_token"]["value"] == "***"


def test_all_faults_are_told_a_line_each(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("offhours.toml").write_text("thread = 8")
    monkeypatch.setenv("OFFHOURS_POLL", "soon")
    told = run("config", "show")
    assert (told.code, told.out) == (2, "")
    assert told.err.splitlines() == [
        "offhours: 2 settings cannot be used:",
        'offhours.toml: thread: unknown key; did you mean "threads"?',
        "OFFHOURS_POLL: cannot read 'soon'; write it like 90s, 5m, 1h30m or 2d",
    ]
    error = json.loads(run("config", "show", "--json").err)["error"]
    assert error["code"] == "config_error" and len(error["faults"]) == 2


def test_commands_look_where_the_configuration_says(run: Any) -> None:
    Path("offhours.toml").write_text('db = "chosen.db"')
    app = Offhours("chosen.db")
    app.submit_by_name("t:chosen")
    app.close()
    assert "t:chosen" in run("ls").out
    assert run("ls", "--db", "other.db").code == 5


def test_the_published_schema_is_the_one_that_is_printed(run: Any) -> None:
    """After a change: offhours config schema > docs/offhours.schema.json"""
    published = json.loads((DOCS / "offhours.schema.json").read_text())
    assert published == schema() == run("config", "schema").json


def test_the_reference_has_the_table_that_is_printed(run: Any) -> None:
    """After a change: put what `offhours config keys` prints at the end of the page."""
    table = run("config", "keys").out
    assert (DOCS / "configuration.md").read_text().endswith(table)
    rows = table.splitlines()[2:]
    assert len(rows) == len(KEYS)
    for key, row in zip(KEYS.values(), rows, strict=True):
        assert all(f"`{name}`" in row for name in (*key.names, *key.variables))


@pytest.mark.parametrize(
    ("content", "fits"),
    [
        ({}, True),
        ({"threads": 3, "lease": "1m30s", "queues": ["a"], "max_queue_size": None}, True),
        ({"threaded_worker": {"max_workers": 3}, "celery_worker": {"broker_url": "a://b"}}, True),
        ({"recorder": {"mode": "dynamic", "cooldown": "1m"}, "sandbox": {"enabled": False}}, True),
        ({"thread": 3}, False),
        ({"threads": 0}, False),
        ({"threads": "3"}, False),
        ({"lease": "soon"}, False),
        ({"monitoring": 5}, False),
        ({"monitoring": {"error_rate_threshold": 1.5}}, False),
        ({"recorder": {"mode": "loud"}}, False),
    ],
)
def test_the_schema_and_the_reader_agree(run: Any, content: Any, fits: bool) -> None:
    checked = Draft202012Validator(schema())
    Draft202012Validator.check_schema(schema())
    assert checked.is_valid(content) is fits
    Path("offhours.yaml").write_text(json.dumps(content))
    assert (run("config", "show").code == 0) is fits


def test_the_schema_accepts_every_default() -> None:
    tree: dict[str, Any] = {}
    for key in KEYS.values():
        *sections, last = key.path.split(".")
        place = tree
        for section in sections:
            place = place.setdefault(section, {})
        if key.default is not None:
            place[last] = key.default
    Draft202012Validator(schema()).validate(tree)
