"""Months and dates of the year: `in june and july`, `q1`, `december 25`, `25th of december`."""

from __future__ import annotations

from offhours.core.phrases.lexicon import LONGEST_MONTH, MONTH_NAMES, MONTHS
from offhours.core.phrases.reader import Reader
from offhours.core.phrases.slots import Days

_TO = ("to", "through", "thru", "until", "till", "-")
_MORE = (",", "and", "or", "&", *_TO)


def months(reader: Reader) -> frozenset[int] | None:
    """A list of months and ranges of them; ranges may go over the end of the year."""
    start = reader.at
    opening = reader.take("in", "of", "during", "from", "between")
    if opening in ("in", "of", "during"):
        reader.take("the months of", "months of", "every", "each")
    first = _item(reader)
    if first is None or (opening in ("from", "between") and len(first) == 1):
        reader.at = start
        return None
    found = set(first)
    while True:
        ahead = reader.at
        if not reader.separator():
            break
        reader.take("in", "of", "every")
        place = reader.at
        more = _item(reader)
        if more is None:
            reader.at = ahead
            break
        if found & more:
            raise reader.wrong("that month is said twice", place)
        found |= more
    return frozenset(found)


def _item(reader: Reader) -> frozenset[int] | None:
    start = reader.at
    quarter = _quarter(reader)
    if quarter is not None:
        return quarter
    first = _month(reader)
    if first is None:
        return None
    if _is_day(reader):
        reader.at = start
        return None
    ahead = reader.at
    if reader.take(*_TO) or (_between(reader, start) and reader.take("and")):
        last = _month(reader)
        if last is not None and not _is_day(reader):
            if last == first:
                raise reader.wrong("the range ends where it begins", ahead)
            return frozenset((first - 1 + i) % 12 + 1 for i in range((last - first) % 12 + 1))
        reader.at = ahead
    return frozenset({first})


def _between(reader: Reader, start: int) -> bool:
    return start > 0 and reader.tokens[start - 1].text == "between"


def _quarter(reader: Reader) -> frozenset[int] | None:
    number = reader.peek(1)
    if reader.peek() != "q" or not reader.glued(1) or number not in ("1", "2", "3", "4"):
        return None
    reader.move(2)
    return frozenset(range(int(number) * 3 - 2, int(number) * 3 + 1))


def _month(reader: Reader) -> int | None:
    word = reader.peek()
    found = MONTHS.get(word)
    if found is not None:
        reader.move()
        if len(word) <= 4 and reader.peek() == "." and reader.glued():
            reader.move()
    return found


def _is_day(reader: Reader) -> bool:
    """Whether a day of the month comes next, and not a time."""
    start = reader.at
    reader.take("the")
    found = _day(reader)
    reader.at = start
    return found is not None


def _day(reader: Reader) -> int | None:
    start = reader.at
    found = reader.ordinal()
    if found is None and len(reader.peek()) <= 2:
        digits = reader.digits()
        time = (reader.peek() in (":", "h", "a", "p", ".") and reader.glued()) or reader.peek() in (
            "am", "pm", "o'clock", "noon", "midnight",
        )  # fmt: skip
        found = int(digits) if digits and not time else None
    if found is None:
        reader.at = start
    return found


def dates_of_year(reader: Reader) -> tuple[Days, bool] | None:
    """`december 24 and 25`, `25 december and 1st of january`, `leap day`."""
    start = reader.at
    sure = False
    reader.take("on")
    reader.take("the")
    if reader.take("leap day", "leap days"):
        return Days(dates=((2, 29),)), False
    found: list[tuple[int, int]] = []
    while True:
        ahead = reader.at
        if found:
            if not reader.separator():
                break
            reader.take("on", "every")
        place = reader.at
        more = _dates(reader, found[-1][0] if found else 0)
        if more is None:
            reader.at = ahead
            break
        if set(found) & set(more[0]):
            raise reader.wrong("that date is said twice", place)
        found += more[0]
        sure = sure or more[1] or len(found) > 1
    if not found:
        reader.at = start
        return None
    return Days(dates=tuple(found)), sure


def _dates(reader: Reader, month_before: int) -> tuple[list[tuple[int, int]], bool] | None:
    """One date or a range of days in one month; `month_before` serves a mere number."""
    start = reader.at
    month, sure = _month(reader), False
    if month is not None:
        reader.take("the")
        day = _day(reader)
    else:
        day = _day(reader)
        sure = bool(day and reader.take("of"))
        month = _month(reader) if day else None
        if sure and reader.peek() in _MORE and reader.peek(1) in MONTHS:
            month = None
        if day and month is None and month_before and not sure:
            month = month_before
    if month is None or day is None:
        reader.at = start
        return None
    last = day
    ahead = reader.at
    if reader.take(*_TO):
        end = _day(reader)
        if end is None:
            reader.at = ahead
        else:
            last, sure = end, True
    if not 1 <= day <= last <= LONGEST_MONTH[month]:
        name = MONTH_NAMES[month - 1]
        raise reader.wrong(f"{name} has no day {last if day <= last else day}", start)
    return [(month, number) for number in range(day, last + 1)], sure
