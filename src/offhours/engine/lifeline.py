"""Signs of life, and what follows when they stop. Every worker looks after all the others.

A worker is dead when its process is gone from this host, or when its heartbeat has not moved for
a whole lease by *our* monotonic clock: no wall clock that jumps can kill a healthy one.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path

from offhours.core import points, schedules, states
from offhours.core.clock import Clock
from offhours.core.errors import OffhoursError
from offhours.core.model import WorkerInfo
from offhours.core.outcomes import Failed
from offhours.core.ports import Store
from offhours.core.schedules import ScheduleStatus
from offhours.core.times import SECOND, Micros
from offhours.engine.registry import Registry
from offhours.engine.runner import TaskRunner

LOOK_EVERY: Micros = SECOND
STUCK_AFTER = 0.5

_log = logging.getLogger("offhours")


@cache
def host_identity() -> str:
    """This kernel and its process numbers: what must match before a pid means anything."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = os.stat("/proc/self/ns/pid").st_ino
        return f"{socket.gethostname()}/{boot}/{namespace}"
    except OSError:
        return socket.gethostname()


def process_started(pid: int) -> str:
    """When a process began, in the kernel's ticks; empty when it is gone (or a zombie)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "" if Path("/proc/self/stat").exists() else _started_elsewhere(pid)
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def _started_elsewhere(pid: int) -> str:
    if os.name == "nt":  # there a signal 0 is Ctrl-C; the lease will tell
        return "unknown"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "unknown"


def owner_name(instance: str) -> str:
    """The owner of `durable=False` jobs: this process, told apart from any later one."""
    pid = os.getpid()
    return json.dumps([host_identity(), pid, process_started(pid), instance])


class Lifeline:
    """One worker's heartbeat, its watch over its own runs, and its rescue of others' jobs."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        clock: Clock,
        runner: TaskRunner,
        *,
        worker: Callable[[], int],
        slots: Callable[[], int],
        lease: Micros,
        give_up: Callable[[int, Failed], None],
        cancel_buffered: Callable[[int], None],
        on_released: Callable[[], None],
        on_lost: Callable[[int], None],
    ) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._runner = runner
        self._worker = worker
        self._slots = slots
        self._lease = lease
        self._give_up = give_up
        self._cancel_buffered = cancel_buffered
        self._on_released = on_released
        self._on_lost = on_lost
        self._beat_at = clock.monotonic()
        self._tasks_version = registry.version
        self._seen: dict[int, tuple[int, float]] = {}  # beat, and since when
        self._strangers: set[int] = set()
        self._unknown_tasks: set[str] = set()
        self._seen_version = (-1, -1)
        self.stuck = 0

    def tick(self, now: Micros) -> Micros:
        """Beat if it is time, stop what should stop, rescue what is lost."""
        try:
            return self._look(now)
        except Exception:
            # While we cannot write, neither can they: their silence says nothing.
            self._seen.clear()
            raise

    def _look(self, now: Micros) -> Micros:
        moment = self._clock.monotonic()
        new_tasks = self._registry.version != self._tasks_version
        if new_tasks:  # before the beat, after which they are new no more
            self._store.limits.declare(self._registry.limits(), now)
        if new_tasks or moment - self._beat_at >= self._lease / SECOND / 3:
            self.beat(now)
        self._stop_overdue(moment)
        self.stop_cancelled()
        self.rescue(now)
        self._sort_strangers(now)
        self._cancel_expired(now)
        self._end_waits(now)
        return self._clock.micros() + min(LOOK_EVERY, self._lease // 5)

    def beat(self, now: Micros) -> None:
        """Renew the lease, and say which tasks we know and how many may run at once."""
        points.reach("in heartbeat")
        version, worker = self._registry.version, self._worker()
        tasks = json.dumps(self._registry.served_names())
        if not self._store.beat(worker, now, tasks, self._slots()):
            self._on_lost(worker)
        self._beat_at = self._clock.monotonic()
        self._tasks_version = version

    def stop_cancelled(self) -> None:
        """Tell our runs that were cancelled by somebody."""
        for job_id in self._store.cancel_marks(self._worker()):
            context = self._runner.running.get(job_id)
            if context is not None:
                context.request_cancel()
            else:
                self._cancel_buffered(job_id)

    def _stop_overdue(self, moment: float) -> None:
        for job_id, context in list(self._runner.running.items()):
            late = context.overdue_by(moment)
            if late is not None and late >= STUCK_AFTER:
                self._report_stuck(job_id, context.task, context.attempt)

    def _report_stuck(self, job_id: int, task: str, attempt: int) -> None:
        """A thread cannot be killed: end the run without it, and say so."""
        context = self._runner.running.pop(job_id, None)
        if context is None:
            return
        context.request_cancel()
        self.stuck += 1
        _log.error("job %d (%s) has used up its timeout and its thread goes on", job_id, task)
        self._give_up(job_id, Failed("timeout", f"{task} did not end within its timeout"))
        with suppress(OffhoursError):
            self._store.tell(self._clock.micros(), "job.stuck", job_id, attempt, task=task)

    def rescue(self, now: Micros) -> None:
        """Give the jobs of dead workers to the living."""
        me = self._worker()
        present = self._store.workers()
        for worker in present:
            reason = None if worker.id == me else self._cause_of_death(worker)
            if reason is None:
                continue
            _log.warning("worker %d (%s) is lost: %s", worker.id, worker.label, reason)
            decide = partial(states.rescue, slots=worker.slots, now=now, reason=reason)
            if self._store.bury(worker, decide, now, reason):
                self._seen.pop(worker.id, None)
        lost = self._store.jobs_of_nobody()
        if lost:
            _log.error("%d jobs ran on a worker that is not there; rescuing them", len(lost))
            self._store.apply(states.rescue(lost, 0, now, "its worker is not there"), now)

    def _cause_of_death(self, worker: WorkerInfo) -> str | None:
        if worker.host == host_identity() and process_started(worker.pid) != worker.pid_started:
            return f"process {worker.pid} has ended"
        moment = self._clock.monotonic()
        beat, since = self._seen.get(worker.id, (-1, moment))
        if beat != worker.beat:
            self._seen[worker.id] = (worker.beat, moment)
            return None
        silent = moment - since
        if silent < worker.lease / SECOND:
            return None
        self.beat(self._clock.micros())
        if self._clock.monotonic() - moment > worker.lease / SECOND / 4:
            # Somebody held the database: they may just have been waiting, as we have.
            self._seen.clear()
            return None
        return f"no heartbeat for {silent:.0f} s"

    def _sort_strangers(self, now: Micros) -> None:
        """Park jobs nobody can run, release those that we can, end those that none ever will."""
        orphans = [states.orphan(job) for job in self._store.owned() if process_is_gone(job.owner)]
        if orphans:
            self._store.apply(orphans, now)
        seen = self._store.changed(), self._registry.version
        if seen == self._seen_version and not self._strangers and not self._unknown_tasks:
            return
        self._seen_version = seen
        known: set[str] = set(self._registry.served_names())
        mine = json.dumps(sorted(known))
        released = [states.release(job, now) for job in self._store.parked(mine)]
        for worker in self._store.workers():
            known.update(json.loads(worker.tasks))
        self._sort_schedules(known, now)
        strangers = self._store.strangers(json.dumps(sorted(known)))
        # Twice in a row: a task may be registered, or a worker's list on its way, just now.
        moves = [states.park(job) for job in strangers if job.id in self._strangers]
        self._strangers = {job.id for job in strangers}
        if moves or released:
            self._store.apply(released + moves, now)
        if released:
            self._on_released()

    def _sort_schedules(self, known: set[str], now: Micros) -> None:
        """Park the schedules of tasks that nobody knows, and let those go on that we know."""
        table = self._store.schedules
        unknown = {task for task in table.tasks(ScheduleStatus.ACTIVE) if task not in known}
        moves = [
            schedules.park(schedule, now)
            for task in unknown & self._unknown_tasks  # twice in a row, as for jobs
            for schedule in table.of_task(task, ScheduleStatus.ACTIVE)
        ]
        moves += [
            schedules.unpark(schedule, now)
            for task in table.tasks(ScheduleStatus.PARKED)
            if task in known
            for schedule in table.of_task(task, ScheduleStatus.PARKED)
        ]
        for move in moves:
            table.change(move, now)
        self._unknown_tasks = unknown
        if moves:
            self._on_released()

    def _cancel_expired(self, now: Micros) -> None:
        """A job that may not start any more is cancelled, and says so."""
        expired = self._store.expired(now)
        if expired:
            self._store.apply([states.expire(job) for job in expired], now)

    def _end_waits(self, now: Micros) -> None:
        """A job that waited for a signal or a decision for as long as it would goes on without."""
        over = self._store.approvals.awaiting(now)
        if over:
            self._store.apply([states.wake(job, now) for job in over], now)
            self._on_released()


def process_is_gone(owner: str | None) -> bool:
    """Whether an owner (see `owner_name`) was a process of this host that has ended."""
    host, pid, started, _ = json.loads(owner or "[0,0,0,0]")
    return bool(host == host_identity() and process_started(pid) != started)
