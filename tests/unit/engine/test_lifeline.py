"""A worker's heartbeat and its watch over the others: when somebody is dead, and what follows."""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from offhours.core import states
from offhours.core.errors import Busy
from offhours.core.limits import Limit
from offhours.core.model import Job, JobState, NewJob, WorkerInfo
from offhours.core.outcomes import Failed, Suspended
from offhours.core.ports import ClaimOrder, name_list
from offhours.core.retries import RetryPolicy
from offhours.core.schedules import NewSchedule, ScheduleStatus
from offhours.core.times import MINUTE, SECOND
from offhours.core.triggers import Every, Plan
from offhours.engine import lifeline
from offhours.engine.codec import Codec
from offhours.engine.lifeline import Lifeline, host_identity, process_is_gone, process_started
from offhours.engine.registry import Registry, Task
from offhours.store.sql import SqlStore
from offhours.store.sqlite.database import SqliteDatabase
from offhours.testing import FakeClock

LEASE = 30 * SECOND
GONE = 2**22 + 1  # above the most that Linux gives


class Watch:
    """A lifeline on a store in memory, and what it said to its worker."""

    def __init__(self) -> None:
        self.store = SqlStore(SqliteDatabase(":memory:"))
        self.clock = FakeClock()
        self.registry = Registry()
        self.know("t")
        self.running: dict[int, Any] = {}
        self.told: list[Any] = []
        self.started = process_started(os.getpid())
        self.me = self.worker(host_identity(), os.getpid(), self.started)
        self.lifeline = Lifeline(
            self.store,
            self.registry,
            self.clock,
            SimpleNamespace(running=self.running),  # type: ignore[arg-type]
            worker=lambda: self.me,
            slots=lambda: 3,
            lease=LEASE,
            give_up=lambda job_id, failure: self.told.append((job_id, failure)),
            cancel_buffered=lambda job_id: self.told.append(f"cancel {job_id}"),
            on_released=lambda: self.told.append("released"),
            on_lost=lambda worker: self.told.append(f"lost {worker}"),
        )

    @property
    def now(self) -> int:
        return self.clock.micros()

    def know(self, name: str, **options: Any) -> None:
        self.registry.add(Task(name, len, Codec(len, name), **options))

    def worker(
        self,
        host: str = "elsewhere",
        pid: int = 1,
        started: str = "1",
        *,
        tasks: str = '["t"]',
        lease: int = LEASE,
    ) -> int:
        info = WorkerInfo(0, "w", host, pid, started, "", tasks, 1, self.now, 0, 0, lease)
        return self.store.add_worker(info, self.now)

    def submit(self, count: int = 1, **changes: Any) -> list[int]:
        new = NewJob("t", "[[],{}]", 50, self.now, 3)._replace(**changes)
        return self.store.submit([new] * count, self.now)

    def claim(self, worker: int, slots: int = 1, free: int = 9) -> list[int]:
        order = ClaimOrder(worker, slots, free, name_list(["t", "strange"]), sure=True)
        return [job.id for job in self.store.exchange([], order, self.now).claimed]

    def job(self, job_id: int) -> Job:
        found = self.store.job(job_id)
        assert found is not None
        return found

    def kinds(self) -> list[str]:
        return [event.kind for event in self.store.events()]

    def tick(self) -> int:
        return self.lifeline.tick(self.now)

    def present(self) -> list[int]:
        return [worker.id for worker in self.store.workers()]

    def beats(self, worker: int) -> int:
        return next(info.beat for info in self.store.workers() if info.id == worker)


@pytest.fixture
def watch() -> Iterator[Watch]:
    made = Watch()
    yield made
    made.store.close()


# -- processes -----------------------------------------------------------------------------


def test_a_process_is_known_by_when_it_began() -> None:
    mine = process_started(os.getpid())
    assert mine.isdigit() and mine != process_started(1)
    assert process_started(GONE) == ""
    with mmap.mmap(-1, 2**26):  # whatever else changes about it
        assert process_started(os.getpid()) == mine


def test_a_zombie_has_ended() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert process_started(child) == ""
    os.waitpid(child, 0)


@pytest.mark.parametrize(
    ("answer", "started"),
    [(None, "unknown"), (ProcessLookupError, ""), (PermissionError, "unknown")],
)
def test_without_proc_a_signal_tells_whether_a_process_lives(
    monkeypatch: pytest.MonkeyPatch, answer: type[OSError] | None, started: str
) -> None:
    sent = []

    def kill(pid: int, number: int) -> None:
        sent.append((pid, number))
        if answer is not None:
            raise answer

    monkeypatch.setattr(Path, "read_text", lambda *args, **options: (_ for _ in ()).throw(OSError))
    monkeypatch.setattr(Path, "exists", lambda path: False)
    monkeypatch.setattr(os, "kill", kill)
    assert process_started(7) == started
    assert sent == [(7, 0)]


