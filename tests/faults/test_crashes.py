"""Processes that are killed, at any write, alone and all at once, and one that sleeps too long."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest
from tests import next_schemas
from tests.servers import own_schema
from tests.stopping import send, stop_all

from offhours import JobState, Offhours
from offhours.core.addresses import is_server
from offhours.core.events import fold
from offhours.core.schedules import ScheduleStatus
from offhours.core.times import SECOND
from offhours.core.triggers import Every, Plan
from offhours.testing import FakeClock

LEASE = 0.5


def submit_some(app: Offhours, number: int, task: str = "work") -> list[int]:
    return [job.id for job in app.task(name=task)(lambda n: n).submit_many([(0,)] * number)]


@pytest.mark.timeout(900)
def test_a_stopped_worker_that_wakes_has_its_result_refused(
    database: str, tmp_path: Path, worker, until, ledger, nightly: bool
) -> None:
    """SIGSTOP for longer than the lease, then SIGCONT: the job ran once elsewhere meanwhile."""
    batches, at_once = (100, 5) if nightly else (1 if is_server(database) else 2, 3)
    app = Offhours(database, lease=LEASE, threads=at_once)
    app.task(name="wait_for")(lambda path: "elsewhere")
    sleepers = [worker(threads=1, lease=LEASE, host="elsewhere") for _ in range(at_once)]
    slowest, locked = 0.0, 0
    for number in range(batches):
        go = tmp_path / f"go{number}"
        jobs = [app.submit_by_name("wait_for", args=(str(go),)) for _ in sleepers]
        until(lambda jobs=jobs: {job.id for job in jobs} <= ledger.runs().keys())
        locked += stop_all(sleepers, database)
        began = time.monotonic()
        with app:
            assert {job.result(30) for job in jobs} == {"elsewhere"}
            slowest = max(slowest, time.monotonic() - began)
        before = app.store.last_seq()
        go.touch()
        send(sleepers, signal.SIGCONT)
        until(lambda seq=before: refused(app, seq) == at_once)
        assert {(job.status, job.record.crashes, job.result()) for job in jobs} == {
            (JobState.SUCCEEDED, 1, "elsewhere")
        }
        until(lambda: len(app.workers()) == len(sleepers))
        ledger.path.unlink()
    kinds = [event.kind for event in app.events()]
    assert kinds.count("job.result_refused") == kinds.count("job.succeeded") == batches * at_once
    assert kinds.count("worker.lost") == batches * at_once
    print(f"{batches * at_once} stops, each late result refused; ran again {slowest:.2f} s later "
          f"at most (lease {LEASE} s); {locked} times one stood in a commit")  # fmt: skip
    assert slowest < LEASE + 5
    send(sleepers, signal.SIGTERM)
    assert [process.wait(30) for process in sleepers] == [0] * at_once
    app.close()


def refused(app: Offhours, after: int) -> int:
    return sum(event.kind == "job.result_refused" for event in app.events(after))


def test_a_job_of_a_killed_worker_runs_again_on_the_same_host(
    database: str, worker, until, ledger, nightly: bool
) -> None:
    """Killed, and restarted at once, with a lease that is far too long to help."""
    app = Offhours(database)
    waits = []
    process = worker(threads=1, lease="1h")
    for _ in range(20 if nightly else 1 if is_server(database) else 3):
        job = app.submit_by_name("nap", args=(0.3,))
        until(lambda job=job: job.status is JobState.RUNNING)
        process.kill()
        began = time.monotonic_ns()
        process = worker(threads=1, lease="1h")
        assert job.wait(30) is JobState.SUCCEEDED
        again = ledger.runs()[job.id][-1]
        waits.append((again.start - began) / 1e9)
        assert (job.record.attempts, job.record.crashes) == (2, 1)
        assert kinds_of(job) == ["submitted", "started", "rescued", "started", "succeeded"]
    process.terminate()
    assert process.wait(30) == 0
    print(f"running again {sorted(waits)[len(waits) // 2]:.2f} s after the kill, {max(waits):.2f}"
          " at most, the interpreter's start included")  # fmt: skip
    assert is_server(database) or max(waits) < 3 * 1.5
    assert ledger.overlaps() == []
    app.close()


def kinds_of(job) -> list[str]:
    return [event.kind.removeprefix("job.") for event in job.history()]


def test_a_job_of_a_worker_elsewhere_runs_again_after_its_lease(
    database: str, worker, until, ledger
) -> None:
    app = Offhours(database)
    first = worker(threads=1, lease="1s", host="elsewhere")
    job = app.submit_by_name("nap", args=(0.3,))
    until(lambda: job.status is JobState.RUNNING)
    first.kill()
    began = time.monotonic_ns()
    second = worker(threads=1, lease="1s")
    assert job.wait(30) is JobState.SUCCEEDED
    waited = (ledger.runs()[job.id][-1].start - began) / 1e9
    print(f"lease 1 s: running again after {waited:.2f} s")
    assert 0.5 < waited < 1 + 5
    assert (job.record.attempts, job.record.crashes) == (2, 1)
    second.terminate()
    app.close()


@pytest.mark.timeout(240)
def test_all_processes_die_at_once_and_work_goes_on_without_repair(
    database: str, worker, until, ledger, is_sound, nightly: bool
) -> None:
    """Thousands of jobs queued, four workers: all killed at once, and one started again."""
    queued = 10_000 if not nightly else 40_000 if is_server(database) else 150_000
    app = Offhours(database)
    workers = [worker(threads=2) for _ in range(4)]
    jobs = submit_some(app, queued)  # some are done before the workers die
    until(lambda: app.counts()["succeeded"] > 500, 60)
    for process in workers:
        process.kill()
    for process in workers:
        process.wait(10)
    done = app.counts()["succeeded"]
    assert done < queued
    app.close()
    began = time.monotonic()
    app = Offhours(database)
    opened = time.monotonic() - began
    last = worker(threads=2)
    until(lambda: app.counts()["succeeded"] > done, 60)
    working = time.monotonic() - began
    until(lambda: app.counts()["running"] <= 300 and len(app.workers()) == 1)
    rescued = time.monotonic() - began
    print(f"{queued - done:,} queued: opened after {opened:.2f} s, working after {working:.2f}, "
          f"all dead workers' jobs rescued after {rescued:.2f}")  # fmt: skip
    assert working < 10 and rescued < 30
    last.terminate()
    assert last.wait(30) == 0
    stored = app.store._db.read("select id from jobs")
    assert {row[0] for row in stored} == set(jobs)
    assert ledger.overlaps() == []
    crashed = app.store._db.read("select count(*) from jobs where crashes > 0")[0][0]
    assert crashed <= 8  # at most what ran in their slots
    app.close()
    assert is_sound(database)


# -- killed at the n-th system call that changes the file -------------------------------------


def deed(program, under: tuple[str, ...], *arguments: object) -> bool:
    """Do a deed that may be killed; whether it came to its end."""
    process = program("deeds.py", *under, "--", *arguments)
    out, errors = process.communicate(timeout=60)
    assert "Error" not in errors, errors
    return out == "bye\n"


@pytest.mark.parametrize(
    ("durability", "call", "step"), [("normal", "pwrite64", 83), ("full", "fdatasync", 8)]
)
@pytest.mark.timeout(900)
def test_a_submitter_that_is_killed_at_any_write_keeps_its_word(
    tmp_path: Path,
    program,
    strace,
    is_sound,
    nightly: bool,
    durability: str,
    call: str,
    step: int,
) -> None:
    """From the first byte of a new file on: what was acknowledged is stored, the rest whole."""
    n, acknowledged, killed, ended = 0, 0, 0, False
    while not ended:
        n += 1 if nightly else step
        path, told = tmp_path / f"{n}.db", tmp_path / f"{n}.txt"
        under = strace(call, f"signal=KILL:when={n}")
        ended = deed(program, under, "submit", path, told, durability, 20)
        killed += not ended
        acknowledged += kept_words(str(path), told)
        assert is_sound(path)
    assert killed >= 3
    print(
        f"{durability}: killed at {killed} x {call} up to {n}, {acknowledged} acknowledged, 0 lost"
    )


def kept_words(database: str, told: Path) -> int:
    """How many submits were acknowledged; each is stored, and no more than one beside them."""
    promised = [int(word) for word in told.read_text().split()] if told.exists() else []
    app = Offhours(database)
    stored = {job.id for job in app.jobs(limit=1000)}
    assert set(promised) <= stored
    assert len(stored) <= len(promised) + 1
    assert set(fold(app.events())) == stored
    app.close()
    return len(promised)


@pytest.mark.timeout(900)
def test_a_submitter_that_is_killed_at_any_message_keeps_its_word(
    postgres: str, tmp_path: Path, program, strace, nightly: bool
) -> None:
    """From the making of the tables on, each message to the server is the last one once."""
    n, acknowledged, killed, ended = 0, 0, 0, False
    while not ended:
        n += 1 if nightly else 23
        told = tmp_path / f"{n}.txt"
        with own_schema(postgres) as url:
            under = strace("sendto", f"signal=KILL:when={n}")
            ended = deed(program, under, "submit", url, told, "normal", 20)
            acknowledged += kept_words(url, told)
        killed += not ended
    assert killed >= 3
    print(f"killed at {killed} messages up to {n}, {acknowledged} acknowledged, 0 lost")


@pytest.mark.timeout(900)
def test_a_worker_that_is_killed_at_any_write_neither_loses_nor_doubles_a_fire(
    database: str, program, strace, is_sound, nightly: bool
) -> None:
    """A hundred instants that are due, fired by processes that die in a write, one by one."""
    clock = FakeClock(datetime.now(UTC) - timedelta(seconds=101))
    app = Offhours(database, clock=clock)
    app.task(name="tick")(lambda: None)
    start = clock.micros()
    plan = Plan((Every(SECOND, start),), "UTC", end=start + 100 * SECOND)
    schedule = app.schedule("tick", plan, catch_up="all:1000", overlap="allow", disable_after=None)
    deaths, n = 0, 1
    while app.counts()["ready"] or schedule.status is not ScheduleStatus.ENDED:
        under = strace("sendto" if is_server(database) else "pwrite64", f"signal=KILL:when={n}")
        deaths += not deed(program, under, "tick", database)
        n += 1 if nightly else 97 if is_server(database) else 41
    fires = schedule.fires(1000)
    print(f"100 instants, {deaths} deaths")
    assert sorted(fire.instant for fire in fires) == [start + (k + 1) * SECOND for k in range(100)]
    jobs = app.jobs(limit=1000)
    assert sorted(job.id for job in jobs) == sorted(fire.job_id for fire in fires)
    assert deaths >= 3
    app.close()
    assert is_sound(database)


@pytest.mark.timeout(900)
def test_a_migration_that_is_killed_at_any_write_leaves_the_old_schema_or_the_new(
    tmp_path: Path, program, strace, is_sound, nightly: bool
) -> None:
    old = tmp_path / "old.db"
    app = Offhours(old)
    kept = submit_some(app, 20)
    app.close()
    seen, n, killed, ended = set(), 0, 0, False
    while not ended:
        n += 1 if nightly or n < 3 else 7
        path = tmp_path / f"{n}.db"
        path.write_bytes(old.read_bytes())
        under = strace("pwrite64", f"signal=KILL:when={n}")
        ended = deed(program, under, "upgrade", path)
        killed += not ended
        connection = apsw.Connection(str(path))
        seen.add(connection.pragma("user_version"))
        connection.close()
        with next_schemas.known():
            app = Offhours(path)
            assert sorted(job.id for job in app.jobs()) == kept
            app.close()
        assert is_sound(path)
    print(f"killed at {killed} places of a migration; schemas seen after it: {sorted(seen)}")
    assert {next_schemas.NOW, max(next_schemas.NEXT)} <= seen
    assert killed >= 3


@pytest.mark.timeout(900)
def test_pruning_that_is_killed_at_any_write_spares_what_is_active(
    tmp_path: Path, program, strace, is_sound, nightly: bool
) -> None:
    app = Offhours(tmp_path / "jobs.db", executor="inline")
    done = submit_some(app, 200)
    app.drain()
    app.close()
    app = Offhours(tmp_path / "jobs.db")
    active = set(submit_some(app, 20, "later"))
    left, n, ended = [], 0, False
    while not ended:
        n += 1 if nightly else 29
        under = strace("pwrite64", f"signal=KILL:when={n}")
        ended = deed(program, under, "prune", tmp_path / "jobs.db")
        stored = {job.id for job in app.jobs(limit=1000)}
        left.append(len(stored))
        assert active <= stored
    assert len(left) > 2 and stored == active
    assert left[0] == len(active) + len(done)
    app.close()
    assert is_sound(tmp_path / "jobs.db")
