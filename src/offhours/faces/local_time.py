"""The machine's own time: what a naive `datetime.now()` means in the documents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from offhours.core.times import Micros, to_datetime


class LocalZone(tzinfo):
    """The zone in which the machine's clock on the wall stands, its summer time included."""

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


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None).astimezone()


def local(moment: Micros | None) -> datetime | None:
    """A stored moment as an aware datetime in local time."""
    return None if moment is None else to_datetime(moment).astimezone()


LOCAL = LocalZone()