def test_where_signal_0_is_ctrl_c_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "kill", lambda *args: pytest.fail("a signal was sent"))
    monkeypatch.setattr(lifeline, "os", SimpleNamespace(name="nt", kill=os.kill))
    assert lifeline._started_elsewhere(7) == "unknown"


def test_a_host_without_proc_is_known_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *args, **options: (_ for _ in ()).throw(OSError))
    assert host_identity.__wrapped__() == host_identity().partition("/")[0]


def test_an_owner_is_gone_when_its_process_of_this_host_has_ended() -> None:
    owner = lifeline.owner_name("app")
    assert not process_is_gone(owner)
    host, pid, started, name = json.loads(owner)
    assert (host, pid, name) == (host_identity(), os.getpid(), "app")
    for other in (started + "1", started[:-1]):
        assert process_is_gone(json.dumps([host, pid, other, name]))
    assert not process_is_gone(json.dumps(["elsewhere", pid, started + "1", name]))
    assert not process_is_gone(None)


# -- the heartbeat -------------------------------------------------------------------------


def test_it_beats_three_times_in_a_lease_and_says_what_it_knows(watch: Watch) -> None:
    assert watch.tick() == watch.now + SECOND
    assert watch.beats(watch.me) == 0
    for beats in (1, 2, 3):
        watch.clock.advance("9.9s")
        watch.tick()
        assert watch.beats(watch.me) == beats - 1
        watch.clock.advance("100ms")
        watch.tick()
        assert watch.beats(watch.me) == beats
    [me] = watch.store.workers()
    assert (me.tasks, me.slots, me.beat_at) == ('["t"]', 3, watch.now)


def test_a_short_lease_is_looked_after_more_often(watch: Watch) -> None:
    watch.lifeline._lease = SECOND * 3 // 2
    assert watch.tick() == watch.now + SECOND * 3 // 10
    for passed, beats in (("490ms", 0), ("10ms", 1)):
        watch.clock.advance(passed)
        watch.tick()
        assert watch.beats(watch.me) == beats


def test_a_task_that_comes_later_is_said_and_limited_at_once(watch: Watch) -> None:
    watch.tick()
    watch.know("later", concurrency=2)
    watch.tick()
    [me] = watch.store.workers()
    assert (me.tasks, me.beat) == ('["later", "t"]', 1)
    assert watch.store.limits.all() == [
        Limit("task", "later", 2, declared="[2,null,null]"),
    ]
    watch.tick()
    assert watch.beats(watch.me) == 1


def test_who_was_declared_dead_is_told_by_its_next_beat(watch: Watch) -> None:
    watch.store.remove_worker(watch.me, watch.now)
    watch.clock.advance("10s")
    watch.tick()
    assert watch.told == [f"lost {watch.me}"]


# -- runs that should stop -----------------------------------------------------------------


def test_a_run_that_was_cancelled_is_told_and_a_buffered_job_is_stopped(watch: Watch) -> None:
    runs, waits, other = watch.submit(3)
    watch.claim(watch.me, 2)
    watch.claim(watch.worker())
    asked: list[str] = []
    watch.running[runs] = SimpleNamespace(
        request_cancel=lambda: asked.append("stop"), overdue_by=lambda moment: None
    )
    for job_id in (runs, waits, other):
        assert watch.store.ask_cancel(job_id, 1, watch.now, "")
    watch.tick()
    assert (asked, watch.told) == (["stop"], [f"cancel {waits}"])


