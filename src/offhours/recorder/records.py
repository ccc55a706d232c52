"""What one recorded call is in memory: a plain tuple, because it is made on every call."""

from __future__ import annotations

from math import inf
from types import AsyncGeneratorType, CoroutineType, GeneratorType

from offhours.recorder.places import Place

FAILED = -1

# Only of these is the length asked for: `len` of any other class runs code that is not ours.
SIZED: frozenset[type] = frozenset((str, bytes, bytearray, list, tuple, dict, set, frozenset))
LAZY: frozenset[type] = frozenset((CoroutineType, GeneratorType, AsyncGeneratorType))
LOOKED_AT = SIZED | LAZY


class Tool:
    """A tool as the hot path sees it; `limit` (s) is written by the drainer."""

    __slots__ = ("limit", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.limit = inf


# tool, start (s), time taken (s), workflow and step, class of the result or a summary, its length
Record = tuple[Tool, float, float, Place | None, type | str, int | None]


def ended(record: Record) -> float:
    """When a call ended, in seconds of the recorder's timer."""
    return record[1] + record[2]


def summary(record: Record) -> str:
    """The result in a few words: its class and length, unless somebody wrote a better one.

    >>> summary((Tool("t"), 0.0, 0.1, None, list, 100)), summary((Tool("t"), 0, 0, None, int, None))
    ('list of 100', 'int')
    """
    kind, size = record[4], record[5]
    if isinstance(kind, str):
        return kind
    if size == FAILED:
        return f"Error: {kind.__name__}"
    return kind.__name__ if size is None else f"{kind.__name__} of {size}"
