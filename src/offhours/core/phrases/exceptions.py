"""What is left out: `except weekends`, `but not in august`, `except 2026-12-25`."""

from __future__ import annotations

from datetime import date, datetime

from offhours.core.phrases.clock_times import Clock, clock
from offhours.core.phrases.dates import calendar_date
from offhours.core.phrases.days import days_of_month, of_month, weekdays
from offhours.core.phrases.lexicon import MONTH_NAMES
from offhours.core.phrases.months import dates_of_year, months
from offhours.core.phrases.reader import Reader
from offhours.core.phrases.slots import Clause, Exceptions, Schedule, fill

_EXCEPT = (
    "except for", "except", "excepting", "excluding", "but not", "but", "apart from",
    "other than", "without", "not", "skipping",
)  # fmt: skip


def exception(reader: Reader, clause: Clause, schedule: Schedule, now: datetime) -> bool:
    """Read one `except`, of days, months, hours or dates."""
    start = reader.at
    if not reader.take(*_EXCEPT):
        return False
    if start == 0:
        reader.at = start
        return False
    place = reader.at
    for rule in (_dates, _yearless, _months, _weekdays, _of_month, _hours):
        reader.at = place
        found = rule(reader, now)
        if isinstance(found, tuple):
            fill(schedule, reader, start, except_dates=found)
            return True
        if found is not None:
            fill(clause, reader, start, exceptions=found)
            return True
    raise reader.not_understood()


def _dates(reader: Reader, now: datetime) -> tuple[date, ...] | None:
    found: list[date] = []
    while True:
        ahead = reader.at
        if found and not reader.separator():
            break
        reader.take("on")
        place = reader.at
        moment = calendar_date(reader)
        if moment is None or moment.at is not None:
            reader.at = ahead
            break
        if moment.day in found:
            raise reader.wrong("that date is said twice", place)
        found.append(moment.day)
    return tuple(sorted(found)) or None


def _yearless(reader: Reader, now: datetime) -> None:
    """Dates of every year cannot be kept in a plan: ask for the year."""
    start = reader.at
    found = dates_of_year(reader)
    if found is None:
        return
    dates = []
    for month, day in found[0].dates:
        year = now.year + ((month, day) < (now.month, now.day))
        while (month, day) == (2, 29) and (year % 4 or (year % 100 == 0 and year % 400)):
            year += 1
        dates.append(date(year, month, day).isoformat())
    name = MONTH_NAMES[found[0].dates[0][0] - 1]
    choice = reader.replaced(start, reader.at, ", ".join(dates))
    others = reader.replaced(start, reader.at, name)
    raise reader.wrong("an excepted date needs its year", start, [choice, others])


def _months(reader: Reader, now: datetime) -> Exceptions | None:
    found = months(reader)
    return Exceptions(months=found) if found else None


def _weekdays(reader: Reader, now: datetime) -> Exceptions | None:
    reader.take("on", "every")
    reader.take("the")
    found = weekdays(reader)
    return Exceptions(weekdays=found.weekdays) if found else None


def _of_month(reader: Reader, now: datetime) -> Exceptions | None:
    found = days_of_month(reader)
    if found is None:
        return None
    of_month(reader)
    if not found.of_month or not all(day.isdigit() for day in found.of_month):
        raise reader.wrong("only numbered days of the month can be excepted")
    return Exceptions(of_month=frozenset(int(day) for day in found.of_month))


def _hours(reader: Reader, now: datetime) -> Exceptions | None:
    found: list[Clock] = []
    while True:
        ahead = reader.at
        if found and not reader.separator():
            break
        marked = bool(reader.take("at"))
        time = clock(reader, marked)
        if time is None:
            reader.at = ahead
            break
        if time.bare or time.minute:
            raise reader.wrong("only whole, certain hours can be excepted", time.first)
        found.append(time)
    return Exceptions(hours=frozenset(time.hour for time in found)) if found else None
