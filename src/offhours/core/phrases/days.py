"""Days: weekdays, days of the month, the second friday, the last business day."""

from __future__ import annotations

from offhours.core.errors import PhraseError
from offhours.core.phrases.lexicon import (
    BUSINESS_DAY,
    DAY_GROUPS,
    MONTHS,
    PLURAL_WEEKDAYS,
    WEEKDAY_NAMES,
    WEEKDAYS,
    ordinal,
)
from offhours.core.phrases.reader import Reader
from offhours.core.phrases.slots import LAST, Days

_TO = ("to", "through", "thru", "until", "till", "-")
_BUSINESS = (*BUSINESS_DAY, *(f"{name}s" for name in BUSINESS_DAY))


def weekdays(reader: Reader) -> Days | None:
    """A list of weekdays and ranges of them; ranges may go over the end of the week."""
    start = reader.at
    opening = reader.take("from", "between")
    first = _weekday_item(reader, between=opening == "between")
    is_range = reader.peek(-2) in (*_TO, "and")
    if first is None or (opening and not is_range):
        reader.at = start
        return None
    found, alone = set(first[0]), first[1]
    while True:
        ahead = reader.at
        separator = reader.separator() or reader.take("/")
        if separator:
            reader.take("on every", "every", "on", "the")
        place = reader.at
        more = _weekday_item(reader)
        if more is None:
            reader.at = ahead
            break
        if found & more[0]:
            raise reader.wrong(f'"{reader.tokens[place].raw}" is said twice', place)
        found |= more[0]
        alone = False
    return Days(weekdays=frozenset(found), alone=alone)


def _weekday_item(reader: Reader, between: bool = False) -> tuple[frozenset[int], bool] | None:
    """One weekday, range or group, and whether it is a lone name that may mean a date."""
    group = reader.take_all(DAY_GROUPS)
    if group:
        return DAY_GROUPS[group], False
    day = _weekday(reader)
    if day is None:
        return None
    plural = reader.peek(-1) in PLURAL_WEEKDAYS
    ahead = reader.at
    if reader.take(*_TO, *(["and"] if between else [])):
        end = _weekday(reader)
        if end is not None:
            if end == day:
                raise reader.wrong("the range ends where it begins", ahead)
            return frozenset((day + i) % 7 for i in range((end - day) % 7 + 1)), False
        reader.at = ahead
    return frozenset({day}), not plural


def _weekday(reader: Reader) -> int | None:
    word = reader.peek()
    found = WEEKDAYS.get(word, PLURAL_WEEKDAYS.get(word))
    if found is not None:
        reader.move()
        reader.take(".") if len(word) <= 5 and reader.glued() else None
    return found


def nearest(reader: Reader) -> Days | None:
    """`the weekday nearest the 15th`, `nearest business day to the 15th`."""
    start = reader.at
    reader.take("on")
    reader.take("the")
    before = reader.take("nearest", "closest")
    kind = reader.take_all(_BUSINESS[: len(BUSINESS_DAY)])
    near = before or reader.take("nearest", "closest")
    if kind and near:
        reader.take("to")
        reader.take("the")
        day = reader.ordinal()
        if day is not None:
            of_month(reader)
            return Days(of_month=(f"{_in_month(reader, day, start)}W",))
    reader.at = start
    return None


def days_of_month(reader: Reader) -> Days | None:
    """Numbered days, or numbered weekdays, of a month."""
    start = reader.at
    reader.take("on")
    opening = reader.take("from", "between")
    reader.take("the")
    before_end = "" if opening else _before_end(reader)
    if before_end:
        return Days(of_month=(before_end,))
    plain = bool(reader.take("day", "days"))
    items = _day_items(reader, plain)
    if not items or (opening and len(items) == 1):
        reader.at = start
        return None
    found = _numbered_weekdays(reader, items, start)
    if found is not None:
        return found
    if not plain:
        reader.take("days" if len(items) > 1 and reader.peek() == "days" else "day")
    return Days(of_month=tuple(items))


def _before_end(reader: Reader) -> str:
    start = reader.at
    number = reader.number()
    before = number is not None and reader.take("days before", "day before")
    if before and reader.take("the end", "end", "the last day", "the last"):
        if not 1 <= (number or 0) <= 30:
            raise reader.wrong("a month has no such day", start)
        return f"L-{number}"
    reader.at = start
    return ""


def _day_items(reader: Reader, plain: bool) -> list[str]:
    items: list[str] = []
    while True:
        ahead = reader.at
        if items:
            if not reader.separator():
                break
            reader.take("on")
            reader.take("the")
        place = reader.at
        more = _day_item(reader, plain)
        if not more:
            reader.at = ahead
            break
        if set(items) & set(more):
            raise reader.wrong("that day is said twice", place)
        items += more
    return items


