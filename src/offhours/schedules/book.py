"""All schedules of an app: asked for, explained, changed, looked at."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, tzinfo
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any

from offhours.acting import steers
from offhours.core import schedules
from offhours.core.errors import Conflict, ScheduleError, ScheduleNotFound
from offhours.core.firing import first_fire, plan_of
from offhours.core.schedules import (
    Delays,
    FireRecord,
    NewSchedule,
    Schedule,
    ScheduleStatus,
)
from offhours.core.times import (
    Duration,
    Micros,
    Moment,
    iso,
    parse_duration,
    parse_moment,
    to_datetime,
)
from offhours.engine.codec import dump
from offhours.handles import JobHandle
from offhours.schedules import instants
from offhours.schedules.changing import Changes
from offhours.schedules.handle import ScheduleHandle
from offhours.schedules.options import (
    ScheduleOptions,
    When,
    Writer,
    call_of,
    check_density,
    check_known,
    said,
    with_old_plan,
)
from offhours.schedules.views import coming_dict, fire_dict

if TYPE_CHECKING:
    from offhours.app import Offhours
    from offhours.core.explain import Explanation
    from offhours.core.triggers import Plan
    from offhours.engine.registry import Task

_BACKFILLED_AT_ONCE = 200


class ScheduleBook:
    """All schedules of an app: `app.schedules`."""

    def __init__(self, app: Offhours) -> None:
        self._app = app
        self._table = app.store.schedules
        self._writer = Writer(app)
        self._changes = Changes(self._table, app.clock, self.record)
        self._declared: dict[str, str] = {}

    def now(self) -> Micros:
        return self._app.clock.micros()

    # -- asking -----------------------------------------------------------------------------

    def get(self, key: int | str) -> ScheduleHandle:
        """A schedule by its number or its name; `ScheduleNotFound` when there is none."""
        return ScheduleHandle(self, self.record(key).id)

    def record(self, key: int | str) -> Schedule:
        """The stored row of a schedule."""
        if isinstance(key, str):
            found = self._table.named(key)
        else:
            found = self._table.get(key) if 0 < key < 2**63 else None
        if found is None:
            what = f'named "{key[:64]}"' if isinstance(key, str) else str(key)
            raise ScheduleNotFound(f"no schedule {what} in {self._app.store.name}")
        return found

    def page(
        self,
        *,
        status: ScheduleStatus | str | None = None,
        task: str | None = None,
        after: int = 0,
        limit: int = 50,
    ) -> list[Schedule]:
        """A page of schedules by number; `after` is the last number of the page before."""
        wanted = None if status is None else ScheduleStatus(status)
        return self._table.page(status=wanted, task=task, after=after, limit=limit)

    def __iter__(self) -> Iterator[ScheduleHandle]:
        """All schedules, by number."""
        return (ScheduleHandle(self, record.id) for record in self.records())

    def records(self) -> Iterator[Schedule]:
        """The stored rows of all schedules, by number."""
        after = 0
        while page := self._table.page(after=after, limit=500):
            yield from page
            after = page[-1].id

    def between(
        self, start: Moment, end: Moment, limit: int = 1000
    ) -> list[tuple[Micros, Schedule]]:
        """What the active schedules fire from `start` to `end`, in order, at most `limit` fires.

        Blackouts and overlaps may still skip some.
        """
        zone = self._app.settings.timezone
        first, last = parse_moment(start, "start", zone), parse_moment(end, "end", zone)
        each = [instants.coming(schedule, first, last)
                for schedule in self._table.coming(last - 1, limit)]  # fmt: skip
        return list(islice(merge(*each, key=lambda item: (item[0], item[1].id)), limit))

    def coming(self, ahead: Duration, limit: int = 20) -> list[dict[str, Any]]:
        """The fires of the time that comes, as JSON answers carry them."""
        now = self.now()
        end = to_datetime(now + parse_duration(ahead, "ahead"))
        return [
            {"schedule": each.id, "name": each.name, "task": each.task, "at": iso(instant)}
            for instant, each in self.between(to_datetime(now), end, limit)
        ]

    def fired_between(self, start: Moment, end: Moment, limit: int = 1000) -> list[FireRecord]:
        """What became of the instants of all schedules from `start` to `end`, in order."""
        zone = self._app.settings.timezone
        first, last = parse_moment(start, "start", zone), parse_moment(end, "end", zone)
        return self._table.fires_between(first, last, limit)

    def next_fires(self, schedule: Schedule, n: int) -> tuple[datetime, ...]:
        if schedule.status is not ScheduleStatus.ACTIVE or schedule.next_at is None:
            return ()
        plan = plan_of(schedule.plan)
        left = schedules.runs_left(schedule, plan.count)
        n = n if left is None else min(n, left)
        fires = plan.fires(schedule.next_at - 1, n, schedule.runs)
        return tuple(to_datetime(fire).astimezone(plan.zone) for fire in fires)

    def explain(self, schedule: Schedule) -> Explanation:
        from offhours.core.explain import explain

        plan = plan_of(schedule.plan)
        told = explain(plan, self.now(), fired=schedule.runs)
        return replace(told, fires=self.next_fires(schedule, 5))

    def preview(self, when: When, *, timezone: str | tzinfo | None = None) -> Explanation:
        """What a schedule would mean, before it is saved. Nothing is stored.

        >>> from offhours import Offhours
        >>> print(Offhours(":memory:").schedules.preview("0 9 * * 1-5").sentence)
        every weekday at 09:00
        """
        from offhours.core.explain import explain

        now = self.now()
        return explain(self._writer.plan(when, self._writer.zone(timezone), now)[0], now)

    def zone(self, timezone: str | tzinfo | None) -> str:
        """The IANA name of what was given, or of the app's own timezone."""
        return self._writer.zone(timezone)

    def plan(self, when: When, timezone: str) -> tuple[Plan, str]:
        """What a schedule would store of its times, and the text that stands for it."""
        return self._writer.plan(when, timezone, self.now())

    def draft(self, task: Task, plan: Plan, text: str, options: ScheduleOptions) -> NewSchedule:
        """A schedule of a task without arguments, checked; nothing is stored."""
        new = self._writer.new(task, (), {}, options)
        check_density(plan, new.jitter, self.now())
        return new._replace(plan=json.dumps(plan.to_dict()), text=text)

    def fires(
        self, schedule: Schedule, limit: int = 50, before: Moment | None = None
    ) -> list[FireRecord]:
        zone = self._app.settings.timezone
        line = None if before is None else parse_moment(before, "before", zone)
        return self._table.fires(schedule.id, line, limit)

    def results(
        self, schedule: Schedule, limit: int = 50, before: Moment | None = None
    ) -> list[dict[str, Any]]:
        """The latest fires, newest first, each with the `state` of its job: null without one."""
        return self._with_states(self.fires(schedule, limit, before)) if limit else []

    def results_between(
        self, start: Moment, end: Moment, limit: int = 1000
    ) -> list[dict[str, Any]]:
        """As `results`, of all schedules from `start` to `end`, in order."""
        return self._with_states(self.fired_between(start, end, limit))

    def calendar(self, start: Moment, end: Moment, limit: int = 1000) -> list[dict[str, Any]]:
        """All schedules' instants from `start` to `end`, in order: what became of those that were,
        as `results_between` tells it, and those that are to come, whose code is `coming`.

        Each with the schedule's `name` and `task`; `due_at` is when one to come makes its job.
        """
        named = functools.cache(self._table.get)
        found: list[dict[str, Any]] = []
        for result in self.results_between(start, end, limit):
            schedule = named(result["schedule"])
            if schedule is not None:
                of = {"name": schedule.name, "task": schedule.task, "due_at": None}
                found.append({**result, **of})
        found += [coming_dict(at, schedule) for at, schedule in self.between(start, end, limit)]
        return sorted(found, key=lambda fire: (fire["instant"], fire["schedule"]))[:limit]

    def _with_states(self, fires: list[FireRecord]) -> list[dict[str, Any]]:
        ids = [fire.job_id for fire in fires if fire.job_id is not None]
        found = self._app.store.lists.rows(ids) if ids else []
        states = {job.id: job.state.value for job in found}
        return [{**fire_dict(fire), "state": states.get(fire.job_id or 0)} for fire in fires]

    def delays(self, schedule: Schedule) -> Delays | None:
        recent = [f.delay for f in self._table.fires(schedule.id, limit=1000)
                  if f.code in ("fired", "caught_up")]  # fmt: skip
        return schedules.delays(schedule, recent)

    # -- steering ---------------------------------------------------------------------------

    def add(
        self,
        task: Task,
        when: When,
        args: Iterable[Any],
        kwargs: Mapping[str, Any] | None,
        options: ScheduleOptions,
        *,
        replace_existing: bool = True,
        redeclare: bool = False,
    ) -> ScheduleHandle:
        """Store a schedule, or change the one of that name to what is said here.

        What the program said before is left as it is, also when it was changed by hand since. Two
        different schedules of one name in one program are refused, unless with `redeclare` the
        later one is to change the earlier.
        """
        now = self.now()
        new = self._writer.new(task, *call_of(args, kwargs), options)
        timezone = self._writer.zone(options.get("timezone"))
        declared = said(new, when, timezone)
        found = self._table.named(new.name)
        if found is not None:
            if not replace_existing:
                raise _exists(found)
            if not redeclare:
                self._check_twice(new.name, declared)
            if found.declared == declared:
                self._declared[new.name] = declared
                return ScheduleHandle(self, found.id)
        plan, text = self._writer.plan(when, timezone, now)
        new = new._replace(plan=json.dumps(plan.to_dict()), text=text, declared=declared)
        check_density(plan, new.jitter, now)
        first = first_fire(plan, new.max_runs, 0, now)
        if first is None:
            raise ScheduleError(f"{text!a} has no fires left", "when")
        schedule, created = self._table.add(new, first, now)
        self._declared[new.name] = declared
        if not created:
            if not replace_existing:
                raise _exists(schedule)
            self._changes.edit(schedule.id, lambda old: with_old_plan(new, old), None)
        self._app.wake_workers()
        return ScheduleHandle(self, schedule.id)

    def check(
        self,
        task: Task,
        args: Iterable[Any],
        kwargs: Mapping[str, Any] | None,
        options: ScheduleOptions,
    ) -> None:
        """Refuse of a call and its options what `add` would refuse."""
        self._writer.new(task, *call_of(args, kwargs), options)

    def _check_twice(self, name: str, declared: str) -> None:
        """Two different schedules of one call in one program would change each other."""
        if self._declared.get(name, declared) != declared:
            raise ScheduleError(
                f"this program has another schedule called {name!a}; give each a name", "name"
            )

    @steers
    def update(
        self, key: int, when: When | None, revision: int | None, options: dict[str, Any]
    ) -> None:
        check_known(options, "args", "kwargs")
        self._changes.edit(key, lambda old: self._writer.merged(old, when, options), revision)
        self._app.wake_workers()

    @steers
    def pause(self, key: int, reason: str) -> None:
        self._changes.pause(key, reason)

    @steers
    def resume(self, key: int) -> None:
        self._changes.resume(key)
        self._app.wake_workers()

    @steers
    def run_now(self, schedule: Schedule) -> JobHandle[Any]:
        instant = now = self.now()
        while not (made := self._table.run_now(schedule, [instant], "by_hand", now)):
            instant += 1  # this very instant has its job already
        self._app.wake_workers()
        return JobHandle(self._app, made[0])

    def backfill(self, schedule: Schedule, start: Moment, end: Moment) -> list[JobHandle[Any]]:
        now = self.now()
        self._table.settle(schedule.id, now)  # what is due is a fire like any other
        missing = self.missing(schedule, start, end)
        made: list[int] = []
        for n in range(0, len(missing), _BACKFILLED_AT_ONCE):
            batch = missing[n : n + _BACKFILLED_AT_ONCE]
            made += self._table.run_now(schedule, batch, "backfilled", now)
        self._app.wake_workers()
        return [JobHandle(self._app, job_id) for job_id in made]

    def missing(self, schedule: Schedule, start: Moment, end: Moment) -> list[Micros]:
        """The past instants of the plan from `start` to `end` that have no job."""
        return instants.missing(self._app, schedule, start, end)

    def report_run(self, key: int, succeeded: bool, result: Any, error: str | None) -> None:
        limit = self._app.settings.max_payload
        text = error if result is None or not succeeded else dump(result, "result", limit)
        if not self._table.report_run(key, succeeded, text, self.now()):
            self.record(key)

    @steers
    def delete(self, key: int) -> None:
        while not self._table.remove(self.record(key), self.now()):
            pass


def _exists(schedule: Schedule) -> Conflict:
    return Conflict(
        f"there is a schedule named {schedule.name!a} already; change it with: offhours schedule "
        f"update {schedule.id}, or give this one another name"
    )
