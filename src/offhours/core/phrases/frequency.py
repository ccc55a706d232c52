"""How often: `every 5 minutes`, `every other week`, `once a day`, `hourly`."""

from __future__ import annotations

from fractions import Fraction

from offhours.core.errors import PhraseError
from offhours.core.phrases.lexicon import (
    ADVERBS,
    HOUR,
    UNCLEAR_ADVERBS,
    UNITS,
    WEEKDAYS,
    words,
)
from offhours.core.phrases.reader import Reader
from offhours.core.phrases.slots import Frequency

_YEARS_100 = {"second": 100 * 366 * 24 * HOUR, "day": 36_600, "month": 1_200}
_WEEK = ("week", "wk")


def adverb(reader: Reader) -> Frequency | None:
    """`hourly`, `once a day`; `biweekly` and `twice a day` are refused with their readings."""
    start = reader.at
    _refuse_unclear(reader)
    once = bool(reader.take("once"))
    word = reader.peek()
    if word in ADVERBS:
        reader.move()
        return plain(ADVERBS[word])
    if once and reader.take("a", "an", "per", "every", "each") and reader.peek() in UNITS:
        unit = reader.peek()
        if len(unit) > 1:
            reader.move()
            return plain(unit)
    reader.at = start
    return None


def plain(unit: str) -> Frequency:
    base, size = UNITS[unit]
    return Frequency(base, size, is_week=unit in _WEEK)


def _refuse_unclear(reader: Reader) -> None:
    start, word = reader.at, reader.peek()
    if word in UNCLEAR_ADVERBS:
        rest = reader.text[reader.tokens[start].end :]
        choices = [choice + rest for choice in UNCLEAR_ADVERBS[word]]
        choices += UNCLEAR_ADVERBS[word]
        raise reader.wrong(f'"{word}" has two meanings', suggestions=choices)
    if word in ("bi", "semi") and reader.peek(1) == "-":
        twin = UNCLEAR_ADVERBS.get(word + reader.peek(2), ("every 2 weeks", "every 2 months"))
        raise reader.wrong(f'"{word}-{reader.peek(2)}" has two meanings', suggestions=twin)
    if word in ("twice", "thrice"):
        raise times_a_unit(reader, start, 2 if word == "twice" else 3)
    number = reader.number()
    if number is not None and reader.take("times", "x") and reader.take("a", "an", "per", "each"):
        raise times_a_unit(reader, start, number)
    if number is not None and reader.take("times", "x") and reader.peek() in ADVERBS:
        raise times_a_unit(reader, start, number)
    reader.at = start


def times_a_unit(reader: Reader, start: int, number: int) -> PhraseError:
    """The refusal of `twice a day`: it does not say when."""
    said = {token.text for token in reader.tokens}
    choices = ["every day at 09:00 and 17:00", "every 12 hours"]
    if number > 2:
        choices = ["every day at 08:00, 12:00 and 18:00", "every 8 hours"]
    if {"week", "weekly"} & said:
        choices = ["every monday and thursday", "every monday, wednesday and friday"]
    elif {"month", "monthly"} & said:
        choices = ["on the 1st and 15th of the month", "on the 1st, 11th and 21st of the month"]
    elif {"hour", "hourly"} & said:
        choices = ["every 30 minutes", "every 20 minutes"]
    elif {"year", "yearly"} & said:
        choices = ["every 6 months", "every 4 months"]
    choices.append(f"every day at 09:00 for {number} times")
    return reader.wrong("that says how many times, but not when", start, choices)


def stated(reader: Reader) -> Frequency | None:
    """The length after `every`: `5 minutes`, `1h30m`, `other week`, `third day`, `half hour`."""
    start = reader.at
    for rule in (_other, _nth_unit, _half, _length):
        found = rule(reader)
        if found is not None:
            break
        reader.at = start
    if found is None:
        return None
    if found.count > _YEARS_100[found.unit]:
        raise reader.wrong("that is more than a hundred years", start)
    return found


def _other(reader: Reader) -> Frequency | None:
    if not reader.take("other", "alternate"):
        return None
    if reader.peek() in WEEKDAYS:
        return Frequency("day", 14)
    unit = _unit(reader)
    return Frequency(unit[0], 2 * unit[1]) if unit else None


def _nth_unit(reader: Reader) -> Frequency | None:
    """`every third day` is every 3 days; of a month it would be a date."""
    start = reader.at
    number = reader.ordinal()
    unit = _unit(reader) if number else None
    if not number or unit is None or number == 1 or reader.peek() in ("of", "in"):
        reader.at = start
        return None
    return Frequency(unit[0], number * unit[1])


