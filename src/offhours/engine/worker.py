"""A worker: the loops and executors of one process, from start to drain."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from functools import partial

from offhours.core.admission import BackgroundLimits
from offhours.core.clock import Clock, Signal
from offhours.core.errors import OffhoursError
from offhours.core.gates import Gate
from offhours.core.model import Claimed, NewJob, WorkerInfo
from offhours.core.outcomes import Failed
from offhours.core.ports import Executor, QueueBound, Store, WakeUps, name_list
from offhours.core.states import Move
from offhours.core.times import SECOND, Micros
from offhours.core.tracing import NO_TRACING, Tracing
from offhours.engine.ageing import Ageing
from offhours.engine.context import Context, Foreground, find_context
from offhours.engine.desk import StoreDesk
from offhours.engine.dispatcher import Dispatcher
from offhours.engine.gatekeeper import Gatekeeper
from offhours.engine.lane import Lane
from offhours.engine.lifeline import Lifeline, host_identity, process_started
from offhours.engine.loop import Loop
from offhours.engine.pruner import Pruner
from offhours.engine.registry import Registry, Task
from offhours.engine.runner import TaskRunner

_log = logging.getLogger("offhours")
HURRY_LOOK = 0.1


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How a worker behaves; durations in microseconds."""

    lease: Micros = 30 * SECOND
    poll: Micros = SECOND
    limits: BackgroundLimits = field(default=BackgroundLimits())
    queues: tuple[str, ...] | None = None
    max_payload: int = 1_000_000
    retention: Micros = 7 * 86_400 * SECOND
    retention_jobs: int = 100_000
    ageing: Micros = 0
    timezone: tzinfo | None = None
    version: str = ""
    release: str | None = None


