"""Clauses that become anchored intervals, of real time or of the calendar."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from offhours.core.errors import PhraseError
from offhours.core.phrases import recurring
from offhours.core.phrases.checks import part_of
from offhours.core.phrases.clock_times import settle
from offhours.core.phrases.dates import Moment
from offhours.core.phrases.lexicon import HOUR, MINUTE
from offhours.core.phrases.reader import Reader
from offhours.core.phrases.slots import Clause, Days, Frequency, Schedule
from offhours.core.times import SECOND, Micros, to_micros
from offhours.core.triggers import Calendar, Every, Trigger, Window


def is_interval(clause: Clause, schedule: Schedule, zone: ZoneInfo) -> bool:
    """Whether no cron expression means the same: the step divides nothing, or starts elsewhere."""
    often = clause.frequency
    if often is None:
        return False
    if often.counts_from_start and schedule.start and not (clause.days or clause.months):
        return True
    if often.unit == "day":
        return often.count > 1 and not often.is_week
    if often.unit == "month":
        return often.count > 12 or 12 % often.count != 0
    if not divides(often.count):
        return True
    return _off_grid(often, schedule.start) and set(clause.taken) == {"frequency"}


def divides(seconds: int) -> bool:
    """Whether steps of this length meet every minute, hour or day at the same places."""
    if seconds < MINUTE:
        return MINUTE % seconds == 0
    if seconds < HOUR:
        return seconds % MINUTE == 0 and HOUR % seconds == 0
    return seconds % HOUR == 0 and 24 * HOUR % seconds == 0


def _off_grid(often: Frequency, start: Moment | None) -> bool:
    if start is None or start.at is None:
        return False
    wall = (start.at.hour * 60 + start.at.minute) * MINUTE + start.at.second
    return bool(wall % often.count or start.at.microsecond)


def takes_start(schedule: Schedule, triggers: list[Trigger]) -> bool:
    """Whether `starting D` is the anchor of the only interval, and no bound beside it."""
    clauses = schedule.clauses
    return (
        len(clauses) == 1
        and clauses[0].anchor is None
        and isinstance(triggers[0], Every | Calendar)
    )


def triggers(
    reader: Reader, clause: Clause, schedule: Schedule, now: datetime, zone: ZoneInfo
) -> tuple[list[Trigger], list[Window]]:
    """The triggers of an interval, and the hours it is limited to."""
    often = clause.frequency
    if often is None:
        raise reader.wrong("only an interval is counted from a date", clause.taken["anchor"])
    for slot in ("months", "exceptions", "minutes", "first_minute", "in_step"):
        if slot in clause.taken:
            reason = "that does not go with an interval that no cron expression has"
            raise reader.wrong(reason, clause.taken[slot])
    anchor = clause.anchor or schedule.start
    if often.unit == "second":
        return _real_time(reader, clause, often, anchor, now, zone)
    try:
        return _calendar(reader, clause, often, anchor, now), []
    except OverflowError:
        raise PhraseError("that is beyond the calendar") from None


def _real_time(
    reader: Reader,
    clause: Clause,
    often: Frequency,
    anchor: Moment | None,
    now: datetime,
    zone: ZoneInfo,
) -> tuple[list[Trigger], list[Window]]:
    if clause.days is not None:
        reason = "an interval that no cron expression has cannot keep to certain days"
        raise reader.wrong(reason, clause.taken["days"])
    begin: Micros = to_micros(now.replace(microsecond=0))
    if anchor is not None:
        begin = anchor.instant(zone, reader)
    windows = []
    if clause.window is not None:
        first, last = recurring.window_of(reader, clause)
        windows = [Window(time(*first.at), time(*last.at))]
    return [Every(often.count * SECOND, begin)], windows


def _calendar(
    reader: Reader, clause: Clause, often: Frequency, anchor: Moment | None, now: datetime
) -> list[Trigger]:
    if anchor is not None and anchor.at is not None:
        if clause.times is not None:
            raise reader.wrong("the time is said twice", clause.taken["times"])
        at: tuple[time, ...] = (anchor.at,)
        if anchor.offset is not None:
            raise reader.wrong("a calendar interval keeps the time of its zone", anchor.first)
    else:
        times = settle(reader, clause.times or [], part_of(clause))
        at = tuple(time(*each.at) for each in times) or (time(0),)
    begin = anchor.day if anchor is not None else now.date()
    if often.unit == "month":
        day = _month_anchor(reader, clause, begin)
        return [Calendar(months=often.count, anchor_date=day, at=at)]
    days = clause.days
    if days is None:
        return [Calendar(days=often.count, anchor_date=begin, at=at)]
    if not days.weekdays or often.count % 7:
        raise reader.wrong("those days do not go with that interval", clause.taken["days"])
    dates = _weekday_anchors(days, often.count, begin)
    return [Calendar(days=often.count, anchor_date=each, at=at) for each in dates]


def _weekday_anchors(days: Days, interval: int, begin: date) -> list[date]:
    """The first date of each weekday. The week that counts is the first with one to come."""
    coming = min(begin + timedelta(days=(day - begin.isoweekday()) % 7) for day in days.weekdays)
    sunday = coming - timedelta(days=coming.isoweekday() % 7)
    dates = [sunday + timedelta(days=day) for day in sorted(days.weekdays)]
    return sorted(each if each >= begin else each + timedelta(days=interval) for each in dates)


def _month_anchor(reader: Reader, clause: Clause, begin: date) -> date:
    days = clause.days
    if days is None:
        return begin
    place = clause.taken["days"]
    wanted: set[tuple[int, int]] = set(days.dates)
    if len(days.of_month) == 1 and days.of_month[0].isdigit():
        wanted = {(month, int(days.of_month[0])) for month in range(1, 13)}
    if not wanted or (days.dates and len(wanted) > 1):
        raise reader.wrong("such a day does not go with that interval", place)
    day = begin
    while (day.month, day.day) not in wanted:
        day += timedelta(days=1)
    return day
