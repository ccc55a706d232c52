"""One round after the other: what is recorded, what is claimed, when to come back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from queue import Queue
from threading import Thread
from typing import Any

import pytest

from offhours.core import states
from offhours.core.admission import BackgroundLimits
from offhours.core.clock import Signal
from offhours.core.errors import Busy, StoreUnavailable
from offhours.core.limits import SLACK, Limit, Scope
from offhours.core.model import Job, NewJob, WorkerInfo
from offhours.core.outcomes import Done, Failed
from offhours.core.ports import ClaimOrder, Exchange, name_list
from offhours.core.retries import RetryPolicy
from offhours.core.schedules import NewSchedule
from offhours.core.times import HOUR, SECOND
from offhours.core.triggers import Every, Plan
from offhours.engine.codec import Codec
from offhours.engine.context import Foreground
from offhours.engine.dispatcher import BUSY_PAUSE, Dispatcher
from offhours.engine.lane import Lane
from offhours.engine.registry import Registry, Task
from offhours.store.sql import SqlStore
from offhours.store.sqlite import SqliteDatabase
from offhours.testing import FakeClock

POLL, LEASE = SECOND, 30 * SECOND


class Round:
    """A lane of two slots on a store in memory; the test is its executor and calls the rounds."""

    def __init__(self) -> None:
        self.store = SqlStore(SqliteDatabase(":memory:"))
        self.clock = FakeClock()
        self.clock.advance("1h")
        self.registry = Registry()
        self.registry.add(Task("t", len, Codec(len, "t"), retries=2, timeout=7))
        self.tasks = ["t"]
        self.foreground = Foreground()
        self.lane = Lane(2, self.clock, self.foreground, Signal())
        self.lane._mean = 60.0  # runs have been slow of late: nothing is claimed ahead
        self.told: list[Any] = []
        self.me = self.worker()
        self.dispatcher = Dispatcher(
            self.lane,
            self.store,
            self.registry,
            self.clock,
            tasks=lambda: name_list(self.tasks),
            worker=lambda: self.me,
            foreground=self.foreground,
            poll=POLL,
            lease=LEASE,
            on_applied=lambda moves: self.told.append([move.job_id for move in moves]),
            on_more=lambda: self.told.append("more"),
            on_fired=lambda: self.told.append("fired"),
            on_lost=lambda worker: self.told.append(f"lost {worker}"),
        )

    @property
    def now(self) -> int:
        return self.clock.micros()

    def worker(self) -> int:
        info = WorkerInfo(0, "w", "h", 1, "1", "", '["t"]', 2, self.now, 0, self.now, LEASE)
        return self.store.add_worker(info, self.now)

    def submit(self, count: int = 1, **changes: Any) -> list[int]:
        new = NewJob("t", "[[],{}]", 50, self.now, 3)._replace(**changes)
        return self.store.submit([new] * count, self.now)

    def schedule(self, task: str, due: int) -> None:
        """One that is due so soon, and then each hour."""
        plan = json.dumps(Plan((Every(HOUR, self.now + due),), "UTC").to_dict())
        new = NewSchedule(task, task, "[[],{}]", 50, 3, "default", None, None, "retry", plan, "")
        self.store.schedules.add(new, self.now + due, self.now)

    def tick(self) -> int:
        """One round; how long to wait for the next."""
        return self.dispatcher.tick(self.now) - self.now

    def start(self, count: int = 1) -> list[Any]:
        """The executor takes so many jobs."""
        jobs = [self.lane.try_take() for _ in range(count)]
        assert None not in jobs
        return jobs

    def ahead(self) -> None:
        """Runs have been quick of late: the lane wants more than it has slots."""
        self.lane._mean = 0.001

    def finish(self, job: Any, outcome: Any = Done("1")) -> None:  # noqa: B008
        assert self.lane.finish(job, outcome)

    def job(self, job_id: int) -> Job:
        found = self.store.job(job_id)
        assert found is not None
        return found

    def states(self, ids: list[int]) -> list[str]:
        return [str(self.job(job_id).state) for job_id in ids]

    def returned(self) -> dict[int, str]:
        """The jobs that were handed back, and why."""
        return {
            event.job_id: json.loads(event.data)["reason"]
            for event in self.store.events()
            if event.kind == "job.returned"
        }


@pytest.fixture
def round_() -> Iterator[Round]:
    made = Round()
    yield made
    made.store.close()


# -- what a round does ----------------------------------------------------------------------


def test_a_round_records_what_has_ended_and_claims_what_comes_next(round_: Round) -> None:
    ids = round_.submit(5)
    round_.tick()
    first, second = round_.start(2)
    round_.finish(first)
    round_.finish(second, Failed("error", "no", retry=False))
    round_.tick()
    assert round_.states(ids) == ["succeeded", "failed", "running", "running", "pending"]
    assert round_.told == ["more", ids[:2], "more"]  # there is more than we have room for


def test_a_job_submitted_by_name_has_the_policy_of_its_task(round_: Round) -> None:
    round_.submit(1, max_attempts=None)
    round_.submit(1, max_attempts=9, timeout=5)
    round_.submit(1, max_attempts=None, task="gone")
    round_.tasks.append("gone")
    round_.lane.slots = 3
    round_.tick()
    found = [(job.max_attempts, job.timeout) for job in round_.start(3)]
    assert found == [(3, 7), (9, 5), (None, None)]


def test_only_what_was_claimed_ahead_and_not_begun_is_unspent_in_a_crash(round_: Round) -> None:
    """What starts at once is stored as begun with its claim, the rest by the round after it."""
    ids = round_.submit(4)
    round_.ahead()
    round_.tick()
    assert [round_.job(job_id).begun for job_id in ids] == [1, 1, 0, 0]
    first, _ = round_.start(2)
    round_.finish(first)
    round_.start()
    round_.clock.advance("1s")
    round_.tick()
    later = [(round_.job(job_id).begun, round_.job(job_id).started_at) for job_id in ids[1:]]
    assert later == [(1, round_.now - SECOND), (1, round_.now), (0, round_.now - SECOND)]


# -- when the next one is -------------------------------------------------------------------


def _limited(round_: Round) -> None:
    round_.store.limits.declare([Limit(Scope.TASK, "t", None, 1, SECOND // 2)], round_.now)
    round_.submit(2)
    round_.tick()
    round_.finish(*round_.start())


def _throttled(round_: Round) -> None:
    round_.dispatcher.limits = BackgroundLimits(throttle=SECOND // 2)
    round_.submit(2, priority=100)
    round_.tick()
    round_.finish(*round_.start())


@pytest.mark.parametrize(
    ("prepare", "wait"),
    [
        (lambda at: None, POLL),
        (lambda at: at.submit(1, run_at=at.now + 300), 300),
        (lambda at: at.submit(1, run_at=at.now + 2 * POLL), POLL),
        (lambda at: at.schedule("t", 300), 300),
        (_limited, SECOND // 2 - SLACK),
        (_throttled, SECOND // 2),
        (lambda at: at.tasks.clear(), 60 * POLL),
    ],
    ids=["idle", "due", "due late", "schedule", "rate", "throttle", "no tasks"],
)
def test_a_hungry_round_comes_back_when_something_may_start(
    round_: Round, prepare: Callable[[Round], object], wait: int
) -> None:
    prepare(round_)
    assert round_.tick() == wait
    assert round_.dispatcher.hungry.is_set()


def test_a_round_without_room_waits_for_the_end_of_a_run(round_: Round) -> None:
    round_.tick()
    round_.submit(3)
    round_.submit(1, run_at=round_.now + 300)
    round_.tick()
    round_.start(2)
    assert round_.tick() == POLL
    assert not round_.dispatcher.hungry.is_set()


def test_a_lane_of_one_slot_is_hungry_and_full_like_any_other(round_: Round) -> None:
    round_.lane.slots = 1
    round_.submit(1, run_at=round_.now + 300)
    assert round_.tick() == 300
    assert round_.dispatcher.hungry.is_set()
    round_.submit(2)
    round_.tick()
    assert round_.told == ["more"]


def test_what_is_called_during_a_round_has_the_next_one_at_once(
    round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = round_.store.exchange

    def called_meanwhile(moves: Any, order: ClaimOrder, now: int) -> Exchange:
        round_.lane.call(10)
        return exchange(moves, order, now)

    round_.submit()
    with monkeypatch.context() as patch:
        patch.setattr(round_.store, "exchange", called_meanwhile)
        assert round_.tick() == 0
    assert round_.tick() == BUSY_PAUSE


def test_while_the_buffer_moves_a_round_comes_after_a_short_pause(round_: Round) -> None:
    round_.submit(1)
    assert round_.tick() == BUSY_PAUSE
    assert not round_.dispatcher.hungry.is_set()


def test_after_a_full_claim_that_has_all_started_the_next_round_is_at_once(round_: Round) -> None:
    round_.submit(3)
    round_.lane.on_ready(lambda: round_.start(2))
    assert round_.tick() == 0


def test_an_idle_round_only_reads(round_: Round, monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle workers must not compete for the lock; a wake-up, or the moment told, is worth it."""
    sure: list[bool] = []
    exchange = round_.store.exchange

    def noted(moves: Any, order: ClaimOrder, now: int) -> Exchange:
        sure.append(order.sure)
        return exchange(moves, order, now)

    monkeypatch.setattr(round_.store, "exchange", noted)
    round_.submit(1, run_at=round_.now + 2 * SECOND)
    round_.tick()
    for _ in range(2):
        round_.clock.advance("0.5s")
        round_.tick()
    round_.dispatcher.nudged = True
    round_.tick()
    round_.tick()
    round_.clock.advance("1s")
    round_.tick()
    assert sure == [True, False, False, True, False, True]


