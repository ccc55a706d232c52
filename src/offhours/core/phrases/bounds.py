"""When a schedule begins and ends: `starting D`, `until D`, `for N times`, `counted from D`."""

from __future__ import annotations

from datetime import datetime, timedelta
from datetime import time as wall_time

from offhours.core.phrases import frequency
from offhours.core.phrases.clock_times import clock, settle
from offhours.core.phrases.dates import Moment, bound
from offhours.core.phrases.lexicon import UNITS
from offhours.core.phrases.reader import Reader
from offhours.core.phrases.slots import Clause, Schedule, fill

_START = ("starting", "start", "starts", "beginning", "begins", "begin")
_END = ("up until", "until", "till", "through", "thru", "ending", "ends", "end")


def bound_rule(reader: Reader, schedule: Schedule, now: datetime) -> bool:
    """Read one bound of the whole schedule."""
    start = reader.at
    for rule in (_start, _end, _count):
        if rule(reader, schedule, now):
            return True
        reader.at = start
    return False


def _start(reader: Reader, schedule: Schedule, now: datetime) -> bool:
    start = reader.at
    if reader.take(*_START):
        reader.take("from", "on", "at")
    elif not reader.take("from"):
        return False
    found = bound(reader, now) if _is_dated(reader) else None
    if found is None:
        return _start_time(reader, schedule, now, start)
    if reader.tokens[start].text == "from":
        ahead = reader.at
        if reader.take("to", "through", "until", "till", "-"):
            end = bound(reader, now) if _is_dated(reader) else None
            if end is None:
                reader.at = ahead
            else:
                fill(schedule, reader, ahead, end=end)
    fill(schedule, reader, start, start=found)
    return True


def _start_time(reader: Reader, schedule: Schedule, now: datetime, start: int) -> bool:
    """`starting at 9am` is the next 9am, for an interval that counts from there."""
    if reader.tokens[start].text == "from":
        return False
    time = clock(reader, marked=True)
    if time is None:
        return False
    (settled,) = settle(reader, [time])
    day = now.date() + timedelta(days=settled.at <= (now.hour, now.minute))
    found = Moment(day, wall_time(*settled.at), first=start, coming=True)
    fill(schedule, reader, start, start=found)
    return True


def _is_dated(reader: Reader) -> bool:
    """Whether a date with its own year or a near day follows; `from june 5` may be of each year."""
    previous = reader.peek(-1)
    if previous not in ("from", "to", "through", "until", "till", "-"):
        return True
    first = reader.peek()
    if previous == "from" and reader.peek(-2) in _START:
        return True
    return first in ("tomorrow", "today") or (len(first) == 4 and first.isdigit())


def _end(reader: Reader, schedule: Schedule, now: datetime) -> bool:
    start = reader.at
    if not reader.take(*_END):
        return False
    reader.take("on")
    found = bound(reader, now)
    if found is None:
        return False
    fill(schedule, reader, start, end=found)
    return True


def _count(reader: Reader, schedule: Schedule, now: datetime) -> bool:
    """`for 10 times`, `10 times in all`; a mere `10x` only after the time of day was said."""
    start = reader.at
    sure = bool(reader.take("for the next", "for"))
    if sure and _lasting(reader, schedule, start):
        return True
    number = reader.number()
    if number is None or not reader.take("times", "time", "x", "runs"):
        return False
    sure = bool(reader.take("in all", "in total", "total", "altogether")) or sure
    timed = any(clause.times or clause.part for clause in schedule.clauses)
    if not sure and not timed:
        raise frequency.times_a_unit(reader, start, max(number, 1))
    if number == 0:
        raise reader.wrong("zero times is never", start)
    fill(schedule, reader, start, count=number)
    return True


def _lasting(reader: Reader, schedule: Schedule, start: int) -> bool:
    ahead = reader.at
    if reader.peek() in UNITS:
        return False
    found = frequency.duration(reader)
    if found is None:
        reader.at = ahead
        return False
    fill(schedule, reader, start, lasting=(found.unit, found.count))
    return True


def anchor(reader: Reader, clause: Clause, now: datetime) -> bool:
    """`counted from D`: where an interval begins to count, whatever its length."""
    start = reader.at
    if not reader.take("counted from", "counting from"):
        return False
    found = bound(reader, now)
    if found is None:
        return False
    fill(clause, reader, start, anchor=found)
    return True


def first_minute(reader: Reader, clause: Clause, now: datetime) -> bool:
    """`starting at minute 5`."""
    start = reader.at
    if not reader.take(*_START):
        return False
    reader.take("at", "from", "on")
    if not reader.take("minute", "min"):
        return False
    number = reader.number()
    if number is None:
        return False
    if number > 59:
        raise reader.wrong(f"an hour has no minute {number}", reader.at - 1)
    fill(clause, reader, start, first_minute=number)
    return True
