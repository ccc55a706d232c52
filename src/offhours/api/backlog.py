"""How deep each priority was, minute by minute: computed of the jobs, so it outlives a restart."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from offhours.core.lists import Backlog
from offhours.core.model import TaskPriority
from offhours.core.ports import Store
from offhours.core.times import HOUR, MINUTE, Micros, iso

LOOKED_AT = 20_000  # jobs that ended, of each way to end
_SLOTS = HOUR // MINUTE


def backlog(store: Store, now: Micros) -> dict[str, Any]:
    """Jobs that were due and had not ended at each minute of the last hour, by priority.

    More of them ended than are looked at: then it begins where those begin.
    """
    since = max(0, now - HOUR)
    rows = store.lists.backlog(since, MINUTE, LOOKED_AT)
    first = _first_slot(rows, since)
    return {
        "since": iso(since + first * MINUTE),
        "at": iso(now),
        "step_ms": MINUTE // 1000,
        "data": [
            _told(priority, [row for row in rows if row.priority == priority], first)
            for priority in TaskPriority
        ],
    }


def _first_slot(rows: list[Backlog], since: Micros) -> int:
    """The first minute that is known whole."""
    jobs: dict[str, int] = defaultdict(int)
    began: dict[str, Micros] = {}
    for row in rows:
        if row.first is not None:
            jobs[row.state] += row.jobs
            began[row.state] = min(began.get(row.state, row.first), row.first)
    cut = [began[state] for state, many in jobs.items() if many >= LOOKED_AT]
    return max((-(-(at - since) // MINUTE) for at in cut), default=0)


def _told(priority: TaskPriority, rows: list[Backlog], first: int) -> dict[str, Any]:
    change = [0] * (_SLOTS + 2)  # each job counts at the minutes after its due one, to its end
    for row in rows:
        end = _SLOTS if row.ended is None else min(row.ended, _SLOTS)
        if row.due < end:  # else it ended before, as what is cancelled does
            change[row.due + 1] += row.jobs
            change[end + 1] -= row.jobs
    depths = []
    standing = 0
    for moved in change[: _SLOTS + 1]:
        standing += moved
        depths.append(standing)
    last = max((row.last for row in rows if row.last is not None), default=None)
    return {
        "priority": priority.name.lower(),
        "last_finished_at": iso(last),
        "depths": depths[first:],
    }
