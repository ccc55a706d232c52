"""Clauses that become cron expressions."""

from __future__ import annotations

from itertools import product

from offhours.core.errors import PhraseError, ScheduleError
from offhours.core.phrases import fields
from offhours.core.phrases.checks import part_of
from offhours.core.phrases.clock_times import Clock, settle
from offhours.core.phrases.lexicon import (
    ALL_DAYS,
    LONGEST_MONTH,
    MINUTE,
    MONTH_NAMES,
)
from offhours.core.phrases.reader import Reader
from offhours.core.phrases.slots import LAST, Clause, Days, Exceptions, Frequency
from offhours.core.triggers import Cron

_DAY_MINUTES = 24 * 60


def crons(reader: Reader, clause: Clause) -> list[Cron]:
    """The expressions whose fires together are exactly those of the clause."""
    often = clause.frequency
    within_day = often is not None and often.within_day
    times = _sub_day(reader, clause, often) if often and within_day else _at_times(reader, clause)
    found: list[Cron] = []
    for clock, day in product(times, _day_fields(reader, clause)):
        try:
            found.append(Cron(f"{clock} {day}"))
        except ScheduleError as wrong:
            raise PhraseError(f"never: {wrong}") from None
    return found


def _at_times(reader: Reader, clause: Clause) -> list[str]:
    times = settle(reader, clause.times or [], part_of(clause))
    pairs = {time.at for time in times} or {(0, 0)}
    taken = clause.exceptions.hours if clause.exceptions else frozenset()
    if taken:
        raise reader.wrong("hours can be excepted from hours only", clause.taken["exceptions"])
    return [f"{minute} {hour}" for minute, hour in fields.grid(pairs)]


def _sub_day(reader: Reader, clause: Clause, often: Frequency) -> list[str]:
    """Minute and hour fields, with a field of seconds before them where that is needed."""
    seconds = often.count
    if seconds % MINUTE:
        return _seconds(reader, clause, seconds)
    step = seconds // MINUTE
    minutes = _minutes(reader, clause, step)
    if clause.window:
        pairs = _in_window(reader, clause, step, minutes)
        return [f"{minute} {hour}" for minute, hour in fields.grid(pairs, step)]
    if step < 60:
        hours = _hours_left(reader, clause, step)
        if clause.first_minute:
            return [f"{_from_minute(reader, clause, step)} {hours}"]
        return [f"{'*' if step == 1 else f'*/{step}'} {hours}"]
    return [f"{fields.spelled(minutes, fields.MINUTE)} {_hours_left(reader, clause, step)}"]


def _from_minute(reader: Reader, clause: Clause, step: int) -> str:
    return fields.spelled(range(clause.first_minute or 0, 60, step), fields.MINUTE)


def _seconds(reader: Reader, clause: Clause, seconds: int) -> list[str]:
    for slot in ("window", "minutes", "first_minute", "exceptions"):
        if slot in clause.taken and not (slot == "exceptions" and not _hours_of(clause)):
            raise reader.wrong("that does not go with seconds", clause.taken[slot])
    return [f"{'*' if seconds == 1 else f'*/{seconds}'} * *"]


def _hours_of(clause: Clause) -> frozenset[int]:
    return clause.exceptions.hours if clause.exceptions else frozenset()


def _minutes(reader: Reader, clause: Clause, step: int) -> frozenset[int]:
    if step < 60:
        if clause.minutes is not None:
            raise reader.wrong(
                "a minute of the hour does not go with a frequency in minutes",
                clause.taken["minutes"],
                [f"every {step} minutes starting at minute {min(clause.minutes)}",
                 f"every hour at minute {min(clause.minutes)}"],
            )  # fmt: skip
        return frozenset()
    if clause.first_minute is not None and clause.minutes is not None:
        raise reader.wrong("the minute is said twice", clause.taken["minutes"])
    first = (clause.first_minute or 0,)
    return frozenset(clause.minutes if clause.minutes is not None else first)


