"""The log of a worker: one line an event, cut short in a burst."""

from __future__ import annotations

import json

import pytest

from offhours.cli.follow import LINES_A_LOOK, Follower, log_line
from offhours.core.errors import Busy
from offhours.core.events import Event
from offhours.testing import MemoryApp, memory_app


@pytest.fixture
def app():
    made = memory_app()
    yield made
    made.close()


def event(kind: str, data: dict[str, object] | None = None, attempt: int = 1) -> Event:
    text = None if data is None else json.dumps(data)
    return Event(7, 1_767_225_600_000_000, kind, 3, attempt, text)


def test_a_line_has_time_kind_job_and_facts() -> None:
    line = log_line(event("job.started", {"worker": 2}), "3 m:f")
    assert line == "2026-01-01 00:00:00Z job.started 3 m:f worker=2"


def test_an_error_is_its_last_line_and_harmless() -> None:
    line = log_line(event("job.failed", {"error": "Traceback\n  x\nValueError: \x1b[2J"}))
    assert line.endswith("job.failed error=ValueError: \\x1b[2J")


def test_later_attempts_times_and_empty_facts() -> None:
    data = {"until": 1_767_225_601_000_000, "reason": "", "worker": None}
    line = log_line(event("job.deferred", data, attempt=2))
    assert line.endswith("job.deferred attempt=2 until=2026-01-01T00:00:01Z")


def test_it_tells_what_happens_after_it_began(app: MemoryApp) -> None:
    told: list[str] = []
    app.submit(len, args=("before",))
    follower = Follower(app.store, told.append)
    app.submit(len, args=("after",))
    assert follower.look() is True
    assert [line.split()[2:] for line in told] == [["job.submitted", "2", "builtins:len"]]
    assert follower.look() is False


def test_grave_only_leaves_out_what_goes_well(app: MemoryApp) -> None:
    told: list[str] = []
    follower = Follower(app.store, told.append, grave_only=True)
    app.submit(len, args=("fine",))
    app.submit(len, args=(1,))
    app.drain()
    follower.look()
    assert len(told) == 1 and "job.failed" in told[0]


def test_a_burst_is_counted_not_printed(app: MemoryApp) -> None:
    told: list[str] = []
    follower = Follower(app.store, told.append)
    for n in range(LINES_A_LOOK + 30):
        app.submit(len, args=(str(n),))
    follower.look()
    assert len(told) == LINES_A_LOOK + 1
    assert told[-1].startswith("… and 30 job.submitted")


def test_stop_tells_what_is_left(app: MemoryApp) -> None:
    told: list[str] = []
    follower = Follower(app.store, told.append)
    follower.start()
    app.submit(len, args=("x",))
    follower.stop()
    assert len(told) == 1


def test_it_outlives_a_locked_store(app: MemoryApp, monkeypatch) -> None:
    told: list[str] = []
    follower = Follower(app.store, told.append)

    def locked(after: int) -> list[Event]:
        raise Busy("locked")

    with monkeypatch.context() as patch:
        patch.setattr(app.store, "events", locked)
        follower._try_to_look()
    app.submit(len, args=("x",))
    follower._try_to_look()
    assert "cannot be read now: locked" in told[0] and "job.submitted" in told[1]


def test_a_closed_store_ends_it() -> None:
    app = memory_app()
    follower = Follower(app.store, print)
    app.close()
    follower.start()
    follower._thread.join(10)
    assert not follower._thread.is_alive()