def _half(reader: Reader) -> Frequency | None:
    start = reader.at
    part = {"half": 2, "quarter": 4}.get(reader.take("half", "quarter"))
    if part is None:
        return None
    reader.take("of")
    reader.take("a", "an")
    place = reader.at
    unit = _unit(reader)
    if unit is None or unit[0] == "month" or unit[1] > HOUR:
        reader.at = start
        return None
    seconds = unit[1] if unit[0] == "second" else 24 * HOUR * unit[1]
    if seconds % part or seconds < part:
        raise reader.wrong("that is less than a second", place)
    return Frequency("second", seconds // part)


def _unit(reader: Reader) -> tuple[str, int] | None:
    """A unit of time. A lone capital M may be minutes or months."""
    word = reader.peek()
    if word not in UNITS or (len(word) == 1 and not reader.glued()):
        return None
    raw = reader.tokens[reader.at].raw
    if raw == "M":
        place = reader.at
        choices = [reader.replaced(place, place + 1, f" {unit}") for unit in ("minutes", "months")]
        raise reader.wrong('"M" may be minutes or months', suggestions=choices)
    reader.move()
    return UNITS[word]


def _length(reader: Reader) -> Frequency | None:
    """One length or several that add up: `90 minutes`, `1 hour and 30 minutes`, `2.5 hours`."""
    start = reader.at
    total: dict[str, Fraction] = {}
    is_week = False
    sizes: list[tuple[str, int]] = []
    while True:
        ahead = reader.at
        if sizes:
            reader.take("and", ",")
        step = _one_length(reader, first=not sizes)
        if step is None:
            reader.at = ahead
            break
        amount, (base, size), is_week = step
        if sizes and (base, size) >= sizes[-1] and base == sizes[-1][0]:
            reader.at = ahead
            break
        sizes.append((base, size))
        total[base] = total.get(base, Fraction(0)) + amount * size
    if not total:
        reader.at = start
        return None
    return _sum(reader, start, total, is_week and len(sizes) == 1)


def _one_length(reader: Reader, first: bool) -> tuple[Fraction, tuple[str, int], bool] | None:
    start = reader.at
    amount = _amount(reader)
    bare = amount is None
    if bare and (not first or reader.peek().endswith("s")):
        return None
    place = reader.at
    unit = _unit(reader)
    if unit is None:
        reader.at = start
        return None
    if amount == 0:
        raise reader.wrong("zero is no length of time", start)
    is_week = bare and reader.tokens[place].text in _WEEK
    whole = Fraction(1) if amount is None else amount
    if whole == 1 and unit == ("day", 7):
        is_week = True
    if reader.take("and a half"):
        whole += Fraction(1, 2)
    return whole, unit, is_week


def _amount(reader: Reader) -> Fraction | None:
    start = reader.at
    if reader.take("a", "an"):
        half = reader.take("half")
        return Fraction(1, 2) if half else Fraction(1)
    number = reader.number()
    if number is None:
        return None
    amount = Fraction(number)
    if reader.peek() == "." and reader.glued() and reader.glued(1) and reader.peek(1).isdigit():
        digits = reader.peek(1)
        if len(digits) > 3:
            raise reader.wrong("that is more precise than a schedule can be", start)
        reader.move(2)
        amount += Fraction(int(digits), 10 ** len(digits))
    elif reader.take("and a half"):
        amount += Fraction(1, 2)
    return amount


def _sum(reader: Reader, start: int, total: dict[str, Fraction], is_week: bool) -> Frequency | None:
    if "month" in total and (len(total) > 1 or total["month"].denominator != 1):
        raise reader.wrong("months cannot be mixed with other lengths", start)
    if "month" in total:
        return Frequency("month", int(total["month"]))
    days = total.get("day", Fraction(0))
    if "second" not in total and days.denominator == 1:
        return Frequency("day", int(days), is_week=is_week)
    seconds = total.get("second", Fraction(0)) + days * 24 * HOUR
    if seconds.denominator != 1:
        raise reader.wrong("a schedule counts whole seconds", start)
    return Frequency("second", int(seconds))


_LETTERS = {
    "m": "minute month monday", "d": "day week", "h": "hour day", "w": "week wednesday",
    "y": "year month", "t": "tuesday thursday", "f": "friday week", "s": "second saturday sunday",
}  # fmt: skip


def without_unit(reader: Reader) -> PhraseError | None:
    """The refusal of `every 5` and `every m`, when that is what comes next."""
    start = reader.at
    letter = reader.peek()
    if letter in _LETTERS and not reader.glued():
        units = words(_LETTERS[letter])
        choices = [reader.replaced(start, start + 1, unit) for unit in units]
        choices += [f"every {unit}" for unit in units]
        return reader.wrong("one letter is not enough", start, choices)
    number = reader.number()
    if number is None:
        return None
    if reader.take("o'clock", "oclock"):
        rest = reader.text[reader.tokens[reader.at - 1].end :]
        choices = [f"every day at {number}{half}{rest}" for half in ("am", "pm")]
        if number > 12:
            choices = [f"every day at {number}:00{rest}", f"every {number} hours"]
        return reader.wrong("that is a time of day, not a length", start, choices)
    stop = reader.at
    if reader.done or reader.peek() in ("at", "on", "in", ",", "and", "from", "between", "until"):
        choices = [
            reader.replaced(start, stop, f"{number} {unit}")
            for unit in ("minutes", "hours", "days")
        ]
        choices += [f"every {number} {unit}" for unit in ("minutes", "hours", "days")]
        return reader.wrong(f"every {number} of what?", start, choices)
    reader.at = start
    return None


def duration(reader: Reader) -> Frequency | None:
    """A length of time after `in` or `for`."""
    start = reader.at
    found = _half(reader)
    if found is None and reader.peek() not in UNITS:
        found = _length(reader)
    if found is None:
        reader.at = start
    elif found.count > _YEARS_100[found.unit]:
        raise reader.wrong("that is more than a hundred years", start)
    return found
