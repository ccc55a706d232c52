"""What log lines say of the work they belong to."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from tests.acceptance import process_tasks

import offhours
from offhours.recorder import workflow
from offhours.telemetry.logs import JobFilter, JsonLines
from offhours.testing import memory_app


class Log:
    """A handler on the root logger, as an application has one, and what it wrote."""

    def __init__(self) -> None:
        self._out = io.StringIO()
        self.handler = logging.StreamHandler(self._out)
        self.handler.setFormatter(JsonLines())

    @property
    def text(self) -> str:
        return self._out.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    made = Log()
    logging.getLogger().addHandler(made.handler)
    yield made
    logging.getLogger().removeHandler(made.handler)


def test_a_line_inside_a_task_says_which(log: Log) -> None:
    app = memory_app()
    provider = TracerProvider(shutdown_on_exit=False)
    app.trace(provider)
    shop = logging.getLogger("shop")

    @app.task(name="pack")
    def pack() -> str | None:
        with workflow("wf_1"):
            shop.warning("packing %d\nlines", 2)
        return offhours.context().trace_id

    job = pack.submit()
    app.drain()
    shop.warning("outside")
    inside, outside = log.lines
    assert inside.pop("at").endswith("Z")
    assert inside == {
        "level": "warning",
        "logger": "shop",
        "message": "packing 2\nlines",
        "job": job.id,
        "attempt": 1,
        "task": "pack",
        "worker": app.workers()[0].id,
        "workflow": "wf_1",
        "trace_id": job.result(),
    }
    assert len(job.result() or "") == 32
    assert set(outside) == {"at", "level", "logger", "message"}
    provider.shutdown()


def test_a_line_from_a_process_says_which(log: Log, tmp_path: Any) -> None:
    with offhours.Offhours(tmp_path / "shop.db") as app:
        task = app.task(name="away", executor="process")(process_tasks.log_something)
        job = task.submit()
        job.wait(timeout=30)
    [line] = [line for line in log.lines if line["message"] == "the till is open"]
    assert (line["job"], line["task"]) == (job.id, "away")


def test_an_error_brings_its_traceback_in_one_line(log: Log) -> None:
    try:
        raise ValueError("no\nsense")
    except ValueError:
        logging.getLogger("offhours").exception("it failed")
    [line] = log.lines
    assert line["message"] == "it failed"
    assert line["error"].endswith("ValueError: no\nsense")


def test_the_filter_serves_plain_formats_and_keeps_what_was_said() -> None:
    made = logging.StreamHandler(out := io.StringIO())
    made.addFilter(JobFilter())
    made.setFormatter(logging.Formatter("%(job)s %(task)s %(message)s"))
    shop = logging.Logger("shop")
    shop.addHandler(made)
    app = memory_app()
    job = app.task(name="pack")(lambda: shop.warning("here")).submit()
    app.drain()
    shop.warning("there")
    shop.warning("that", extra={"job": 7})
    assert out.getvalue() == f"{job.id} pack here\nNone None there\n7 None that\n"


def test_what_is_no_json_is_written_all_the_same(log: Log) -> None:
    logging.getLogger("shop").warning("x", extra={"job": object()})
    assert "object object" in log.lines[0]["job"]
