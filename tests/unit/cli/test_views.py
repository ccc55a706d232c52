"""What a row says about a job or a worker."""

from __future__ import annotations

import pytest

from offhours.cli.views import job_rows, worker_rows
from offhours.core.times import SECOND
from offhours.testing import MemoryApp, memory_app
from offhours.views import is_alive


@pytest.fixture
def app():
    made = memory_app()
    yield made
    made.close()


def row(app: MemoryApp, job_id: int) -> tuple[str, ...]:
    [found] = job_rows([app.record(job_id)], app.clock.micros())
    return tuple(found)


def test_when_follows_the_state(app: MemoryApp) -> None:
    app.submit(len, args=("x",), delay="10m", priority="high")
    assert row(app, 1) == ("1", "pending", "builtins:len", "", "high", "in 10 min", "")
    app.clock.advance("11m")
    assert row(app, 1)[5] == "waits 1 min"
    app.drain()
    app.clock.advance("2h")
    assert row(app, 1)[1:2] + row(app, 1)[5:6] == ("succeeded", "2 h ago")


def test_a_running_job_says_for_how_long(app: MemoryApp) -> None:
    seen = []

    def look() -> None:
        app.clock.advance("5m")
        seen.append(row(app, 1))

    app.submit(look, durable=False)
    app.drain()
    assert (seen[0][1], seen[0][5]) == ("running", "for 5 min")


def test_the_note_is_the_last_line_of_the_error_or_the_reason(app: MemoryApp) -> None:
    app.submit(len, args=(5,))
    app.drain()
    assert row(app, 1)[6].startswith("TypeError: object of type 'int'")
    app.submit(len, args=("x",), delay="1h").cancel("not now")
    assert row(app, 2)[6] == "not now"


def test_a_worker_here_is_alive_as_long_as_its_process(app: MemoryApp) -> None:
    app.start()
    [worker] = app.workers()
    long_after = worker.beat_at + 10 * worker.lease
    assert is_alive(worker, long_after)
    assert not is_alive(worker._replace(pid_started="0"), worker.beat_at)


def test_a_worker_elsewhere_is_alive_as_long_as_it_beats(app: MemoryApp) -> None:
    app.start()
    [worker] = app.workers()
    far = worker._replace(host="elsewhere", pid=1)
    assert is_alive(far, far.beat_at + far.lease)
    assert not is_alive(far, far.beat_at + far.lease + SECOND)
    [told] = worker_rows([far], far.beat_at + far.lease + SECOND)
    assert told[2] == "no" and told[5] == "31 s ago"
