"""Time zones as people write them: IANA names, `Berlin time`, `UTC`."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from offhours.core.phrases.lexicon import words
from offhours.core.phrases.reader import Reader

_REGIONS = words(
    "America Europe Asia Africa Australia Pacific Atlantic Indian Antarctica Arctic"
    " America/Argentina America/Indiana America/Kentucky America/North_Dakota"
)
_AREAS = {region.lower() for region in (*_REGIONS, "Etc", "US", "Canada", "Brazil", "Mexico")}
_SPOKEN = {
    "pacific": "America/Los_Angeles", "mountain": "America/Denver",
    "central": "America/Chicago", "eastern": "America/New_York",
    "us pacific": "America/Los_Angeles", "us mountain": "America/Denver",
    "us central": "America/Chicago", "us eastern": "America/New_York",
}  # fmt: skip
# Short names that stand for several zones, or for a fixed offset that is left in summer.
_UNCLEAR = {
    "ist": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
    "cst": ("America/Chicago", "Asia/Shanghai", "America/Havana"),
    "bst": ("Europe/London", "Asia/Dhaka"),
    "est": ("America/New_York", "America/Panama"),
    "edt": ("America/New_York", "Etc/GMT+4"), "cdt": ("America/Chicago", "Etc/GMT+5"),
    "mst": ("America/Denver", "America/Phoenix"), "mdt": ("America/Denver", "Etc/GMT+6"),
    "pst": ("America/Los_Angeles", "Asia/Manila"), "pdt": ("America/Los_Angeles", "Etc/GMT+7"),
    "hst": ("Pacific/Honolulu", "America/Adak"), "akst": ("America/Anchorage", "Etc/GMT+9"),
    "cet": ("Europe/Berlin", "Etc/GMT-1"), "cest": ("Europe/Berlin", "Etc/GMT-2"),
    "eet": ("Europe/Athens", "Etc/GMT-2"), "eest": ("Europe/Athens", "Etc/GMT-3"),
    "wet": ("Europe/Lisbon", "Etc/GMT"), "west": ("Europe/Lisbon", "Etc/GMT-1"),
    "met": ("Europe/Berlin", "Etc/GMT-1"), "ast": ("America/Halifax", "Asia/Riyadh"),
    "gst": ("Asia/Dubai", "Atlantic/South_Georgia"), "sst": ("Pacific/Pago_Pago", "Asia/Singapore"),
    "amt": ("America/Manaus", "Asia/Yerevan"), "pkt": ("Asia/Karachi", "Etc/GMT-5"),
    "msk": ("Europe/Moscow", "Etc/GMT-3"), "jst": ("Asia/Tokyo", "Etc/GMT-9"),
    "kst": ("Asia/Seoul", "Etc/GMT-9"), "aest": ("Australia/Sydney", "Australia/Brisbane"),
    "aedt": ("Australia/Sydney", "Etc/GMT-11"), "acst": ("Australia/Adelaide", "Australia/Darwin"),
    "awst": ("Australia/Perth", "Etc/GMT-8"), "nzst": ("Pacific/Auckland", "Etc/GMT-12"),
    "et": ("America/New_York", "America/Panama"), "ct": ("America/Chicago", "America/Regina"),
    "mt": ("America/Denver", "America/Phoenix"), "pt": ("America/Los_Angeles", "Europe/Lisbon"),
}  # fmt: skip


# What an unknown name may have been meant for; a look through all names takes too long to refuse.
_WELL_KNOWN = words("""
Africa/Cairo Africa/Johannesburg Africa/Lagos Africa/Nairobi America/Anchorage America/Bogota
America/Chicago America/Denver America/Halifax America/Los_Angeles America/Mexico_City
America/New_York America/Phoenix America/Sao_Paulo America/Toronto America/Vancouver Asia/Bangkok
Asia/Dubai Asia/Hong_Kong Asia/Jakarta Asia/Karachi Asia/Kolkata Asia/Manila Asia/Seoul
Asia/Shanghai Asia/Singapore Asia/Tehran Asia/Tokyo Australia/Melbourne Australia/Perth
Australia/Sydney Europe/Amsterdam Europe/Athens Europe/Berlin Europe/Brussels Europe/Budapest
Europe/Copenhagen Europe/Dublin Europe/Helsinki Europe/Istanbul Europe/Kyiv Europe/Lisbon
Europe/London Europe/Madrid Europe/Moscow Europe/Oslo Europe/Paris Europe/Prague Europe/Rome
Europe/Stockholm Europe/Vienna Europe/Warsaw Europe/Zurich Pacific/Auckland Pacific/Honolulu
""")


@lru_cache(maxsize=256)
def _exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


# Cities of the list whose names people use for something else.
_NOT_MEANT = words("easter christmas center north south west wake midway virgin act nsw")


def _city_zone(name: str) -> str | None:
    if name in _NOT_MEANT:
        return None
    city = name.replace(" ", "_").title()
    return next((f"{r}/{city}" for r in _REGIONS if _exists(f"{r}/{city}")), None)


def zone(reader: Reader) -> str | None:
    """The IANA name of the zone that comes next."""
    start = reader.at
    named = bool(reader.take("in the", "in"))
    found = _universal(reader) or _iana(reader)
    if found is None:
        _refuse_unclear(reader, start)
        found = _city(reader, named)
    if found is None:
        reader.at = start
    return found


def _universal(reader: Reader) -> str | None:
    if reader.peek() not in ("utc", "gmt") or reader.peek(1) in ("+", "-"):
        return None
    reader.move()
    reader.take("time zone", "timezone", "time")
    return "UTC"


def _word(reader: Reader) -> tuple[str, int]:
    """The text of the whole word at hand, without an ending comma, and its tokens."""
    if reader.done:
        return "", 0
    word, count = reader.tokens[reader.at].word, 0
    text = ""
    while reader.at + count < len(reader.tokens) and reader.tokens[reader.at + count].word == word:
        text += reader.peek(count)
        count += 1
    if text.endswith((",", ";", ".")):
        return text[:-1], count - 1
    return text, count


def _iana(reader: Reader) -> str | None:
    if reader.glued() and reader.peek(-1) != ",":
        return None
    text, count = _word(reader)
    if "/" not in text or not text[0].isalpha():
        return None
    area = text.partition("/")[0]
    written = "".join(token.raw for token in reader.tokens[reader.at : reader.at + count])
    for name in (written, text.title(), text.upper(), f"{area.title()}{text[len(area) :].upper()}"):
        if area in _AREAS and _exists(name):
            reader.move(count)
            reader.take("time zone", "timezone", "time")
            return name
    if area not in _AREAS:
        return None
    lowered = {name.lower(): name for name in _WELL_KNOWN}
    near = get_close_matches(text, lowered, n=2, cutoff=0.6)
    guesses = [reader.replaced(reader.at, reader.at + count, lowered[name]) for name in near]
    raise reader.wrong(f'there is no timezone "{text}"', suggestions=guesses)


def _refuse_unclear(reader: Reader, start: int) -> None:
    zones = _UNCLEAR.get(reader.peek())
    if zones is None:
        return
    stop = reader.at + 1 + (reader.peek(1) == "time")
    choices = [reader.replaced(start, stop, f"in {name}") for name in zones]
    reason = f'"{reader.tokens[reader.at].raw}" is the short name of more than one clock'
    raise reader.wrong(reason, suggestions=choices)


def _city(reader: Reader, named: bool) -> str | None:
    """`New York time`, or a city right after `in`."""
    for length in (3, 2, 1):
        spoken = [reader.peek(i) for i in range(length)]
        if not all(word[:1].isalpha() for word in spoken):
            continue
        name = " ".join(spoken).replace("_", " ")
        said = reader.peek(length) == "time"
        if said and name in _SPOKEN:
            reader.move(length + 1)
            return _SPOKEN[name]
        zone_name = _city_zone(name) if said or named else None
        if zone_name is not None:
            reader.move(length)
            reader.take("time zone", "timezone", "time")
            return zone_name
    return None