class Worker:
    """Runs jobs of a registry from a store until it is stopped.

    `places` says which executor serves which tasks. Without threads (`inline`), `step` drives it.
    `gates` are those of all work that concern a job.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        clock: Clock,
        places: Sequence[tuple[Executor, Callable[[Task], bool]]],
        settings: WorkerSettings,
        *,
        foreground: Foreground,
        address: str = "",
        wake_ups: WakeUps,
        on_applied: Callable[[Sequence[Move]], None] = lambda moves: None,
        keep_local: Callable[[int, object], None] | None = None,
        tracing: Tracing = NO_TRACING,
        gates: Callable[[Claimed], Sequence[Gate]] = lambda job: (),
    ) -> None:
        self._store = store
        self._watch = store.sibling()
        self._registry = registry
        self._clock = clock
        self._settings = settings
        self._address = address
        self._wake_ups = wake_ups
        self.id = 0
        self.runner = TaskRunner(
            registry,
            clock,
            foreground=foreground,
            save_progress=lambda job, attempt, told: store.save_progress(
                job, attempt, told, clock.micros()
            ),
            max_payload=settings.max_payload,
            timezone=settings.timezone,
            keep_local=keep_local,
            on_open=self._introduce,
            tracing=tracing,
            home=store.identity,
            desk=lambda job: StoreDesk(store, job, clock),
            gatekeeper=Gatekeeper(store, clock, gates),
        )
        self._places = list(places)
        self._foreground = foreground
        self._on_applied = on_applied
        self._executors = [executor for executor, _ in places]
        self._lanes: list[Lane] = []
        self._dispatchers: list[Dispatcher] = []
        self._signals: list[Signal] = []
        for executor, serves in places:
            self._add_place(executor, serves)
        self.lifeline = Lifeline(
            self._watch,
            registry,
            clock,
            self.runner,
            worker=lambda: self.id,
            slots=self._slots,
            lease=settings.lease,
            give_up=self._give_up,
            cancel_buffered=self._cancel_buffered,
            on_released=self.wake,
            on_lost=self._start_over,
        )
        pruner = Pruner(self._watch, age=settings.retention, keep=settings.retention_jobs)
        self.prune = pruner.tick
        self.ageing = Ageing(self._watch, settings.ageing) if settings.ageing else None
        self._loops: list[Loop] = []
        self._stop_listening: Callable[[], None] = lambda: None
        self._rebirth = threading.Lock()
        self._hurried = False

    def _add_place(self, executor: Executor, serves: Callable[[Task], bool]) -> None:
        signal = Signal()
        lane = Lane(executor.slots, self._clock, self._foreground, signal, self._refuse)
        queues = self._settings.queues
        self._signals.append(signal)
        self._lanes.append(lane)
        self._dispatchers.append(
            Dispatcher(
                lane,
                self._store,
                self._registry,
                self._clock,
                tasks=_names_of(self._registry, serves),
                worker=lambda: self.id,
                foreground=self._foreground,
                limits=self._settings.limits,
                queues=None if queues is None else name_list(queues),
                poll=self._settings.poll,
                lease=self._settings.lease,
                on_applied=self._on_applied,
                on_more=self._wake_ups.put,
                on_fired=self._spread,
                on_lost=self._start_over,
            )
        )

    def _introduce(self, context: Context) -> None:
        context.worker = self.id

    # -- life ---------------------------------------------------------------------------------

    def start(self, threads: bool = True) -> None:
        """Register, and begin to work."""
        self._register()
        self.lifeline.rescue(self._clock.micros())
        for executor, lane in zip(self._executors, self._lanes, strict=True):
            executor.start(lane, self.runner)
        if not threads:
            return
        for dispatcher, signal in zip(self._dispatchers, self._signals, strict=True):
            self._loops.append(Loop("dispatch", dispatcher.tick, self._clock, signal))
        self._loops.append(Loop("lifeline", self.lifeline.tick, self._clock))
        self._loops.append(Loop("prune", self.prune, self._clock))
        if self.ageing is not None:
            self._loops.append(Loop("ageing", self.ageing.tick, self._clock))
        for loop in self._loops:
            loop.start()
        self._listen()

    def open_place(self, executor: Executor, serves: Callable[[Task], bool]) -> None:
        """Add an executor while we work: the first task that needs it has come."""
        self._places.append((executor, serves))
        self._executors.append(executor)
        self._add_place(executor, serves)
        executor.start(self._lanes[-1], self.runner)
        loop = Loop("dispatch", self._dispatchers[-1].tick, self._clock, self._signals[-1])
        self._loops.append(loop)
        loop.start()
        self._stop_listening()
        self._listen()

    def _listen(self) -> None:
        hungry = [dispatcher.hungry for dispatcher in self._dispatchers]
        self._stop_listening = self._wake_ups.listen(hungry, self.wake)

    def wake(self, job: NewJob | None = None) -> None:
        """Look at the store now; for a job that we can run, start nothing less urgent before."""
        task = None if job is None else self._registry.find(job.task)
        queues = self._settings.queues
        # Not strict: another thread may just be opening a place, whose first round comes anyway.
        rooms = zip(self._places, self._lanes, self._dispatchers, self._signals, strict=False)
        for (_, serves), lane, dispatcher, signal in rooms:
            if job is not None and task is not None:
                if not serves(task):
                    continue
                if queues is None or job.queue in queues:
                    lane.call(job.priority)
            dispatcher.nudged = True
            signal.set()

    def set_limits(self, limits: BackgroundLimits) -> None:
        """Let background work start by these limits from the next round on."""
        self._settings = replace(self._settings, limits=limits)
        for dispatcher in self._dispatchers:
            dispatcher.limits = limits
        self.wake()

    def submit(self, job: NewJob, now: Micros, bound: QueueBound | None) -> int | None:
        """Store a job and claim it in one commit; None when no place that serves it is idle."""
        task = self._registry.find(job.task)
        if task is None or not self._loops or not task.requires <= self._registry.labels:
            return None
        rooms = zip(self._places, self._dispatchers, self._signals, strict=False)
        for (_, serves), dispatcher, signal in rooms:
            if serves(task):
                job_id = dispatcher.submit(job, now, bound)
                if job_id is not None and dispatcher.hungry.is_set():
                    signal.set()  # it may not start yet: the loop finds out when it may
                return job_id
        return None

    def _spread(self) -> None:
        """There are new jobs that the one who stored them may not run."""
        self.wake()
        self._wake_ups.put()

    def wake_lifeline(self) -> None:
        """Look now whether a run was cancelled."""
        for loop in self._loops:
            if loop.signal not in self._signals:
                loop.signal.set()

    def step(self, now: Micros, slots: int) -> bool:
        """One round of everything, in the caller's thread, with this many slots. True: again."""
        for lane in self._lanes:
            lane.slots = slots
        self.lifeline.tick(now)
        if self.ageing is not None:
            self.ageing.tick(now)
        wanted = [dispatcher.tick(now) for dispatcher in self._dispatchers]
        return min(wanted) <= now

    def stop(self, seconds: float) -> bool:
        """Drain: claim no more, wait for what runs, hand the rest back. True if all had ended."""
        for dispatcher in self._dispatchers:
            dispatcher.draining = True
        for lane in self._lanes:
            lane.close()
        self.wake()
        clean = self._wait_idle(seconds)
        for executor in self._executors:  # before its job is handed back and runs elsewhere
            executor.abandon()
        for loop in self._loops:  # nothing is given to others before its run was told to stop
            loop.stop()
        for lane in self._lanes:  # before a coroutine can say that it was cancelled
            lane.hand_back_running("the worker stopped")
        for context in list(self.runner.running.values()):
            context.request_cancel()
        self._finish()
        return clean

    def hurry(self) -> None:
        """Wait no longer in `stop`."""
        self._hurried = True

    def _wait_idle(self, seconds: float) -> bool:
        deadline = self._clock.monotonic() + seconds
        while not self._hurried and (left := deadline - self._clock.monotonic()) > 0:
            if all(lane.wait_idle(min(left, HURRY_LOOK)) for lane in self._lanes):
                break
        return not self.running

    def _finish(self) -> None:
        now = self._clock.micros()
        drained = [self._managed(partial(each.drain, now)) for each in self._dispatchers]
        if all(drained):  # else some of its jobs may have run unrecorded: as after a crash
            self._managed(partial(self._store.remove_worker, self.id, now))
        for executor in self._executors:
            executor.close()
        self._stop_listening()
        if self._watch is not self._store:
            self._watch.close()

    def _managed(self, step: Callable[[], object]) -> bool:
        try:
            step()
        except Exception as error:
            _log.error("stopping: %s; this worker's jobs are rescued by others", error)
            return False
        return True

    def runs_caller(self) -> bool:
        """Whether it is one of our own tasks that asks."""
        context = find_context()
        return context is not None and self.runner.running.get(context.job_id) is context

    @property
    def store_gone(self) -> bool:
        """Whether the store was taken from under us: there is nothing left to work on."""
        return any(loop.store_gone for loop in self._loops)

    @property
    def hungry(self) -> bool:
        """Whether it waits for work with every executor."""
        return all(dispatcher.hungry.is_set() for dispatcher in self._dispatchers)

    @property
    def running(self) -> int:
        """Jobs that run now."""
        return sum(lane.running for lane in self._lanes)

    def busy(self, outer: int = 0) -> bool:
        """Whether more than `outer` jobs run, or one waits in a buffer or to be recorded."""
        return self.running > outer or any(lane.active for lane in self._lanes)

    # -- what can go wrong --------------------------------------------------------------------

    def _register(self) -> None:
        pid = os.getpid()
        now = self._clock.micros()
        self.id = self._store.add_worker(
            WorkerInfo(
                id=0,
                label=f"{host_identity().partition('/')[0]}:{pid}",
                host=host_identity(),
                pid=pid,
                pid_started=process_started(pid),
                address=self._address,
                tasks=json.dumps(self._registry.served_names()),
                slots=self._slots(),
                started_at=now,
                beat=0,
                beat_at=now,
                lease=self._settings.lease,
                labels=json.dumps(sorted(self._registry.labels)),
                version=self._settings.version,
                release=self._settings.release,
            ),
            now,
        )
        self._store.limits.declare(self._registry.limits(), now)

    def _slots(self) -> int:
        """How many runs a death of ours may take along: only places that have tasks run any."""
        tasks = self._registry.served()
        return sum(executor.slots for executor, serves in self._places if any(map(serves, tasks)))

    def _start_over(self, dead: int) -> None:
        """We were declared dead: our jobs are others' now. Drop them and begin as a new worker."""
        with self._rebirth:
            if dead != self.id:
                return  # the other loop has noticed it too
            _log.error("worker %d was declared dead; its jobs were given to others", dead)
            for executor in self._executors:
                executor.abandon()
            for context in list(self.runner.running.values()):
                context.request_cancel()
            for lane in self._lanes:
                for _ in lane.forget():
                    self._replace_slot(lane)
            self.runner.running.clear()
            self._register()

    def _give_up(self, job_id: int, failure: Failed) -> None:
        for lane in self._lanes:
            if lane.give_up(job_id, failure):
                self._replace_slot(lane)

    def _refuse(self, job: Claimed) -> None:
        """A run came to its end after its job was taken away: its result is refused, and told."""
        _log.warning("job %d: the result of attempt %d came too late", job.id, job.attempt)
        with suppress(OffhoursError):
            now = self._clock.micros()
            self._store.tell(now, "job.result_refused", job.id, job.attempt, task=job.task)

    def _cancel_buffered(self, job_id: int) -> None:
        if any(lane.cancel_buffered(job_id) for lane in self._lanes):
            self.wake()

    def _replace_slot(self, lane: Lane) -> None:
        executor = self._executors[self._lanes.index(lane)]
        if not executor.replace_slot():
            lane.lose_slot()
            _log.error("a run that cannot be stopped keeps its slot; restart this worker")


def _names_of(registry: Registry, serves: Callable[[Task], bool]) -> Callable[[], str]:
    """The tasks that a place serves, as claims name them; made anew when the registry changes."""
    known, names = -1, ""

    def current() -> str:
        nonlocal known, names
        if registry.version != known:
            known = registry.version
            names = name_list(task.name for task in registry.served() if serves(task))
        return names

    return current
