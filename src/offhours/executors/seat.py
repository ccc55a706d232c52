"""The side of a Celery worker: asks for an attempt, runs it, and ends it when nobody answers."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from uuid import uuid4

from kombu import Connection

from offhours.core import wire
from offhours.core.model import Claimed
from offhours.core.outcomes import HandedBack, Outcome, clean_text
from offhours.core.ports import Executor, Runner
from offhours.core.times import Micros
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
    new_run,
)

ASK_SECONDS = 0.5
ASKED_OFTEN = 6
MOST_SILENT = 100
BEATS = 6  # in a lease
LONGEST_BEAT = 2.0
_KILL_LOOK = 0.05

_log = logging.getLogger("offhours")

Steer = Callable[[int, bool, Micros], None]
Fetch = Callable[[Claimed], Claimed | None]


class Seat:
    """Where one thread of a Celery worker runs attempts, one at a time.

    `place` has one slot and can kill what runs in it. `steer` tells a running job that it was
    cancelled, and how long the person in front is active still; `fetch` reads from the store what
    a job came without (None: the attempt is over).
    """

    def __init__(
        self, connect: Callable[[], Connection], prefix: str, steer: Steer, fetch: Fetch
    ) -> None:
        self._steer = steer
        self._fetch = fetch
        self._heard: SimpleQueue[FromRun | ToRun | Outcome] = SimpleQueue()
        self._jobs: SimpleQueue[Claimed | None] = SimpleQueue()
        self._idle = threading.Event()
        self._run = self._office = ""
        self._silent: set[str] = set()
        self._line = Line(connect, f"{prefix}.seat.{uuid4().hex}", self._heard.put)

    def open(self, place: Executor, runner: Runner) -> None:
        self._place = place
        place.start(self, runner)

    def close(self) -> None:
        """Let go of the broker and of the process that is kept for the next run."""
        self._jobs.put(None)
        self._place.close()
        self._line.close()

    # -- core.ports.Source, for the place ------------------------------------------------------

    def take(self) -> Claimed | None:
        self._idle.set()
        return self._jobs.get()

    def try_take(self) -> Claimed | None:
        with suppress(Empty):
            return self._jobs.get_nowait()
        return None

    def on_ready(self, call: Callable[[], None]) -> None:
        """Nothing: the place has a thread that waits in `take`."""

    def finish(self, job: Claimed, outcome: Outcome) -> bool:
        self._heard.put(outcome)
        return True

    def tell(self, progress: str) -> None:
        """Pass on what the task told of its progress."""
        self._send(Told(self._run, progress))

    # -- one attempt, in the thread of the Celery worker ---------------------------------------

    def serve(self, job: int, attempt: int, office: str) -> str:
        """Run an attempt if we may; what came of it, in a word."""
        self._run, self._office = new_run(self._line.inbox), office
        answer = self._ask(job, attempt)
        if answer is None:
            return "refused"
        try:
            claimed = answer.claimed
            if not claimed.args:
                found = self._fetch(claimed)
                if found is None:
                    return self._hand_in(HandedBack("the store has no such attempt"), answer.lease)
                claimed = found
        except Exception as error:
            reason = clean_text(f"its Celery worker cannot read it: {error}")
            return self._hand_in(HandedBack(reason), answer.lease)
        outcome = self._see_through(claimed, answer.sent + answer.lease, answer.lease)
        return "lost" if outcome is None else self._hand_in(outcome, answer.lease)

    def _ask(self, job: int, attempt: int) -> Granted | None:
        """May we? None when not, or when nobody answers: the coordinator sends it again."""
        # Whoever did not answer has probably died, and left more messages: they get one chance.
        for _ in range(1 if self._office in self._silent else ASKED_OFTEN):
            now = time.monotonic()
            self._send(Hello(self._run, job, attempt, now))
            while (answer := self._next(now + ASK_SECONDS)) is not None:
                self._silent.discard(self._office)
                if isinstance(answer, Granted):
                    return answer
                if isinstance(answer, Refused):
                    return None
        if len(self._silent) > MOST_SILENT:
            self._silent.clear()
        self._silent.add(self._office)
        return None

    def _see_through(self, job: Claimed, until: float, lease: float) -> Outcome | None:
        """How the run ended; None when it had to be ended, or nobody answers any more."""
        self._idle.wait()  # what the run before left is being tidied up
        self._idle.clear()
        self._jobs.put(job)
        pause = min(lease / BEATS, LONGEST_BEAT)
        beat = time.monotonic()
        while (now := time.monotonic()) < until:
            if now >= beat:
                self._send(Beat(self._run, now))
                beat = now + pause
            heard = self._next(min(beat, until))
            if isinstance(heard, State):
                until = max(until, heard.sent + lease)
                self._steer(job.id, heard.cancelled, heard.foreground)
            elif isinstance(heard, Over):
                self._kill()
                self._send(Gone(self._run))
                return None
            elif isinstance(heard, Outcome):
                return heard
        _log.error("job %d: nobody answers for its lease, attempt %d ends", job.id, job.attempt)
        self._kill()
        return None

    def _hand_in(self, outcome: Outcome, lease: float) -> str:
        """Say how it ended until that was heard."""
        told = Finished(self._run, wire.Ended.of(outcome, 0, None))
        until = time.monotonic() + 2 * lease
        while time.monotonic() < until:
            self._send(told)
            wait = time.monotonic() + ASK_SECONDS
            while (answer := self._next(wait)) is not None:
                if isinstance(answer, Over):
                    return type(outcome).__name__.lower()
        return "unheard"

    def _kill(self) -> None:
        """End the run, and be sure of it: until its slot waits for the next one."""
        self.try_take()
        while not self._idle.wait(_KILL_LOOK):
            self._place.abandon()
        while not self._heard.empty():
            self._heard.get()

    def _next(self, until: float) -> FromRun | ToRun | Outcome | None:
        """What comes for this run until then, or None."""
        while (left := until - time.monotonic()) > 0:
            try:
                item = self._heard.get(timeout=left)
            except Empty:
                return None
            if getattr(item, "run", self._run) == self._run:
                return item
        return None

    def _send(self, telegram: FromRun) -> None:
        self._line.send(self._office, telegram)
