"""The machine's own time: what a naive `datetime.now()` means in the documents."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo

from offhours.core.errors import ScheduleError
from offhours.core.times import Micros, to_datetime


class LocalZone(tzinfo):
    """The zone in which the machine's clock on the wall stands, its summer time included."""

    @property
    def key(self) -> str:
        """Its IANA name, which a schedule keeps: it goes on by it on other machines, too."""
        # Windows and macOS keep the name in places of their own, Linux in one of several.
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        import tzlocal

        with suppress(ZoneInfoNotFoundError, LookupError, ValueError, OSError):
            for name in (tzlocal.get_localzone_name(), "UTC"):
                if name is not None and _agrees(ZoneInfo(name)):
                    return str(name)
        raise ScheduleError(
            "timezone: this machine's local time has no IANA name; give the schedule one like "
            "Europe/Berlin, or set TZ to one",
            "timezone",
        )

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return None if moment is None else _aware(moment).utcoffset()

    def tzname(self, moment: datetime | None) -> str | None:
        return None if moment is None else _aware(moment).tzname()

    def dst(self, moment: datetime | None) -> timedelta | None:
        return None

    def fromutc(self, moment: datetime) -> datetime:
        there = moment.replace(tzinfo=UTC).astimezone()
        first = there.replace(tzinfo=self, fold=0)
        return first if first.utcoffset() == there.utcoffset() else first.replace(fold=1)

    def __repr__(self) -> str:
        return "local time"


def _agrees(zone: tzinfo) -> bool:
    """Whether the local clock goes by a zone: a TZ without a name hides the machine's own."""
    moments = [datetime(2026, month, 15, 12, tzinfo=UTC) for month in (1, 7)]
    return all(m.astimezone(zone).utcoffset() == m.astimezone().utcoffset() for m in moments)


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None).astimezone()


def local(moment: Micros | None) -> datetime | None:
    """A stored moment as an aware datetime in local time."""
    return None if moment is None else to_datetime(moment).astimezone()


LOCAL = LocalZone()
