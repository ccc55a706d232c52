"""One rule for each slot of a clause. A rule that does not apply leaves the clause as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from offhours.core.phrases import frequency
from offhours.core.phrases.bounds import anchor, first_minute
from offhours.core.phrases.clock_times import Clock, clock, part_of_day
from offhours.core.phrases.dates import Moment, calendar_date, near_day, refuse_numeric
from offhours.core.phrases.day_rules import days_rule, every_day_rule
from offhours.core.phrases.days import of_month, weekdays
from offhours.core.phrases.fields import CRON_NAMES
from offhours.core.phrases.lexicon import HOUR, NIGHT, UNITS, WEEKDAYS
from offhours.core.phrases.minutes import minutes_of_hour
from offhours.core.phrases.reader import Reader
from offhours.core.phrases.slots import Clause, Frequency, Relative, fill


def _cron(reader: Reader, clause: Clause, now: datetime) -> bool:
    """`cron 0 9 * * MON-FRI`: five or six fields, word for word."""
    start = reader.at
    if not reader.take("cron"):
        return False
    words: list[str] = []
    while len(words) < 6 and not reader.done:
        word = reader.tokens[reader.at].word
        pieces = [token.raw for token in reader.tokens[reader.at :] if token.word == word]
        if not _like_cron("".join(pieces)):
            break
        words.append("".join(pieces))
        reader.move(len(pieces))
    if len(words) < 5:
        raise reader.wrong('after "cron" come five or six fields', start)
    fill(clause, reader, start, cron=" ".join(words))
    return True


def _like_cron(word: str) -> bool:
    named = word[:3].upper() in CRON_NAMES and not word[3:4].isalpha()
    return word[0].isdigit() or word[0] in "*L" or named


def _adverb(reader: Reader, clause: Clause, now: datetime) -> bool:
    start = reader.at
    found = frequency.adverb(reader)
    if found is None:
        return False
    nightly = reader.peek(-1) == "nightly"
    fill(clause, reader, start, frequency=found, **({"part": f"{NIGHT}ly"} if nightly else {}))
    return True


def _every(reader: Reader, clause: Clause, now: datetime) -> bool:
    start = reader.at
    reader.take("once")
    if not reader.take("every", "each"):
        return False
    place = reader.at
    found = every_day_rule(reader, clause, start)
    if not found:
        reader.at = place
        found = _stated(reader, clause, start, place)
    if not found and (part := part_of_day(reader)):
        fill(clause, reader, start, part=part, frequency=frequency.plain("day"))
        found = True
    if not found and reader.peek() in ("noon", "midnight", "midday"):
        fill(clause, reader, start, frequency=frequency.plain("day"))
        found = True
    if not found:
        unclear = frequency.without_unit(reader)
        if unclear:
            raise unclear
        return False
    clause.every = True
    return True


def _stated(reader: Reader, clause: Clause, start: int, place: int) -> bool:
    stated = frequency.stated(reader)
    if stated is None:
        return False
    if reader.peek(-1) in ("other", "alternate"):
        ahead = reader.at
        days = weekdays(reader)
        if days is None:
            raise reader.not_understood()
        fill(clause, reader, ahead, days=replace(days, alone=False))
    if stated == Frequency("day", 1):
        reader.take("of the week", "of the month", "of the year")
    _refuse_of_month(reader, place)
    fill(clause, reader, start, frequency=stated)
    return True


def _refuse_of_month(reader: Reader, place: int) -> None:
    """`every second of the month` is refused: the second may be a day or a unit."""
    if of_month(reader):
        rest = reader.text[reader.tokens[reader.at - 1].end :]
        choices = [f"every month on the 2nd{rest}", f"every second{rest}", "every second"]
        raise reader.wrong("that may be a length of time or a date", place, choices)


def _days(reader: Reader, clause: Clause, now: datetime) -> bool:
    return days_rule(reader, clause)


def _once(reader: Reader, clause: Clause, now: datetime) -> bool:
    start = reader.at
    _refuse_next(reader, now)
    refuse_numeric(reader, now.date())
    reader.take("once")
    found = _relative(reader) or _dated(reader, clause, now)
    if found is None:
        return False
    fill(clause, reader, start, once=found)
    return True


def _refuse_next(reader: Reader, now: datetime) -> None:
    """`next friday` may be this week's or that of the week after."""
    start = reader.at
    reader.take("on")
    if not reader.take("next", "this coming", "this", "coming"):
        reader.at = start
        return
    word = reader.peek()
    if word in WEEKDAYS:
        days = (WEEKDAYS[word] - now.isoweekday()) % 7 or 7
        dates = [(now.date() + timedelta(days=days + more)).isoformat() for more in (0, 7)]
        choices = [reader.replaced(start, reader.at + 1, day) for day in (*dates, f"every {word}")]
        raise reader.wrong("that may be one of two weeks", start, choices)
    if word in UNITS and len(word) > 1:
        choices = [f"in 1 {word}", f"every {word}"]
        raise reader.wrong("that does not say which day", start, choices)
    reader.at = start


