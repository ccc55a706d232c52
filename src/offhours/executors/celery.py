"""Runs jobs on Celery workers: the broker brings the news that there is one, and decides nothing.

The coordinator grants each attempt to one run; a message that is lost is sent again, and one that
comes twice is refused. A run without an answer for the length of its lease ends itself, and only
after that is it given up here.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from uuid import uuid4

from kombu import Producer, Queue

from offhours.core.clock import SystemClock
from offhours.core.model import BACKGROUND_CLASS, Claimed
from offhours.core.outcomes import Crashed, Deferred, HandedBack, Outcome, Stopped, clean_text
from offhours.core.ports import Errand, Runner, Source
from offhours.core.times import SECOND, Micros
from offhours.core.tracing import RUN_KEY, carried, carry
from offhours.executors.broker import RUN, celery_application, connection_to, queue_of
from offhours.executors.telegrams import (
    Beat,
    Finished,
    FromRun,
    Gone,
    Granted,
    Hello,
    Line,
    Over,
    Refused,
    State,
    Told,
    ToRun,
    inbox_of,
)

KILL_SECONDS = 2.0
CLOSE_SECONDS = 3.0
RESEND_SECONDS = 5.0
ELSEWHERE: Micros = 10 * SECOND  # until a job is offered again that a worker could not run
_EVERY = 12  # of the looks at a queue that is never empty, this one sends again all the same
_REMEMBERED = 10_000

_clock = SystemClock()
_log = logging.getLogger("offhours")


@dataclass(slots=True)
class _Away:
    """An attempt that is to be run elsewhere. `run` is the one that was allowed to, if any."""

    job: Claimed
    errand: Errand
    due: float
    posts: int = 0
    run: str | None = None
    heard: float = 0.0
    sent: float = 0.0
    told: tuple[bool, Micros] = (False, 0)
    leaving: bool = False

    @property
    def wishes(self) -> tuple[bool, Micros]:
        return self.errand.cancelled, self.errand.foreground_until

    @property
    def aside(self) -> bool:
        """Whether it must not start now."""
        return self.job.priority >= BACKGROUND_CLASS and self.errand.foreground_until > 0


class CeleryExecutor:
    """Up to `slots` attempts at Celery workers, or on their way there.

    `lease` is how long a run may go on without an answer from here. Without `carry_arguments` the
    other side reads them from the store.
    """

    def __init__(
        self,
        slots: int,
        broker: str,
        prefix: str,
        *,
        lease: float,
        carry_arguments: bool,
        resend: float = RESEND_SECONDS,
    ) -> None:
        self.slots = slots
        self._broker = broker
        self._prefix = prefix
        self._lease = lease
        self._carry = carry_arguments
        self._resend = min(resend, lease)
        self._celery = celery_application(broker, prefix)
        self._away: dict[int, _Away] = {}
        self._due: list[_Away] = []
        self._seen_off: dict[int, int] = {}
        self._inbox: SimpleQueue[FromRun | ToRun | _Leave] = SimpleQueue()
        self._leave: _Leave | None = None
        self._wake = threading.Event()
        self._started = self._closed = False
        self._address = f"{prefix}.office.{uuid4().hex}"

    def start(self, source: Source, runner: Runner) -> None:
        self._source, self._runner = source, runner
        self._line = Line(lambda: connection_to(self._broker), self._address, self._put)
        source.on_ready(self._wake.set)
        self._thread = threading.Thread(target=self._work, name="offhours-celery", daemon=True)
        self._thread.start()
        self._started = True

    def replace_slot(self) -> bool:
        """A run that was given up is told to end, or is lost in time: its slot comes back."""
        return True

    def abandon(self) -> None:
        """End what runs, and wait until it is told to be dead: it may be somebody else's next."""
        if not self._started:
            return
        leave = _Leave(time.monotonic() + CLOSE_SECONDS)
        self._put(leave)
        leave.done.wait(CLOSE_SECONDS + 1)

    def close(self) -> None:
        """Let go of the broker. The source must have been closed before."""
        if not self._started:
            return
        self.abandon()
        self._closed = True
        self._wake.set()
        self._thread.join(CLOSE_SECONDS)
        self._line.close()

    # -- the one thread that knows what is away ------------------------------------------------

    def _put(self, item: FromRun | ToRun | _Leave) -> None:
        self._inbox.put(item)
        self._wake.set()

    def _work(self) -> None:
        wait: float | None = None
        while not self._closed:
            self._wake.wait(wait)
            self._wake.clear()
            try:
                wait = self._round()
            except Exception:
                _log.exception("a round of the Celery executor failed")
                wait = 1.0

    def _round(self) -> float | None:
        while not self._inbox.empty():
            item = self._inbox.get()
            if isinstance(item, _Leave):
                self._begin_to_leave(item)
            else:
                self._answer(item, time.monotonic())
        now = time.monotonic()
        if self._leave is not None:
            return self._go_on_leaving(self._leave, now)
        while len(self._away) < self.slots and (job := self._source.try_take()) is not None:
            self._take(job, now)
        looks = [self._look_after(away, now) for away in list(self._away.values())]
        self._post_due()
        return max(0.0, min(looks) - now) if looks else None

    def _take(self, job: Claimed, now: float) -> None:
        lent = self._runner.lend(job, self._wake.set)
        if isinstance(lent, Outcome):
            self._source.finish(job, lent)
            return
        away = _Away(job, lent, now)
        if job.crashes and self._seen_off.get(job.id) != job.attempt - 1:
            # Another coordinator's run may still go on: until it had no answer for its lease.
            away.due = now + self._lease + KILL_SECONDS
        self._away[job.id] = away

    def _look_after(self, away: _Away, now: float) -> float:
        """Do what is to be done about an attempt now; when to look again."""
        if away.run is None:
            return self._bring(away, now)
        silent = away.heard + self._lease + KILL_SECONDS
        if now >= silent:
            self._end(away, Crashed("its Celery worker has not been heard of any more"))
        elif away.told != away.wishes:
            self._send_state(away)
        return silent

    def _bring(self, away: _Away, now: float) -> float:
        if away.errand.cancelled:
            self._end(away, Stopped())
        elif away.aside:
            self._end(away, HandedBack("a workflow is active"))
        elif now >= away.due:
            self._due.append(away)
            # All look at the same instants, so that what was lost together comes together.
            away.due = (now // self._resend + 2) * self._resend
        return away.due

    def _post_due(self) -> None:
        """Put the news into their queues; not again where they may well be still."""
        due, self._due = self._due, []
        batches: dict[tuple[int, bool], list[Claimed]] = {}
        for away in due:
            sparing = away.posts % _EVERY != 0
            batches.setdefault((away.job.priority, sparing), []).append(away.job)
            away.posts += 1
        for (priority, sparing), jobs in batches.items():
            self._line.call(partial(self._post, queue_of(self._prefix, priority), sparing, jobs))

    def _post(self, queue: Queue, sparing: bool, jobs: list[Claimed], producer: Producer) -> None:
        declared = queue.bind(producer.channel).queue_declare()
        if sparing and declared.message_count:
            return
        for job in jobs:
            self._celery.send_task(
                RUN, (job.id, job.attempt, self._address), queue=queue, producer=producer,
                retry=False, task_id=f"{job.task}-{job.id}-{job.attempt}",
            )  # fmt: skip

    def _end(self, away: _Away, outcome: Outcome) -> None:
        self._drop(away, outcome)
        self._source.finish(away.job, outcome)
        self._wake.set()  # there is a slot

    def _drop(self, away: _Away, outcome: Outcome | None = None) -> None:
        job = away.job
        del self._away[job.id]
        away.errand.close(outcome)
        self._seen_off[job.id] = job.attempt
        if len(self._seen_off) > _REMEMBERED:
            del self._seen_off[next(iter(self._seen_off))]

    # -- talking with runs ---------------------------------------------------------------------

    def _answer(self, telegram: FromRun | ToRun, now: float) -> None:
        if isinstance(telegram, Hello):
            self._greet(telegram, now)
            return
        away = next((each for each in self._away.values() if each.run == telegram.run), None)
        if away is None:
            if isinstance(telegram, Beat | Finished):
                self._send(Over(telegram.run))
            return
        match telegram:
            case Beat():
                away.heard, away.sent = now, telegram.sent
                self._send(Over(telegram.run)) if away.leaving else self._send_state(away)
            case Told():
                away.errand.save(telegram.text)
            case Finished():
                self._send(Over(telegram.run))
                self._end(away, _outcome(telegram))
            case Gone():
                self._drop(away)

    def _greet(self, hello: Hello, now: float) -> None:
        """The first who asks for an attempt gets it, and nobody else ever."""
        away = self._away.get(hello.job)
        if (
            away is None
            or away.job.attempt != hello.attempt
            or away.run not in (None, hello.run)
            or (away.run is None and (away.leaving or away.aside or away.errand.cancelled))
            or away.posts == 0
        ):
            self._send(Refused(hello.run))
            return
        away.run, away.heard, away.sent = hello.run, now, hello.sent
        job = away.job._replace(metadata=away.errand.metadata)
        if not self._carry:
            span = carried(job.metadata, RUN_KEY)
            metadata = carry(None, span, RUN_KEY) if span else None
            job = job._replace(args="", metadata=metadata, progress=None)
        self._send(Granted(hello.run, hello.sent, list(job), self._lease))

    def _send_state(self, away: _Away) -> None:
        away.told = cancelled, until = away.wishes
        left = max(0, until - _clock.micros())
        assert away.run is not None
        self._send(State(away.run, away.sent, cancelled, left))

    def _send(self, telegram: ToRun) -> None:
        self._line.send(inbox_of(telegram.run), telegram)

    # -- leaving -------------------------------------------------------------------------------

    def _begin_to_leave(self, leave: _Leave) -> None:
        if self._leave is not None:
            self._leave.done.set()
        self._leave = leave
        for away in list(self._away.values()):
            away.leaving = True
            if away.run is None:
                self._drop(away)  # nobody began it, and nobody may any more
            else:
                self._send(Over(away.run))

    def _go_on_leaving(self, leave: _Leave, now: float) -> float:
        if self._away and now < leave.until:
            return leave.until - now
        for away in list(self._away.values()):
            self._end(away, Crashed("nobody knows whether its run at a Celery worker has ended"))
        self._leave = None
        leave.done.set()
        return 0.0


class _Leave:
    """The wish that all runs end; `done` when they have, or when it was `until`."""

    def __init__(self, until: float) -> None:
        self.until = until
        self.done = threading.Event()


def _outcome(told: Finished) -> Outcome:
    try:
        outcome = told.end.outcome
    except (KeyError, ValueError) as error:
        return Crashed(clean_text(f"its Celery worker told no outcome: {error}"))
    if isinstance(outcome, HandedBack):  # it could not even begin: not again at once
        return Deferred(_clock.micros() + ELSEWHERE, outcome.reason)
    return outcome
