"""What a schedule stores: triggers, a timezone, and the bounds around them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from offhours.core.errors import ScheduleError
from offhours.core.times import DAY, Micros
from offhours.core.triggers.cron import Cron
from offhours.core.triggers.intervals import (
    At,
    Calendar,
    Every,
    check_date,
    check_moment,
    check_time,
    shown,
)
from offhours.core.triggers.zones import instant, load_zone, local, next_change, passes

Trigger = Cron | Every | Calendar | At

_TRIES, _LEAST_TRIES = 2_000, 400
_MOST_TRIGGERS = 64


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the local day in which fires are allowed; both ends belong to it.

    With `end` before `start` it wraps midnight.

    >>> Window(time(22), time(6)).holds(time(23)), Window(time(9), time(17)).holds(time(17, 1))
    (True, False)
    """

    start: time
    end: time

    def __post_init__(self) -> None:
        check_time(self.start, "window")
        check_time(self.end, "window")
        if self.start == self.end:
            raise ScheduleError(f"window: it starts and ends at {self.start}", "window")

    def holds(self, wall: time) -> bool:
        """Whether the wall-clock time lies inside."""
        if self.start < self.end:
            return self.start <= wall <= self.end
        return wall >= self.start or wall <= self.end

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, read back by `Plan.from_dict`."""
        return {"start": self.start.isoformat(), "end": self.end.isoformat()}


@dataclass(frozen=True, slots=True)
class Plan:
    """One or more triggers in a timezone, between `start` and `end` (both may fire), `count` times.

    Fires of several triggers are merged; one instant counts once. Fires on `except_dates` and,
    when `windows` are given, outside all of them are left out; both go by the local clock at the
    instant of the fire. Moments are microseconds since 1970.

    A plan that could never fire, an unknown zone or a wrong bound is a `ScheduleError`. Fires
    that all miss the windows 2,000 times in a row (400 with many triggers) count as never.
    """

    triggers: tuple[Trigger, ...]
    timezone: str
    start: Micros | None = None
    end: Micros | None = None
    count: int | None = None
    except_dates: tuple[date, ...] = ()
    windows: tuple[Window, ...] = ()

    def __post_init__(self) -> None:
        for name in ("triggers", "except_dates", "windows"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        self._check()
        if self.next_after(-1) is None:
            raise ScheduleError("schedule: it can never fire within its bounds", "triggers")

    def _check(self) -> None:
        if not self.triggers or not all(isinstance(t, Trigger) for t in self.triggers):
            raise ScheduleError(
                "triggers: expected at least one Cron, Every, Calendar or At", "triggers"
            )
        if len(self.triggers) > _MOST_TRIGGERS:
            raise ScheduleError(
                f"triggers: expected at most {_MOST_TRIGGERS}, got {len(self.triggers)}", "triggers"
            )
        load_zone(self.timezone)
        for name in ("start", "end"):
            if getattr(self, name) is not None:
                check_moment(getattr(self, name), name)
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ScheduleError("end: it lies before the start", "end")
        if self.count is not None and (
            not isinstance(self.count, int) or isinstance(self.count, bool) or self.count < 1
        ):
            raise ScheduleError(
                f"count: expected a number of times, got {shown(self.count)}", "count"
            )
        for day in self.except_dates:
            check_date(day, "except_dates")
        if not all(isinstance(window, Window) for window in self.windows):
            raise ScheduleError("windows: expected Window(start, end)", "windows")

    @property
    def zone(self) -> ZoneInfo:
        """The timezone itself."""
        return load_zone(self.timezone)

    def next_after(self, moment: Micros, fired: int = 0) -> Micros | None:
        """The first fire strictly later than `moment`, as `fired` of `count` are already spent."""
        if self.count is not None and fired >= self.count:
            return None
        zone = self.zone
        moment = max(moment, -1 if self.start is None else self.start - 1)
        fires = [trigger.next_after(moment, zone) for trigger in self.triggers]
        tries = max(_TRIES // len(self.triggers), _LEAST_TRIES) + len(self.except_dates)
        for _ in range(tries):
            fire = min((f for f in fires if f is not None), default=None)
            if fire is None or (self.end is not None and fire > self.end):
                return None
            opening = self._opening(fire, zone)
            if opening == fire:
                return fire
            fires = [
                f if f is None or f >= opening else trigger.next_after(opening - 1, zone)
                for f, trigger in zip(fires, self.triggers, strict=True)
            ]
        return None

    def _opening(self, fire: Micros, zone: ZoneInfo) -> Micros:
        """The fire itself when it is allowed, or else the earliest instant that may be."""
        wall = local(fire, zone)
        if wall.date() in self.except_dates:
            midnight = datetime.combine(wall.date() + timedelta(days=1), time(0))
            return max(instant(midnight, zone), fire + 1)
        if not self.windows or any(window.holds(wall.time()) for window in self.windows):
            return fire
        change = next_change(zone, fire, fire + 2 * DAY)
        openings = [] if change is None else [change]
        for window in self.windows:
            for days in (0, 1, 2):
                day = wall.date() + timedelta(days=days)
                openings += passes(datetime.combine(day, window.start), zone)
        return min(opening for opening in openings if opening > fire)

    def fires(self, after: Micros, n: int, fired: int = 0) -> tuple[Micros, ...]:
        """Up to `n` fires later than `after`, as `fired` of `count` are already spent."""
        found: list[Micros] = []
        while len(found) < n:
            fire = self.next_after(found[-1] if found else after, fired + len(found))
            if fire is None:
                break
            found.append(fire)
        return tuple(found)

    def shortest_gap(self, after: Micros, looked_at: int = 60) -> Micros | None:
        """The least time between two of the next fires; None when there are not two.

        >>> Plan((Cron("0,5 9 * * *"),), "UTC").shortest_gap(0) // 60_000_000
        5
        """
        fires = self.fires(after, looked_at)
        return min((late - early for early, late in pairwise(fires)), default=None)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON with what was set, read back by `Plan.from_dict`."""
        bounds: dict[str, Any] = {
            "start": self.start,
            "end": self.end,
            "count": self.count,
            "except_dates": [day.isoformat() for day in self.except_dates] or None,
            "windows": [window.to_dict() for window in self.windows] or None,
        }
        return {
            "triggers": [trigger.to_dict() for trigger in self.triggers],
            "timezone": self.timezone,
            **{name: value for name, value in bounds.items() if value is not None},
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Plan:
        """The plan that `to_dict` wrote.

        >>> plan = Plan((Cron("0 9 * * 1-5"),), "UTC", count=3, except_dates=(date(2026, 12, 25),))
        >>> Plan.from_dict(plan.to_dict()) == plan
        True
        """
        try:
            return cls(
                triggers=tuple(from_dict(trigger) for trigger in stored["triggers"]),
                timezone=stored["timezone"],
                start=stored.get("start"),
                end=stored.get("end"),
                count=stored.get("count"),
                except_dates=tuple(
                    date.fromisoformat(day) for day in stored.get("except_dates", ())
                ),
                windows=tuple(
                    Window(time.fromisoformat(window["start"]), time.fromisoformat(window["end"]))
                    for window in stored.get("windows", ())
                ),
            )
        except ScheduleError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as wrong:
            raise ScheduleError(f"schedule: cannot read the stored plan: {wrong!r}") from None


def from_dict(stored: dict[str, Any]) -> Trigger:
    """The trigger that its `to_dict` wrote.

    >>> from_dict({"type": "at", "moment": 1000})
    At(moment=1000)
    """
    try:
        match stored["type"]:
            case "cron":
                return Cron(stored["expression"])
            case "every":
                return Every(stored["interval"], stored["anchor"])
            case "calendar":
                return Calendar(
                    stored.get("days", 0),
                    stored.get("months", 0),
                    date.fromisoformat(stored["anchor_date"]),
                    tuple(time.fromisoformat(wall) for wall in stored["at"]),
                )
            case "at":
                return At(stored["moment"])
    except ScheduleError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise ScheduleError(f"schedule: cannot read the stored trigger: {wrong!r}") from None
    raise ScheduleError(f"schedule: unknown type of trigger {shown(stored['type'])}", "type")
