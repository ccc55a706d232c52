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
from offhours.engine.context import Context, find_context
from offhours.engine.desk import StoreDesk
from offhours.engine.dispatcher import Dispatcher
from offhours.engine.foreground import Foreground
from offhours.engine.gatekeeper import Gatekeeper
from offhours.engine.lane import Lane
from offhours.engine.lifeline import Lifeline, host_identity, process_started
from offhours.engine.loop import Loop
from offhours.engine.pruner import Pruner
from offhours.engine.registry import Registry, Task
from offhours.engine.runner import TaskRunner
from offhours.engine.station import Station, names_of

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
        self._foreground = foreground
        self._on_applied = on_applied
        self._stations = [self._station(executor, serves) for executor, serves in places]
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

    def _station(self, executor: Executor, serves: Callable[[Task], bool]) -> Station:
        signal = Signal()
        lane = Lane(executor.slots, self._clock, self._foreground, signal, self._refuse)
        queues = self._settings.queues
        dispatcher = Dispatcher(
            lane,
            self._store,
            self._registry,
            self._clock,
            tasks=names_of(self._registry, serves),
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
        return Station(executor, serves, signal, lane, dispatcher)

    def _introduce(self, context: Context) -> None:
        context.worker = self.id

    # -- life ---------------------------------------------------------------------------------

    def start(self, threads: bool = True) -> None:
        """Register, and begin to work."""
        self._register()
        self.lifeline.rescue(self._clock.micros())
        for station in self._stations:
            station.executor.start(station.lane, self.runner)
        if not threads:
            return
        self._loops += [station.loop(self._clock) for station in self._stations]
        self._loops.append(Loop("lifeline", self.lifeline.tick, self._clock))
        self._loops.append(Loop("prune", self.prune, self._clock))
        if self.ageing is not None:
            self._loops.append(Loop("ageing", self.ageing.tick, self._clock))
        for loop in self._loops:
            loop.start()
        self._listen()

    def open_place(self, executor: Executor, serves: Callable[[Task], bool]) -> None:
        """Add an executor while we work: the first task that needs it has come."""
        station = self._station(executor, serves)
        self._stations.append(station)
        executor.start(station.lane, self.runner)
        loop = station.loop(self._clock)
        self._loops.append(loop)
        loop.start()
        self._stop_listening()
        self._listen()

    def _listen(self) -> None:
        hungry = [station.dispatcher.hungry for station in self._stations]
        self._stop_listening = self._wake_ups.listen(hungry, self.wake)

    def wake(self, job: NewJob | None = None) -> None:
        """Look at the store now; for a job that we can run, start nothing less urgent before."""
        task = None if job is None else self._registry.find(job.task)
        queues = self._settings.queues
        for station in self._stations:
            if job is not None and task is not None:
                if not station.serves(task):
                    continue
                if queues is None or job.queue in queues:
                    station.lane.call(job.priority)
            station.look()

    def set_limits(self, limits: BackgroundLimits) -> None:
        """Let background work start by these limits from the next round on."""
        self._settings = replace(self._settings, limits=limits)
        for station in self._stations:
            station.dispatcher.limits = limits
        self.wake()

    def submit(self, job: NewJob, now: Micros, bound: QueueBound | None) -> int | None:
        """Store a job and claim it in one commit; None when no place that serves it is idle."""
        task = self._registry.find(job.task)
        if task is None or not self._loops or not task.requires <= self._registry.labels:
            return None
        serving = next((each for each in self._stations if each.serves(task)), None)
        return None if serving is None else serving.submit(job, now, bound)

    def _spread(self) -> None:
        """There are new jobs that the one who stored them may not run."""
        self.wake()
        self._wake_ups.put()

    def wake_lifeline(self) -> None:
        """Look now whether a run was cancelled."""
        rounds = {station.signal for station in self._stations}
        for loop in self._loops:
            if loop.signal not in rounds:
                loop.signal.set()

    def step(self, now: Micros, slots: int) -> bool:
        """One round of everything, in the caller's thread, with this many slots. True: again."""
        for station in self._stations:
            station.lane.slots = slots
        self.lifeline.tick(now)
        if self.ageing is not None:
            self.ageing.tick(now)
        wanted = [station.dispatcher.tick(now) for station in self._stations]
        return min(wanted) <= now

    def stop(self, seconds: float) -> bool:
        """Drain: claim no more, wait for what runs, hand the rest back. True if all had ended."""
        for station in self._stations:
            station.dispatcher.draining = True
        for station in self._stations:
            station.lane.close()
        self.wake()
        clean = self._wait_idle(seconds)
        for station in self._stations:  # before its job is handed back and runs elsewhere
            station.executor.abandon()
        for loop in self._loops:  # nothing is given to others before its run was told to stop
            loop.stop()
        for station in self._stations:  # before a coroutine can say that it was cancelled
            station.lane.hand_back_running("the worker stopped")
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
            if all(each.lane.wait_idle(min(left, HURRY_LOOK)) for each in self._stations):
                break
        return not self.running

    def _finish(self) -> None:
        now = self._clock.micros()
        drained = [self._managed(partial(each.dispatcher.drain, now)) for each in self._stations]
        if all(drained):  # else some of its jobs may have run unrecorded: as after a crash
            self._managed(partial(self._store.remove_worker, self.id, now))
        for station in self._stations:
            station.executor.close()
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
        return all(station.dispatcher.hungry.is_set() for station in self._stations)

    @property
    def running(self) -> int:
        """Jobs that run now."""
        return sum(station.lane.running for station in self._stations)

    def busy(self, outer: int = 0) -> bool:
        """Whether more than `outer` jobs run, or one waits in a buffer or to be recorded."""
        return self.running > outer or any(each.lane.active for each in self._stations)

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
        return sum(each.executor.slots for each in self._stations if any(map(each.serves, tasks)))

    def _start_over(self, dead: int) -> None:
        """We were declared dead: our jobs are others' now. Drop them and begin as a new worker."""
        with self._rebirth:
            if dead != self.id:
                return  # the other loop has noticed it too
            _log.error("worker %d was declared dead; its jobs were given to others", dead)
            for station in self._stations:
                station.executor.abandon()
            for context in list(self.runner.running.values()):
                context.request_cancel()
            for station in self._stations:
                for _ in station.lane.forget():
                    station.replace_slot()
            self.runner.running.clear()
            self._register()

    def _give_up(self, job_id: int, failure: Failed) -> None:
        for station in self._stations:
            if station.lane.give_up(job_id, failure):
                station.replace_slot()

    def _refuse(self, job: Claimed) -> None:
        """A run came to its end after its job was taken away: its result is refused, and told."""
        _log.warning("job %d: the result of attempt %d came too late", job.id, job.attempt)
        with suppress(OffhoursError):
            now = self._clock.micros()
            self._store.tell(now, "job.result_refused", job.id, job.attempt, task=job.task)

    def _cancel_buffered(self, job_id: int) -> None:
        if any(station.lane.cancel_buffered(job_id) for station in self._stations):
            self.wake()
