"""The tables of django-celery-beat, read as they are: no Django is started, no model imported."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from celery import Celery
from celery.schedules import crontab, schedule

from offhours.core.errors import OffhoursError
from offhours.core.times import Micros, parse_moment
from offhours.core.triggers import At, Plan
from offhours.core.triggers.zones import load_zone
from offhours.migrate.beat import SOURCE, Entry, brought
from offhours.migrate.beat_times import sun
from offhours.migrate.database import Database
from offhours.migrate.foreign import Foreign, Refused

_PREFIX = "django_celery_beat_"
TABLE = f"{_PREFIX}periodictask"
_KINDS = {
    "crontab": "crontabschedule",
    "interval": "intervalschedule",
    "solar": "solarschedule",
    "clocked": "clockedschedule",
}
_OPTIONS = ("queue", "exchange", "routing_key", "priority")


def read_tables(database: Database, now: Micros) -> list[Foreign]:
    """The periodic tasks that stand in these tables, disabled ones too."""
    app = Celery("beat", set_as_current=False)
    kinds = {
        kind: {row["id"]: row for row in database.rows(_PREFIX + table)}
        for kind, table in _KINDS.items()
    }
    return [_task(row, kinds, app, now) for row in database.rows(TABLE)]


def _task(
    row: Mapping[str, Any],
    kinds: Mapping[str, Mapping[int, Mapping[str, Any]]],
    app: Celery,
    now: Micros,
) -> Foreign:
    name, task = str(row["name"]), str(row["task"])
    kind = next((kind for kind in _KINDS if row.get(f"{kind}_id") is not None), None)
    found = None if kind is None else kinds[kind].get(row[f"{kind}_id"])
    if kind is None or found is None:
        return Foreign(SOURCE, name, task, "no schedule", refused="its row names no schedule")
    try:
        entry = _entry(row)
        if kind == "clocked":
            return _once(entry, _moment(found["clocked_time"]), now)
        if kind == "solar":
            where = f"{found['latitude']}, {found['longitude']}"
            raise Refused(sun(found["event"], where))
        times = _times(kind, found)
    except Refused as refused:
        return Foreign(SOURCE, name, task, kind, refused=refused.reason)
    except (OffhoursError, ValueError, KeyError, TypeError) as error:
        return Foreign(SOURCE, name, task, kind, refused=f"its row cannot be read: {error}")
    return brought(replace(entry, schedule=times), app, now)


def _entry(row: Mapping[str, Any]) -> Entry:
    options = {key: row[key] for key in _OPTIONS if row.get(key) is not None}
    if row.get("expire_seconds") is not None:
        options["expires"] = row["expire_seconds"]
    if json.loads(row.get("headers") or "{}"):
        options["headers"] = row["headers"]
    return Entry(
        name=str(row["name"]),
        task=str(row["task"]),
        schedule=None,
        args=json.loads(row.get("args") or "[]"),
        kwargs=json.loads(row.get("kwargs") or "{}"),
        options=options,
        start=_moment_or_none(row.get("start_time")),
        end=_moment_or_none(row.get("expires")),
        max_runs=1 if row.get("one_off") else None,
        paused=not row.get("enabled", True),
    )


def _times(kind: str, row: Mapping[str, Any]) -> Any:
    if kind == "interval":
        return schedule(timedelta(**{str(row["period"]): int(row["every"])}))
    made = crontab(
        minute=row["minute"],
        hour=row["hour"],
        day_of_week=row["day_of_week"],
        day_of_month=row["day_of_month"],
        month_of_year=row["month_of_year"],
    )
    made.tz = load_zone(str(row["timezone"]))
    return made


def _once(entry: Entry, at: Micros, now: Micros) -> Foreign:
    passed = "it has fired, or its moment has passed" if at <= now else None
    return Foreign(
        SOURCE, entry.name, entry.task, "clocked", tuple(entry.args), entry.kwargs,
        plan=None if passed else Plan((At(at),), "UTC"),
        theirs=lambda after: iter((at,) if at > after else ()),
        paused=entry.paused, refused=passed,
    )  # fmt: skip


def _moment_or_none(value: object) -> Micros | None:
    return None if value is None else _moment(value)


def _moment(value: Any) -> Micros:
    """A column of a date and time; SQLite has it as text, in UTC."""
    text = value if isinstance(value, str) else value.isoformat()
    return parse_moment(text.replace(" ", "T", 1), "moment", load_zone("UTC"))