# -- a job that comes to an idle worker ------------------------------------------------------


def _new(at: Round) -> NewJob:
    return NewJob("t", "[[],{}]", 50, at.now, 3)


def test_what_comes_to_an_idle_worker_is_stored_and_claimed_at_once(round_: Round) -> None:
    round_.tick()
    job_id = round_.dispatcher.submit(_new(round_), round_.now, None)
    [job] = round_.start()
    assert (job.id, round_.job(job.id).begun) == (job_id, 1)
    assert not round_.dispatcher.hungry.is_set()
    round_.clock.advance("1s")
    round_.tick()
    assert round_.job(job.id).started_at == round_.now - SECOND  # it is not begun once more
    assert round_.dispatcher.hungry.is_set()  # there is a slot left
    assert round_.dispatcher.submit(_new(round_), round_.now, None) is not None
    round_.start()


def _drains(at: Round) -> None:
    at.dispatcher.draining = True


def _has_something_to_record(at: Round) -> None:
    at.dispatcher.submit(_new(at), at.now, None)
    at.finish(*at.start())
    at.dispatcher.hungry.set()


def _has_something_buffered(at: Round) -> None:
    at.dispatcher.submit(_new(at), at.now, None)
    at.dispatcher.hungry.set()


def _is_full(at: Round) -> None:
    at.submit(2)
    at.tick()
    at.start(2)
    at.dispatcher.hungry.set()


