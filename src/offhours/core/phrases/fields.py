"""The fields of a cron expression: sets of numbers in their shortest usual spelling."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

MINUTE, HOUR, DAY, MONTH, WEEKDAY = (0, 59), (0, 23), (1, 31), (1, 12), (0, 6)
_ALL = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)
_DAY_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTH_NAMES = (
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
)  # fmt: skip
CRON_NAMES = frozenset((*_DAY_NAMES, *_MONTH_NAMES))


def spelled(values: Iterable[int], limits: tuple[int, int]) -> str:
    """Numbers as a field: three in a row are a range, even minutes to the end a step.

    >>> spelled({1, 2, 3, 6}, DAY), spelled({1, 16, 31, 46}, MINUTE), spelled({0, 30}, MINUTE)
    ('1-3,6', '1-59/15', '0,30')
    """
    numbers = sorted(set(values))
    gaps = {after - before for before, after in pairwise(numbers)}
    step = gaps.pop() if len(gaps) == 1 else 0
    if limits == MINUTE and len(numbers) > 2 and 0 < numbers[0] < step < 60 <= numbers[-1] + step:
        return f"{numbers[0]}-59/{step}"
    parts = [
        f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(str(number) for number in run)
        for run in runs(numbers)
    ]
    return ",".join(parts)


def runs(numbers: list[int]) -> list[list[int]]:
    """Sorted numbers cut where one is missing.

    >>> runs([1, 2, 3, 6])
    [[1, 2, 3], [6]]
    """
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][-1] == number - 1:
            found[-1].append(number)
        else:
            found.append([number])
    return found


def grid(times: Iterable[tuple[int, int]], step: int = 0) -> list[tuple[str, str]]:
    """Minute and hour fields that match exactly these (hour, minute) pairs.

    `step` is the number of minutes between them: an hour that has all of its steps is `*/step`.

    >>> grid([(9, 15), (17, 45)]), grid([(9, 0), (9, 15), (18, 0), (18, 15)])
    ([('15', '9'), ('45', '17')], [('0,15', '9,18')])
    """
    by_hour: dict[int, set[int]] = {}
    for hour, minute in times:
        by_hour.setdefault(hour, set()).add(minute)
    by_minutes: dict[frozenset[int], list[int]] = {}
    for hour, minutes in sorted(by_hour.items()):
        by_minutes.setdefault(frozenset(minutes), []).append(hour)
    found: list[tuple[str, str]] = []
    for minutes_set, hours in by_minutes.items():
        text = spelled(minutes_set, MINUTE)
        if 0 < step < 60 and minutes_set == frozenset(range(0, 60, step)):
            text = "*" if step == 1 else f"*/{step}"
        found.append((text, spelled(hours, HOUR)))
    return found


def numbers_in(text: str, limits: tuple[int, int]) -> frozenset[int] | None:
    """The numbers that a field of numbers, ranges and steps means; None with a star or a letter."""
    found: set[int] = set()
    for item in text.split(","):
        base, _, step = item.partition("/")
        first, ranged, last = base.partition("-")
        if not first.isdigit() or (ranged and not last.isdigit()):
            return None
        end = int(last) if ranged else (limits[1] if step else int(first))
        found |= set(range(int(first), end + 1, int(step or 1)))
    return frozenset(found)


def canonical(expression: str) -> str:
    """The same expression with names as numbers, 7 as 0, and each field in its usual spelling.

    A star at the beginning of a field has a meaning of its own and stays.

    >>> canonical("0 9 * * MON,TUE,WED,THU,FRI"), canonical("*/5 8-10 L,1 JAN 7")
    ('0 9 * * 1-5', '*/5 8-10 1,L 1 0')
    """
    parts = expression.split()
    limits = (MINUTE, *_ALL) if len(parts) == 6 else _ALL
    return " ".join(_canonical(text, limit) for text, limit in zip(parts, limits, strict=True))


def _canonical(text: str, limits: tuple[int, int]) -> str:
    if limits == WEEKDAY:
        for number, name in enumerate(_DAY_NAMES):
            text = text.replace(name, str(number))
        text = _sundays(text)
    if limits == MONTH:
        for number, name in enumerate(_MONTH_NAMES, 1):
            text = text.replace(name, str(number))
    if "*" in text:
        return "*" if text == "*/1" else text
    letters = [item for item in text.split(",") if not item[0].isdigit() or item[-1] in "LW"]
    letters += [item for item in text.split(",") if "#" in item]
    plain = [item for item in text.split(",") if item not in letters]
    values = numbers_in(",".join(plain), (limits[0], 7 if limits == WEEKDAY else limits[1]))
    if values is None:
        values = frozenset()
    if limits == WEEKDAY:
        values = frozenset(value % 7 for value in values)
    spelled_numbers = [spelled(values, limits)] if values else []
    return ",".join([*spelled_numbers, *sorted(set(letters))])


def _sundays(text: str) -> str:
    items = [
        f"0{item[1:]}" if item[0] == "7" and item[1:2] in ("", "L", "#") else item
        for item in text.split(",")
    ]
    return ",".join(items)
