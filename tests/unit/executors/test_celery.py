"""What a coordinator answers, message by message, without a broker."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from offhours.core import wire
from offhours.core.model import Claimed, TaskPriority
from offhours.core.outcomes import Crashed, Deferred, Done, HandedBack, Outcome, Stopped
from offhours.executors import celery as room
from offhours.executors.broker import celery_application, queue_name
from offhours.executors.celery import CeleryExecutor
from offhours.executors.telegrams import (
    Beat,
    Finished,
    Gone,
    Granted,
    Hello,
    Line,
    Over,
    Refused,
    State,
    Told,
    inbox_of,
    new_run,
)

SEAT = "seat"
LEASE = 60.0


def claimed(number: int = 1, attempt: int = 1, **fields: Any) -> Claimed:
    job = Claimed(
        number, "t:f", '[["a"],{}]', TaskPriority.NORMAL, 1, None, None, '{"who":"ann"}', "retry",
        0, attempt, 0, 0, 0, None, None,
    )  # fmt: skip
    return job._replace(**fields)


class FakeErrand:
    order = b""
    step_aside = "cooperate"
    metadata = '{"who":"ann"}'

    def __init__(self) -> None:
        self.cancelled = False
        self.foreground_until = 0
        self.saved: list[str] = []
        self.closed = False

    def save(self, progress: str) -> None:
        self.saved.append(progress)

    def close(self, outcome: Outcome | None = None) -> None:
        self.closed = True


class FakeLine:
    """Keeps what was sent, and counts what was posted into queues."""

    def __init__(self, connect: object, inbox: str, on_telegram: Callable[[Any], None]) -> None:
        self.inbox, self.hear = inbox, on_telegram
        self.sent: deque[Any] = deque()
        self.posts: list[Any] = []

    def send(self, address: str, telegram: Any) -> None:
        assert address == inbox_of(telegram.run)
        self.sent.append(telegram)

    def call(self, work: Any) -> None:
        self.posts.append(work)

    def close(self) -> None: ...


class Desk:
    """An executor whose rounds we make ourselves, and all that it stands between."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
        self.jobs: deque[Claimed] = deque()
        self.outcomes: list[tuple[int, Outcome]] = []
        self.errands: dict[int, FakeErrand] = {}
        self.now = 1000.0
        monkeypatch.setattr(room, "Line", FakeLine)
        monkeypatch.setattr(room.threading.Thread, "start", lambda thread: None)
        monkeypatch.setattr(room.time, "monotonic", lambda: self.now)
        self.executor = CeleryExecutor(
            2, "memory://", "t", lease=LEASE, **{"carry_arguments": True, **options}
        )
        self.executor.start(self, self)  # type: ignore[arg-type]
        self.line: Any = self.executor._line

    # the source and the runner
    def try_take(self) -> Claimed | None:
        return self.jobs.popleft() if self.jobs else None

    def on_ready(self, call: Callable[[], None]) -> None: ...

    def finish(self, job: Claimed, outcome: Outcome) -> bool:
        self.outcomes.append((job.id, outcome))
        return True

    def lend(self, job: Claimed, on_change: Callable[[], None]) -> FakeErrand:
        self.errands[job.id] = FakeErrand()
        return self.errands[job.id]

    # what happens
    def say(self, *telegrams: Any, later: float = 0.0) -> list[Any]:
        """The answers to these, after a while."""
        self.now += later
        for telegram in telegrams:
            self.line.hear(telegram)
        self.executor._round()
        answers = list(self.line.sent)
        self.line.sent.clear()
        return answers

    def posted(self, later: float = 0.0) -> int:
        self.say(later=later)
        posts, self.line.posts = self.line.posts, []
        return sum(len(post.args[2]) for post in posts)

    def begin(self, job: Claimed) -> str:
        self.jobs.append(job)
        assert self.posted() == 1
        run = new_run(SEAT)
        assert isinstance(self.say(Hello(run, job.id, job.attempt, 1.0))[0], Granted)
        return run


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch)


def done(run: str) -> Finished:
    return Finished(run, wire.Ended.of(Done("1"), 0, None))


def test_the_first_who_asks_gets_the_attempt_and_nobody_else(desk: Desk) -> None:
    desk.jobs.append(claimed())
    assert desk.posted() == 1
    first, second = new_run(SEAT), new_run(SEAT)
    [granted] = desk.say(Hello(first, 1, 1, 7.0))
    assert (granted.run, granted.sent, granted.lease) == (first, 7.0, LEASE)
    assert granted.claimed == claimed()
    assert desk.say(Hello(second, 1, 1, 0.0)) == [Refused(second)]
    assert desk.say(Hello(first, 1, 1, 8.0)) == [Granted(first, 8.0, granted.job, LEASE)]


def test_attempts_that_are_over_others_or_unheard_of_are_refused(desk: Desk) -> None:
    run = desk.begin(claimed(attempt=2))
    for job, attempt in ((1, 1), (1, 3), (9, 1)):
        assert desk.say(Hello("x#1", job, attempt, 0.0)) == [Refused("x#1")]
    assert desk.say(done(run)) == [Over(run)]
    assert desk.outcomes == [(1, Done("1"))]
    assert desk.say(Hello("x#2", 1, 2, 0.0)) == [Refused("x#2")]
    assert desk.say(done(run), Beat(run, 1.0)) == [Over(run), Over(run)]
    assert desk.outcomes == [(1, Done("1"))]
    assert desk.errands[1].closed


def test_with_a_store_to_ask_the_arguments_stay_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch, carry_arguments=False)
    desk.jobs.append(claimed(progress='{"partial": 1}'))
    desk.posted()
    [granted] = desk.say(Hello("x#1", 1, 1, 0.0))
    assert granted.claimed == claimed(args="", metadata=None)


