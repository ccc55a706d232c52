"""Reads `queries.sql` and gives each statement by its name."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from offhours.core.model import Claimed, Job
from offhours.core.schedules import NewSchedule, Schedule

# A claim is read before it is written, so the attempt in it is already the next one.
_LISTS = {
    "{job}": ", ".join(Job._fields),
    "{claimed}": ", ".join("attempt + 1" if f == "attempt" else f for f in Claimed._fields),
    "{schedule}": ", ".join(Schedule._fields),
    "{new_schedule}": ", ".join(NewSchedule._fields),
    "{new_schedule_values}": ", ".join(f":{field}" for field in NewSchedule._fields),
}


@cache
def statements() -> dict[str, str]:
    """All statements, with their comments dropped and the column lists filled in."""
    text = (files("offhours.store") / "queries.sql").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for part in text.split("-- name: ")[1:]:
        name, _, body = part.partition("\n")
        lines = (line for line in body.splitlines() if not line.startswith("--"))
        sql = "\n".join(lines).strip()
        for mark, columns in _LISTS.items():
            sql = sql.replace(mark, columns)
        found[name.strip()] = sql
    return found


@cache
def move_statement(columns: tuple[str, ...], to_pending: bool) -> str:
    """The guarded update for moves that change these columns.

    Batch rows are `[id, attempt, data, *values]`. A job that becomes pending is ready at once when
    its time has come.
    """
    values = {name: f"moves.value ->> {n}" for n, name in enumerate(columns, start=3)}
    # Without a new time it was due already, whatever a clock that was set back says.
    ready = f"({values['run_at']}) <= :now" if "run_at" in values else "1"
    return (
        statements()["move"]
        .replace("{ready}", ready if to_pending else "0")
        .replace("{assignments}", "".join(f", {name} = {v}" for name, v in values.items()))
    )
