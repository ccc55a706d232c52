"""The store beside a plain model: whatever is done in whatever order, they agree.

After each step: no job has two holders, final is final, the events fold into the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.nightly import NIGHTLY
from tests.servers import empty

from offhours.core import states
from offhours.core.events import fold
from offhours.core.model import FINAL, MAX_CRASHES, Claimed, JobState, NewJob, WorkerInfo
from offhours.core.outcomes import Deferred, Done, Failed, HandedBack, Outcome, Stopped
from offhours.core.ports import ClaimOrder, name_list
from offhours.core.retries import RetryPolicy
from offhours.core.times import SECOND
from offhours.store.postgres.database import PostgresDatabase
from offhours.store.sql import SqlStore
from offhours.store.sqlite.database import SqliteDatabase

TASKS = '["t"]'
POLICY = RetryPolicy(base=SECOND, factor=1.0, jitter=0.0)
SLOTS = 3
PRIORITIES = st.sampled_from([0, 10, 50, 90, 100])


@dataclass
class Model:
    """What we expect of one job."""

    priority: int
    run_at: int
    max_attempts: int
    state: str = "pending"
    attempt: int = 0
    returned: int = 0
    crashes: int = 0
    worker: int | None = None
    cancelled: bool = False

    @property
    def spent(self) -> int:
        return self.attempt - self.returned - self.crashes


class StoreMachine(RuleBasedStateMachine):
    def __init__(self, schema: str | None = None) -> None:
        super().__init__()
        if schema is not None:
            empty(schema)
        self.store = SqlStore(
            SqliteDatabase(":memory:") if schema is None else PostgresDatabase(schema)
        )
        self.now = 1_800_000_000 * SECOND
        self.jobs: dict[int, Model] = {}
        self.held: dict[int, dict[int, Claimed]] = {}
        self.stale: list[Claimed] = []
        self.foreground: dict[int, int] = {}

    def teardown(self) -> None:
        self.store.close()

    @initialize()
    def first_worker(self) -> None:
        self.add_worker()

    # -- the world ----------------------------------------------------------------------------

    @rule()
    def add_worker(self) -> None:
        info = WorkerInfo(0, "w", "h", 1, "1", "", TASKS, SLOTS, self.now, 0, self.now, SECOND)
        self.held[self.store.add_worker(info, self.now)] = {}

    @rule(seconds=st.integers(1, 5))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @rule(jobs=st.lists(st.tuples(PRIORITIES, st.integers(0, 4), st.integers(1, 3)), max_size=6))
    def submit(self, jobs: list[tuple[int, int, int]]) -> None:
        new = [
            NewJob("t", "[[],{}]", priority, self.now + delay * SECOND, attempts)
            for priority, delay, attempts in jobs
        ]
        for job_id, job in zip(self.store.submit(new, self.now), new, strict=True):
            assert job_id not in self.jobs
            self.jobs[job_id] = Model(job.priority, job.run_at, job.max_attempts)

    @rule(seconds=st.integers(1, 4))
    def workflow_begins(self, seconds: int) -> None:
        lease = self.store.enter_foreground("wf", "me", seconds * SECOND, self.now)
        self.foreground[lease] = self.now + seconds * SECOND

    @precondition(lambda self: self.foreground)
    @rule(data=st.data())
    def workflow_ends(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(sorted(self.foreground)))
        del self.foreground[lease]
        self.store.leave_foreground([lease], self.now)

    # -- workers ------------------------------------------------------------------------------

    @precondition(lambda self: self.held)
    @rule(data=st.data(), slots=st.integers(1, 5))
    def claim(self, data: st.DataObject, slots: int) -> None:
        worker = data.draw(st.sampled_from(sorted(self.held)))
        active = any(until > self.now for until in self.foreground.values())
        expected = sorted(
            (job.priority, job_id)
            for job_id, job in self.jobs.items()
            if job.state == "pending"
            and job.run_at <= self.now
            and not (active and job.priority >= 90)
        )[:slots]
        order = ClaimOrder(worker=worker, slots=slots, free=slots, tasks=name_list(["t"]))
        answer = self.store.exchange([], order, self.now)
        assert [(job.priority, job.id) for job in answer.claimed] == expected
        for job in answer.claimed:
            model = self.jobs[job.id]
            model.state, model.worker, model.attempt = "running", worker, model.attempt + 1
            assert job.attempt == model.attempt
            self.held[worker][job.id] = job

    @precondition(lambda self: any(self.held.values()))
    @rule(
        data=st.data(),
        outcome=st.sampled_from(
            [Done("1"), Failed("error", "x"), Failed("error", "x", retry=False), Stopped(),
             HandedBack("drain"), "defer"]
        ),
    )  # fmt: skip
    def finish(self, data: st.DataObject, outcome: Outcome | str) -> None:
        worker = data.draw(st.sampled_from(sorted(w for w, jobs in self.held.items() if jobs)))
        job = data.draw(st.sampled_from(sorted(self.held[worker].values())))
        if outcome == "defer":
            outcome = Deferred(self.now + 2 * SECOND, "later")
        assert not isinstance(outcome, str)
        marked = self.store.job(job.id)
        assert marked is not None
        seen = job._replace(cancel_at=marked.cancel_at)
        move = states.finish(seen, outcome, POLICY, self.now)
        assert self.store.apply([move], self.now) == []
        del self.held[worker][job.id]
        self.expect_finish(self.jobs[job.id], outcome)

    def expect_finish(self, model: Model, outcome: Outcome) -> None:
        model.worker = None
        stopped = model.cancelled and not isinstance(outcome, Done)
        match outcome:
            case _ if stopped or isinstance(outcome, Stopped):
                model.state = "cancelled"
            case Done():
                model.state = "succeeded"
            case Failed(retry=True) if model.spent < model.max_attempts:
                model.state, model.run_at = "pending", self.now + SECOND
            case Failed():
                model.state = "failed"
            case Deferred(until=until):
                model.state, model.run_at, model.returned = "pending", until, model.returned + 1
            case HandedBack():
                model.state, model.returned = "pending", model.returned + 1

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def worker_dies(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.held)))
        [info] = [w for w in self.store.workers() if w.id == worker]
        assert self.store.bury(
            info, lambda jobs: states.rescue(jobs, SLOTS, self.now, "gone"), self.now, "gone"
        )
        lost = self.held.pop(worker)
        self.stale += lost.values()
        for job_id in lost:
            model = self.jobs[job_id]
            model.worker, model.crashes = None, model.crashes + 1
            if model.cancelled:
                model.state = "cancelled"
            elif model.crashes >= MAX_CRASHES:
                model.state = "failed"
            else:
                model.state, model.run_at = "pending", self.now

    @precondition(lambda self: self.stale)
    @rule(data=st.data())
    def dead_worker_wakes(self, data: st.DataObject) -> None:
        """Its result is refused, whatever has become of the job."""
        job = data.draw(st.sampled_from(self.stale))
        move = states.finish(job, Done("9"), POLICY, self.now)
        assert self.store.apply([move], self.now) == [move]

    # -- people -------------------------------------------------------------------------------

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.jobs)))
        job, model = self.store.job(job_id), self.jobs[job_id]
        assert job is not None
        if model.state in ("pending", "held"):
            assert self.store.apply([states.cancel(job)], self.now) == []
            model.state = "cancelled"
        elif model.state == "running":
            asked = self.store.ask_cancel(job_id, job.attempt, self.now, "")
            assert asked is not model.cancelled
            model.cancelled = True

    # -- what always holds --------------------------------------------------------------------

    @invariant()
    def table_agrees(self) -> None:
        rows = {job.id: job for job in self.store.jobs(limit=10_000)}
        assert {i: (j.state, j.attempt, j.crashes, j.worker) for i, j in rows.items()} == {
            i: (m.state, m.attempt, m.crashes, m.worker) for i, m in self.jobs.items()
        }

    @invariant()
    def events_fold_into_the_table(self) -> None:
        told = fold(self.store.events(limit=100_000))
        assert told == {job_id: JobState(model.state) for job_id, model in self.jobs.items()}

    @invariant()
    def one_holder_at_most(self) -> None:
        holders = [job for jobs in self.held.values() for job in jobs]
        assert len(holders) == len(set(holders))

    @invariant()
    def final_is_told_once(self) -> None:
        final = [e.job_id for e in self.store.events(limit=100_000)
                 if e.kind.removeprefix("job.") in FINAL]  # fmt: skip
        assert len(final) == len(set(final))


def agrees(machine: Callable[[], StoreMachine], examples: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


def test_sqlite_agrees_with_the_model() -> None:
    agrees(StoreMachine, 200 if NIGHTLY else 100)


def test_postgres_agrees_with_the_model(schema_made_once: str) -> None:
    agrees(lambda: StoreMachine(schema_made_once), 20 if NIGHTLY else 8)
