"""Cron expressions, with Debian's manners in the hours that the clock skips or repeats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from offhours.core.errors import ScheduleError
from offhours.core.times import DAY, LATEST, Micros
from offhours.core.triggers.cron_fields import normal_form
from offhours.core.triggers.intervals import within_calendar
from offhours.core.triggers.zones import instant, local, next_change, passes

_ANY_DAY = datetime(2000, 1, 1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression of five fields, or six with seconds first, kept in its normal form.

    Names, lists, ranges and steps; `L` `LW` `15W` `L-3` among the days; `5L` `1#2` among the
    weekdays, where 0 and 7 are Sunday; the aliases from `@yearly` to `@hourly`. When both day
    fields are restricted either of them suffices; when one begins with `*` both must match.

    What is malformed, longer than 256 characters or can never come is a `ScheduleError` whose
    `field` names the part.

    >>> Cron("@daily") == Cron("0  0 * * *")
    True
    """

    expression: str

    def __post_init__(self) -> None:
        normal = normal_form(self.expression)
        object.__setattr__(self, "expression", normal)
        if not _comes(normal):
            raise ScheduleError(f"cron {normal!a}: day of month: no such date ever", "day of month")

    @property
    def fields(self) -> tuple[str, ...]:
        """The five or six fields, in capitals."""
        return tuple(self.expression.split())

    @property
    def is_fixed_time(self) -> bool:
        """Whether the wall clock rules: five fields, neither minute nor hour beginning with `*`.

        Such a job is caught up once after a jump of the clock and not run twice when it goes back.
        """
        fields = self.fields
        return len(fields) == 5 and fields[0][0] != "*" and fields[1][0] != "*"

    def months(self) -> frozenset[int]:
        """The months that the month field names, 1 to 12."""
        from offhours.core.triggers.cron_walk import Walk

        return frozenset(Walk(self.expression, _ANY_DAY).months)

    def walk(self, start: datetime) -> Iterator[datetime]:
        """The matching wall-clock times later than `start`; zones and their jumps play no part."""
        from offhours.core.triggers.cron_walk import Walk

        try:
            yield from Walk(self.expression, start.replace(tzinfo=None))
        except (OverflowError, ValueError):
            return

    def next_after(self, moment: Micros, zone: tzinfo) -> Micros | None:
        """The first fire strictly later than `moment` by the wall clock of `zone`.

        A fixed-time job that the clock skips runs right after the jump; one whose time repeats
        runs in the first pass. Every other job matches plainly: in both passes, without catch-up.
        """
        if moment >= LATEST:
            return None
        fires = self._fixed(moment, zone) if self.is_fixed_time else self._plain(moment, zone)
        for fire in fires:
            if fire > moment:
                return within_calendar(fire)
        return None

    def _fixed(self, moment: Micros, zone: tzinfo) -> Iterator[Micros]:
        for wall in self.walk(local(moment, zone)):
            yield instant(wall, zone)

    def _plain(self, moment: Micros, zone: tzinfo) -> Iterator[Micros]:
        """Stretch by stretch of even clock while a change is near, then as the clock will show.

        Only a change nearby can bring back wall times that have already been passed.
        """
        begin, start = moment, local(moment, zone)
        while (change := next_change(zone, begin, begin + 2 * DAY)) is not None:
            length = timedelta(microseconds=change - begin)
            origin = local(begin, zone)
            wall = next(self.walk(start), None)
            if wall is None:
                return
            if wall - origin < length:
                yield begin + (wall - origin) // timedelta(microseconds=1)
            begin, start = change, local(change, zone) - _SECOND
        for wall in self.walk(start):
            yield from (fire for fire in passes(wall, zone) if fire >= begin)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, read back by `from_dict`."""
        return {"type": "cron", "expression": self.expression}


def _comes(expression: str) -> bool:
    from cronsim import CronSimError

    from offhours.core.triggers.cron_walk import Walk

    try:
        return Walk(expression, _ANY_DAY).ever()
    except CronSimError:
        return False
