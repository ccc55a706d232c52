"""A schedule of another scheduler: what it was there, what it is here, and what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice, takewhile
from types import ModuleType
from typing import Any, TypeAlias, TypeVar

from offhours.core.times import DAY, HOUR, MINUTE, Micros, to_datetime
from offhours.core.triggers import Plan
from offhours.core.triggers.zones import changes
from offhours.engine.codec import dump
from offhours.schedules import ScheduleOptions

# The instants at which the other scheduler fires, strictly later than a moment.
Fires: TypeAlias = Callable[[Micros], Iterator[Micros]]

K = TypeVar("K")

SHOWN = 5
_COMPARED = 100
_YEAR = 366 * DAY
_MOST_COMPARED = 6_000
_MOST = 2**20  # bytes of arguments


class Refused(Exception):
    """A schedule cannot be brought over; the reason says why, and what to do instead."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Difference:
    """An instant at which only one of the two fires."""

    at: Micros
    ours: bool
    clock_change: bool


@dataclass(frozen=True, slots=True)
class Foreign:
    """One schedule, read from elsewhere.

    said: as it is written there
    plan: its times here; None when it is refused
    every: of an interval without a start of its own, its length: it counts from when it is stored
    options: those of `app.schedule`
    notes: what is not the same here, beside the times
    refused: why it is not brought over; paused: it does not fire there
    """

    source: str
    name: str
    task: str
    said: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    plan: Plan | None = None
    every: timedelta | None = None
    options: ScheduleOptions = field(default_factory=ScheduleOptions)
    notes: tuple[str, ...] = ()
    paused: bool = False
    refused: str | None = None
    theirs: Fires | None = None

    def next_fires(self, now: Micros) -> tuple[tuple[Micros, ...], tuple[Micros, ...]]:
        """The next five instants there, and here."""
        there = () if self.theirs is None else tuple(islice(self.theirs(now), SHOWN))
        return there, () if self.plan is None else self.plan.fires(now, SHOWN)

    def differences(self, now: Micros) -> list[Difference]:
        """Where the two do not fire at the same instants: now, and at the clock changes of a year.

        >>> from offhours.core.triggers import Cron
        >>> ours = Plan((Cron("30 2 * * *"),), "Europe/Berlin")
        >>> theirs = Plan((Cron("0 30 2 * * *"),), "Europe/Berlin")  # six fields skip it
        >>> asked = lambda moment: iter(theirs.fires(moment, 500))
        >>> one = Foreign("cron", "n", "t", "", plan=ours, theirs=asked)
        >>> [(str(to_datetime(d.at)), d.ours) for d in one.differences(1_770_000_000_000_000)]
        [('2026-03-29 01:00:00+00:00', True), ('2026-10-25 01:30:00+00:00', False)]
        """
        if self.plan is None or self.theirs is None:
            return []
        year = now + _YEAR
        found = list(_between(self.plan, self.theirs, now, year, _COMPARED, False))
        for change in changes(self.plan.zone, now, year):
            start, end = _around(change, self.plan, now)
            found += _between(self.plan, self.theirs, start, end, _MOST_COMPARED, True)
        return sorted({d.at: d for d in found}.values(), key=lambda d: d.at)


def _around(change: Micros, plan: Plan, now: Micros) -> tuple[Micros, Micros]:
    """A stretch around a clock change in which a schedule has some fires on both sides."""
    fires = plan.fires(change, 20)
    gap = (fires[-1] - change) // len(fires) if fires else DAY
    before = min(max(50 * gap, 10 * MINUTE), DAY)
    after = min(max(50 * gap, 2 * HOUR), 2 * DAY)
    return max(now, change - before), change + after


def _fires(plan: Plan, after: Micros) -> Iterator[Micros]:
    at = plan.next_after(after)
    while at is not None:
        yield at
        at = plan.next_after(at)


def _between(
    plan: Plan, theirs: Fires, start: Micros, end: Micros, most: int, clock_changes: bool
) -> Iterator[Difference]:
    """What one of them does alone from `start` on, until `end` or until so many fires."""
    ours, others = (
        list(islice(takewhile(lambda at: at <= end, fires), most))
        for fires in (_fires(plan, start), theirs(start))
    )
    full = [line[-1] for line in (ours, others) if len(line) >= most]
    last = min([end, *full])
    for at in sorted(set(ours) ^ set(others)):
        if at <= last:
            yield Difference(at, at in ours, clock_changes)


def best_of(plans: list[Plan], theirs: Fires, now: Micros) -> Plan:
    """Of plans that differ only at clock changes the one that differs least; the first of those."""

    def distance(plan: Plan) -> int:
        return len(Foreign("", "", "", "", plan=plan, theirs=theirs).differences(now))

    return plans[0] if len(plans) == 1 else min(plans, key=distance)


def unless_over(foreign: Foreign, now: Micros) -> Foreign:
    """The schedule, refused when it will never fire again."""
    if foreign.plan is None or foreign.plan.next_after(now) is not None:
        return foreign
    return replace(foreign, plan=None, refused="it has no fires left")


def told(difference: Difference, foreign: Foreign) -> str:
    """A difference as a sentence."""
    assert foreign.plan is not None
    when = to_datetime(difference.at).astimezone(foreign.plan.zone)
    only, other = ("Offhours", foreign.source) if difference.ours else (foreign.source, "Offhours")
    because = " (the clock changes)" if difference.clock_change else ""
    return f"only {only} fires at {when:%Y-%m-%d %H:%M:%S %z}, {other} does not{because}"


def storable(args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments as they are stored here; what cannot be is refused by its name."""
    found = tuple(args or ()), dict(kwargs or {})
    dump(list(found), "arguments", _MOST)
    return found


def only_one(module: ModuleType, kind: type[K], what: str, name: str | None) -> K | None:
    """The one object of a kind in a module, or the one of a name; None when there is none.

    `ValueError` says what there is when the name is wrong, or left out where it is needed.
    """
    found = {key: value for key, value in vars(module).items() if isinstance(value, kind)}
    if name is not None:
        if name not in found:
            raise ValueError(f"no {what} {name!r} in it; there is {', '.join(found) or 'none'}")
        return found[name]
    if len({id(value) for value in found.values()}) > 1:
        raise ValueError(f"several of {what} in it; name one: {', '.join(found)}")
    return next(iter(found.values()), None)


def zone_name(zone: Any) -> str:
    """The IANA name of a zone, of whichever library."""
    name = getattr(zone, "key", None) or getattr(zone, "zone", None)
    if isinstance(name, str):
        return name
    if (
        zone is not None
        and zone.utcoffset(datetime(2000, 1, 1)) == timedelta(0)
        and not zone.dst(datetime(2000, 7, 1))
    ):
        return "UTC"
    raise Refused(f"timezone {zone}: it has no IANA name; set one like Europe/Berlin there")
