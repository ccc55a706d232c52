"""Changes of a stored schedule: decided on it as it is now, and again if it was changed."""

from __future__ import annotations

from collections.abc import Callable

from offhours.core import schedules
from offhours.core.clock import Clock
from offhours.core.errors import Conflict, IllegalMove, ScheduleError
from offhours.core.firing import first_fire, plan_of
from offhours.core.ports import Schedules
from offhours.core.schedules import NewSchedule, Schedule, ScheduleMove, ScheduleStatus
from offhours.schedules.options import check_density


class Changes:
    """What `ScheduleBook` does to one schedule. `record` finds it, or says that there is none."""

    def __init__(self, table: Schedules, clock: Clock, record: Callable[[int], Schedule]) -> None:
        self._table = table
        self._clock = clock
        self._record = record

    def edit(
        self, key: int, change: Callable[[Schedule], NewSchedule], revision: int | None
    ) -> None:
        """Have a schedule say something else; what is due already fires as it was."""
        now = self._clock.micros()

        def move(old: Schedule) -> ScheduleMove | None:
            new = change(old)
            if new.name != old.name and (other := self._table.named(new.name)) is not None:
                raise Conflict(f"the name {new.name!a} is that of schedule {other.id}")
            if new.plan != old.plan or new.jitter != old.jitter:
                check_density(plan_of(new.plan), new.jitter, now)
            same = new.plan == old.plan and old.next_at is not None
            after = old.next_at - 1 if same and old.next_at is not None else now
            next_at = first_fire(plan_of(new.plan), new.max_runs, old.runs, after)
            if next_at is None and old.next_at is not None:
                raise ScheduleError(f"{new.text!a} has no fires left", "when")
            if not same and old.next_at is not None and old.next_at <= now:
                # Not active, or still in its jitter: of the old plan nothing will tell of it.
                reason = old.reason or "the schedule was changed before its jitter was over"
                code = "changed" if old.status is ScheduleStatus.ACTIVE else str(old.status)
                self._table.skip_due(key, code, reason, now, active=True)
            return schedules.edit(old, new, next_at, now)

        self._table.settle(key, now)
        self._apply(key, move, revision)

    def _apply(
        self,
        key: int,
        decide: Callable[[Schedule], ScheduleMove | None],
        revision: int | None = None,
    ) -> None:
        """Apply a change to the schedule as it is now; again when it was changed meanwhile."""
        while True:
            schedule = self._record(key)
            if revision is not None and schedule.revision != revision:
                raise Conflict(
                    f"schedule {key} was changed meanwhile: it is at revision "
                    f"{schedule.revision}, not {revision}; look at it again"
                )
            move = decide(schedule)
            if move is None or self._table.change(move, self._clock.micros()):
                return

    def pause(self, key: int, reason: str) -> None:
        """Have it fire no more; one that is paused stays so."""

        def move(schedule: Schedule) -> ScheduleMove | None:
            if schedule.status is ScheduleStatus.ENDED:
                raise IllegalMove(f"schedule {key} has ended; there is nothing to pause")
            if schedule.status is ScheduleStatus.PAUSED:
                return None
            return schedules.pause(schedule, reason[:500], self._clock.micros())

        self._apply(key, move)

    def resume(self, key: int) -> None:
        """Have it fire from now on; what was due meanwhile is skipped, and says so."""
        schedule = self._record(key)
        match schedule.status:
            case ScheduleStatus.ACTIVE:
                return
            case ScheduleStatus.ENDED:
                raise IllegalMove(f"schedule {key} has ended; update it to give it new fires")
            case ScheduleStatus.PARKED:
                raise IllegalMove(
                    f"schedule {key} is parked: {schedule.reason}; it goes on by itself when one "
                    "does"
                )
        now = self._clock.micros()
        self._table.skip_due(key, schedule.status, schedule.reason or schedule.status, now)

        def move(found: Schedule) -> ScheduleMove | None:
            if found.status is not schedule.status:
                return None
            next_at = first_fire(plan_of(found.plan), found.max_runs, found.runs, now)
            return schedules.resume(found, next_at, now)

        self._apply(key, move)
