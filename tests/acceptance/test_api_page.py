"""The pages on the API: their Python runs as it stands, their tables name every address."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.acceptance.documents.doubles import Learner

from offhours import SchedulerManager, TaskSchedulerService
from offhours.api import Limits, make_app
from offhours.cli.up import up
from offhours.testing import memory_app

DOCS = Path(__file__).parents[2] / "docs"
REST = (DOCS / "rest.md").read_text(encoding="utf-8")
SECURITY = (DOCS / "security.md").read_text(encoding="utf-8")


def test_the_examples_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {"__name__": "page"}
    alone, mounted = re.findall(r"```python\n(.*?)```", REST, re.DOTALL)
    exec(alone, space)
    assert capsys.readouterr().out == "mail to ann@example.org\n"
    space["app"].close()
    exec(mounted, space)
    client = TestClient(space["host"], base_url="http://shop.example.org")
    assert client.get("/ops/healthz").status_code == 200
    assert client.get("/ops/api/v1/jobs").status_code == 401
    space["ops"].state.offhours.app.close()


def test_each_address_is_in_the_table() -> None:
    app = memory_app()
    told = make_app(app, token="oh_x").openapi()["paths"]
    table = REST.partition("## Addresses")[2].partition("## Routes")[0]
    missing = []
    for path in told:
        short = path.removeprefix("/api/v1/")
        last = short.rpartition("/")[2]
        if f" {short}`" not in table and f"`…/{last}`" not in table:
            missing.append(path)
    assert missing == []
    app.close()


def test_each_documented_route_is_told() -> None:
    app = memory_app()
    SchedulerManager(Learner(), app=app)
    TaskSchedulerService(app=app)
    made = make_app(app, token="oh_x")
    documented = [path for path in made.openapi()["paths"] if not path.startswith("/api/v1")]
    routes = REST.partition("## Routes of the documents")[2]
    for path in documented:
        last = path.rpartition("/")[2]
        assert last in routes or path in REST, path
    app.close()


def test_its_options_and_bounds_are_there() -> None:
    options = {name for option in up.params for name in option.opts + option.secondary_opts}
    named = set(re.findall(r"`(--[a-z-]+)", REST.split("## Conventions")[0]))
    assert named and named <= options
    limits = Limits()
    assert (limits.body, limits.body_seconds, limits.head_seconds) == (1_000_000, 15, 10)
    assert (limits.depth, limits.connections, limits.streams) == (64, 500, 100)
    assert (limits.rate, limits.bad_tokens) == (2_000, 20)
    for figure in ("1 MB in 15 s", "10 s, JSON 64 levels", "500 connections, 100 streams",
                   "2,000 requests a second", "after 20 a minute"):  # fmt: skip
        assert figure in SECURITY
