"""How one process works on the store: its worker, what is woken when, and how all of it ends."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from offhours import __version__
from offhours.agents.gates import Purse
from offhours.beside import Beside
from offhours.config import Settings
from offhours.core import states
from offhours.core.clock import Clock
from offhours.core.errors import IllegalMove, NotStarted
from offhours.core.model import JobState, NewJob
from offhours.core.ports import Store, WakeUps
from offhours.core.states import Move
from offhours.core.times import SECOND, Micros
from offhours.core.tracing import NO_TRACING, Tracing
from offhours.engine import registry as registries
from offhours.engine.context import find_context
from offhours.engine.foreground import Foreground
from offhours.engine.leases import ForegroundLeases
from offhours.engine.registry import Registry, Task
from offhours.engine.wakeup import LocalWakeUps
from offhours.engine.worker import Worker, WorkerSettings
from offhours.local_jobs import LocalJobs
from offhours.places import Places
from offhours.signals import Strikes, run_to_the_end
from offhours.waiting import Waiters


class Workplace:
    """The worker of a process while there is one, and the news between it and the others."""

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self.store = store
        self.clock = clock
        self.settings = settings
        self.worker: Worker | None = None
        self.tracing: Tracing = NO_TRACING
        self.purse = Purse(store, clock)
        self.registry = Registry(self._task_added, settings.labels or ())
        self.local = LocalJobs(self.registry)
        self._places = Places(settings, store.location)
        self._view = Foreground()
        self._closed = False
        self._begin_anew()

    def _begin_anew(self) -> None:
        """What a forked child cannot have from its parent: threads, and locks held meanwhile."""
        self._lock = threading.RLock()
        self._stopper: threading.Thread | None = None  # drains for a task that called stop()
        self._wake_ups: WakeUps = self.store.wake_ups() or LocalWakeUps(
            _pipe_path(self.store.location),
            lambda: [worker.address for worker in self.store.workers()],
        )
        self.waiters = Waiters(self.store, self.clock)
        self.beside = Beside(self.store, self.clock, self.settings.background)
        self.leases = ForegroundLeases(
            self.store, self.clock, self._view, self.settings.foreground_ttl
        )

    def after_fork(self) -> None:
        """In a forked child there are no threads: the worker and the leases are the parent's."""
        self.worker = None
        self._begin_anew()

    def change(self, settings: Settings) -> None:
        """How to work from the next start on."""
        self.settings = settings
        self._places = Places(settings, self.store.location)

    # -- begin and end ----------------------------------------------------------------------

    @property
    def inline(self) -> bool:
        """Whether jobs run in the thread that asks for them."""
        return self._places.inline is not None

    def check_open(self) -> None:
        if self._closed:
            raise NotStarted(f"this app on {self.store.name} was closed; make a new one")

    def start(self) -> Worker:
        """Begin to run jobs in this process."""
        with self._lock:
            self.check_open()
            if registries.importing:
                raise NotStarted(
                    "this script is being imported by a process that runs its tasks, and may not "
                    'start a worker: put that under if __name__ == "__main__":'
                )
            if self.worker is None:
                address = "" if self.inline else self._wake_ups.hear(self._on_wake)
                self.purse.reload()
                worker = self.make_worker(address)
                try:
                    worker.start(threads=not self.inline)
                    self.worker = worker
                    self.beside.start()
                except BaseException:  # also SIGTERM, wherever it came: nothing stays half begun
                    self.worker = None
                    worker.stop(0)
                    raise
            return self.worker

    def stop(self, timeout: Micros | None = None) -> bool:
        """Drain: finish what runs for up to `stop_timeout`, and hand the rest back.

        True when every running job had ended. A task that calls it does not wait for its own end.
        """
        seconds = (self.settings.stop_timeout if timeout is None else timeout) / SECOND
        with self._lock:
            worker, self.worker = self.worker, None
            stopper = self._stopper
            if worker is not None and worker.runs_caller():
                # Not a daemon: a program that ends now waits for the drain.
                self._stopper = threading.Thread(
                    target=self._drain, args=(worker, seconds), name="offhours-stop"
                )
                self._stopper.start()
                return False
        if worker is None and stopper is not None and find_context() is None:
            stopper.join()
        return self._drain(worker, 0 if self.inline else seconds)

    def _drain(self, worker: Worker | None, seconds: float) -> bool:
        clean = worker is None or worker.stop(seconds)
        if self.worker is None:  # it was not started again meanwhile
            self.beside.stop()
        self.leases.close()
        self._wake_ups.unhear()
        return clean

    def close(self) -> None:
        """Stop without waiting, and let go of the store. Jobs stay where they are."""
        if self._closed:
            return
        if self.worker is not None and self.worker.runs_caller():
            raise IllegalMove("a task cannot close its app: its own end could not be recorded; "
                              "stop() ends the work")  # fmt: skip
        self.stop(0)
        self._orphan_local()
        self._closed = True
        self._wake_ups.close()
        self.store.close()

    def _orphan_local(self) -> None:
        """Jobs of this process only end with it: say so."""
        mine = self.local.unfinished()
        found = [self.store.job(job_id) for job_id in mine]
        moves = [
            states.orphan(job)
            for job in found
            if job is not None and job.state in (JobState.PENDING, JobState.HELD)
        ]
        if moves:
            self.store.apply(moves, self.clock.micros())
        self.finished(mine)

    def make_worker(self, address: str) -> Worker:
        settings = self.settings
        return Worker(
            self.store,
            self.registry,
            self.clock,
            self._places.first(self.registry.tasks()),
            WorkerSettings(
                lease=settings.lease,
                poll=settings.poll,
                limits=settings.background,
                queues=settings.queues,
                max_payload=settings.max_payload,
                retention=settings.retention,
                retention_jobs=settings.retention_jobs,
                ageing=settings.ageing,
                timezone=settings.timezone,
                version=__version__,
                release=settings.release,
            ),
            foreground=self._view,
            address=address,
            wake_ups=self._wake_ups,
            on_applied=self._on_applied,
            keep_local=self.local.keep,
            tracing=self.tracing,
            gates=self.purse.gates,
        )

    # -- work -------------------------------------------------------------------------------

    def drain_inline(self) -> int:
        """Run all that is due, in this thread; the number of runs."""
        if self._places.inline is None:
            raise NotStarted('drain() needs executor="inline"; with threads, wait for the jobs')
        worker = self.start()
        runs, quiet = 0, 0
        outer = worker.running  # a task that waits for its child drains, too
        # What looks odd is looked at twice before it is judged.
        while quiet < 2 and self.worker is worker:
            again = worker.step(self.clock.micros(), outer + 1)
            before = runs
            while self._places.inline.run_next():
                runs += 1
            quiet = 0 if again or runs > before or worker.busy(outer) else quiet + 1
        if self.worker is not worker:  # one of its tasks has asked for that: wait for the end of it
            self.stop()
        return runs

    def run(self) -> int:
        """Work until SIGTERM or Ctrl-C, then drain; the exit code of the process."""
        strikes = Strikes()
        with strikes.listening():
            worker = self.start()
            while not strikes.come():
                if self.worker is not worker:
                    break  # one of its tasks has stopped it
                if worker.store_gone:
                    self.stop(0)
                    return 1
            run_to_the_end(self.stop, strikes, worker.hurry)
            return 130 if strikes.again() else 0

    def add_task(self, task: Task) -> None:
        """Have a task run here; its limit holds before the first of it can start."""
        if self.worker is not None and not task.limit.empty:
            self.store.limits.declare([task.limit], self.clock.micros())
        self.registry.add(task)
        if task.executor != "thread":
            with self._lock:
                if self.worker is not None and not self.inline:
                    for place in self._places.more([task]):
                        self.worker.open_place(*place)

    def trace(self, tracing: Tracing) -> None:
        with self._lock:
            self.tracing = tracing
            if self.worker is not None:
                self.worker.runner.tracing = tracing

    def limit_background(self, most: int | None) -> None:
        with self._lock:
            self.settings = replace(self.settings, background_limit=most)
            if self.worker is not None:
                self.worker.set_limits(self.settings.background)

    # -- news -------------------------------------------------------------------------------

    def announce(self, job: NewJob, now: Micros) -> None:
        """A job was stored: wake our own worker if it is free, else one of another process."""
        worker = self.worker
        if worker is None or not worker.hungry or self.registry.find(job.task) is None:
            self._wake_ups.put()
        if worker is not None:
            worker.wake(job if job.run_at <= now else None)

    def wake(self) -> None:
        """Something in the store wants to be looked at: by us, or by one worker elsewhere."""
        if self.worker is not None:
            self.worker.wake()
        self._wake_ups.put()

    def tell(self, kind: str) -> None:
        """Something concerns all workers: "f"oreground, "l"imits, "b"udgets, a "c"ancellation."""
        self._on_wake(kind)
        self._wake_ups.tell(kind)

    def _task_added(self) -> None:
        """What waited for a task may be ours to run now."""
        worker = self.worker
        if worker is not None:
            worker.wake_lifeline()
            worker.wake()

    def finished(self, job_ids: Sequence[int]) -> None:
        """These jobs have ended: tell those who wait for them."""
        self.waiters.tell(job_ids)
        self.local.finished(job_ids)

    def _on_wake(self, kind: str) -> None:
        worker = self.worker
        if kind == "b":
            self.purse.reload()
        if worker is not None:
            if kind == "c":
                worker.wake_lifeline()
            worker.wake()

    def _on_applied(self, moves: Sequence[Move]) -> None:
        if self.waiters or self.local:
            self.finished([move.job_id for move in moves if move.to.final])
        if self.settings.background_limit is not None:
            self._wake_ups.put()


def _pipe_path(store: str) -> str | None:
    return None if store == ":memory:" else f"{store}-wake"
