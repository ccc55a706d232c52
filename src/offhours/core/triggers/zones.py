"""Between instants and the wall clock of a zone, with the hours that are skipped or repeated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from offhours.core.errors import ScheduleError
from offhours.core.times import HOUR, Micros, to_datetime, to_micros

_STRIDE = 6 * HOUR
_OF_THIS_MACHINE = ("localtime", "posixrules", "Factory")


def load_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name. An unknown one is refused, with a near name.

    >>> load_zone("Europe/Berlin").key
    'Europe/Berlin'
    """
    if isinstance(name, str) and 0 < len(name) <= 64 and name.isascii() and _says_where(name):
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    shown = repr(name[:64]) if isinstance(name, str) else repr(type(name).__name__)
    raise ScheduleError(
        f"timezone: {shown} is not an IANA name like 'Europe/Berlin'{_near(name)}", "timezone"
    )


def _says_where(name: str) -> bool:
    """Whether it means the same everywhere; `right/` zones are besides many seconds off."""
    return name not in _OF_THIS_MACHINE and not name.startswith(("right/", "posix/"))


def _near(name: object) -> str:
    if not isinstance(name, str) or len(name) > 64:
        return ""
    wanted = name.strip().lower().replace(" ", "_")
    known: dict[str, str] = {}
    for zone in sorted(available_timezones()):
        known.setdefault(zone.lower().rpartition("/")[2], zone)
    known |= {zone.lower(): zone for zone in sorted(available_timezones())}
    near = get_close_matches(wanted, known, n=1, cutoff=0.7)
    return f'; did you mean "{known[near[0]]}"?' if near else ""


def local(moment: Micros, zone: tzinfo) -> datetime:
    """What the wall clock shows at an instant, without a zone."""
    return to_datetime(moment).astimezone(zone).replace(tzinfo=None, fold=0)


def offset(moment: Micros, zone: tzinfo) -> Micros:
    """How far the wall clock is ahead of UTC at an instant."""
    return to_micros(to_datetime(moment).astimezone(zone).replace(tzinfo=UTC)) - moment


def passes(wall: datetime, zone: tzinfo) -> tuple[Micros, ...]:
    """The instants at which the wall clock shows `wall`: none when skipped, two when repeated."""
    first, second = _both(wall, zone)
    if first > second:
        return ()
    return (first,) if first == second else (first, second)


def instant(wall: datetime, zone: tzinfo) -> Micros:
    """When something planned for `wall` runs: the first pass, or right after the jump over it.

    >>> berlin = ZoneInfo("Europe/Berlin")
    >>> str(local(instant(datetime(2026, 3, 29, 2, 30), berlin), berlin))
    '2026-03-29 03:00:00'
    """
    first, second = _both(wall, zone)
    return first if first <= second else _bisect(zone, second, first)


def next_change(zone: tzinfo, after: Micros, until: Micros) -> Micros | None:
    """The first instant in (after, until] from which the wall clock is offset otherwise."""
    return next(changes(zone, after, until), None)


def changes(zone: tzinfo, after: Micros, until: Micros) -> Iterator[Micros]:
    """All instants in (after, until] at which the zone changes its offset."""
    low = after
    while low < until:
        high = min(low + _STRIDE, until)
        if offset(low, zone) != offset(high, zone):
            yield _bisect(zone, low, high)
        low = high


def _both(wall: datetime, zone: tzinfo) -> tuple[Micros, Micros]:
    """Both readings of a wall time. Of a skipped one, the first lies after the second."""
    return (
        to_micros(wall.replace(tzinfo=zone, fold=0)),
        to_micros(wall.replace(tzinfo=zone, fold=1)),
    )


def _bisect(zone: tzinfo, low: Micros, high: Micros) -> Micros:
    """The instant in (low, high] at which the offset leaves the one at `low`."""
    before = offset(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high
