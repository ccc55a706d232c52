"""What rules look at: the figures, and the store as it is now. Each thing is read at most once."""

from __future__ import annotations

from functools import cached_property

from offhours.core.admission import BackgroundLimits
from offhours.core.model import Job, WorkerInfo
from offhours.core.ports import Store
from offhours.core.times import Micros
from offhours.core.why import Why, why
from offhours.monitor.figures import Figures
from offhours.monitor.sketch import Sketch


class View:
    """One look, at one moment."""

    def __init__(
        self, figures: Figures, store: Store, limits: BackgroundLimits, now: Micros
    ) -> None:
        self.figures = figures
        self.now = now
        self._store = store
        self._limits = limits
        self._windows: dict[tuple[str, Micros], Sketch] = {}

    def tasks(self, only: str | None) -> list[str]:
        """The tasks, or the one that is asked for."""
        known = self.figures.tasks
        return [t for t in known if only is None or only in (t, t.rpartition(":")[2])]

    def window(self, task: str, length: Micros) -> Sketch:
        """The last `length` of a task."""
        seen = self._windows.get((task, length))
        if seen is None:
            seen = self.figures.tasks[task].window(length, self.now)
            self._windows[task, length] = seen
        return seen

    @cached_property
    def heads(self) -> list[Job]:
        """The jobs that would start next, the one that waits longest first."""
        return sorted(self._store.heads(self.now), key=lambda job: job.run_at)

    @cached_property
    def workers(self) -> list[WorkerInfo]:
        """The workers whose heart beats."""
        return [w for w in self._store.workers() if w.beats(self.now)]

    @cached_property
    def counts(self) -> dict[str, int]:
        return self._store.counts()

    def why(self, job: Job) -> Why:
        """Why a job has not started."""
        return why(job, self._store.situation(job, self.now), self._limits, self.now)

    def schedule_name(self, schedule_id: int) -> str:
        found = self._store.schedules.get(schedule_id)
        return f"schedule {schedule_id}" if found is None else f"schedule {found.name}"