def test_a_thread_that_goes_on_after_its_timeout_is_given_up_and_told(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    late, later, early = watch.submit(3)
    watch.claim(watch.me, 3)
    asked: list[str] = []
    for job_id, over in ((late, 0.5), (later, 0.6), (early, 0.49)):
        watch.running[job_id] = SimpleNamespace(
            request_cancel=lambda: asked.append("stop"),
            overdue_by=lambda moment, over=over: over,
            task="t",
            attempt=1,
        )
    watch.tick()
    assert (asked, watch.lifeline.stuck, list(watch.running)) == (["stop"] * 2, 2, [early])
    failure = Failed("timeout", "t did not end within its timeout")
    assert watch.told == [(late, failure), (later, failure)]
    assert watch.kinds().count("job.stuck") == 2
    assert f"job {late} (t) has used up its timeout" in caplog.text


def test_what_ended_just_now_is_not_given_up(watch: Watch) -> None:
    watch.lifeline._report_stuck(7, "t", 1)
    assert (watch.told, watch.lifeline.stuck) == ([], 0)


# -- the dead ------------------------------------------------------------------------------


def test_a_worker_of_this_host_whose_process_has_ended_is_buried_at_once(watch: Watch) -> None:
    here = host_identity()
    gone = watch.worker(here, pid=GONE)
    watch.worker(here, pid=os.getpid())  # its number is another's now
    not_here = [watch.worker(host, pid=GONE) for host in (here[:-1], here + "1")]
    [job_id] = watch.submit()
    watch.claim(gone)
    watch.tick()
    assert watch.present() == [watch.me, *not_here]
    assert watch.job(job_id).state is JobState.PENDING
    assert watch.job(job_id).reason == f"process {GONE} has ended"


@pytest.mark.parametrize("beats", [0, 1])
def test_who_is_silent_for_a_lease_is_buried_and_its_jobs_are_rescued(
    watch: Watch, beats: int, caplog: pytest.LogCaptureFixture
) -> None:
    other = watch.worker()
    for _ in range(beats):
        watch.store.beat(other, watch.now, '["t"]')
    jobs = watch.submit(2)
    watch.claim(other, 2)
    watch.tick()
    watch.clock.advance("29.9s")
    watch.tick()
    assert other in watch.present()
    watch.clock.advance("100ms")
    watch.tick()
    assert watch.present() == [watch.me]
    assert [watch.job(job_id).state for job_id in jobs] == ["pending", "pending"]
    assert watch.job(jobs[0]).reason == "no heartbeat for 30 s"
    assert watch.kinds().count("worker.lost") == 1
    assert f"worker {other} (w) is lost: no heartbeat for 30 s" in caplog.text
    assert other not in watch.lifeline._seen


def test_a_worker_is_watched_by_those_that_came_later_too(watch: Watch) -> None:
    older, watch.me = watch.me, watch.worker(host_identity(), os.getpid(), watch.started)
    watch.store._db.write(lambda db: db.execute("update workers set host = 'x' where id = 1"))
    watch.tick()
    watch.clock.advance("31s")
    watch.tick()
    assert watch.present() == [watch.me] and older != watch.me


def test_a_lease_is_as_long_as_its_worker_says_to_the_part_of_a_second(watch: Watch) -> None:
    other = watch.worker(lease=SECOND * 3 // 2)
    watch.tick()
    watch.clock.advance("1.4s")
    watch.tick()
    assert other in watch.present()
    watch.clock.advance("100ms")
    watch.tick()
    assert other not in watch.present()


def test_a_beat_begins_the_lease_anew(watch: Watch) -> None:
    other = watch.worker()
    watch.tick()
    watch.clock.advance("20s")
    watch.store.beat(other, watch.now, '["t"]')
    watch.tick()
    watch.clock.advance("29s")
    watch.tick()
    assert other in watch.present()
    watch.clock.advance("1s")
    watch.tick()
    assert other not in watch.present()


def test_while_we_cannot_look_their_silence_says_nothing(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = watch.worker()
    watch.tick()
    watch.clock.advance("29s")
    with monkeypatch.context() as patch:
        patch.setattr(watch.store, "beat", lambda *args: (_ for _ in ()).throw(Busy("locked")))
        with pytest.raises(Busy):
            watch.tick()
    watch.clock.advance("1s")
    watch.tick()
    assert other in watch.present()
    watch.clock.advance("30s")
    watch.tick()
    assert other not in watch.present()


@pytest.mark.parametrize(
    ("lease", "held", "dead"),
    [(30, "7.5s", True), (30, "7.6s", False), (1.5, "370ms", True), (1.5, "380ms", False)],
)
def test_who_may_have_waited_for_the_database_as_we_did_is_given_more_time(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, lease: float, held: str, dead: bool
) -> None:
    """Our own beat took more than a quarter of its lease."""
    other = watch.worker(lease=int(lease * SECOND))
    watch.tick()
    watch.clock.advance(f"{lease - 1}s")
    watch.lifeline.beat(watch.now)
    watch.clock.advance("1s")
    beat = watch.store.beat

    def slowly(*args: Any) -> bool:
        watch.clock.advance(held)
        return beat(*args)

    monkeypatch.setattr(watch.store, "beat", slowly)
    watch.tick()
    assert (other not in watch.present()) is dead
    monkeypatch.undo()
    watch.clock.advance("1s")
    watch.tick()
    assert (other not in watch.present()) is dead  # its lease begins anew


def test_a_sign_of_life_in_the_last_moment_saves_it(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = watch.worker()
    watch.tick()
    watch.clock.advance("30s")
    bury = watch.store.bury

    def meanwhile(*args: Any) -> bool:
        watch.store.beat(other, watch.now, '["t"]')
        return bury(*args)

    monkeypatch.setattr(watch.store, "bury", meanwhile)
    watch.tick()
    assert other in watch.present()
    monkeypatch.undo()
    watch.tick()
    assert other in watch.present()


@pytest.mark.parametrize(("free", "crashes"), [(9, [1, 1]), (1, [1, 0]), (0, [0, 0])])
def test_jobs_of_a_worker_that_is_not_there_are_rescued(
    watch: Watch, caplog: pytest.LogCaptureFixture, free: int, crashes: list[int]
) -> None:
    jobs = watch.submit(2)
    other = watch.worker()
    watch.claim(other, 2, free)
    watch.store._db.write(lambda db: db.execute("delete from workers where id = ?", (other,)))
    watch.tick()
    found = [watch.job(job_id) for job_id in jobs]
    assert [job.state for job in found] == ["pending", "pending"]
    assert [job.crashes for job in found] == crashes
    told = [json.loads(event.data or "{}") for job in jobs for event in watch.store.history(job)]
    assert [data["reason"] for data in told if "reason" in data] == ["its worker is not there"] * 2
    assert "2 jobs ran on a worker that is not there" in caplog.text


# -- what nobody can run, and what may start no more ---------------------------------------


def test_a_job_that_nobody_knows_is_parked_at_the_second_look(watch: Watch) -> None:
    [strange] = watch.submit(task="strange")
    watch.tick()
    assert watch.job(strange).state is JobState.PENDING
    watch.tick()
    assert (watch.job(strange).state, watch.told) == (JobState.HELD, [])
    watch.know("strange")
    watch.tick()
    assert (watch.job(strange).state, watch.told) == (JobState.PENDING, ["released"])
    watch.tick()
    assert watch.told == ["released"]


def test_a_job_that_another_worker_knows_waits_for_it(watch: Watch) -> None:
    watch.worker(tasks='["strange"]')
    [strange] = watch.submit(task="strange")
    for _ in range(3):
        watch.tick()
    assert watch.job(strange).state is JobState.PENDING


def test_while_nothing_has_changed_nothing_is_read_and_any_change_is_seen(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed, looks = [7], []
    parked = watch.store.parked
    monkeypatch.setattr(watch.store, "changed", lambda: changed[0])
    monkeypatch.setattr(watch.store, "parked", lambda known: looks.append(known) or parked(known))
    for number, seen in ((7, 1), (7, 1), (8, 2), (3, 3), (3, 3)):  # of a connection made anew: less
        changed[0] = number
        watch.tick()
        assert len(looks) == seen


def test_a_job_of_a_process_that_has_ended_has_failed(watch: Watch) -> None:
    host, pid, started, name = json.loads(lifeline.owner_name("app"))
    mine, gone = (
        watch.submit(owner=json.dumps([host, pid, began, name]))[0]
        for began in (started, started + "1")
    )
    watch.tick()
    assert (watch.job(mine).state, watch.job(gone).state) == ("pending", "failed")
    assert watch.job(gone).code == "lost"


def test_a_job_that_may_start_no_more_is_cancelled(watch: Watch) -> None:
    soon, later = (watch.submit(expires_at=watch.now + after)[0] for after in (0, 1))
    watch.tick()
    assert (watch.job(soon).state, watch.job(later).state) == ("cancelled", "pending")
    assert watch.job(soon).code == "expired"


def test_a_wait_that_is_over_ends_and_the_worker_looks(watch: Watch) -> None:
    [job_id] = watch.submit()
    watch.claim(watch.me)
    waits = Suspended("signal", "the mail", watch.now + SECOND, held=True)
    job = watch.job(job_id)
    watch.store.apply([states.finish(job, waits, RetryPolicy(), watch.now)], watch.now)  # type: ignore[arg-type]
    watch.tick()
    assert (watch.job(job_id).state, watch.told) == (JobState.HELD, [])
    watch.clock.advance("1s")
    watch.tick()
    assert (watch.job(job_id).state, watch.told) == (JobState.PENDING, ["released"])


def test_schedules_of_tasks_that_nobody_knows_are_parked_and_go_on_later(watch: Watch) -> None:
    plan = json.dumps(Plan((Every(MINUTE, watch.now),), "UTC").to_dict())
    for task in ("t", "strange"):
        new = NewSchedule(task, task, "[[],{}]", 50, 3, "default", None, None, "retry", plan, "")
        watch.store.schedules.add(new, watch.now + LEASE, watch.now)

    def status() -> list[str]:
        return [schedule.status for schedule in watch.store.schedules.page()]

    watch.tick()
    assert status() == [ScheduleStatus.ACTIVE, ScheduleStatus.ACTIVE]
    watch.tick()
    assert (status(), watch.told) == ([ScheduleStatus.ACTIVE, ScheduleStatus.PARKED], ["released"])
    watch.know("strange")
    watch.tick()
    assert status() == [ScheduleStatus.ACTIVE, ScheduleStatus.ACTIVE]
    assert watch.told == ["released", "released"]
