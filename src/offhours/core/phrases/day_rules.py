"""The rules that fill the day and month slots, after `every` and without it."""

from __future__ import annotations

from dataclasses import replace

from offhours.core.errors import PhraseError
from offhours.core.phrases import frequency
from offhours.core.phrases.days import (
    days_of_month,
    nearest,
    of_month,
    only_every_other,
    weekdays,
)
from offhours.core.phrases.lexicon import MONTHS, ORDINALS
from offhours.core.phrases.months import dates_of_year, months
from offhours.core.phrases.reader import Reader
from offhours.core.phrases.slots import LAST, Clause, Days, fill

_FIRST_OF = {"quarter": frozenset({1, 4, 7, 10}), "year": frozenset({1})}
_LAST_OF = {"quarter": frozenset({3, 6, 9, 12}), "year": frozenset({12})}


def days_rule(reader: Reader, clause: Clause) -> bool:
    """`mondays`, `on the 1st and 15th`, `25th of december`, `in june`, without `every`."""
    start = reader.at
    dates = dates_of_year(reader)
    if dates is not None:
        fill(clause, reader, start, days=replace(dates[0], alone=not dates[1]))
        return True
    reader.at = start
    numbered = nearest(reader) or _numbered(reader, clause, start)
    if numbered is not None:
        fill(clause, reader, start, days=numbered)
        return True
    reader.at = start
    reader.take("on")
    reader.take("the")
    listed = weekdays(reader)
    if listed is not None:
        fill(clause, reader, start, days=listed)
        return True
    reader.at = start
    named = months(reader)
    if named is not None:
        fill(clause, reader, start, months=named)
    return named is not None


def _numbered(reader: Reader, clause: Clause, start: int) -> Days | None:
    """Days of the month; a single one that names no month may as well be a date."""
    found = days_of_month(reader)
    if found is None:
        return None
    context = _of_month(reader, clause, found)
    of_named = context or (reader.peek() in ("of", "in") and reader.peek(1) in MONTHS)
    single = len(found.of_month) + len({week for _, week in found.numbered}) == 1
    return replace(found, alone=single and not of_named)


def every_day_rule(reader: Reader, clause: Clause, start: int) -> bool:
    """`every monday`, `every 15th`, `every last friday`, `every december 25`, `every may`."""
    place = reader.at
    if reader.peek() in ("on", "in", "of", "from", "between", "the", "during"):
        return False
    if reader.peek() in ORDINALS and reader.peek(1) in MONTHS:
        raise _nth_month(reader, place)
    if _is_length(reader, place):
        return False
    dates = dates_of_year(reader)
    if dates is not None:
        fill(clause, reader, start, days=dates[0])
        return True
    reader.at = place
    near = nearest(reader)
    if near is not None:
        fill(clause, reader, start, days=near)
        return True
    found = days_of_month(reader)
    if found is not None:
        _every_numbered(reader, clause, found, start, place)
        return True
    listed = weekdays(reader)
    if listed is not None:
        fill(clause, reader, start, days=replace(listed, alone=False))
        return True
    named = months(reader)
    if named is not None:
        fill(clause, reader, start, months=named)
    return named is not None


def _is_length(reader: Reader, place: int) -> bool:
    """Whether a length of time follows; `second monday` looks like one and is none."""
    if reader.peek() == "second":
        days = days_of_month(reader)
        reader.at = place
        if days is not None and days.of_month != ("2",):
            return False
    found = frequency.stated(reader) is not None
    reader.at = place
    return found


def _every_numbered(reader: Reader, clause: Clause, days: Days, start: int, place: int) -> None:
    end = reader.at
    is_day = reader.tokens[end - 1].text == "day"
    context = _of_month(reader, clause, days)
    of_named = reader.peek() in ("of", "in") and reader.peek(1) in MONTHS
    weeks = {week for _, week in days.numbered}
    if len(weeks) == 1 and 2 <= max(weeks) <= 5 and not context and not of_named:
        reader.at = end
        raise only_every_other(reader, place, max(weeks))
    single = days.of_month[0] if len(days.of_month) == 1 else ""
    if single.isdigit() and is_day and context and 2 <= int(single) <= 10:
        raise _nth_day(reader, start, int(single))
    if single == "L" and not (is_day or context or of_named):
        raise reader.wrong('the last of what? say "last day"', place)
    spelled = reader.tokens[place].text in ORDINALS
    if single.isdigit() and spelled and not is_day and not context and not of_named:
        raise _nth_of_what(reader, place, int(single))
    fill(clause, reader, start, days=days)


def _nth_month(reader: Reader, place: int) -> PhraseError:
    number, month = ORDINALS[reader.peek()], reader.peek(1)
    choices = (f"every {month} {number}", f"every {number} years counted from 2026-01-01")
    return reader.wrong("that may be a day of the month or a number of years", place, choices)


def _nth_day(reader: Reader, start: int, number: int) -> PhraseError:
    choices = [
        reader.replaced(start, reader.at, words)
        for words in (f"every month on day {number}", f"every {number} days")
    ]
    return reader.wrong("that may be one day of the month or a number of days", start, choices)


def _nth_of_what(reader: Reader, place: int, number: int) -> PhraseError:
    choices = [
        reader.replaced(place, place + 1, words)
        for words in (f"month on day {number}", f"{number} days" if number > 1 else "day")
    ]
    return reader.wrong(f'every "{reader.tokens[place].raw}" of what?', place, choices)


def _of_month(reader: Reader, clause: Clause, days: Days) -> str:
    """Read `of the month`, or turn `of the quarter` and `of the year` into their months."""
    place = reader.at
    context = of_month(reader)
    if context not in _FIRST_OF:
        return context
    weeks = {week for _, week in days.numbered}
    if days.of_month in (("1",), ("1W",)) or (weeks and min(weeks) > 0 and max(weeks) < 5):
        fill(clause, reader, place, months=_FIRST_OF[context])
    elif weeks == {LAST} or (days.of_month and all(day[0] == "L" for day in days.of_month)):
        fill(clause, reader, place, months=_LAST_OF[context])
    else:
        raise reader.wrong(f"only the first and the last of a {context} have a rule", place)
    return context
