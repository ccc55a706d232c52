"""Minutes of an hour: `at minute 5`, `15 minutes past the hour`, `on the hour`, `:30`."""

from __future__ import annotations

from offhours.core.phrases.reader import Reader

_HOUR = ("every hour", "each hour", "the hour", "of every hour", "of each hour", "of the hour")


def minutes_of_hour(reader: Reader, hourly: bool) -> tuple[tuple[int, ...], bool] | None:
    """The minutes, and whether they were said to be of every hour."""
    start = reader.at
    for rule in (_on_the_hour, _named, lambda reader: _past(reader, hourly)):
        found = rule(reader)
        if found is not None:
            return found
        reader.at = start
    return None


def _on_the_hour(reader: Reader) -> tuple[tuple[int, ...], bool] | None:
    top = ("at the top of every hour", "at the top of each hour", "at the top of the hour",
           "on the hour")  # fmt: skip
    return ((0,), True) if reader.take(*top) else None


def _named(reader: Reader) -> tuple[tuple[int, ...], bool] | None:
    """`at minutes 15, 30 and 45 (past every hour)`."""
    reader.take("at", "on")
    reader.take("the")
    if not reader.take("minutes", "minute", "mins", "min"):
        return None
    found = _list(reader)
    if not found:
        return None
    return found, _of_every_hour(reader)


def _of_every_hour(reader: Reader) -> bool:
    start = reader.at
    reader.take("past", "after", "of")
    if reader.take(*_HOUR):
        return True
    reader.at = start
    return False


def _past(reader: Reader, hourly: bool) -> tuple[tuple[int, ...], bool] | None:
    """`at 15 past every hour`, `half past every hour`, `10 minutes before the hour`, `at :30`."""
    reader.take("at", "on")
    reader.take("a")
    named = reader.take("quarter", "half")
    colon = reader.peek() == ":" and not (reader.glued() and reader.peek(-1).isdigit())
    found = {"quarter": (15,), "half": (30,)}.get(named) or _list(reader, colons=True)
    if not found:
        return None
    said = bool(reader.take("minutes", "minute", "mins", "min"))
    if reader.take("past", "after"):
        sure = bool(reader.take(*_HOUR))
        return (found, sure) if sure or (hourly and not reader.peek().isdigit()) else None
    if (said or named == "quarter") and reader.take("to", "before"):
        if not reader.take(*_HOUR) or 0 in found:
            return None
        return tuple(sorted(60 - minute for minute in found)), True
    return (found, False) if colon and hourly else None


def _list(reader: Reader, colons: bool = False) -> tuple[int, ...]:
    found: list[int] = []
    while True:
        ahead = reader.at
        if found and not reader.separator():
            break
        place = reader.at
        if colons and reader.peek() == ":":
            reader.move()
        number = reader.number()
        if number is None or (reader.peek() == ":" and reader.glued()):
            reader.at = ahead
            break
        if number > 59 and not colons:
            raise reader.wrong(f"an hour has no minute {number}", place)
        if number in found:
            raise reader.wrong("that minute is said twice", place)
        found.append(number)
    return tuple(found) if all(number < 60 for number in found) else ()
