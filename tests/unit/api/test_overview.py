"""What the page shows of an hour that has passed, and of a run that goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.unit.api.conftest import BASE, TOKEN

from offhours import Flow, Offhours
from offhours.api import backlog, make_app
from offhours.core.model import TaskPriority
from offhours.core.times import HOUR, MINUTE, iso
from offhours.testing import MemoryApp


def depths(client: TestClient) -> tuple[dict[str, list[int]], str]:
    told = client.get("/api/v1/depths").json()
    return {each["priority"]: each["depths"] for each in told["data"]}, told["since"]


def test_depths_are_those_of_each_minute(app: MemoryApp, client: TestClient) -> None:
    app.clock.advance("1h")
    for _ in range(3):
        app.submit("shop:work", kwargs={"seconds": 90}, priority="low")
        app.clock.advance("40s")
    app.drain()
    app.submit("shop:work", priority="high")
    app.submit("shop:work", priority="high", delay="1h")
    app.submit("shop:work", delay="3h").cancel()
    app.clock.advance("1m")
    told, since = depths(client)
    now = app.clock.micros()
    assert since == iso(now - HOUR)
    low = [job for job in app.jobs() if job.priority == TaskPriority.LOW]
    for told_depth, at in zip(told["low"], range(now - HOUR, now + 1, MINUTE), strict=True):
        assert told_depth == sum(j.run_at < at <= (j.finished_at or 0) for j in low), iso(at)
    assert sum(told["low"]) > 8 and told["normal"] == [0] * 61
    assert told["high"][-2:] == [0, 1]
    last = [each["last_finished_at"] for each in client.get("/api/v1/depths").json()["data"]]
    ended = max(job.finished_at or 0 for job in low)
    assert last == [None, None, iso(now - MINUTE), iso(ended), None]


def test_where_too_many_ended_the_depths_begin_later(
    app: MemoryApp, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "LOOKED_AT", 2)
    app.clock.advance("1h")
    for _ in range(4):
        app.submit("shop:work")
        app.drain()
        app.clock.advance("10m")
    told, since = depths(client)
    assert since == "2026-01-01T01:20:00.000000Z" and len(told["normal"]) == 21


def test_minutes_of_an_hour(app: MemoryApp, client: TestClient) -> None:
    for how in ("succeed", "fail"):
        app.submit("shop:work", args=(how,), kwargs={"seconds": 2})
        app.drain()
        app.clock.advance("10m")
    told = client.get("/api/v1/metrics/minutes").json()
    assert [(each["minute"][11:16], each["failed_executions"]) for each in told["data"]] == [
        ("00:00", 0), ("00:10", 1),
    ]  # fmt: skip
    assert told["data"][0]["p95_execution_time"] == pytest.approx(2, rel=0.06)
    app.clock.advance("45m")
    shown = client.get("/api/v1/metrics/minutes").json()["data"]
    assert [each["failed_executions"] for each in shown] == [1]


def test_failures_by_the_hour(app: MemoryApp, client: TestClient) -> None:
    for many in (1, 2):
        for _ in range(many):
            app.submit("shop:work", args=("fail",))
        app.drain()
        app.clock.advance("90m")
    [group] = client.get("/api/v1/failures").json()["data"]
    assert group["times"][-4:] == [1, 0, 2, 0] and len(group["times"]) == 24


def test_a_setting_tells_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "offhours.toml").write_text('lease = "1m"\nthreads = 3\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OFFHOURS_POLL", "2s")
    app = Offhours.from_config(store=":memory:", executor="inline")
    try:
        client = TestClient(make_app(app, token=TOKEN), base_url=BASE)
        told = client.get("/api/v1/settings", headers={"Authorization": f"Bearer {TOKEN}"}).json()
        assert told["sources"] == {
            "lease": "offhours.toml: lease", "threads": "offhours.toml: threads",
            "poll": "OFFHOURS_POLL", "executor": "the program",
        }  # fmt: skip
    finally:
        app.close()


def test_a_step_tells_its_flow(app: MemoryApp, client: TestClient) -> None:
    made = Flow("report")
    made.step("read", "shop:work")
    flow = app.submit_flow(made)
    alone = app.submit("shop:work")
    assert client.get("/api/v1/jobs/1/flow").json() == {
        "id": 1, "flow": flow.id, "name": "report", "step": "read",
    }  # fmt: skip
    assert client.get(f"/api/v1/jobs/{alone.id}/flow").json()["flow"] is None
    assert client.get("/api/v1/jobs/99/flow").status_code == 404


class Busy:
    """Tasks that wait, one in a thread, one as a coroutine."""

    def __init__(self) -> None:
        self.begun, self.end = threading.Semaphore(0), threading.Event()

    def wait(self, secret: str) -> None:
        self.begun.release()
        self.end.wait(20)

    async def wait_too(self) -> None:
        self.begun.release()
        await self.rest()

    async def rest(self) -> None:
        while not self.end.is_set():
            await asyncio.sleep(0.01)


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[tuple[Offhours, Busy, TestClient]]:
    app, work = Offhours(str(tmp_path / "busy.db"), threads=1), Busy()
    app.task(name="shop:wait")(work.wait)
    app.task(name="shop:wait_too")(work.wait_too)
    client = TestClient(make_app(app, token=TOKEN), base_url=BASE)
    client.headers["Authorization"] = f"Bearer {TOKEN}"
    with app:
        yield app, work, client
        work.end.set()


def test_a_run_tells_where_it_is_in_its_code(
    busy: tuple[Offhours, Busy, TestClient],
) -> None:
    app, work, client = busy
    jobs = [app.submit("shop:wait", args=("hunter2",)), app.submit("shop:wait_too")]
    for _ in jobs:
        assert work.begun.acquire(timeout=20)
    thread, coroutine = (client.get(f"/api/v1/jobs/{j.id}/stack").json()["stack"] for j in jobs)
    assert thread.splitlines()[0].endswith("in wait")
    assert "self.end.wait(20)" in thread and "hunter2" not in thread
    assert [line.rpartition(" ")[2] for line in coroutine.splitlines() if "File" in line][:2] == [
        "wait_too", "rest",
    ]  # fmt: skip
    work.end.set()
    for job in jobs:
        job.wait(timeout=20)
    assert client.get(f"/api/v1/jobs/{jobs[0].id}/stack").json() == {"id": 1, "stack": None}