def test_a_beat_is_answered_with_how_things_stand(desk: Desk) -> None:
    run = desk.begin(claimed())
    assert desk.say(Beat(run, 5.0)) == [State(run, 5.0, False, 0)]
    desk.errands[1].cancelled = True
    assert desk.say() == [State(run, 5.0, True, 0)]  # at once
    assert desk.say() == []
    assert desk.say(Beat(run, 6.0)) == [State(run, 6.0, True, 0)]
    desk.say(Told(run, "half"))
    assert desk.errands[1].saved == ["half"]


def test_a_silent_run_is_given_up_after_its_lease_and_the_time_to_end_it(desk: Desk) -> None:
    run = desk.begin(claimed())
    desk.say(Beat(run, 1.0), later=LEASE)
    desk.say(later=LEASE + room.KILL_SECONDS - 0.1)
    assert desk.outcomes == []
    desk.say(later=0.2)
    assert isinstance(desk.outcomes[0][1], Crashed)


def test_what_was_lost_is_sent_again_and_together(desk: Desk) -> None:
    desk.jobs += [claimed(1), claimed(2), claimed(3)]
    assert desk.posted() == 2  # as many as there are slots
    assert desk.posted(later=1.0) == 0
    assert desk.posted(later=2 * room.RESEND_SECONDS) == 2
    run = new_run(SEAT)
    desk.say(Hello(run, 1, 1, 0.0))
    assert desk.posted(later=2 * room.RESEND_SECONDS) == 1
    desk.say(done(run))
    assert desk.posted() == 1  # the third has a slot


def test_after_a_crash_elsewhere_it_waits_until_that_run_must_have_ended(desk: Desk) -> None:
    desk.jobs.append(claimed(attempt=2, crashes=1))
    assert desk.posted() == 0
    assert desk.say(Hello("x#1", 1, 2, 0.0)) == [Refused("x#1")]  # nobody can know of it
    assert desk.posted(later=LEASE) == 0
    assert desk.posted(later=room.KILL_SECONDS) == 1


def test_after_a_crash_that_it_saw_itself_it_does_not_wait(desk: Desk) -> None:
    run = desk.begin(claimed())
    desk.say(Finished(run, wire.Ended.of(Crashed("signal 11"), 0, None)))
    desk.jobs.append(claimed(attempt=2, crashes=1))
    assert desk.posted() == 1


def test_what_nobody_has_begun_is_cancelled_at_once(desk: Desk) -> None:
    desk.jobs.append(claimed())
    desk.posted()
    desk.errands[1].cancelled = True
    assert desk.say(Hello("x#1", 1, 1, 0.0)) == [Refused("x#1")]
    assert desk.outcomes == [(1, Stopped())]


def test_background_work_does_not_begin_while_a_workflow_is_active(desk: Desk) -> None:
    desk.jobs.append(claimed(priority=TaskPriority.LOW))
    desk.posted()
    desk.errands[1].foreground_until = time.time_ns()
    assert desk.say(Hello("x#1", 1, 1, 0.0)) == [Refused("x#1")]
    assert desk.outcomes == [(1, HandedBack("a workflow is active"))]


def test_a_worker_that_cannot_run_it_is_not_asked_again_at_once(desk: Desk) -> None:
    run = desk.begin(claimed())
    desk.say(Finished(run, wire.Ended.of(HandedBack("no handler"), 0, None)))
    [(_, outcome)] = desk.outcomes
    assert isinstance(outcome, Deferred) and outcome.reason == "no handler"


def test_an_outcome_that_is_none_is_a_crash(desk: Desk) -> None:
    run = desk.begin(claimed())
    desk.say(Finished(run, wire.Ended("Nonsense", {}, 0, None)))
    assert isinstance(desk.outcomes[0][1], Crashed)


def test_leaving_waits_until_the_runs_are_known_to_have_ended(desk: Desk) -> None:
    run = desk.begin(claimed(1))
    desk.jobs.append(claimed(2))
    desk.posted()
    leave = room._Leave(desk.now + room.CLOSE_SECONDS)
    assert desk.say(leave) == [Over(run)]
    assert desk.say(Hello("x#1", 2, 1, 0.0)) == [Refused("x#1")]
    assert desk.say(Beat(run, 2.0)) == [Over(run)]
    assert not leave.done.is_set()
    desk.say(Gone(run))
    assert leave.done.is_set()
    assert desk.outcomes == []  # the engine hands them back


def test_a_run_that_does_not_answer_when_we_leave_counts_as_a_crash(desk: Desk) -> None:
    desk.begin(claimed(1))
    leave = room._Leave(desk.now + room.CLOSE_SECONDS)
    desk.say(leave)
    desk.say(later=room.CLOSE_SECONDS)
    assert leave.done.is_set()
    assert isinstance(desk.outcomes[0][1], Crashed)


def test_each_priority_has_its_queue_and_only_json_is_accepted() -> None:
    celery = celery_application("memory://", "t")
    names = [queue.name for queue in celery.conf.task_queues]
    assert names == ["t.critical", "t.high", "t.normal", "t.low", "t.background"]
    assert queue_name("t", 90) == "t.low"
    assert celery.conf.accept_content == ["json"]
    assert celery.conf.task_acks_late


def test_a_line_hears_telegrams_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Any] = []
    line = Line.__new__(Line)
    line.inbox, line._on_telegram = "t", heard.append

    class Message:
        def __init__(self, body: object) -> None:
            self.body = body

    for body in (b"{", b"[]", b'{"type":"Nonsense","run":"x"}', '{"type":"Gone","run":"x"}', None):
        line._hear(Message(body))
    assert heard == [Gone("x")]
    assert caplog.text.count("is no telegram") == 4
