"""Limits, pauses, tenants and labels, as their users meet them."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.nightly import NIGHTLY

from offhours import Offhours
from offhours.cli.main import cli
from offhours.core.errors import OptionError
from offhours.core.model import NewJob, WorkerInfo
from offhours.core.ports import ClaimOrder, name_list
from offhours.testing import memory_app

WAIT = 20

WORKER = """
    import os, sys, time
    from offhours import Offhours

    app = Offhours(sys.argv[1], threads=2)
    ledger = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(word):
        os.write(ledger, f"{word} {time.time()}\\n".encode())

    @app.task(name="mail", rate="10/s")
    def mail(): note("mail")

    @app.task(name="single", concurrency=1)
    def single():
        note("in")
        time.sleep(0.02)
        note("out")

    @app.task(name="keyed")
    def keyed(key):
        note("in:" + key)
        time.sleep(0.05)
        note("out:" + key)

    @app.task(name="other")
    def other(): note("other")

    print("ready", flush=True)
    app.run()
"""


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return str(tmp_path / "jobs.db")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Offhours]:
    made = Offhours(tmp_path / "jobs.db")
    yield made
    made.stop()
    made.close()


def test_a_rate_and_a_concurrency_over_all_workers(
    address: str, tmp_path: Path, script: Callable[..., subprocess.Popen[str]]
) -> None:
    seconds, workers, rest = (60, 8, 3_000) if NIGHTLY else (5, 4, 1_000)
    app = Offhours(address)
    ledger = tmp_path / "ledger"
    started = [script(WORKER, address, ledger) for _ in range(workers)]
    for process in started:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    deadline = time.monotonic() + WAIT
    while len(app.workers()) < workers or len(app.limits()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    begin = time.time()
    for name, jobs in (("mail", 20 * seconds), ("single", 30), ("other", rest)):
        app.submit_calls(app.task_named(name), [((), {})] * jobs, {})
    for key in ("k0", "k1", "k2"):
        calls = [((key,), {})] * 20
        app.submit_calls(app.task_named("keyed"), calls, {"concurrency_key": key, "per_key": 2})
    time.sleep(seconds + 2)
    deadline = time.monotonic() + WAIT  # a busy machine may still be at what nothing limits
    while ledger.read_text().count("other ") < rest and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in started:
        process.terminate()
    for process in started:
        assert process.wait(WAIT) == 0
    said = [line.split() for line in ledger.read_text().splitlines()]
    mails = [float(at) for word, at in said if word == "mail"]
    windows = [
        sum(begin + second <= at < begin + second + 1 for at in mails)
        for second in range(1, seconds)
    ]
    others = [float(at) for word, at in said if word == "other"]
    print(f"{address.partition(':')[0]}: mails in each second {windows}; "
          f"{rest:,} others done after {max(others) - begin:.2f} s")  # fmt: skip
    assert len(others) == rest
    most, least = (1, 1) if NIGHTLY else (5, 8)  # a busy machine shifts some, and starts fewer
    assert all(-least <= count - 10 <= most for count in windows)
    assert -5 * least <= sum(windows) - 10 * len(windows) <= 5
    inside = 0
    for word, _ in said:
        inside += {"in": 1, "out": -1}.get(word, 0)
        assert 0 <= inside <= 1
    assert max(most_at_once(said, f"k{n}") for n in range(3)) == 2
    app.close()


def most_at_once(said: list[list[str]], key: str) -> int:
    """How many jobs of a key ran at the same time; there were twenty."""
    steps = [word for word, at in sorted(said, key=lambda entry: float(entry[1]))
             if word in (f"in:{key}", f"out:{key}")]  # fmt: skip
    assert len(steps) == 40
    return max(accumulate(1 if word.startswith("in") else -1 for word in steps))


def test_why_names_the_key_of_which_jobs_run() -> None:
    app = memory_app()
    seen: list[str] = []

    @app.task(name="t")
    def look(other: int) -> None:
        seen.append(str(app.why(other)))

    one = look.options(concurrency_key="ann")
    one.submit(2)
    one.submit(1)
    app.drain()
    assert seen[0] == "1 job runs of the concurrency key ann, as many as may at once"


def test_a_job_that_a_job_submits_is_of_its_tenant() -> None:
    app = memory_app()
    app.task(name="child")(lambda: None)

    @app.task(name="parent")
    def parent() -> None:
        app.submit_by_name("child")
        app.submit_by_name("child", tenant="other")
        app.submit_by_name("child", tenant=None)

    parent.options(tenant="acme").submit()
    app.drain()
    assert [job.tenant for job in app.jobs(task="child")] == [None, "other", "acme"]


def test_why_names_the_limit_and_when_it_opens() -> None:
    app = memory_app()
    task = app.task(name="t", rate="1/m", concurrency=2)(lambda: None)
    jobs = [task.submit() for _ in range(2)]
    assert app.drain() == 1
    found = jobs[1].why()
    assert found.code == "rate" and found.until is not None
    assert str(found) == "the task t may start 1 in 1 min; the next at 00:00:59 UTC"
    app.pause(queue="default", reason="provider down")
    app.clock.advance("1m")
    assert app.drain() == 0
    assert str(jobs[1].why()) == (
        "the queue default is paused since 00:00:00 UTC: provider down; "
        "let it go on with: offhours resume --queue default"
    )
    app.resume(queue="default")
    assert app.drain() == 1


def test_why_names_the_limit_that_holds_longest() -> None:
    """What a rate says is no answer while a pause holds the job, too."""
    app = memory_app()
    task = app.task(name="t", rate="1/h")(lambda: None)
    app.limit(rate="1/m")
    task.submit()
    job = task.options(queue="my mail").submit()
    assert app.drain() == 1
    assert str(job.why()).startswith("the task t may start 1 in 1 h; the next at 00:59:59 UTC")
    app.pause(queue="my mail")
    assert job.why().code == "paused" and job.why().until is None
    assert str(job.why()).endswith("with: offhours resume --queue 'my mail'")


def test_why_counts_what_runs(app: Offhours) -> None:
    begun, go_on = threading.Event(), threading.Event()

    @app.task(name="t", concurrency=1)
    def t() -> None:
        begun.set()
        go_on.wait(WAIT)

    with app:
        first, second = t.submit(), t.submit()
        assert begun.wait(WAIT)
        assert second.why().code == "concurrency"
        assert str(second.why()).startswith("1 job runs of the task t, as many as may at once")
        go_on.set()
        second.wait(WAIT)
        assert first.status == "succeeded"


def test_a_pause_holds_everywhere_and_resume_wakes(app: Offhours) -> None:
    task = app.task(name="t")(lambda: 1)
    with app:
        assert app.pause(reason="stop all")
        job = task.submit()
        assert job.why().code == "paused"
        with pytest.raises(Exception, match=r"in time: all work is paused since .*: stop all;"):
            job.result(timeout=0.2)
        began = time.monotonic()
        assert app.resume()
        assert job.result(timeout=WAIT) == 1
        assert time.monotonic() - began < WAIT / 2


def test_a_limit_that_is_not_declared_any_more_is_gone(app: Offhours) -> None:
    app.task(name="t", concurrency=1)(lambda: None)
    with app:
        assert [limit.name for limit in app.limits()] == ["t"]
    second = Offhours(app.store.location)
    second.task(name="t")(lambda: None)
    with second:
        assert second.limits() == []
    second.close()


def test_a_task_of_a_running_app_is_limited_from_its_first_job_on(app: Offhours) -> None:
    """The limit does not wait until the lifeline next looks for new tasks."""
    waiting = [app.submit_by_name("late") for _ in range(5)]
    with app:
        task = app.task(name="late", concurrency=1, rate="1/d")(lambda: None)
        assert [limit.name for limit in app.limits()] == ["late"]
        waiting += [task.submit() for _ in range(5)]
        deadline = time.monotonic() + WAIT
        while not any(job.status == "succeeded" for job in waiting):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert [job.status for job in waiting].count("succeeded") == 1


def test_an_idle_worker_waits_for_the_rate_and_not_for_its_next_look(tmp_path: Path) -> None:
    """Another one has used the rate; the job that we store cannot start in the same commit."""
    app = Offhours(tmp_path / "jobs.db", poll="60s")
    task = app.task(name="t", rate="2/s")(lambda: None)
    with app:
        task.submit().result(WAIT)
        time.sleep(0.5)  # the rate is open again, and nobody waits for it
        now = app.clock.micros()
        elsewhere = WorkerInfo(0, "w", "elsewhere", 1, "1", "", '["t"]', 1, now, 0, now, 10**9)
        order = ClaimOrder(app.store.add_worker(elsewhere, now), 1, 1, name_list(["t"]))
        theirs = app.store.submit_in_round(NewJob("t", "[[],{}]", 50, now, 1), order, now)
        assert len(theirs[1].claimed) == 1
        began = time.monotonic()
        task.submit().result(WAIT)
        assert 0.3 < time.monotonic() - began < WAIT / 2
    app.close()


def test_workers_run_what_their_labels_allow(app: Offhours) -> None:
    task = app.task(name="train", requires=["gpu"])(lambda: 1)
    with_gpu = Offhours(app.store.location, labels=["gpu", "big"], release="2026.11")
    with_gpu.task(name="train", requires=["gpu"])(lambda: 2)
    with app:
        job = task.submit()
        assert "no running worker knows the task train" in str(job.why())
        assert "(it requires: gpu)" in str(job.why())
        with with_gpu:
            assert job.result(timeout=WAIT) == 2
            told = {(w.labels, w.release) for w in app.workers()}
            assert told == {('["big", "gpu"]', "2026.11"), ("[]", None)}
    with_gpu.close()


def test_a_tenants_thousands_delay_nobody(address: str) -> None:
    app = Offhours(address, threads=1)
    order: list[str] = []
    task = app.task(name="t")(order.append)
    task.options(tenant="big").submit_many([("big",)] * 2_000)
    task.options(tenant="small").submit("small")
    with app:
        deadline = time.monotonic() + WAIT
        while "small" not in order:
            assert time.monotonic() < deadline
            time.sleep(0.001)
    assert order.index("small") < 300  # what one claim brings
    app.close()
    assert Counter(order)["small"] == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"per_key": 2}, "per_key: it says how many of a concurrency_key run; give that, too"),
        ({"concurrency_key": "a", "per_key": 0}, "per_key: expected a whole number from 1 on"),
        ({"concurrency_key": "a\x1fb"}, "concurrency_key: contains a control character"),
        ({"concurrency_key": 3}, "concurrency_key: expected text"),
    ],
)
def test_bad_keys_are_refused(options: dict[str, object], said: str) -> None:
    app = memory_app()
    with pytest.raises(OptionError, match=said):
        app.task(name="t")(lambda: None).options(**options)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rate": "fast"}, 'rate: expected so many in a time, like "10/s"'),
        ({"rate": 3}, "rate: expected so many"),
        ({"concurrency": 0}, "concurrency: expected a whole number from 1"),
        ({"concurrency": True}, "concurrency: expected a whole number"),
        ({"requires": "gpu"}, "requires: expected a list of labels, got 'gpu'"),
        ({"requires": [1]}, "requires: expected text"),
    ],
)
def test_bad_limits_are_refused(options: dict[str, object], said: str) -> None:
    app = memory_app()
    with pytest.raises(OptionError, match=said):
        app.task(name="t", **options)(lambda: None)  # type: ignore[call-overload]
    with pytest.raises(OptionError, match="exclude each other"):
        app.pause(queue="q", task="t")


def test_on_the_command_line(tmp_path: Path) -> None:
    database = str(tmp_path / "jobs.db")
    Offhours(database).close()

    def offhours(*words: str) -> str:
        run = CliRunner().invoke(cli, ["--db", database, *words])
        return f"{run.exit_code} {run.output}"

    assert offhours("limit", "--task", "t", "--rate", "10/s") == "0 the task t is limited\n"
    assert (
        offhours("pause", "--queue", "mail", "--reason", "down") == "0 the queue mail is paused\n"
    )
    assert offhours("pause", "--queue", "mail") == "0 the queue mail is paused already\n"
    table = offhours("ls", "limits")
    assert "10 in 1.0 s" in table and "down" in table
    [limit, _] = sorted(
        json.loads(offhours("ls", "limits", "--json")[2:])["limits"], key=lambda x: x["scope"]
    )
    assert (limit["scope"], limit["name"], limit["reason"]) == ("queue", "mail", "down")
    assert offhours("resume", "--queue", "mail") == "0 the queue mail goes on\n"
    assert offhours("resume", "--all") == "0 all work was not paused\n"
    assert offhours("limit", "--task", "t", "--none") == "0 the task t is limited no longer\n"
    assert "nothing is limited" in offhours("ls", "limits")
    assert offhours("pause").startswith("2 ")
    assert offhours("limit", "--all").startswith("2 ")
