"""What the page's first view shows, in one answer."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from offhours.core.clock import Clock
from offhours.core.limits import Scope
from offhours.core.lists import JobFilter
from offhours.core.model import BACKGROUND_CLASS, TaskPriority
from offhours.core.times import HOUR, Micros, iso
from offhours.views import is_alive, job_row, lease_dict, worker_dict

if TYPE_CHECKING:
    from offhours.app import Offhours

T = TypeVar("T")

FRESH_SECONDS = 0.25
RECENT = 8
AHEAD = "10m"


class Shared(Generic[T]):
    """An answer that all who ask at about the same time share."""

    def __init__(self, make: Callable[[], T], clock: Clock, seconds: float = FRESH_SECONDS) -> None:
        self._make = make
        self._clock = clock
        self._seconds = seconds
        self._lock = threading.Lock()
        self._made: tuple[float, T] | None = None

    def get(self) -> T:
        """The answer, made anew when it is too old."""
        with self._lock:
            now = self._clock.monotonic()
            if self._made is None or not 0 <= now - self._made[0] < self._seconds:
                self._made = (now, self._make())
            return self._made[1]


def overview(app: Offhours) -> dict[str, Any]:
    """How it stands, what holds work back, what failed, what comes next."""
    now = app.clock.micros()
    search = app.store.lists
    depths = search.depths()
    running = app.jobs(state="running", limit=50)
    failed = search.jobs(JobFilter(states=["failed"]), limit=RECENT)
    return {
        "at": iso(now),
        "database": app.store.name,
        "cursor": app.store.last_seq(),
        "counts": app.counts(),
        "banner": banner(app, now),
        "depths": _depths(depths, now),
        "running": [job_row(job) for job in running],
        "failures": [job_row(job) for job in failed],
        "due_soon": app.schedules.coming(AHEAD),
        "workers": [worker_dict(worker, now) for worker in app.workers()],
        "workflows": [lease_dict(lease) for lease in app.foreground_leases()],
        "alerts": len(app.monitor.open_alerts()),
        "approvals": app.store.approvals.count_waiting(),
        "last_hour": _last_hour(app),
        "health": health(app, now),
    }


def banner(app: Offhours, now: Micros) -> list[dict[str, Any]]:
    """What holds work back now: by what, since when, until when, and what would lift it."""
    found: list[dict[str, Any]] = []
    for limit in app.limits():
        if limit.paused_at is None:
            continue
        whole = limit.scope == Scope.ALL
        what = "all work" if whole else f"the {limit.scope} {limit.name}"
        because = f": {limit.reason}" if limit.reason else ""
        found.append(
            {
                "kind": "paused",
                "scope": limit.scope,
                "name": limit.name or None,
                "sentence": f"{what} is paused{because}",
                "since": iso(limit.paused_at),
                "until": None,
                "lift": {"verb": "resume", "scope": limit.scope, "name": limit.name or None},
            }
        )
    leases = app.foreground_leases()
    if leases:
        names = ", ".join(sorted({lease.workflow for lease in leases}))
        found.append(
            {
                "kind": "foreground",
                "scope": "background",
                "name": names,
                "sentence": f"background work waits for the foreground: {names}",
                "since": iso(min(lease.since for lease in leases)),
                "until": iso(max(lease.until for lease in leases)),
                "lift": None,
            }
        )
    return found


def _depths(depths: list[Any], now: Micros) -> list[dict[str, Any]]:
    """The five priorities, with what waits and since when the oldest does."""
    jobs: dict[tuple[int, str], int] = defaultdict(int)
    oldest: dict[int, Micros] = {}
    for depth in depths:
        jobs[depth.priority, depth.stage] += depth.jobs
        if depth.stage == "ready":
            oldest[depth.priority] = min(oldest.get(depth.priority, now), depth.oldest)
    return [
        {
            "priority": priority.name.lower(),
            "background": priority >= BACKGROUND_CLASS,
            **{stage: jobs[priority, stage] for stage in ("ready", "later", "held", "running")},
            "oldest_wait_ms": max(0, now - oldest[priority]) // 1000
            if priority in oldest
            else None,
        }
        for priority in TaskPriority
    ]


def _last_hour(app: Offhours) -> dict[str, Any]:
    told = app.monitor.summary(HOUR / 1e6)
    return {
        "succeeded": told["successful_tasks"],
        "failed": told["failed_tasks"],
        "error_rate": told["error_rate"],
        "per_minute": told["tasks_per_minute"],
        "p50_ms": told["median_execution_time"] * 1000,
        "p95_ms": told["p95_execution_time"] * 1000,
        "longest_ms": told["longest_execution_time"] * 1000,
        "average_lateness_ms": told["average_lateness"] * 1000,
    }


def health(app: Offhours, now: Micros) -> dict[str, Any]:
    """Whether work is done, in a word and a sentence."""
    alive = [worker for worker in app.workers() if is_alive(worker, now)]
    waiting = app.counts()["ready"]
    silent = silence(app, now)
    if silent is not None:
        return {"state": "stuck", "sentence": silent, "workers": len(alive)}
    if not alive and waiting:
        return {
            "state": "no_worker",
            "sentence": f"{waiting} jobs are ready and no worker is running",
            "workers": 0,
        }
    if not alive:
        return {"state": "idle", "sentence": "no worker is running", "workers": 0}
    return {"state": "ok", "sentence": "work is done as it comes", "workers": len(alive)}


def silence(app: Offhours, now: Micros) -> str | None:
    """That workers live and jobs are ready, yet nothing starts; None while that is not so."""
    from offhours.monitor import Silence
    from offhours.monitor.view import View

    view = View(app.monitor.figures, app.store, app.settings.background, now)
    return next((found.message for found in Silence(longest="1m").find(view)), None)