def _relative(reader: Reader) -> Relative | None:
    """`in 2 hours`, `90 minutes from now`."""
    start = reader.at
    said = bool(reader.take("in"))
    length = frequency.duration(reader)
    if length is None or not (said or reader.take("from now")):
        reader.at = start
        return None
    return Relative(length.unit, length.count)


def _dated(reader: Reader, clause: Clause, now: datetime) -> Moment | None:
    reader.take("on")
    found = calendar_date(reader) or near_day(reader, now.date())
    if found is None and reader.take("tonight"):
        fill(clause, reader, reader.at - 1, part=NIGHT)
        return Moment(now.date(), first=reader.at - 1)
    return found


def _window(reader: Reader, clause: Clause, now: datetime) -> bool:
    """`between 9am and 5pm`, `from 22:00 to 06:00`, `9am-5pm`."""
    start = reader.at
    said = reader.take("between", "from")
    first = clock(reader, marked=bool(said))
    if first is None or not _to(reader, said):
        return False
    last = clock(reader, marked=True)
    if last is None:
        return False
    fill(clause, reader, start, window=(first, last))
    return True


def _to(reader: Reader, said: str) -> bool:
    to = ("to", "until", "till", "through", "thru", "-")
    return bool(reader.take(*(("and", *to) if said == "between" else to)))


def _minutes(reader: Reader, clause: Clause, now: datetime) -> bool:
    start = reader.at
    often = clause.frequency
    hourly = often is not None and often.within_day and often.count % HOUR == 0
    found = minutes_of_hour(reader, hourly)
    if found is None:
        return False
    fill(clause, reader, start, minutes=found[0])
    if found[1] and clause.frequency is None:
        fill(clause, reader, start, frequency=Frequency("second", HOUR))
    return True


def _times(reader: Reader, clause: Clause, now: datetime) -> bool:
    start = reader.at
    marked = bool(reader.take("at", "@"))
    found: list[Clock] = []
    while True:
        ahead = reader.at
        if found:
            if not reader.separator():
                break
            reader.take("at", "@")
        time = clock(reader, marked or bool(found))
        if time is None:
            reader.at = ahead
            break
        if any(time.at == other.at and time.bare == other.bare for other in found):
            raise reader.wrong("that time is said twice", time.first)
        found.append(time)
    if found:
        fill(clause, reader, start, times=found)
    return bool(found)


def _part(reader: Reader, clause: Clause, now: datetime) -> bool:
    start = reader.at
    part = part_of_day(reader)
    if part:
        fill(clause, reader, start, part=part)
        clause.every = clause.every or reader.peek(-1) == f"{part}s"
    return bool(part)


def _in_step(reader: Reader, clause: Clause, now: datetime) -> bool:
    start = reader.at
    if not reader.take("synchronized", "synchronised"):
        return False
    fill(clause, reader, start, in_step=True)
    return True


RULES: tuple[Callable[[Reader, Clause, datetime], bool], ...] = (
    _cron, anchor, first_minute, _once, _adverb, _every, _window, _minutes, _times, _days,
    _part, _in_step,
)  # fmt: skip
