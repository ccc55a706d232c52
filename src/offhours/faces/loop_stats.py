"""What became of scheduled tasks, told by the event stream."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from offhours.app import Offhours
from offhours.core.events import KINDS, Event
from offhours.core.model import JobState
from offhours.core.times import SECOND, Micros

AT_ONCE: Micros = SECOND // 100


class FireStats:
    """Counts the runs of schedules from the events of an app's store, each event once."""

    def __init__(self, app: Offhours) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._seen = 0
        self._schedule_of: dict[int, int] = {}  # of the jobs that are not finished
        self._running: set[int] = set()
        self._held_since: dict[int, Micros] = {}
        self._counted: set[int] = set()
        self._workflows: Counter[str] = Counter()
        self._totals: Counter[str] = Counter()

    def read(self) -> dict[str, int]:
        """The numbers now; see `BackgroundScheduler.get_stats`."""
        with self._lock:
            for event in self._app.events(self._seen):
                self._take(event)
                self._seen = event.seq
            if not self._app.foreground_leases():
                self._workflows.clear()  # one that ended with its process has told nobody
            held = len(self._held_since)
            succeeded, failed = self._totals["succeeded"], self._totals["failed"]
            return {
                "tasks_executed": succeeded + failed,
                "tasks_succeeded": succeeded,
                "tasks_failed": failed,
                "tasks_running": len(self._running),
                "tasks_waiting": len(self._schedule_of) - len(self._running),
                "tasks_skipped": self._totals["skipped"],
                "tasks_skipped_due_to_workflows": self._totals["workflow"] + held,
            }

    def _take(self, event: Event) -> None:
        match event.kind:
            case "foreground.entered":
                self._workflows[event.told["workflow"]] += 1
                for job_id in self._schedule_of.keys() - self._running:
                    self._hold(job_id, event.at)
            case "foreground.left":
                self._workflows[event.told["workflow"]] -= 1
                self._workflows += Counter()  # only what is above zero stays
            case "schedule.skipped":
                self._skip(event.told)
            case _ if event.job_id is not None and KINDS[event.kind] is not None:
                self._move(event, event.job_id)

    def _move(self, event: Event, job_id: int) -> None:
        if event.kind == "job.submitted":
            told: dict[str, Any] = event.told
            if "schedule" not in told:
                return
            self._schedule_of[job_id] = told["schedule"]
        elif job_id not in self._schedule_of:
            return
        state = KINDS[event.kind]
        assert state is not None
        if state is JobState.RUNNING:
            self._running.add(job_id)
            self._let_go(job_id, event.at)
            return
        self._running.discard(job_id)
        if state.final:
            self._let_go(job_id, event.at)
            self._totals[state.value] += 1
            self._counted.discard(job_id)
            del self._schedule_of[job_id]
        elif self._workflows:
            self._hold(job_id, event.at)

    def _hold(self, job_id: int, at: Micros) -> None:
        """From now on a workflow keeps this job from starting, if it is of the background."""
        if job_id in self._counted or job_id in self._held_since:
            return
        job = self._app.store.job(job_id)
        if job is not None and job.background:
            self._held_since[job_id] = at

    def _let_go(self, job_id: int, at: Micros) -> None:
        """It waits no longer. What began at once was not held: its workflow had died unseen."""
        since = self._held_since.pop(job_id, None)
        if since is not None and at - since >= AT_ONCE:
            self._totals["workflow"] += 1
            self._counted.add(job_id)

    def _skip(self, told: dict[str, Any]) -> None:
        self._totals["skipped"] += 1
        waiting = (self._schedule_of.get(job_id) for job_id in self._held_since)
        if told["code"] == "overlap" and told["schedule"] in waiting:
            self._totals["workflow"] += 1
