"""Takes rows out of a store as they can go on elsewhere, and brings them into another one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from offhours import __version__
from offhours.core.clock import Clock
from offhours.core.model import FINAL
from offhours.core.moving import KINDS, Moved, Row
from offhours.core.ports import Store
from offhours.core.times import iso
from offhours.moving.lines import Export, write

HANDLERS = "offhours.handle:"  # their jobs are made anew where the thoughts come to
_HISTORY = ("fire", "audit")


class Exported(NamedTuple):
    """The lines of an export, how many rows of each kind they are, and how many jobs a worker has
    now, which would run again elsewhere."""

    lines: Iterator[str]
    counts: Mapping[str, int]
    running: int


class Mover:
    """Export and import of one store: `app.moving`.

    >>> from offhours.moving import read
    >>> from offhours.testing import memory_app
    >>> old, new = memory_app(), memory_app()
    >>> _ = old.submit(len, args=("four",))
    >>> export = read(old.moving.export().lines)
    >>> new.moving.bring(export).new, new.moving.bring(export).kept
    ({'job': 1}, {'job': 1})
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def export(self, *, finished: bool = False, audit: bool = True) -> Exported:
        """What this store has, for another one: schedules, limits, budgets, goals, jobs, models.

        finished: also the jobs that have ended, and what became of each fire; without it, only
            those that jobs still refer to
        audit: also who did what by hand

        What runs now is taken as if it had been handed back: end the workers before you move. The
        bytes of models, events, tokens and `durable=False` jobs are not taken.
        """
        rows: dict[str, list[dict[str, Any]]] = self._store.moving.take()
        running = sum(1 for job in rows["job"] if job["state"] == "running")
        wanted = _wanted(rows, finished)
        rows["job"] = [_handed_back(job) for job in rows["job"] if job["id"] in wanted]
        for name in _HISTORY:
            if not (finished if name == "fire" else audit):
                rows[name] = []
        _drop_strays(rows)
        origin, at = self._store.moving.origin(), iso(self._clock.micros())
        counts = {name: len(found) for name, found in rows.items() if found}
        return Exported(write(origin, rows, at, f"offhours {__version__}"), counts, running)

    def bring(self, export: Export, *, dry_run: bool = False) -> Moved:
        """Store what an export has and this store has not, all or nothing.

        Brought again, it changes nothing. A schedule, limit, budget, goal or model of a name that
        is here already stays as it is.
        """
        return self._store.moving.bring(export.origin, export.rows, self._clock.micros(), dry_run)


def _wanted(rows: Mapping[str, Sequence[Row]], finished: bool) -> set[int]:
    """Which jobs go along: those that are not finished, and what they still depend on."""
    jobs = [job for job in rows["job"] if not _is_handlers(job)]
    if finished:
        return {job["id"] for job in jobs}
    wanted = {job["id"] for job in jobs if job["state"] not in FINAL}
    flows = {member["flow_id"] for member in rows["member"] if member["job_id"] in wanted}
    wanted |= {member["job_id"] for member in rows["member"] if member["flow_id"] in flows}
    wanted |= {edge["upstream"] for edge in rows["dependency"] if edge["downstream"] in wanted}
    return wanted & {job["id"] for job in jobs}


def _is_handlers(job: Row) -> bool:
    return str(job["task"]).startswith(HANDLERS) and job["state"] not in FINAL


def _handed_back(job: dict[str, Any]) -> dict[str, Any]:
    """As it stands when nobody runs it: what was asked to stop has stopped."""
    if job["state"] != "running":
        return job
    if job["cancel_at"] is not None:
        return {**job, "state": "cancelled", "finished_at": job["cancel_at"], "begun": 0}
    return {**job, "state": "pending", "returned": job["returned"] + 1, "begun": 0}


def _drop_strays(rows: dict[str, list[dict[str, Any]]]) -> None:
    """Leave out what belongs to a row that does not go along."""
    there: dict[str, set[int]] = {}
    for kind in KINDS:
        needed = [(name, c.of) for name, c in kind.columns.items() if c.of and not c.null]
        if kind.name == "fire":
            rows[kind.name] = [r for r in rows[kind.name] if r["job_id"] in {None, *there["job"]}]
        if needed:
            rows[kind.name] = [
                row for row in rows[kind.name] if all(row[n] in there[of] for n, of in needed)
            ]
        if kind.number:
            there[kind.name] = {row[kind.number] for row in rows[kind.name]}
    in_use = Counter(member["flow_id"] for member in rows["member"])
    rows["flow"] = [flow for flow in rows["flow"] if flow["id"] in in_use]