@pytest.mark.parametrize(
    "prepare",
    [
        lambda at: at.dispatcher.hungry.clear(),
        lambda at: at.dispatcher._one_round.acquire(),
        _drains, _has_something_to_record, _has_something_buffered, _is_full,
    ],
    ids=["not idle", "in a round", "draining", "to record", "buffered", "full"],
)  # fmt: skip
def test_a_worker_with_something_to_do_takes_nothing_besides(
    round_: Round, prepare: Callable[[Round], object]
) -> None:
    round_.tick()
    prepare(round_)
    before = round_.store.counts()
    assert round_.dispatcher.submit(_new(round_), round_.now, None) is None
    assert round_.store.counts() == before


def test_a_worker_that_was_declared_dead_leaves_the_job_to_the_others(round_: Round) -> None:
    round_.tick()
    round_.store.remove_worker(round_.me, round_.now)
    job_id = round_.dispatcher.submit(_new(round_), round_.now, None)
    assert job_id is not None and round_.states([job_id]) == ["pending"]
    assert round_.lane.try_take() is None
    assert round_.dispatcher.hungry.is_set()
    assert round_.tick() == 0
    assert round_.told == [f"lost {round_.me}"]


# -- what is given back ---------------------------------------------------------------------


def _workflow_begins(at: Round) -> None:
    at.store.enter_foreground("wf", "h", HOUR, at.now)


def _slow_runs_everywhere(at: Round) -> None:
    at.start(2)
    for job_id, (job, began) in at.lane._running.items():
        at.lane._running[job_id] = (job, began - 1)


