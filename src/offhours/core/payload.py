"""What a job may carry: plain JSON values, and a few types with a tag, restored as they were.

A tag is a one-entry object under "$". Nothing is ever imported by a name that was stored: objects
of the user's own classes are restored from the task's annotations (see `engine.codec`).
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path, PurePath
from typing import cast
from uuid import UUID

from offhours.core.errors import ArgumentError

TAG = "$"
DEEPEST = 64
_BIG = 2**63
_BASES: tuple[Callable[[object], object], ...] = (str, int, float, list, tuple)  # type: ignore[assignment]

_WRITERS: dict[type, Callable[..., object]] = {
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: lambda d: [d.days, d.seconds, d.microseconds],
    UUID: str,
    Decimal: str,
    bytes: lambda b: base64.b64encode(b).decode(),
}

_IN_SETS = frozenset({str, int, float, bool, type(None), *_WRITERS})

_READERS: dict[str, Callable[..., object]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda parts: timedelta(*parts),
    "UUID": UUID,
    "Decimal": Decimal,
    "bytes": base64.b64decode,
    "path": Path,
    "set": lambda items: {from_plain(item) for item in items},
    "frozenset": lambda items: frozenset(from_plain(item) for item in items),
    "dict": lambda value: {key: from_plain(item) for key, item in value.items()},
    "object": lambda value: from_plain(value),
}


def to_plain(value: object, name: str, depth: int = 0) -> object:
    """`value` as something JSON can carry and `from_plain` can restore; else `ArgumentError`."""
    if value is None or value is True or value is False:
        return value
    if depth > DEEPEST:
        raise ArgumentError(name, f"is nested deeper than {DEEPEST} levels, or contains itself")
    kind = type(value)
    if kind is str:
        return _text(value, name)  # type: ignore[arg-type]
    if kind is int:
        if not -_BIG <= value < _BIG:  # type: ignore[operator]
            raise ArgumentError(name, "is an integer beyond 64 bits; pass it as text")
        return value
    if kind is float:
        if not math.isfinite(value):  # type: ignore[arg-type]
            raise ArgumentError(name, f"is {value}, which JSON cannot carry; pass None or text")
        return value
    if kind is list or kind is tuple:
        items = cast(Sequence[object], value)
        return [to_plain(item, f"{name}[{n}]", depth + 1) for n, item in enumerate(items)]
    if isinstance(value, dict):
        return _mapping(value, name, depth)
    return _tagged(value, name, depth)


def _text(value: str, name: str) -> str:
    if "\0" in value:
        raise ArgumentError(name, "contains a NUL character; pass such data as bytes")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ArgumentError(
            name, "contains a lone surrogate, which is not text; pass such data as bytes"
        ) from None
    return value


def _mapping(value: Mapping[object, object], name: str, depth: int) -> object:
    plain = {}
    for key, item in value.items():
        if type(key) is not str:
            raise ArgumentError(name, f"has the key {key!r}; only text keys can be stored")
        plain[_text(key, name)] = to_plain(item, f"{name}[{key!r}]", depth + 1)
    return {TAG: "dict", "v": plain} if TAG in plain else plain


def _tagged(value: object, name: str, depth: int) -> object:
    for kind, write in _WRITERS.items():
        if isinstance(value, kind):
            return {TAG: kind.__name__, "v": write(value)}
    if isinstance(value, PurePath):
        return {TAG: "path", "v": _text(str(value), name)}
    if isinstance(value, set | frozenset):
        tag = "set" if isinstance(value, set) else "frozenset"
        items = sorted(value, key=repr)
        if any(type(item) not in _IN_SETS and not isinstance(item, frozenset) for item in items):
            raise ArgumentError(
                name, "is a set of tuples or objects, which would not come back; pass a list"
            )
        return {TAG: tag, "v": [to_plain(i, f"{name}{{}}", depth + 1) for i in items]}
    fields = object_fields(value)
    if fields is None:
        raise ArgumentError(
            name,
            f"is a {type(value).__module__}.{type(value).__qualname__}, which JSON cannot carry; "
            "pass plain values, a dataclass or a pydantic model",
        )
    return {TAG: "object", "v": to_plain(fields, name, depth + 1)}


def object_fields(value: object) -> object | None:
    """The content of a dataclass, pydantic model, msgspec struct, enum or simple subclass."""
    kind = type(value)
    if hasattr(kind, "__dataclass_fields__"):
        return {n: getattr(value, n) for n in kind.__dataclass_fields__}
    if hasattr(kind, "__struct_fields__"):
        return {n: getattr(value, n) for n in kind.__struct_fields__}
    if hasattr(kind, "model_validate") and hasattr(value, "model_dump"):
        dumped: object = value.model_dump()
        return dumped
    if hasattr(kind, "__members__"):
        member: object = value.value  # type: ignore[attr-defined]
        return member
    for base in _BASES:
        if isinstance(value, cast(type, base)):
            return base(value)
    return None


def from_plain(value: object) -> object:
    """The inverse of `to_plain`, with objects of the user's classes as their fields."""
    if type(value) is list:
        return [from_plain(item) for item in value]
    if type(value) is dict:
        if TAG in value:
            return _READERS[value[TAG]](value["v"])
        return {key: from_plain(item) for key, item in value.items()}
    return value
