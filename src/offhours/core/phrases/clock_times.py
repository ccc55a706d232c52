"""Times of day: `5pm`, `17:30`, `half past noon`, `7 in the morning`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from offhours.core.errors import PhraseError
from offhours.core.phrases.lexicon import (
    AFTERNOON,
    EVENING,
    MONTHS,
    MORNING,
    NIGHT,
    NUMBERS,
    PARTS,
    TENS,
    UNITS,
)
from offhours.core.phrases.reader import Reader

_AM = ("a . m .", "a . m", "am", "a")
_PM = ("p . m .", "p . m", "pm", "p")
# A mere number before one of these is no hour: "15 december", "10 times", "5 minutes".
_NOT_AFTER_HOUR = frozenset({*MONTHS, *UNITS, "times", "time", "x"})
_CLOCK = ("o'clock", "oclock")


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day. A `bare` hour could mean morning or evening; `half` says which was written."""

    hour: int
    minute: int = 0
    bare: bool = False
    half: str = ""
    first: int = 0
    stop: int = 0

    @property
    def at(self) -> tuple[int, int]:
        return self.hour, self.minute


def clock(reader: Reader, marked: bool) -> Clock | None:
    """The time that comes next. Without a mark like `at`, a mere number is not taken for one."""
    start = reader.at
    found = _named(reader) or _spoken(reader) or _written(reader, marked)
    if found is None:
        reader.at = start
        return None
    part = _part_after(reader)
    found = replace(found, first=start, stop=reader.at)
    return in_part(reader, found, part) if part else found


def _named(reader: Reader) -> Clock | None:
    for twelve in ("12 : 00 ", "12 ", "twelve ", ""):
        if reader.take(f"{twelve}midnight"):
            return Clock(0, half="am")
        if reader.take(f"{twelve}noon", f"{twelve}midday"):
            return Clock(12, half="pm")
    if reader.take("zero dark"):
        minute = reader.number()
        if minute is None or not 0 < minute < 60:
            raise reader.not_understood()
        return Clock(0, minute, half="am")
    return None