@pytest.mark.parametrize(
    ("then", "reason", "given_back"),
    [
        (_workflow_begins, "a workflow is active", [3]),
        (_slow_runs_everywhere, "all slots are taken by slow jobs", [2, 3]),
    ],
)
def test_what_waits_here_and_cannot_start_is_given_back(
    round_: Round, then: Callable[[Round], None], reason: str, given_back: list[int]
) -> None:
    """At once, so that another worker can have it; and no attempt is spent."""
    ids = round_.submit(3) + round_.submit(1, priority=100)
    round_.ahead()
    round_.tick()
    assert round_.states(ids) == ["running"] * 4
    then(round_)
    round_.told.clear()
    assert round_.tick() == 0
    assert round_.lane.held_ids() == {job_id for n, job_id in enumerate(ids) if n not in given_back}
    assert round_.told == ["more"]
    assert round_.tick() > 0
    assert round_.returned() == {ids[n]: reason for n in given_back}
    assert [round_.job(ids[n]).returned for n in given_back] == [1] * len(given_back)


def test_a_round_brings_what_is_in_front(round_: Round) -> None:
    """So that what waits here does not start meanwhile, and does again after."""
    lease = round_.store.enter_foreground("wf", "h", HOUR, round_.now)
    round_.tick()
    assert round_.foreground.active(round_.now)
    round_.store.leave_foreground([lease], round_.now)
    round_.tick()
    assert not round_.foreground.active(round_.now)


def test_a_job_that_nobody_was_woken_for_starts_all_the_same(round_: Round) -> None:
    taken = Queue[Any]()
    thread = Thread(target=lambda: taken.put(round_.lane.take()))
    thread.start()
    round_.lane._rouse = lambda: None  # type: ignore[method-assign]
    [job_id] = round_.submit()
    deadline = time.monotonic() + 20
    while taken.empty() and time.monotonic() < deadline:
        round_.tick()
    assert taken.get(timeout=1).id == job_id
    thread.join(10)


def test_without_a_workflow_or_slow_runs_all_stays(round_: Round) -> None:
    round_.submit(4, priority=100)
    round_.ahead()
    round_.tick()
    round_.start(2)
    round_.tick()
    assert round_.lane.active and round_.returned() == {}


