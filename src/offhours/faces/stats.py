"""The documents' statistics, counted from the store."""

from __future__ import annotations

import threading

from offhours.app import Offhours
from offhours.core.model import BACKGROUND_CLASS, TaskPriority

_PAGE = 1_000


class Stats:
    """Counts the tasks of an app's store: those that it keeps, of every process on it."""

    def __init__(self, app: Offhours) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._seen = 0
        self._high = 0
        self._background = 0

    def read(self) -> dict[str, int]:
        """The numbers now. All but the last two add up to `tasks_submitted`.

        `high_priority_tasks` (HIGH and above) and `background_tasks` (LOW and below) count what
        was submitted, whatever became of it.
        """
        high, background = self._classes()
        counts = self._app.counts()
        return {
            "tasks_submitted": sum(counts.values()),
            "tasks_completed": counts["succeeded"],
            "tasks_failed": counts["failed"],
            "tasks_cancelled": counts["cancelled"],
            "queue_size": counts["ready"] + counts["later"],
            "held_tasks": counts["held"],
            "active_tasks": counts["running"],
            "high_priority_tasks": high,
            "background_tasks": background,
        }

    def _classes(self) -> tuple[int, int]:
        """Urgent and background tasks. A job's number and priority never change: read it once."""
        with self._lock:
            while page := self._app.store.jobs(after=self._seen, newest_first=False, limit=_PAGE):
                self._high += sum(job.priority <= TaskPriority.HIGH for job in page)
                self._background += sum(job.priority >= BACKGROUND_CLASS for job in page)
                self._seen = page[-1].id
            return self._high, self._background