def _spoken(reader: Reader) -> Clock | None:
    """`quarter past 5pm`, `half past noon`, `ten minutes to 6pm`."""
    start = reader.at
    reader.take("a")
    quarter = reader.take("quarter", "half")
    minutes = {"quarter": 15, "half": 30}.get(quarter) or reader.number()
    said = bool(reader.take("minutes", "minute", "mins", "min")) or quarter == "quarter"
    before = bool(minutes and said and reader.take("to", "till", "til", "before", "of"))
    if not minutes or minutes > 59 or not (before or reader.take("past", "after")):
        reader.at = start
        return None
    hour = _named(reader) or _written(reader, marked=True)
    if hour is None or hour.minute:
        reader.at = start
        return None
    total = hour.hour * 60 + (-minutes if before else minutes)
    return replace(hour, hour=total // 60 % 24, minute=total % 60)


def _written(reader: Reader, marked: bool) -> Clock | None:
    start, text = reader.at, reader.peek()
    if text.isdigit():
        return _from_digits(reader, marked)
    hour = reader.number()
    if hour is None or hour > 24:
        reader.at = start
        return None
    spoken_minute = reader.peek() in TENS or reader.peek() in NUMBERS
    minute = reader.number() if spoken_minute and marked else None
    return _finish(reader, start, hour, minute, marked)


def _from_digits(reader: Reader, marked: bool) -> Clock | None:
    start, text = reader.at, reader.digits()
    if not text or len(text) > 4 or len(text) == 3:
        reader.at = start
        return None
    if len(text) == 4:
        return _four_digits(reader, start, text, marked)
    hour, minute = int(text), None
    if reader.peek() == ":":
        minute = _minute(reader, start)
        if minute is None:
            return None
    elif reader.peek() == "." and reader.glued() and len(reader.peek(1)) == 2:
        return _dotted(reader, start, hour)
    elif reader.peek() == "h" and reader.glued() and reader.glued(1) and reader.peek(1).isdigit():
        after = reader.peek(1)
        if len(after) != 2 or int(after) > 59 or (reader.glued(2) and reader.peek(2) == "m"):
            reader.at = start
            return None
        reader.move(2)
        minute = int(after)
    elif marked and reader.peek() == "h" and reader.glued():
        reader.move()
        minute = 0
    return _finish(reader, start, hour, minute, marked)


def _minute(reader: Reader, start: int) -> int | None:
    """`:30` after the hour; seconds are only understood when they are zero."""
    if not reader.glued() or not reader.glued(1) or not reader.peek(1).isdigit():
        reader.at = start
        return None
    text = reader.peek(1)
    if len(text) != 2 or int(text) > 59:
        raise reader.wrong(f'"{text}" is no minute; write two digits from 00 to 59', reader.at + 1)
    reader.move(2)
    if reader.peek() == ":" and reader.glued():
        if reader.peek(1) != "00":
            raise reader.wrong("a time of day has no seconds here", reader.at + 1)
        reader.move(2)
    return int(text)


def _dotted(reader: Reader, start: int, hour: int) -> Clock | None:
    text = reader.peek(1)
    ahead = reader.at
    if text.isdigit() and int(text) <= 59:
        reader.move(2)
        if _half(reader):
            reader.at = ahead + 2
            return _finish(reader, start, hour, int(text), marked=True)
    reader.at = start
    return None


def _four_digits(reader: Reader, start: int, text: str, marked: bool) -> Clock | None:
    said = reader.take("hours", "hrs", "h")
    if not (marked or said or text.startswith("0")) or reader.peek() in ("-", "/"):
        reader.at = start
        return None
    return _finish(reader, start, int(text[:2]), int(text[2:]), marked=True)


def _half(reader: Reader) -> str:
    """`am` or `pm`, in any spelling. A lone `a` or `p` has to touch the number."""
    for half, spellings in (("am", _AM), ("pm", _PM)):
        for spelling in spellings:
            start = reader.at
            glued = reader.glued()
            if reader.take(spelling):
                if len(spelling) > 1 or glued:
                    return half
                reader.at = start
    return ""


def _finish(
    reader: Reader, start: int, hour: int, minute: int | None, marked: bool
) -> Clock | None:
    clock_word = reader.take(*_CLOCK)
    half = _half(reader)
    mere = not (half or clock_word or minute is not None)
    if mere and (not marked or reader.peek() in _NOT_AFTER_HOUR):
        reader.at = start
        return None
    if half and not 1 <= hour <= 12:
        raise reader.wrong(f"there is no {hour}{half}", start)
    if hour > 23 or (minute or 0) > 59:
        choices = [reader.replaced(start, reader.at, f"minute {hour}")] if mere else []
        raise reader.wrong("a day goes from 00:00 to 23:59", start, choices)
    if half:
        return Clock(hour % 12 + (12 if half == "pm" else 0), minute or 0, half=half)
    spelled = not reader.tokens[start].is_number
    unclear = minute is None or (spelled and minute > 0)
    bare = (1 <= hour <= 11 and unclear) or (hour == 12 and bool(clock_word))
    return Clock(hour, minute or 0, bare=bare)


def _part_after(reader: Reader) -> str:
    """`in the morning`, `at night`, `tonight`'s relatives."""
    for words, part in (
        ("in the morning", MORNING), ("in the afternoon", AFTERNOON),
        ("in the evening", EVENING), ("at night", NIGHT), ("in the night", NIGHT),
    ):  # fmt: skip
        if reader.take(words):
            return part
    return ""


_HOURS = {
    MORNING: (range(1, 12), range(1, 12), range(0)),
    AFTERNOON: (range(12, 19), range(12, 13), range(1, 7)),
    EVENING: (range(16, 24), range(0), range(4, 12)),
    NIGHT: ((*range(18, 24), *range(6)), range(1, 5), range(6, 12)),
}


def in_part(reader: Reader, time: Clock, part: str) -> Clock:
    """The time as it is meant in a part of the day; refused when it does not lie there."""
    allowed, as_written, later = _HOURS[part]
    hour = time.hour
    if not time.half and hour == 12 and part == NIGHT:
        hour = 0
    elif not time.half and hour in later:
        hour += 12
    elif time.bare and hour not in as_written:
        raise _outside(reader, time, part)
    if hour not in allowed:
        raise _outside(reader, time, part)
    return replace(time, hour=hour, bare=False, half="am" if hour < 12 else "pm")


def _outside(reader: Reader, time: Clock, part: str) -> PhraseError:
    return reader.wrong(f"that is not a time of the {part}", time.first)


def settle(reader: Reader, times: list[Clock], part: str = "") -> list[Clock]:
    """Times whose bare hours are made certain by a part of the day or by a 24-hour neighbour."""
    if part:
        return [in_part(reader, time, part) for time in times]
    halves = any(time.half for time in times)
    if not halves and any(time.hour > 12 for time in times):
        return [replace(time, bare=False) for time in times]
    if any(time.bare for time in times):
        raise _morning_or_evening(reader, [time for time in times if time.bare])
    return times


def _morning_or_evening(reader: Reader, times: list[Clock]) -> PhraseError:
    """The refusal of bare hours, with each of them written both ways."""
    tokens = reader.tokens
    choices = []
    for halves in ("ampm", "pmam", "amam", "pmpm")[: 2 if len(times) == 1 else 4]:
        text = reader.text
        for place, time in reversed(list(enumerate(times))):
            half = halves[2:] if place else halves[:2]
            minute = f":{time.minute:02}" if time.minute else ""
            words = f"{time.hour % 12 or 12}{minute}{half}"
            text = f"{text[: tokens[time.first].start]}{words}{text[tokens[time.stop - 1].end :]}"
        choices.append(text)
    first = times[0]
    written = reader.text[tokens[first.first].start : tokens[first.stop - 1].end]
    return reader.wrong(f'"{written}" may be morning or evening', first.first, choices)


def part_of_day(reader: Reader) -> str:
    """A part of the day without a time of its own, as in `every evening`."""
    start = reader.at
    part = PARTS.get(reader.peek())
    if part:
        reader.move()
        return part
    part = _part_after(reader)
    if not part:
        reader.at = start
    return part