def _day_item(reader: Reader, plain: bool) -> list[str]:
    start = reader.at
    before = _word_before(reader, start)
    first = _one_day(reader, plain, ranged=before in ("from", "between"))
    if not first:
        reader.at = start
        return []
    ahead = reader.at
    reader.take("day")
    if first.isdigit() and reader.take(*_TO, *(["and"] if before == "between" else [])):
        reader.take("the")
        last = _one_day(reader, plain, ranged=True)
        if last == "L":
            last = "31"
        if last.isdigit():
            if int(last) <= int(first):
                raise reader.wrong("the range of days runs backwards", ahead)
            return [str(day) for day in range(int(first), int(last) + 1)]
    reader.at = ahead
    return [first]


def _word_before(reader: Reader, start: int) -> str:
    """The last word before an item that is not `the` or `day`."""
    words = [token.text for token in reader.tokens[max(0, start - 3) : start]]
    return next((word for word in reversed(words) if word not in ("the", "day", "days")), "")


def _one_day(reader: Reader, plain: bool, ranged: bool) -> str:
    """`15`, `L` for the last, or `L-1` for the second to last."""
    start = reader.at
    if reader.take("last"):
        return "L"
    number = reader.ordinal()
    counted = number is not None
    if number is None:
        digits = reader.digits() if plain or _then_of(reader) else ""
        if not digits or len(digits) > 2 or _time_follows(reader):
            return ""
        number = int(digits)
    if counted and not ranged and _to_last(reader):
        if not 2 <= number <= 31:
            raise reader.wrong("a month has no such day", start)
        return f"L-{number - 1}"
    return str(_in_month(reader, number, start))


def _then_of(reader: Reader) -> bool:
    """Whether `of` and a month, or `of the month`, follow the number at hand."""
    return reader.peek().isdigit() and reader.peek(1) == "of" and (
        reader.peek(2) in MONTHS or reader.peek(2) in ("the", "every", "each", "month")
    )  # fmt: skip


def _time_follows(reader: Reader) -> bool:
    return reader.peek() in (":", "am", "pm", "a", "p", "h") and reader.glued()


def _to_last(reader: Reader) -> bool:
    start = reader.at
    reader.take("-")
    if reader.take("to"):
        reader.take("-")
        reader.take("the")
    if reader.take("last"):
        return True
    reader.at = start
    return False


def _in_month(reader: Reader, day: int, place: int) -> int:
    if not 1 <= day <= 31:
        raise reader.wrong(f"no month has a day {day}", place)
    return day


def _numbered_weekdays(reader: Reader, items: list[str], start: int) -> Days | None:
    """What a list of ordinals means when weekdays follow it."""
    place = reader.at
    if reader.take_all(_BUSINESS):
        if items not in (["1"], ["L"]):
            raise reader.wrong("only the first and the last business day have a rule", place)
        return Days(of_month=("1W" if items == ["1"] else "LW",))
    found = weekdays(reader) if reader.peek() != "from" else None
    if found is None:
        return None
    wanted = [LAST if item == "L" else int(item) if item.isdigit() else 0 for item in items]
    if 0 in wanted:
        raise reader.wrong("a weekday can be counted from the end only as the last", start)
    if max(wanted) > 5:
        raise reader.wrong(f"no month has a {ordinal(max(wanted))} {_name(found)}", start)
    numbered = [(day, week) for day in sorted(found.weekdays) for week in sorted(wanted, key=_late)]
    return Days(numbered=tuple(numbered))


def _late(week: int) -> int:
    return 9 if week == LAST else week


def _name(days: Days) -> str:
    return WEEKDAY_NAMES[min(days.weekdays)]


def of_month(reader: Reader) -> str:
    """`of the month`, `of every quarter`: what the day belongs to, or nothing."""
    start = reader.at
    if reader.take("of", "in"):
        reader.take("the", "every", "each", "a", "any")
        found = reader.take("month", "months", "quarter", "year")
        if found:
            return found.removesuffix("s")
    reader.at = start
    return ""


def only_every_other(reader: Reader, start: int, number: int) -> PhraseError:
    """The refusal of `every second monday`, which has two readings."""
    place = reader.at - 1
    name = reader.tokens[place].raw
    rest = reader.text[reader.tokens[place].end :]
    place_in_month = "last" if number == LAST else ordinal(number)
    choices = [
        f"every {number} weeks on {name}{rest}",
        f"on the {place_in_month} {name} of the month{rest}",
    ]
    return reader.wrong("that may be a week of the month or a number of weeks", start, choices)
