"""What a setting may be: each kind checks a value, reads text, and tells its JSON Schema."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import tzinfo
from math import isfinite
from typing import Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from offhours.core.errors import InputError
from offhours.core.times import SECOND, Micros, parse_duration

_FLAGS = {"true": True, "1": True, "yes": True, "on": True} | dict.fromkeys(
    ("false", "0", "no", "off"), False
)
_NONE = ("none", "null")
_DURATION = r"^\s*([0-9]+(\.[0-9]+)?\s*(ms|[smhdw])\s*)+$"


class Kind(Protocol):
    """Calling it checks a value; `InputError` says what was expected."""

    def __call__(self, value: Any, key: str, /) -> Any: ...

    def read(self, text: str) -> Any:
        """What a text stands for, as environment variables have it; unchecked."""
        ...

    @property
    def schema(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number; with `none`, None stands for no limit."""

    least: int = 0
    none: bool = False

    def __call__(self, value: Any, key: str) -> int | None:
        if self.none and _is_none(value):
            return None
        if not isinstance(value, int) or isinstance(value, bool) or value < self.least:
            raise InputError(f"{key}: expected a whole number from {self.least} on, got {value!r}")
        return value

    def read(self, text: str) -> Any:
        return int(text) if re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", text, re.ASCII) else text

    @property
    def schema(self) -> Mapping[str, Any]:
        return _or_none({"type": "integer", "minimum": self.least}, self.none)


@dataclass(frozen=True, slots=True)
class Number:
    """A number between bounds, both allowed."""

    least: float = 0
    most: float = float("inf")

    def __call__(self, value: Any, key: str) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not self.least <= value <= min(self.most, sys.float_info.max):
            to = f" to {self.most:g}" if isfinite(self.most) else " on"
            raise InputError(f"{key}: expected a number from {self.least:g}{to}, got {value!r}")
        return value  # type: ignore[no-any-return]

    def read(self, text: str) -> Any:
        with suppress(ValueError):
            return int(text)
        with suppress(ValueError):
            return float(text)
        return text

    @property
    def schema(self) -> Mapping[str, Any]:
        bounds = {"minimum": self.least}
        return {"type": "number"} | bounds | ({"maximum": self.most} if isfinite(self.most) else {})


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def __call__(self, value: Any, key: str) -> bool:
        if not isinstance(value, bool):
            raise InputError(f"{key}: expected true or false, got {value!r}")
        return value

    def read(self, text: str) -> Any:
        return _FLAGS.get(text.strip().lower(), text)

    @property
    def schema(self) -> Mapping[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of some words."""

    choices: tuple[str, ...]

    def __call__(self, value: Any, key: str) -> str:
        if value not in self.choices:
            raise InputError(f"{key}: expected one of {', '.join(self.choices)}, got {value!r}")
        return str(value)

    def read(self, text: str) -> Any:
        return text.strip()

    @property
    def schema(self) -> Mapping[str, Any]:
        return {"enum": list(self.choices)}


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time, checked into microseconds."""

    least: Micros = 0

    def __call__(self, value: Any, key: str) -> Micros:
        micros = parse_duration(value, key)
        if micros < self.least:
            raise InputError(f"{key}: expected at least {self.least / SECOND:g} s, got {value!r}")
        return micros

    def read(self, text: str) -> Any:
        return Number().read(text)

    @property
    def schema(self) -> Mapping[str, Any]:
        least = self.least / SECOND
        return {
            "anyOf": [
                {"type": "number", "minimum": int(least) if least == int(least) else least},
                {"type": "string", "pattern": _DURATION},
            ]
        }


@dataclass(frozen=True, slots=True)
class Text:
    """Some text, which is not shown when it is refused: it may be a secret."""

    expected: str
    pattern: str = r"\S"
    none: bool = False

    def __call__(self, value: Any, key: str) -> str | None:
        if self.none and value is None:
            return None
        if not isinstance(value, str) or not re.search(self.pattern, value):
            raise InputError(f"{key}: expected {self.expected}")
        return value

    def read(self, text: str) -> Any:
        return text.strip()

    @property
    def schema(self) -> Mapping[str, Any]:
        return _or_none({"type": "string", "pattern": self.pattern}, self.none)


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone by its IANA name."""

    def __call__(self, value: Any, key: str) -> tzinfo | None:
        if value is None or isinstance(value, tzinfo):
            return value
        try:
            return ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
            raise InputError(
                f"{key}: no timezone {str(value)[:64]!r}; use an IANA name like Europe/Berlin"
            ) from None

    def read(self, text: str) -> Any:
        return text.strip()

    @property
    def schema(self) -> Mapping[str, Any]:
        return _or_none({"type": "string"}, True)


@dataclass(frozen=True, slots=True)
class Names:
    """A list of names; None for all of them."""

    def __call__(self, value: Any, key: str) -> tuple[str, ...] | None:
        if value is None:
            return None
        if isinstance(value, str) or not _are_names(value):
            raise InputError(f"{key}: expected a list of names, got {value!r}")
        return tuple(value)

    def read(self, text: str) -> Any:
        return [name.strip() for name in text.split(",")]

    @property
    def schema(self) -> Mapping[str, Any]:
        return _or_none({"type": "array", "items": {"type": "string", "minLength": 1}}, True)


def _are_names(value: Any) -> bool:
    if not isinstance(value, Iterable) or isinstance(value, Mapping):
        return False
    return all(isinstance(name, str) and name for name in value)


def _is_none(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() in _NONE)


def _or_none(schema: Mapping[str, Any], none: bool) -> Mapping[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]} if none else schema
