"""A job that waits for long moves up, within its class."""

from __future__ import annotations

import json

from offhours import TaskPriority
from offhours.testing import memory_app


def test_old_work_overtakes_what_came_later() -> None:
    app = memory_app(ageing="10m")
    ran: list[str] = []
    task = app.task(name="t")(ran.append)
    task.options(priority="normal").submit("old")
    app.clock.advance("10m")
    task.options(priority="high").submit("urgent")
    task.options(priority="normal").submit("new")
    worker = app.start()._work.worker
    assert worker is not None and worker.ageing is not None
    worker.ageing.tick(app.clock.micros())
    app.drain()
    assert ran == ["old", "urgent", "new"]
    [aged] = [json.loads(e.data or "{}") for e in app.history(1) if e.kind == "job.aged"]
    assert (aged["was"], aged["became"]) == (TaskPriority.NORMAL, TaskPriority.HIGH)


def test_background_work_stays_background_work() -> None:
    app = memory_app(ageing="10m")
    job = app.task(name="t", priority="background")(lambda: 1).submit()
    worker = app.start()._work.worker
    assert worker is not None and worker.ageing is not None
    for _ in range(3):
        app.clock.advance("10m")
        worker.ageing.tick(app.clock.micros())
    assert job.record.priority == TaskPriority.LOW
    assert job.result() == 1


def test_by_default_nothing_ages() -> None:
    app = memory_app()
    app.task(name="t", priority="background")(lambda: 1).submit()
    worker = app.start()._work.worker
    assert worker is not None and worker.ageing is None
