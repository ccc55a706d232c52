"""A cron expression in words that the grammar reads back, or nothing when there are none."""

from __future__ import annotations

from dataclasses import dataclass

from offhours.core.phrases import fields
from offhours.core.phrases.lexicon import (
    MONTH_NAMES,
    ORDINAL_NAMES,
    WEEKDAY_NAMES,
    WEEKEND,
    WORK_DAYS,
    joined,
    ordinal,
)

_MOST_TIMES = 12


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence in pieces: `times` is empty when `often` already says when in the day."""

    often: str
    days: str
    times: str

    @property
    def sentence(self) -> str:
        if self.times:
            return f"{self.days} at {self.times}"
        return f"{self.often} {self.days}".rstrip()


def in_words(expression: str) -> Words | None:
    """The words for an expression in its canonical spelling.

    >>> in_words("0,30 9 * * 1-5").sentence
    'every weekday at 09:00 and 09:30'
    """
    parts = expression.split()
    often = ""
    if len(parts) == 6:
        often = _seconds(parts)
        if not often:
            return None
        parts = parts[1:]
    minute, hour, day, month, weekday = parts
    over_midnight = (day, month, weekday) == ("*", "*", "*")
    times = "" if often else _times(minute, hour, over_midnight)
    often = often or ("" if times else _often(minute, hour, over_midnight))
    if not (often or times):
        return None
    days = _days(day, month, weekday, by_day=bool(times))
    return None if days is None else Words(often, days, times)


def _seconds(parts: list[str]) -> str:
    second, minute, hour = parts[:3]
    if (minute, hour) != ("*", "*"):
        return ""
    if second == "*":
        return "every second"
    return f"every {second[2:]} seconds" if second.startswith("*/") else ""


def _times(minute: str, hour: str, over_midnight: bool) -> str:
    minutes, hours = fields.numbers_in(minute, fields.MINUTE), fields.numbers_in(hour, fields.HOUR)
    if not minutes or not hours or len(minutes) * len(hours) > _MOST_TIMES:
        return ""
    if len(hours) > 3 and _window(sorted(hours), over_midnight) and len(minutes) < 3:
        return ""
    return joined([f"{h:02}:{m:02}" for h in sorted(hours) for m in sorted(minutes)])


def _often(minute: str, hour: str, over_midnight: bool) -> str:
    """`every 5 minutes from 09:00 to 16:59`, `every 2 hours at minute 30`."""
    if hour == "*" or hour.startswith("*/"):
        return _all_day(minute, "" if hour == "*" else hour[2:])
    hours = fields.numbers_in(hour, fields.HOUR) or frozenset()
    minutes = fields.numbers_in(minute, fields.MINUTE)
    gone = sorted(set(range(24)) - hours)
    if minutes == frozenset({0}) and 0 < len(gone) < 4:
        return f"every hour except {joined([f'{each:02}:00' for each in gone])}"
    window = _window(sorted(hours), over_midnight)
    if window is None:
        return ""
    first, last = window
    if minute == "*":
        return f"every minute from {first:02}:00 to {last:02}:59"
    if minute.startswith("*/"):
        return f"every {minute[2:]} minutes from {first:02}:00 to {last:02}:59"
    if not minutes:
        return ""
    if len(minutes) > 1:
        return f"{_all_day(minute, '')} from {first:02}:00 to {last:02}:59"
    (only,) = minutes
    return f"every hour from {first:02}:{only:02} to {last:02}:{only:02}"


def _all_day(minute: str, step: str) -> str:
    unit = f"every {step} hours" if step else "every hour"
    if minute == "*":
        return "" if step else "every minute"
    if minute.startswith("*/"):
        return "" if step else f"every {minute[2:]} minutes"
    if "/" in minute:
        first, _, rest = minute.partition("-")
        if not step and rest.startswith("59/") and 60 % int(rest[3:]) == 0:
            return f"every {rest[3:]} minutes starting at minute {first}"
    minutes = fields.numbers_in(minute, fields.MINUTE)
    if not minutes or len(minutes) > 20:
        return ""
    if minutes == {0}:
        return unit
    plural = "s" if len(minutes) > 1 else ""
    return f"{unit} at minute{plural} {joined([str(each) for each in sorted(minutes)])}"


def _window(hours: list[int], over_midnight: bool) -> tuple[int, int] | None:
    """The first and last of hours without a gap, over midnight if need be."""
    runs = fields.runs(hours)
    if len(runs) == 1 and len(hours) < 24:
        return hours[0], hours[-1]
    if over_midnight and len(runs) == 2 and hours[0] == 0 and hours[-1] == 23:
        return runs[1][0], runs[0][-1]
    return None


def _days(day: str, month: str, weekday: str, by_day: bool) -> str | None:
    """Days and months; `by_day` when a time of day follows, so that the days begin the sentence."""
    if day != "*" and weekday != "*":
        return None
    numbered = "#" in weekday or "L" in weekday
    if weekday != "*":
        found = _numbered(weekday) if numbered else _weekdays(weekday, by_day)
    elif day != "*":
        found = _month_days(day)
    else:
        found = "every day" if by_day else ""
    of_month = day != "*" or numbered
    months = _months(month, of_month)
    if found is None or months is None:
        return None
    if month.startswith("*/"):
        return f"every {month[2:]} months {found}" if by_day and of_month else None
    return f"{found} {months}".strip()


def _months(month: str, of_month: bool) -> str | None:
    if month == "*":
        return "of the month" if of_month else ""
    if month.startswith("*/"):
        return ""
    numbers = fields.numbers_in(month, fields.MONTH)
    if not numbers:
        return None
    gone = sorted(set(range(1, 13)) - numbers)
    if 0 < len(gone) < 4:
        names = joined([MONTH_NAMES[number - 1] for number in gone])
        return f"{'of the month ' if of_month else ''}except in {names}"
    return f"{'of' if of_month else 'in'} {_listed(sorted(numbers), MONTH_NAMES, 1)}"


def _listed(numbers: list[int], names: tuple[str, ...], low: int) -> str:
    """The names of numbers, as a range when there are four or more in a row."""
    runs = fields.runs(numbers)
    whole = len(names)
    around = len(runs) == 2 and numbers[0] == low and numbers[-1] == low + whole - 1
    if len(numbers) > 3 and (len(runs) == 1 or around):
        first, last = (runs[1][0], runs[0][-1]) if around else (numbers[0], numbers[-1])
        return f"{names[first - low]} to {names[last - low]}"
    return joined([names[number - low] for number in numbers])


def _weekdays(text: str, by_day: bool) -> str | None:
    numbers = fields.numbers_in(text, fields.WEEKDAY)
    if not numbers or len(numbers) == 7:
        return None
    word = "every" if by_day else "on"
    if numbers in (WORK_DAYS, WEEKEND):
        name = "weekday" if numbers == WORK_DAYS else "weekend"
    else:
        name = _listed(sorted(numbers), WEEKDAY_NAMES, 0)
    if not by_day and (" to " not in name):
        name = f"{name.replace(',', 's,').replace(' and', 's and')}s"
    return f"{word} {name}"


def _numbered(text: str) -> str | None:
    """`1#1,1L` are the first and last monday: every day in every week that is named."""
    pairs = []
    for item in text.split(","):
        number, mark, week = item.partition("#")
        if not mark and item[-1] != "L":
            return None
        pairs.append((int(number.rstrip("L")), int(week) if mark else 9))
    weekdays, weeks = ({pair[i] for pair in pairs} for i in (0, 1))
    if len(pairs) != len(weekdays) * len(weeks):
        return None
    ordinals = [ORDINAL_NAMES.get(week, "last") for week in sorted(weeks)]
    names = [WEEKDAY_NAMES[number] for number in sorted(weekdays)]
    return f"on the {joined(ordinals)} {joined(names)}"


def _month_days(text: str) -> str | None:
    if text in ("1W", "LW"):
        return f"on the {'first' if text == '1W' else 'last'} business day"
    if text.endswith("W") and text[:-1].isdigit():
        return f"on the weekday nearest the {ordinal(int(text[:-1]))}"
    parts = []
    for item in text.split(","):
        name = _month_day(item)
        if name is None:
            return None
        parts.append(name)
    last = " day" if text == "L" or text.startswith("L-") else ""
    return f"on the {joined(parts)}{last}"


def _month_day(item: str) -> str | None:
    if item == "L":
        return "last"
    if item.startswith("L-"):
        return f"{ordinal(int(item[2:]) + 1)} to last"
    first, ranged, last = item.partition("-")
    if not first.isdigit() or (ranged and not last.isdigit()):
        return None
    return f"{ordinal(int(first))} to {ordinal(int(last))}" if ranged else ordinal(int(first))