def test_an_answer_that_came_too_late_starts_nothing(
    round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By then its jobs may have been given to others."""
    exchange = round_.store.exchange

    def late(moves: Any, order: ClaimOrder, now: int) -> Exchange:
        answer = exchange(moves, order, now)
        round_.clock.advance(delay)
        return answer

    monkeypatch.setattr(round_.store, "exchange", late)
    in_time, too_late = round_.submit(2)
    round_.lane.slots, delay = 1, "30s"
    round_.tick()
    assert [job.id for job in round_.start()] == [in_time]
    round_.lane.slots, delay = 2, "30.01s"
    round_.tick()
    assert round_.lane.try_take() is None
    delay = "0s"
    round_.tick()
    assert round_.returned() == {too_late: "the answer to its claim came too late"}


def test_a_worker_that_drains_hands_back_and_records(round_: Round) -> None:
    ids = round_.submit(4)
    round_.ahead()
    round_.tick()
    round_.finish(*round_.start())
    round_.schedule("t", due=0)
    round_.dispatcher.drain(round_.now)
    assert round_.states(ids) == ["succeeded"] + ["pending"] * 3
    assert round_.returned() == dict.fromkeys(ids[1:], "the worker stopped")
    assert round_.store.counts()["ready"] == 3  # no schedule has fired for a worker that goes


def test_a_worker_that_stops_records_its_last_outcome(round_: Round) -> None:
    [job_id] = round_.submit()
    round_.tick()
    round_.finish(*round_.start())
    round_.dispatcher.drain(round_.now)
    assert round_.states([job_id]) == ["succeeded"]


def test_a_worker_that_drains_does_not_spin_for_a_schedule_that_is_due(round_: Round) -> None:
    round_.schedule("t", due=0)
    round_.dispatcher.draining = True
    assert round_.tick() == POLL


def test_what_was_claimed_while_it_was_told_to_stop_is_handed_back(
    round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = round_.store.exchange

    def told_meanwhile(moves: Any, order: ClaimOrder, now: int) -> Exchange:
        answer = exchange(moves, order, now)
        round_.dispatcher.draining = True
        return answer

    monkeypatch.setattr(round_.store, "exchange", told_meanwhile)
    ids = round_.submit(2)
    round_.tick()
    assert round_.lane.try_take() is None
    round_.dispatcher.drain(round_.now)
    assert round_.returned() == dict.fromkeys(ids, "the worker stopped")


# -- when the store fails -------------------------------------------------------------------


def _fail(at: Round, error: Exception, after: bool = False) -> None:
    """Let the next round fail, before or after it was stored."""
    exchange = at.store.exchange

    def failing(moves: Any, order: ClaimOrder, now: int) -> Exchange:
        at.store.exchange = exchange  # type: ignore[method-assign]
        if after:
            exchange(moves, order, now)
        raise error

    at.store.exchange = failing  # type: ignore[method-assign]


def test_outcomes_that_could_not_be_recorded_are_kept(
    round_: Round, caplog: pytest.LogCaptureFixture
) -> None:
    ids = round_.submit(3)
    round_.tick()
    first, second = round_.start(2)
    round_.finish(first)
    _fail(round_, Busy("locked"))
    with pytest.raises(Busy):
        round_.tick()
    assert "finished_unrecorded: 1 jobs" in caplog.text
    round_.finish(second)
    round_.tasks.clear()  # and though nothing can be claimed here any more
    round_.tick()
    assert round_.states(ids) == ["succeeded", "succeeded", "pending"]


def test_a_round_that_fails_with_nothing_to_record_does_not_alarm(
    round_: Round, caplog: pytest.LogCaptureFixture
) -> None:
    _fail(round_, Busy("locked"))
    with pytest.raises(Busy):
        round_.tick()
    assert caplog.text == ""


def test_one_outcome_that_cannot_be_stored_does_not_hold_up_the_others(
    round_: Round, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ids = round_.submit(2)
    round_.tick()
    good, bad = round_.start(2)
    round_.finish(bad, Done("poison"))
    round_.finish(good)
    _fail(round_, ValueError("a value no store takes"))
    apply = round_.store.apply

    def refusing(moves: Any, now: int) -> Any:
        if "poison" in str(moves):
            raise ValueError("a value no store takes")
        return apply(moves, now)

    monkeypatch.setattr(round_.store, "apply", refusing)
    more = round_.submit()
    round_.tick()
    assert "a round of 2 outcomes failed; recording them one by one" in caplog.text
    assert round_.states(ids + more) == ["succeeded", "failed", "running"]
    assert "a value no store takes" in (round_.job(bad.id).error or "")
    round_.tick()
    refused = [e for e in round_.store.events() if e.kind == "job.result_refused"]
    assert refused == []  # nothing is recorded twice


@pytest.mark.parametrize("locked", ["apply", "exchange"])
def test_a_lock_while_they_are_recorded_one_by_one_fails_no_job(
    round_: Round, monkeypatch: pytest.MonkeyPatch, locked: str
) -> None:
    ids = round_.submit(2)
    round_.tick()
    for job in round_.start(2):
        round_.finish(job)
    errors = iter([ValueError("a fault"), Busy("locked")])

    def refuse(*args: Any) -> Any:
        raise next(errors)

    with monkeypatch.context() as patch:
        patch.setattr(round_.store, "exchange", refuse)
        if locked == "apply":
            patch.setattr(round_.store, "apply", refuse)
        with pytest.raises(Busy):
            round_.tick()
    round_.tick()
    assert round_.states(ids) == ["succeeded"] * 2
    assert "job.result_refused" not in [event.kind for event in round_.store.events()]


@pytest.mark.parametrize("stored", [True, False])
def test_after_an_answer_that_was_lost_the_store_is_asked(round_: Round, stored: bool) -> None:
    """What the round had recorded is not recorded again, what it had claimed is handed back."""
    ids = round_.submit(3)
    round_.tick()
    done, _ = round_.start(2)
    round_.finish(done)
    _fail(round_, StoreUnavailable("cut off", unknown=True), after=stored)
    with pytest.raises(StoreUnavailable):
        round_.tick()
    for _ in range(2):
        round_.tick()
    assert round_.returned() == ({ids[2]: "the answer to its claim was lost"} if stored else {})
    assert round_.states(ids) == ["succeeded", "running", "running"]
    assert round_.job(ids[2]).returned == stored
    kinds = [event.kind for event in round_.store.events()]
    assert kinds.count("job.succeeded") == 1 and "job.result_refused" not in kinds


def test_only_after_an_answer_that_was_lost_the_store_is_asked_once(
    round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(round_.store, "unfinished_of", lambda worker: asked.append(worker) or [])
    for unknown in (False, True):
        _fail(round_, StoreUnavailable("cut off", unknown=unknown))
        with pytest.raises(StoreUnavailable):
            round_.tick()
        for _ in range(2):
            round_.tick()
        assert asked == [round_.me] * unknown


def test_a_submit_whose_answer_was_lost_has_its_claim_handed_back(
    round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    round_.tick()
    stored = round_.store.submit_in_round

    def lost(*args: Any) -> Any:
        stored(*args)
        raise StoreUnavailable("cut off", unknown=True)

    monkeypatch.setattr(round_.store, "submit_in_round", lost)
    with pytest.raises(StoreUnavailable):
        round_.dispatcher.submit(_new(round_), round_.now, None)
    round_.tick()
    assert list(round_.returned().values()) == ["the answer to its claim was lost"]
    assert len(round_.start()) == 1


def test_jobs_of_the_other_places_of_a_worker_are_not_handed_back(round_: Round) -> None:
    [theirs] = round_.submit(1, task="u")
    order = ClaimOrder(round_.me, 1, 1, name_list(["u"]), sure=True)
    round_.store.exchange([], order, round_.now)
    _fail(round_, StoreUnavailable("cut off", unknown=True))
    with pytest.raises(StoreUnavailable):
        round_.tick()
    for _ in range(2):
        round_.tick()
    assert round_.returned() == {} and round_.states([theirs]) == ["running"]


def test_a_result_that_the_store_refuses_is_told(
    round_: Round, caplog: pytest.LogCaptureFixture
) -> None:
    [job_id] = round_.submit()
    round_.tick()
    round_.finish(*round_.start())
    round_.store.apply(states.rescue([round_.job(job_id)], 1, round_.now, "gone"), round_.now)
    round_.tick()
    assert f"job {job_id}: the result of attempt 1 was refused" in caplog.text


def test_the_policy_of_a_task_says_when_it_is_tried_again(round_: Round) -> None:
    policy = RetryPolicy(base=7, jitter=0)
    round_.registry.add(Task("t", len, Codec(len, "t"), retries=2, policy=policy))
    ids = round_.submit() + round_.submit(1, task="gone")
    round_.tasks.append("gone")
    round_.tick()
    for job in round_.start(2):
        round_.finish(job, Failed("error", "no"))
    round_.tick()
    assert round_.job(ids[0]).run_at == round_.now + 7
    assert round_.job(ids[1]).run_at > round_.now + SECOND // 2  # as by default


def test_a_policy_that_fails_does_not_hold_up_its_job(round_: Round) -> None:
    policy = RetryPolicy(factor="many")  # type: ignore[arg-type]
    round_.registry.add(Task("t", len, Codec(len, "t"), retries=2, policy=policy))
    [job_id] = round_.submit()
    round_.tick()
    round_.finish(*round_.start(), Failed("error", "no"))
    round_.tick()
    assert (round_.job(job_id).state, round_.job(job_id).code) == ("failed", "internal")


# -- who else is told -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fired", "told"), [(["t"], []), (["u"], ["fired"]), (["t", "u"], ["fired"])]
)
def test_what_schedules_made_for_others_is_told(
    round_: Round, fired: list[str], told: list[str]
) -> None:
    round_.lane.slots = 3
    for task in fired:
        round_.schedule(task, due=0)
    round_.tick()
    assert round_.told == told


def test_what_schedules_made_and_we_have_no_room_for_is_told(round_: Round) -> None:
    round_.submit(2)
    round_.tick()
    round_.start(2)
    round_.schedule("t", due=0)
    round_.told.clear()
    round_.tick()
    assert round_.told == ["fired"]


def test_an_end_that_counts_towards_a_limit_lets_others_look(round_: Round) -> None:
    round_.store.limits.declare([Limit(Scope.TASK, "u", 1)], round_.now)
    [job_id] = round_.submit()
    round_.tick()
    round_.finish(*round_.start())
    for _ in range(2):
        round_.tick()
    assert round_.told == [[job_id], "more"]
