"""The schedules of a server."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

from offhours.cli.codes import CommandError, Exit
from offhours.cli.remote import read
from offhours.cli.remote.bulk import ended
from offhours.cli.remote.jobs import RemoteJob
from offhours.cli.remote.wire import Wire
from offhours.core.errors import Conflict, ScheduleNotFound
from offhours.core.explain import Explanation
from offhours.core.firing import plan_of
from offhours.core.model import TaskPriority
from offhours.core.schedules import Delays, Schedule, ScheduleStatus
from offhours.core.times import MINUTE, Duration, Moment, iso, parse_duration, parse_moment
from offhours.core.triggers import Plan
from offhours.core.why import Why
from offhours.schedules.instants import MOST_BACKFILLED

if TYPE_CHECKING:
    from offhours.cli.remote.app import RemoteApp
    from offhours.engine.registry import Task

PAGE = 500


class RemoteSchedules:
    """All schedules, as `ScheduleBook` has those of a database."""

    def __init__(self, app: RemoteApp, wire: Wire) -> None:
        self._app = app
        self._wire = wire

    def get(self, key: int | str) -> RemoteSchedule:
        """A schedule by its number or its name; `ScheduleNotFound` when there is none."""
        return RemoteSchedule(self._app, self._wire, self.record(key).id)

    def record(self, key: int | str) -> Schedule:
        """As it stands now."""
        if isinstance(key, int):
            return _schedule(self._wire.get(f"schedules/{key}"))
        found = self.named(key)
        if found is None:
            raise ScheduleNotFound(f'no schedule named "{key[:64]}" in {self._app.store.name}')
        return found

    def named(self, name: str) -> Schedule | None:
        """The schedule of a name, if there is one."""
        found = self._wire.get("schedules", name=name, results=0)["data"]
        # A server that knows no names has told the first page of all.
        return next((_schedule(each) for each in found if each["name"] == name), None)

    def page(
        self,
        *,
        status: str | None = None,
        task: str | None = None,
        after: int = 0,
        limit: int = 50,
    ) -> list[Schedule]:
        """A page of schedules by number."""
        asked = {"status": status, "task": task, "after": after, "limit": limit, "results": 0}
        return [_schedule(each) for each in self._wire.get("schedules", **asked)["data"]]

    def __iter__(self) -> Iterator[RemoteSchedule]:
        """All schedules by number."""
        after = 0
        while page := self.page(after=after, limit=PAGE):
            yield from (RemoteSchedule(self._app, self._wire, each.id) for each in page)
            after = page[-1].id

    def results(self, schedule: Schedule, limit: int = 50) -> list[dict[str, Any]]:
        """The latest fires, newest first, each with the `state` of its job."""
        if not limit:
            return []
        told = self._wire.get(f"schedules/{schedule.id}/fires", limit=limit)
        return list(told["data"])

    def calendar(self, start: Moment, end: Moment, limit: int = 1000) -> list[dict[str, Any]]:
        """All schedules' instants in a time: those that were, and those that are to come."""
        bounds = {name: iso(parse_moment(at)) for name, at in (("start", start), ("end", end))}
        return list(self._wire.get("schedules:calendar", **bounds, limit=limit)["data"])

    def coming(self, ahead: Duration, limit: int = 20) -> list[dict[str, Any]]:
        """The fires of the time that comes."""
        minutes = max(1, parse_duration(ahead, "ahead") // MINUTE)
        return list(self._wire.get("schedules:coming", minutes=minutes, limit=limit)["data"])

    def zone(self, timezone: str | tzinfo | None) -> str:
        """The name of what was given; without it the server takes that of its app."""
        return "UTC" if timezone is None else str(timezone)

    def add(
        self,
        task: Task,
        when: Any,
        args: Iterable[Any],
        kwargs: Mapping[str, Any] | None,
        options: Any,
        *,
        replace_existing: bool = False,
    ) -> RemoteSchedule:
        """Store a schedule; a name that is taken is a `Conflict`."""
        body = {"task": task.name, "when": when, "args": list(args), "kwargs": dict(kwargs or {})}
        made = self._wire.post("schedules", body | dict(options))
        return RemoteSchedule(self._app, self._wire, made["id"])


class RemoteSchedule:
    """A schedule by its number, as `ScheduleHandle` is one in a database."""

    def __init__(self, app: RemoteApp, wire: Wire, schedule_id: int) -> None:
        self._app = app
        self._wire = wire
        self._path = f"schedules/{schedule_id}"
        self.id = schedule_id

    @property
    def record(self) -> Schedule:
        """As it stands now."""
        return _schedule(self._wire.get(self._path))

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def plan(self) -> Plan:
        """Its triggers, timezone and bounds."""
        return plan_of(self.record.plan)

    def explain(self) -> Explanation:
        """In words and figures."""
        return _explanation(self._wire.get(f"{self._path}/explain"))

    def why(self) -> Why:
        """When it fires next, or why it does not."""
        return read.why(self._wire.get(f"{self._path}/why"))

    def delays(self) -> Delays | None:
        """How late its jobs were made; None before the first."""
        told = self._wire.get(self._path).get("delays")
        return None if told is None else _delays(told)

    def pause(self, reason: str = "") -> None:
        """Fire no more until `resume`."""
        self._wire.post(f"{self._path}/pause", {"reason": reason})

    def resume(self) -> None:
        """Fire again, from now on."""
        self._wire.post(f"{self._path}/resume")

    def run_now(self) -> RemoteJob:
        """A job at once, beside the plan."""
        return RemoteJob(self._app, self._wire.post(f"{self._path}/run")["id"])

    def backfill(self, start: Moment, end: Moment) -> list[RemoteJob]:
        """Jobs for past instants that have none."""
        window = _window(start, end)
        count = self._wire.post(f"{self._path}/backfill", window)["count"]
        if not count:
            return []
        begun = self._wire.post(f"{self._path}/backfill", window | {"confirm": count})
        operation = ended(self._wire, read.operation(begun))
        told = json.loads(operation.result or "{}")
        for refused in told.get("refused", ()):
            raise CommandError(refused["detail"], Exit.CONFLICT, refused["code"])
        if operation.state != "succeeded":
            raise CommandError(
                f"the server could not do it; its log tells why of operation {operation.id}",
                Exit.FAILED,
                "operation_failed",
            )
        return [RemoteJob(self._app, number) for number in told["jobs"]]

    def missing(self, start: Moment, end: Moment) -> tuple[datetime, ...]:
        """The past instants that have no job: what `backfill` would make."""
        window = _window(start, end) | {"tell": MOST_BACKFILLED}
        told = self._wire.post(f"{self._path}/backfill", window)["first"]
        return tuple(datetime.fromisoformat(instant) for instant in told)

    def update(self, when: Any = None, *, revision: int | None = None, **options: Any) -> None:
        """Change what is given, and nothing else; with a `revision`, only of that one."""
        now = self.record.revision
        if revision is not None and revision != now:
            raise Conflict(
                f"schedule {self.id} has revision {now}, not {revision}: somebody changed it"
            )
        match = "*" if revision is None else f'"{self.id}.{revision}"'
        self._wire.patch(self._path, options if when is None else {"when": when, **options}, match)

    def delete(self) -> None:
        """Take it away, with the record of its fires."""
        self._wire.delete(self._path, "*")


def _window(start: Moment, end: Moment) -> dict[str, Any]:
    return {"start": iso(parse_moment(start)), "end": iso(parse_moment(end))}


def _schedule(told: read.Told) -> Schedule:
    """A rule that makes jobs."""
    return Schedule(
        id=told["id"],
        name=told["name"],
        task=told["task"],
        args=json.dumps(told["arguments"]),
        priority=TaskPriority.parse(told["priority"]),
        max_attempts=None,
        queue=told["queue"],
        timeout=None,
        metadata=read.compact(told["metadata"]),
        on_lost="retry",
        plan=json.dumps(told["plan"]),
        text=told["text"],
        catch_up=told["catch_up"],
        overlap=told["overlap"],
        jitter=read.span(told["jitter_ms"]) or 0,
        blackouts=json.dumps(told["blackout"]) if told["blackout"] else None,
        expires=read.span(told["expires_ms"]),
        max_runs=told["max_runs"],
        disable_after=told["disable_after"],
        declared=None,
        revision=told["revision"],
        status=ScheduleStatus(told["status"]),
        reason=told["reason"],
        next_at=read.moment(told["next_at"]),
        due_at=read.moment(told["due_at"]),
        runs=told["runs"],
        skipped=told["skipped"],
        failures=told["failures"],
        last_at=read.moment(told["last_at"]),
        last_job=told["last_job"],
        delay_total=0,
        delay_most=0,
        on_time=0,
        created_at=parse_moment(told["created_at"]),
        updated_at=parse_moment(told["updated_at"]),
    )


def _delays(told: read.Told) -> Delays:
    """How late the jobs of a schedule were made."""
    mean, p99, most = (read.span(told[name]) or 0 for name in ("mean_ms", "p99_ms", "max_ms"))
    return Delays(told["fires"], mean, p99, most, told["on_time"])


def _explanation(told: read.Told) -> Explanation:
    """What a schedule means; its fires are in its own timezone."""
    from offhours.core.triggers.zones import load_zone

    zone = load_zone(told["timezone"])
    fires = tuple(datetime.fromisoformat(fire).astimezone(zone) for fire in told["fires"])
    lines = {name: tuple(told[name]) for name in ("expressions", "notes", "warnings")}
    return Explanation(told["sentence"], timezone=told["timezone"], fires=fires, **lines)
