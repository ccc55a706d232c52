"""What may stand in a cron expression, checked field by field before anything is computed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from offhours.core.errors import ScheduleError

MOST_CHARACTERS = 256
ALIASES = {
    "@YEARLY": "0 0 1 1 *",
    "@ANNUALLY": "0 0 1 1 *",
    "@MONTHLY": "0 0 1 * *",
    "@WEEKLY": "0 0 * * 0",
    "@DAILY": "0 0 * * *",
    "@MIDNIGHT": "0 0 * * *",
    "@HOURLY": "0 * * * *",
}

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_STRANGE = re.compile(r"[^A-Za-z0-9*,/#@ \t-]")
_NUMBER = re.compile(r"[0-9]+")
_MONTH_END = re.compile(r"L-([0-9]+)")
_NEAREST = re.compile(r"([0-9]+)W")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    forms: str = ""

    @property
    def expected(self) -> str:
        named = f" or {self.names[0]}-{self.names[-1]}" if self.names else ""
        return f"{self.low}-{self.high}{named}{self.forms}"

    def value(self, text: str) -> int:
        """One number or name of this field; ValueError says what is wrong with it."""
        if text in self.names:
            return self.names.index(text) + self.low
        if not _NUMBER.fullmatch(text) or not self.low <= int(text) <= self.high:
            got = repr(text) if text else "nothing"
            raise ValueError(f"expected {self.expected}, got {got}")
        return int(text)


_SECOND = _Field("second", 0, 59)
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31, forms=", L, LW, 15W or L-3"),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _DAYS, forms=", 5L or 1#2"),
)
_DAY_OF_MONTH, _DAY_OF_WEEK = _FIELDS[2], _FIELDS[4]


def normal_form(expression: str) -> str:
    """The expression in capitals with single spaces, aliases written out; refused when malformed.

    >>> normal_form(" */5  9-17 * * mon-fri"), normal_form("@weekly")
    ('*/5 9-17 * * MON-FRI', '0 0 * * 0')
    """
    if not isinstance(expression, str):
        raise ScheduleError(f"cron: expected text, got {type(expression).__name__}", "cron")
    if len(expression) > MOST_CHARACTERS:
        raise ScheduleError(
            f"cron: {len(expression)} characters; expected at most {MOST_CHARACTERS}", "cron"
        )
    strange = _STRANGE.search(expression)
    if strange:
        raise _wrong(expression, "cron", f"{strange[0]!a} is not a cron character")
    parts = expression.upper().split()
    if not parts:
        raise _wrong(expression, "cron", "nothing there; expected five fields like '0 9 * * 1-5'")
    if parts[0].startswith("@"):
        return _alias(expression, parts)
    fields = {5: _FIELDS, 6: (_SECOND, *_FIELDS)}.get(len(parts))
    if fields is None:
        raise _wrong(
            expression,
            "cron",
            "expected five fields (minute hour day month weekday), or six with seconds first; "
            f"got {len(parts)}",
        )
    normal = []
    for field, text in zip(fields, parts, strict=True):
        try:
            normal.append(_checked(field, text))
        except ValueError as wrong:
            raise _wrong(expression, field.name, str(wrong)) from None
    return " ".join(normal)


def _wrong(expression: str, field: str, problem: str) -> ScheduleError:
    where = "" if field == "cron" else f"{field}: "
    return ScheduleError(f"cron {expression!a}: {where}{problem}", field)


def _alias(expression: str, parts: list[str]) -> str:
    if len(parts) == 1 and parts[0] in ALIASES:
        return ALIASES[parts[0]]
    if parts[0] == "@REBOOT":
        problem = "a start-up has no calendar time, so it cannot be a schedule"
    elif len(parts) > 1:
        problem = "an alias stands alone"
    else:
        problem = f"unknown alias; expected {', '.join(ALIASES).lower()}"
    raise _wrong(expression, "alias", problem)


def _checked(field: _Field, text: str) -> str:
    items = text.split(",")
    if "" in items:
        raise ValueError("a list item is empty")
    special = _SPECIAL.get(field.name)
    return ",".join(
        item
        if special is not None and special(field, item)
        else _checked_item(field, item, alone=len(items) == 1)
        for item in items
    )


def _checked_item(field: _Field, item: str, alone: bool) -> str:
    base, stepped, step = item.partition("/")
    if stepped:
        _check_step(field, step)
    if base == "*":
        return item
    start, ranged, end = base.partition("-")
    if ranged:
        first, last = field.value(start), field.value(end)
        if first > last:
            raise ValueError(f"the range {base} runs backwards; write {_split(field, start, end)}")
        # A step over one value changes nothing; cronsim would run on to the field's end.
        return start if first == last else item
    field.value(base)
    if stepped and alone:
        # Debian refuses it and others disagree on what it means, so it is written out.
        raise ValueError(f"a step needs a range; write {base}-{_last(field)}/{step}")
    return item


def _check_step(field: _Field, step: str) -> None:
    if not _NUMBER.fullmatch(step) or int(step) == 0:
        raise ValueError(f"expected a step from 1 to {field.high}, got {step!r}")
    if int(step) > field.high:
        raise ValueError(
            f"the step {step} is larger than the field, which restarts after {_last(field)}; "
            "use an interval schedule"
        )


def _split(field: _Field, start: str, end: str) -> str:
    """The two ranges, or the one up to Sunday as 7, that a range running backwards meant."""
    if field is _DAY_OF_WEEK and field.value(end) == 0:
        return f"{start}-7"
    return f"{start}-{_last(field)},{field.low}-{end}"


def _last(field: _Field) -> int:
    return 6 if field is _DAY_OF_WEEK else field.high


def _special_day(field: _Field, item: str) -> bool:
    if item in ("L", "LW"):
        return True
    nearest, before_end = _NEAREST.fullmatch(item), _MONTH_END.fullmatch(item)
    if nearest:
        field.value(nearest[1])
    if before_end and not 1 <= int(before_end[1]) <= 30:
        raise ValueError(f"expected L-1 to L-30, got {item!r}")
    return bool(nearest or before_end)


def _special_weekday(field: _Field, item: str) -> bool:
    if item.endswith("L"):
        if not _NUMBER.fullmatch(item[:-1]):
            raise ValueError(f"expected 0L to 7L, got {item!r}")
        field.value(item[:-1])
        return True
    day, numbered, week = item.partition("#")
    if numbered:
        field.value(day)
        if week not in ("1", "2", "3", "4", "5"):
            raise ValueError(f"expected #1 to #5 after one day, got {item!r}")
    return bool(numbered)


_SPECIAL: dict[str, Callable[[_Field, str], bool]] = {
    _DAY_OF_MONTH.name: _special_day,
    _DAY_OF_WEEK.name: _special_weekday,
}
