"""Notifications from real processes: told at least once with one id, once by several, in time."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.acceptance.notify_program import hook
from tests.unit.notify.doubles import WebServer, answer, web

from offhours import Offhours
from offhours.core.times import MINUTE, to_datetime
from offhours.notify import Memory, Route, Rule
from offhours.testing import FakeClock

PROGRAM = Path(__file__).with_name("notify_program.py")
Until = Callable[..., None]


@contextmanager
def process(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        [sys.executable, str(PROGRAM), *map(str, arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    with started:
        try:
            yield started
        finally:
            started.kill()


def told(server: WebServer) -> list[dict[str, object]]:
    return [json.loads(request.body) for request in server.requests]


def failed_jobs(server: WebServer) -> int:
    return sum(int(str(body["count"])) for body in told(server))


def test_killed_between_sending_and_settling_it_is_sent_again_with_the_same_id(
    tmp_path: Path,
) -> None:
    database = tmp_path / "jobs.db"
    with web(answer("200 OK")) as server:
        with process(database, server.port, "hang") as worker:
            assert worker.stdout is not None
            submitter = Offhours(database)
            submitter.submit_by_name("fail", args=(1,), retries=0)
            assert worker.stdout.readline() == "sent\n"
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        assert [d.state for d in submitter.store.notices.deliveries()] == ["waiting"]
        now = submitter.clock.micros()
        submitter.close()

        clock = FakeClock(to_datetime(now))
        with Offhours(database, clock=clock, executor="inline") as app:
            notifications = app.notify(Route(hook(server.port), Rule(on="job.failed")))
            notifications.tick()
            assert len(server.requests) == 1  # the dead process still has its lease
            clock.advance(MINUTE / 1_000_000)
            notifications.tick()
            clock.advance("10m")
            notifications.tick()
            [delivery] = notifications.recent()
    first, second = server.requests
    assert (delivery.state, delivery.attempt) == ("sent", 2)
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == delivery.key
    assert first.body == second.body


def test_several_processes_tell_each_failure_once(tmp_path: Path, until: Until) -> None:
    database = tmp_path / "jobs.db"
    with (
        web(answer("200 OK")) as server,
        process(database, server.port),
        process(database, server.port),
        Offhours(database) as app,
    ):
        app.notify(Route(hook(server.port), Rule(on="job.failed"), wait="0.2s", every="0.2s"))
        for number in range(60):
            app.submit_by_name("fail", args=(number,), retries=0)
            time.sleep(0.01)
        until(lambda: failed_jobs(server) >= 60)
        until(lambda: {d.state for d in app.store.notices.deliveries(limit=500)} == {"sent"})
    assert failed_jobs(server) == 60
    ids = [body["id"] for body in told(server)]
    assert len(set(ids)) == len(ids) < 60


def drain_failures(folder: Path, count: int, *routes: Route) -> tuple[float, list[str]]:
    """How long it takes to submit and fail jobs, and the messages that came of it."""
    folder.mkdir()
    app = Offhours(folder / "jobs.db")

    @app.task
    def fail(number: int) -> None:
        raise ValueError("no disk")

    if routes:
        app.notify(*routes)
    started = time.monotonic()
    with app:
        fail.submit_many([(number,) for number in range(count)])
        last = app.submit(fail, args=(0,), priority="BACKGROUND")
        app.wait_for(last.id, timeout=60)
        took = time.monotonic() - started
        deadline = time.monotonic() + 20
        while routes and told_of(app) <= count and time.monotonic() < deadline:
            time.sleep(0.05)
    subjects = [delivery.subject for delivery in app.store.notices.deliveries(limit=1_000)]
    assert not routes or told_of(app) == count + 1
    app.close()
    return took, subjects


def told_of(app: Offhours) -> int:
    return sum(json.loads(d.body)["count"] for d in app.store.notices.deliveries(limit=1_000))


def test_ten_thousand_failures_are_few_messages_and_slow_nothing_down(tmp_path: Path) -> None:
    route = Route(Memory(), Rule(on="job.failed"), wait="0.5s", every="1s")
    alone, _ = drain_failures(tmp_path / "alone", 3_000)
    took, subjects = drain_failures(tmp_path / "told", 10_000, route)
    assert len(subjects) <= took + 3
    assert all("jobs failed" in subject for subject in subjects[1:])
    assert took < 1.6 * alone / 0.3 + 0.5


def test_a_hanging_channel_delays_no_other_and_no_job(tmp_path: Path, until: Until) -> None:
    with (
        web(lambda connection, server: (server.stopped.wait(), None)[1]) as silent,
        web(answer("200 OK")) as server,
        Offhours(tmp_path / "jobs.db") as app,
    ):
        quick = {"wait": 0, "every": 0}
        app.notify(
            Route(hook(silent.port), name="silent", **quick),  # type: ignore[arg-type]
            Route(hook(server.port), name="good", **quick),  # type: ignore[arg-type]
        )
        app.task(name="fail")(lambda: 1 / 0)
        app.submit_by_name("fail", retries=0)
        until(lambda: silent.requests and server.requests)
        assert app.submit(len, args=("four",)).result(timeout=10) == 4
        silent.close()


def test_nobody_pays_who_does_not_notify(tmp_path: Path) -> None:
    code = "import sys, offhours; app = offhours.Offhours(sys.argv[1]); app.start(); app.stop();"
    code += "print([name for name in sys.modules if 'notify' in name.partition('store')[0]])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "jobs.db")], capture_output=True, text=True,
        check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


PAGE = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Apprise itself
def test_the_examples_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    space: dict[str, object] = {"__name__": "page"}
    assert len(SNIPPETS) >= 4
    for snippet in SNIPPETS:
        exec(compile(snippet, "notifications.md", "exec"), space)
    app = space["app"]
    assert isinstance(app, Offhours)
    app.close()
