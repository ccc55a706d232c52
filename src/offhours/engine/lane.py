"""Claimed jobs on their way into one executor, most urgent first, and outcomes on their way out.

The buffer is small in time: it never holds more than a few milliseconds of work, so that what is
claimed early cannot stand in the way of what is urgent.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from offhours.core.clock import Clock, Signal
from offhours.core.model import BACKGROUND_CLASS, Claimed
from offhours.core.outcomes import Failed, HandedBack, Outcome, Stopped
from offhours.engine.foreground import Foreground

PREFETCH_SECONDS = 0.005
MOST_BUFFERED = 256
SLOW_SECONDS = 0.001
NOTHING_URGENT = 1_000

Finished = tuple[Claimed, Outcome]


class Wish(NamedTuple):
    """Claim up to `slots` jobs, `free` of which start at once, only `below` a priority (if given).

    The receipt is for `put`: calls up to it are answered by this round.
    """

    slots: int
    free: int
    below: int | None
    receipt: int


class Lane:
    """Implements `core.ports.Source`: the executor takes and finishes, the dispatcher fills."""

    def __init__(
        self,
        slots: int,
        clock: Clock,
        foreground: Foreground,
        need: Signal,
        on_void: Callable[[Claimed], None] = lambda job: None,
    ) -> None:
        self.slots = slots
        self._clock = clock
        self._foreground = foreground
        self._need = need
        self._on_void = on_void
        self._buffer: list[tuple[int, int, Claimed]] = []  # priority, place in the claims, job
        self._place = count()
        self._running: dict[int, tuple[Claimed, float]] = {}
        self._finished: deque[Finished] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._waiting = 0
        self._closed = False
        self._calls = 0
        self._called: dict[int, int] = {}  # by priority, the last call that no round has answered
        self._urgent = NOTHING_URGENT  # the most urgent of them: nothing less urgent starts
        self._lost_slots = 0
        self._head_seen: int | None = None
        self._mean = float("inf")
        self._listener: Callable[[], None] | None = None

    # -- the executor's side ----------------------------------------------------------------

    def take(self) -> Claimed | None:
        with self._changed:
            while not self._closed:
                job = self._next()
                if job is not None:
                    return job
                self._waiting += 1
                self._changed.wait()
                self._waiting -= 1
            return None

    def try_take(self) -> Claimed | None:
        with self._changed:
            return None if self._closed else self._next()

    def on_ready(self, call: Callable[[], None]) -> None:
        self._listener = call

    def finish(self, job: Claimed, outcome: Outcome) -> bool:
        """Hand in an outcome. False: the job was taken away meanwhile, the outcome is void."""
        with self._changed:
            held = self._running.get(job.id)
            valid = held is not None and held[0].attempt == job.attempt
            if held is not None and valid:
                del self._running[job.id]
                seconds = time.perf_counter() - held[1]
                self._learn(seconds)
                self._finished.append((job, outcome))
                if not self._buffer or seconds > SLOW_SECONDS or self._blocked:
                    self._need.set()
                if self._closed and not self._running:
                    self._changed.notify_all()
            elif self._lost_slots:
                self._lost_slots -= 1  # its thread was not replaced: it works again
                self.slots += 1
                self._need.set()
        if not valid and type(outcome) is not Stopped:  # who stopped as asked has no result
            self._on_void(job)
        return valid

    def _next(self) -> Claimed | None:
        if not self._buffer or self._blocked:
            return None
        job = self._buffer[0][2]
        if job.priority >= BACKGROUND_CLASS and self._foreground.active(self._clock.micros()):
            return None
        heappop(self._buffer)
        self._running[job.id] = (job, time.perf_counter())
        return job

    def _learn(self, seconds: float) -> None:
        """A mean that believes in slow jobs at once and in fast ones slowly."""
        if self._mean == float("inf"):
            self._mean = seconds
        elif seconds > self._mean:
            self._mean = (self._mean + seconds) / 2
        else:
            self._mean += (seconds - self._mean) / 16

    # -- the dispatcher's side --------------------------------------------------------------

    def call(self, priority: int) -> None:
        """Something of this priority was submitted: start nothing less urgent before a round."""
        with self._changed:
            self._calls += 1
            self._called[priority] = self._calls
            self._urgent = min(self._urgent, priority)

    def wanted(self) -> Wish:
        """How much work would be welcome now."""
        with self._changed:
            free = max(0, self.slots - len(self._running))
            idle = max(0, free - len(self._buffer))
            quick = self.slots - self._slow_runs()
            ahead = min(MOST_BUFFERED, int(PREFETCH_SECONDS * quick / max(self._mean, 1e-6)))
            room = free + ahead - len(self._buffer)
            if room > 0:
                return Wish(room, idle, None, self._calls)
            if self._buffer and self._urgent < max(self._buffer)[0]:
                # Even with no slot free: what was called must stand before what is buffered.
                return Wish(max(free, 1), idle, max(self._buffer)[0], self._calls)
            return Wish(0, idle, None, self._calls)

    def running_ids(self) -> list[int]:
        """The jobs that have been started."""
        with self._changed:
            return list(self._running)

    def held_ids(self) -> set[int]:
        """All that we were given and whose end was not collected yet."""
        with self._changed:
            waiting = (job.id for _, _, job in self._buffer)
            return {*waiting, *self._running, *(job.id for job, _ in self._finished)}

    def put(self, jobs: Sequence[Claimed], receipt: int, full: bool = False) -> None:
        """Add claimed jobs; calls up to the receipt are thereby answered.

        Where a round was `full`, there may be more jobs as urgent as its last one: nothing less
        urgent starts before the next round.
        """
        with self._changed:
            for job in jobs:
                # In the order of the claim: its first ones are taken for begun, tenants take turns.
                heappush(self._buffer, (job.priority, next(self._place), job))
            self._called = {p: call for p, call in self._called.items() if call > receipt}
            if full and jobs:
                self._called.setdefault(jobs[-1].priority, receipt)
            self._urgent = min(self._called, default=NOTHING_URGENT)
            self._rouse()
        if self._listener is not None and self._buffer:
            self._listener()

    @property
    def _blocked(self) -> bool:
        return self._buffer[0][0] > self._urgent

    @property
    def waits_for_round(self) -> bool:
        """Whether all that is buffered may have to let something more urgent go first."""
        with self._changed:
            return bool(self._buffer) and self._blocked

    def _rouse(self) -> None:
        """Wake as many threads as the buffered work is worth: none to fight over crumbs."""
        if not self._buffer or not self._waiting:
            return
        crumbs = len(self._buffer) * min(self._mean, 1.0) < SLOW_SECONDS
        self._changed.notify(1 if crumbs else len(self._buffer))

    def _slow_runs(self) -> int:
        """Slots in which a run takes longer than we claim ahead: no use to the buffer."""
        moment = time.perf_counter() - 2 * PREFETCH_SECONDS
        return sum(started < moment for _, started in self._running.values())

    @property
    def stuck(self) -> bool:
        """Whether the buffer waits behind slow runs in every slot."""
        with self._changed:
            return bool(self._buffer) and self._slow_runs() >= self.slots

    def cancel_buffered(self, job_id: int) -> bool:
        """Stop a job that was claimed and not started."""
        with self._changed:
            for entry in self._buffer:
                if entry[2].id == job_id:
                    self._buffer.remove(entry)
                    self._buffer.sort()
                    self._finished.append((entry[2], Stopped()))
                    return True
            return False

    def rouse_if_stalled(self) -> None:
        """Wake every thread that the buffer can use, when it has not moved since the last look."""
        with self._changed:
            head = self._buffer[0][1] if self._buffer else None
            if head is not None and head == self._head_seen:
                self._changed.notify(len(self._buffer))
            self._head_seen = head

    def collect(self) -> list[Finished]:
        """The outcomes that came in since."""
        collected = []
        while self._finished:
            collected.append(self._finished.popleft())
        return collected

    def withdraw(self, background_only: bool = False) -> list[Claimed]:
        """Take back what is buffered and not started."""
        with self._changed:
            kept: list[tuple[int, int, Claimed]] = []
            taken: list[tuple[int, int, Claimed]] = []
            for entry in self._buffer:
                keep = background_only and entry[0] < BACKGROUND_CLASS
                (kept if keep else taken).append(entry)
            self._buffer = sorted(kept)
        return [job for _, _, job in taken]

    def give_up(self, job_id: int, outcome: Outcome) -> bool:
        """End a run from outside: its slot is free, and what it still returns is void."""
        with self._changed:
            held = self._running.pop(job_id, None)
            if held is not None:
                self._finished.append((held[0], outcome))
                self._need.set()
                if self._closed and not self._running:
                    self._changed.notify_all()
            return held is not None

    def lose_slot(self) -> None:
        """A run that was given up keeps its thread: one job fewer at a time, until it returns."""
        with self._changed:
            self.slots -= 1
            self._lost_slots += 1

    def forget(self) -> list[int]:
        """Drop what runs and what waits: the lease is lost, these jobs are somebody else's now.

        What has finished is still handed in: it is refused by its attempt, and that is told.
        """
        with self._changed:
            ids = list(self._running)
            self._running.clear()
            self._buffer.clear()
        return ids

    def close(self) -> None:
        """Let nothing more start; threads that wait for work get None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait_idle(self, seconds: float | None) -> bool:
        """After `close`: wait until nothing runs."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, seconds)

    def hand_back_running(self, reason: str) -> list[int]:
        """Give up every run that is still going."""
        with self._changed:
            jobs = [job for job, _ in self._running.values()]
        lost = Failed("lost", f"{reason} while it ran, and it may run at most once", retry=False)
        return [
            job.id
            for job in jobs
            if self.give_up(job.id, lost if job.on_lost == "fail" else HandedBack(reason))
        ]

    @property
    def active(self) -> bool:
        """Whether there is work in it that a round should look after soon."""
        return bool(self._buffer or self._finished)

    @property
    def running(self) -> int:
        return len(self._running)
