"""A scheduled task as JSON: what is written of it, and how it is created again.

Everything in it is data. A function is named, and only ever looked up by that name.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Any, NamedTuple, cast

from offhours.app import Offhours
from offhours.core.errors import Conflict, InputError
from offhours.core.firing import first_fire, plan_of
from offhours.core.schedules import Schedule
from offhours.core.times import iso
from offhours.core.triggers import Plan
from offhours.engine.codec import load
from offhours.faces.local_time import LOCAL
from offhours.faces.records import ENABLED, cron_of, description_of
from offhours.known_tasks import is_local
from offhours.schedules import ScheduleOptions, schedule_dict

_OPTIONS = ("catch_up", "overlap", "max_runs", "disable_after", "priority", "queue")
_log = logging.getLogger("offhours")


class Entry(NamedTuple):
    """A task of the file. `where` names the place in it, for errors."""

    where: str
    values: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.values["name"])


def entry_of(record: Schedule) -> Entry | None:
    """What is written of a task; None for one that cannot outlive its process."""
    if is_local(record.task):
        return None
    shown = schedule_dict(record)
    values = {
        "task_id": str(record.id),
        "name": record.name,
        "description": description_of(record),
        "schedule": record.text,
        "cron_expression": cron_of(record),
        "func_name": record.task,
        "enabled": record.status in ENABLED,
        "status": record.status.value,
        "metadata": shown["metadata"],
        "arguments": shown["arguments"],
        "plan": shown["plan"],
        "options": {
            **{name: shown[name] for name in _OPTIONS},
            "on_lost": record.on_lost,
            "jitter": record.jitter / 1_000_000,
            "blackout": shown["blackout"],
            "expires": _seconds(record.expires),
            "timeout": _seconds(record.timeout),
            "retries": None if record.max_attempts is None else record.max_attempts - 1,
        },
        "run_count": record.runs,
        "error_count": record.failures,
        "last_run": iso(record.last_at),
        "created_at": iso(record.created_at),
    }
    return Entry(record.name, values)


def create_entry(app: Offhours, entry: Entry) -> str | None:
    """Create the task of an entry; its id. None for one that has no run left."""
    values = entry.values
    try:
        plan = _plan(values)
        options = {name: value for name, value in values["options"].items() if value is not None}
        options["disable_after"] = values["options"].get("disable_after")
        options["timeout"] = values["options"].get("timeout")
        if first_fire(plan, options.get("max_runs"), 0, app.clock.micros()) is None:
            _log.info("%s: %s has no run left; it is not created again", entry.where, entry.name)
            return None
        args, kwargs = load(json.dumps(values["arguments"]))
        handle = app.schedules.add(
            app.task_named(values["func_name"]),
            plan,
            args,
            kwargs,
            cast(ScheduleOptions, {**options, "name": entry.name, "metadata": _metadata(values)}),
            replace_existing=False,
        )
    except (InputError, Conflict, LookupError, TypeError, ValueError, AttributeError) as error:
        raise damaged(entry.where, f"{type(error).__name__}: {error}") from None
    if not values.get("enabled", True):
        handle.pause("it was not enabled in the file that it comes from")
    return str(handle.id)


def deleted_since(app: Offhours, entries: Iterable[Entry]) -> set[str]:
    """Which of these the database knows as deleted: they must not come back with the copy."""
    known = {record.name for record in app.schedules.records()}
    missing = {
        (entry.values.get("task_id"), entry.name) for entry in entries if entry.name not in known
    }
    found: set[str] = set()
    for event in app.events() if missing else ():
        if event.kind == "schedule.deleted":
            told = event.told
            if (str(told["schedule"]), told["name"]) in missing:
                found.add(told["name"])
    return found


def _plan(values: dict[str, Any]) -> Plan:
    if "timezone" in values["plan"]:
        return Plan.from_dict(values["plan"])
    return Plan.from_dict({**values["plan"], "timezone": LOCAL.key})


def _metadata(values: dict[str, Any]) -> dict[str, Any] | None:
    found: dict[str, Any] | None = load(json.dumps(values.get("metadata")))
    return found


def check_entry(entry: Entry) -> None:
    """Refuse what cannot be a task."""
    values = entry.values
    if not isinstance(values, dict):
        raise damaged(entry.where, "expected an object for each task")
    for key, kind in (
        ("name", str), ("func_name", str), ("plan", dict), ("arguments", list), ("options", dict),
    ):  # fmt: skip
        if not isinstance(values.get(key), kind):
            raise damaged(entry.where, f'"{key}" is missing or not {kind.__name__}')
    if len(values["arguments"]) != 2:
        raise damaged(entry.where, '"arguments" must be a list of a list and an object')
    try:
        plan_of(json.dumps(_plan(values).to_dict()))
    except InputError as error:
        raise damaged(entry.where, str(error)) from None


def damaged(where: str, problem: str) -> InputError:
    """What is wrong, and where."""
    return InputError(f"{where}: {problem}; the file was left as it is: repair it or move it away")


def _seconds(length: int | None) -> float | None:
    return None if length is None else length / 1_000_000
