"""Dates and moments: `2026-12-24 18:00`, `24 december 2026`, `tomorrow`, `june 5`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from offhours.core.errors import PhraseError
from offhours.core.phrases.clock_times import clock, settle
from offhours.core.phrases.lexicon import MONTHS, WEEKDAYS
from offhours.core.phrases.reader import Reader
from offhours.core.times import Micros, to_micros
from offhours.core.triggers.zones import passes


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, perhaps with a time of day, perhaps with its own offset from UTC in minutes.

    `coming` says that only the time was given, and the date is the next one with it.
    """

    day: date
    at: time | None = None
    offset: int | None = None
    first: int = 0
    coming: bool = False

    def instant(self, zone: ZoneInfo, reader: Reader, at: time | None = None) -> Micros:
        """The instant on the clock of `zone`; a wall time that is skipped there is refused."""
        wall = datetime.combine(self.day, at or self.at or time(0))
        if self.offset is not None:
            return to_micros(wall.replace(tzinfo=ZoneInfo("UTC"))) - self.offset * 60_000_000
        found = passes(wall, zone)
        if not found:
            raise reader.wrong(f"the clock skips {wall:%Y-%m-%d %H:%M} in {zone.key}", self.first)
        return found[0]


def calendar_date(reader: Reader) -> Moment | None:
    """A date with its year, and the time of day that ISO 8601 joins to it."""
    start = reader.at
    found = _iso(reader, start) or _with_month_name(reader, start)
    if found is None:
        reader.at = start
    return found


def _iso(reader: Reader, start: int) -> Moment | None:
    year, month, day = reader.peek(), reader.peek(2), reader.peek(4)
    dashes = reader.peek(1) == reader.peek(3) == "-"
    if not (dashes and len(year) == 4 and len(month) == len(day) == 2):
        return None
    if not (year + month + day).isdigit() or not all(reader.glued(i) for i in range(1, 5)):
        return None
    reader.move(5)
    found = Moment(_date(reader, start, int(year), int(month), int(day)), first=start)
    joined = reader.peek() == "t" and reader.glued()
    if joined:
        reader.move()
    precise = joined or _is_precise(reader)
    return _iso_time(reader, found) if precise else found


def _is_precise(reader: Reader) -> bool:
    """Whether `HH:MM:SS` or `HH:MM+02:00` follows, which only a date can carry."""
    start = reader.at
    hours, colon, minutes, mark = (reader.peek(i) for i in range(4))
    sign = mark in (":", "+", "-", "z") and reader.glued(3)
    offset = mark == ":" or mark == "z" or (reader.peek(4).isdigit() and reader.peek(5) == ":")
    return (
        reader.at == start and len(hours) == len(minutes) == 2 and colon == ":" and sign and offset
    )


def _iso_time(reader: Reader, found: Moment) -> Moment:
    start = reader.at
    text = ""
    while not reader.done and (reader.at == start or reader.glued()):
        if not (reader.peek().isdigit() or reader.peek() in (":", ".", "+", "-", "z")):
            break
        text += reader.peek()
        reader.move()
    text = text.removesuffix(".")
    try:
        moment = datetime.fromisoformat(f"{found.day.isoformat()}T{text.upper()}")
    except ValueError:
        raise reader.wrong(f'"{text}" is not a time like 18:00 or 18:00:30', start) from None
    offset = moment.utcoffset()
    minutes = None if offset is None else int(offset.total_seconds()) // 60
    return replace(found, at=moment.time(), offset=minutes)


def _with_month_name(reader: Reader, start: int) -> Moment | None:
    month = MONTHS.get(reader.peek())
    if month:
        reader.move()
        day = _day_number(reader)
        reader.take(",")
    else:
        day = _day_number(reader)
        reader.take("of")
        month = MONTHS.get(reader.peek())
        if month:
            reader.move()
            reader.take(",")
    year = reader.peek()
    if not month or day is None or len(year) != 4 or not year.isdigit() or int(year) < 1970:
        return None
    reader.move()
    return Moment(_date(reader, start, int(year), month, day), first=start)


def _day_number(reader: Reader) -> int | None:
    found = reader.ordinal()
    if found is None and len(reader.peek()) <= 2:
        digits = reader.digits()
        found = int(digits) if digits else None
    return found


def _date(reader: Reader, start: int, year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise reader.wrong("there is no such date", start) from None


def near_day(reader: Reader, today: date) -> Moment | None:
    """`today`, `tomorrow`, `the day after tomorrow`."""
    start = reader.at
    for words, days in (("the day after tomorrow", 2), ("day after tomorrow", 2),
                        ("tomorrow", 1), ("today", 0)):  # fmt: skip
        if reader.take(words):
            return Moment(today + timedelta(days=days), first=start)
    return None


def bound(reader: Reader, now: datetime) -> Moment | None:
    """Where a schedule starts or ends: a date of any kind, with or without a time."""
    start = reader.at
    reader.take("on")
    found = calendar_date(reader) or near_day(reader, now.date()) or _coming(reader, now)
    if found is None:
        reader.at = start
        return None
    if found.at is not None:
        return found
    ahead = reader.at
    marked = bool(reader.take("at"))
    written = clock(reader, marked)
    if written is None:
        reader.at = ahead
        return found
    (settled,) = settle(reader, [written])
    return replace(found, at=time(*settled.at))


def _coming(reader: Reader, now: datetime) -> Moment | None:
    """The next `june 5`, `5th of june` or `friday`; today's own name is not clear."""
    start = reader.at
    weekday = WEEKDAYS.get(reader.peek())
    if weekday is not None:
        reader.move()
        days = (weekday - now.isoweekday()) % 7
        if days == 0:
            raise _today_or_next(reader, start, now.date())
        return Moment(now.date() + timedelta(days=days), first=start)
    reader.take("the")
    month = MONTHS.get(reader.peek())
    if month:
        reader.move()
        day = _day_number(reader)
    else:
        day = _day_number(reader)
        reader.take("of")
        month = MONTHS.get(reader.peek())
        if month:
            reader.move()
    if not month or day is None:
        reader.at = start
        return None
    for year in range(now.year, now.year + 9):
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if found >= now.date():
            return Moment(found, first=start)
    raise reader.wrong("there is no such date", start)


def _today_or_next(reader: Reader, start: int, today: date) -> PhraseError:
    choices = [
        reader.replaced(start, start + 1, (today + timedelta(days=days)).isoformat())
        for days in (0, 7)
    ]
    return reader.wrong("that is today, or a week from now", start, choices)


def refuse_numeric(reader: Reader, today: date) -> None:
    """`03/04` may be in march or in april: refuse it with both dates."""
    start = reader.at
    reader.take("on")
    first, second = reader.peek(), reader.peek(2)
    mark = reader.peek(1)
    glued = reader.glued(1) and reader.glued(2)
    if not (glued and _short(first) and _short(second) and mark in ("/", ".")):
        reader.at = start
        return
    year = reader.peek(4) if reader.peek(3) == mark and reader.peek(4).isdigit() else ""
    if mark == "." and len(year) != 4:
        reader.at = start
        return
    stop = reader.at + (5 if year else 3)
    choices = []
    for month, day in ((int(first), int(second)), (int(second), int(first))):
        try:
            found = date(int(year) if len(year) == 4 else today.year, month, day)
            found = found if year or found > today else found.replace(year=found.year + 1)
        except ValueError:
            continue
        choices.append(reader.replaced(start, stop, found.isoformat()))
    raise reader.wrong("write a date as 2026-12-24 or 24 december 2026", start, choices)


def _short(text: str) -> bool:
    return text.isdigit() and len(text) <= 2