def _hours_left(reader: Reader, clause: Clause, step: int) -> str:
    every = max(step // 60, 1)
    taken = _hours_of(clause)
    if not taken:
        return "0" if every == 24 else "*" if every == 1 else f"*/{every}"
    if step != 60 or clause.minutes not in (None, (0,)):
        raise reader.wrong("hours can be excepted from every hour only", clause.taken["exceptions"])
    left = frozenset(range(24)) - taken
    if not left:
        raise reader.wrong("that leaves nothing", clause.taken["exceptions"])
    return fields.spelled(left, fields.HOUR)


def window_of(reader: Reader, clause: Clause) -> tuple[Clock, Clock]:
    """Both ends of the window, certain of morning and evening."""
    assert clause.window is not None
    place = clause.taken["window"]
    first, last = settle(reader, list(clause.window))
    if first.at == last.at:
        raise reader.wrong("the window ends where it begins", place)
    if first.at > last.at and last.at != (0, 0) and clause.days is not None:
        raise _over_midnight(reader, clause, place)
    if first.at > last.at and last.at != (0, 0) and clause.months is not None:
        raise _over_midnight(reader, clause, place)
    return first, last


def _over_midnight(reader: Reader, clause: Clause, place: int) -> PhraseError:
    assert clause.window is not None
    first, last = clause.window
    choices = [
        reader.replaced(place, last.stop, f"from {start} to {end}")
        for start, end in (
            (f"{first.hour:02}:{first.minute:02}", "23:59"),
            ("00:00", f"{last.hour:02}:{last.minute:02}"),
        )
    ]
    return reader.wrong("past midnight it is another day; which days are meant?", place, choices)


def _in_window(
    reader: Reader, clause: Clause, step: int, minutes: frozenset[int]
) -> set[tuple[int, int]]:
    """All times from the first to the last, both included, counted from the first."""
    first, last = window_of(reader, clause)
    if _hours_of(clause):
        raise reader.wrong("say the hours in one way", clause.taken["exceptions"])
    begin = first.hour * 60 + first.minute
    length = (last.hour * 60 + last.minute - begin) % _DAY_MINUTES
    said = clause.minutes is not None or clause.first_minute is not None
    if step < 60 and clause.first_minute is not None:
        place = clause.taken["first_minute"]
        raise reader.wrong("the window says where it starts", place)
    if not said:
        offsets = range(0, length + 1, step)
        return {divmod((begin + offset) % _DAY_MINUTES, 60) for offset in offsets}
    if step > 60 and first.minute:
        raise reader.wrong("the minute is said twice", clause.taken["window"])
    hours = range(first.minute * -1, length + 1, step)
    offsets_of = [hour + minute for hour in hours for minute in minutes]
    inside = [offset for offset in offsets_of if 0 <= offset <= length]
    if not inside:
        raise reader.wrong("the window holds no such minute", clause.taken["window"])
    return {divmod((begin + offset) % _DAY_MINUTES, 60) for offset in inside}


def _day_fields(reader: Reader, clause: Clause) -> list[str]:
    """The fields for day of month, month and day of week."""
    days, often = clause.days or Days(), clause.frequency
    gone = clause.exceptions or Exceptions()
    if days.dates:
        return _dates(reader, clause, days, gone)
    month = _months(reader, clause, gone)
    if days.of_month:
        _check_in_months(reader, clause, days.of_month)
        if gone.weekdays:
            raise reader.wrong(
                "both day rules at once have no cron form", clause.taken["exceptions"]
            )
        left = _left(reader, clause, {d for d in days.of_month if d.isdigit()}, gone)
        letters = [day for day in days.of_month if not day.isdigit()]
        numbers = [fields.spelled({int(day) for day in left}, fields.DAY)] if left else []
        return [f"{','.join([*numbers, *sorted(letters)])} {month} *"]
    if days.numbered:
        if gone.weekdays or gone.of_month:
            raise reader.wrong(
                "both day rules at once have no cron form", clause.taken["exceptions"]
            )
        names = [f"{day}L" if week == LAST else f"{day}#{week}" for day, week in days.numbered]
        if often is not None and often.unit == "month" and often.count == 12 and not clause.months:
            month = _year_month(reader, clause, days)
        return [f"* {month} {','.join(names)}"]
    return [_by_frequency(reader, clause, days, month, gone)]


def _year_month(reader: Reader, clause: Clause, days: Days) -> str:
    """The first friday of the year lies in january, the last in december."""
    weeks = {week for _, week in days.numbered}
    if weeks == {LAST}:
        return "12"
    if max(weeks) > 4 or LAST in weeks:
        raise reader.wrong("of which month?", clause.taken["days"])
    return "1"


def _left(reader: Reader, clause: Clause, days: set[str], gone: Exceptions) -> set[str]:
    left = days - {str(day) for day in gone.of_month}
    if days and not left:
        raise reader.wrong("that leaves nothing", clause.taken["exceptions"])
    return left


def _by_frequency(reader: Reader, clause: Clause, days: Days, month: str, gone: Exceptions) -> str:
    often = clause.frequency
    weekdays = days.weekdays
    if not weekdays and often is not None and often.is_week:
        weekdays = frozenset({0})
    monthly = not weekdays and (often is None or often.unit == "month")
    if monthly:
        if gone.weekdays or gone.of_month:
            raise reader.wrong("that has no such day to leave out", clause.taken["exceptions"])
        return f"1 {month} *"
    left = (weekdays or ALL_DAYS) - gone.weekdays
    if not left:
        raise reader.wrong("that leaves nothing", clause.taken["exceptions"])
    weekday = "*" if left == ALL_DAYS else fields.spelled(left, fields.WEEKDAY)
    if not gone.of_month:
        return f"* {month} {weekday}"
    if weekday != "*":
        raise reader.wrong("both day rules at once have no cron form", clause.taken["exceptions"])
    others = frozenset(range(1, 32)) - gone.of_month
    return f"{fields.spelled(others, fields.DAY)} {month} *"


def _months(reader: Reader, clause: Clause, gone: Exceptions) -> str:
    often = clause.frequency
    step = often.count if often is not None and often.unit == "month" else 1
    found = clause.months or frozenset(range(1, 13, step))
    left = found - gone.months
    if not left:
        raise reader.wrong("that leaves nothing", clause.taken["exceptions"])
    if len(left) == 12:
        return "*"
    if not clause.months and left == found and 1 < step < 12:
        return f"*/{step}"
    return fields.spelled(left, fields.MONTH)


def _check_in_months(reader: Reader, clause: Clause, of_month: tuple[str, ...]) -> None:
    """Refuse days that one of the named months never has."""
    numbers = [int(day.removesuffix("W")) for day in of_month if day[0].isdigit()]
    for month in clause.months or ():
        lacking = [day for day in numbers if day > LONGEST_MONTH[month]]
        if lacking and len(numbers) < 3:
            name = MONTH_NAMES[month - 1]
            raise reader.wrong(f"{name} has no day {lacking[0]}", clause.taken["days"])


def _dates(reader: Reader, clause: Clause, days: Days, gone: Exceptions) -> list[str]:
    if clause.months:
        raise reader.wrong("the months are said twice", clause.taken["months"])
    if gone.weekdays or gone.of_month or gone.months:
        raise reader.wrong("both day rules at once have no cron form", clause.taken["exceptions"])
    by_month: dict[int, set[int]] = {}
    for month, day in days.dates:
        by_month.setdefault(month, set()).add(day)
    by_days: dict[frozenset[int], list[int]] = {}
    for month, numbers in sorted(by_month.items()):
        by_days.setdefault(frozenset(numbers), []).append(month)
    return [
        f"{fields.spelled(numbers, fields.DAY)} {fields.spelled(months, fields.MONTH)} *"
        for numbers, months in by_days.items()
    ]
