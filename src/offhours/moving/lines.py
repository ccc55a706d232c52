"""The lines of an export, written and read: every fault of a file at once, with its line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from offhours.core.errors import InputError, did_you_mean
from offhours.core.moving import BY_NAME, FORMAT, KINDS, Kind, Row

HEADER, END = "offhours.export", "end"
MOST_FAULTS = 1_000


class ImportFault(InputError):
    """A file that cannot be imported; `faults` lists all that is wrong with it, by line."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


class Export(NamedTuple):
    """A file that was read: where its rows come from, and they themselves by kind."""

    origin: int
    rows: Mapping[str, Sequence[Row]]


def write(origin: int, rows: Mapping[str, Sequence[Row]], at: str, by: str) -> Iterator[str]:
    """The lines: a header, each row, and an end that says how many there were."""
    yield _line({"type": HEADER, "format": FORMAT, "origin": origin, "at": at, "by": by})
    count = 0
    for kind in KINDS:
        for row in rows.get(kind.name, ()):
            count += 1
            yield _line({"type": kind.name, **{k: v for k, v in row.items() if v is not None}})
    yield _line({"type": END, "rows": count})


def _line(told: Mapping[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def read(lines: Iterable[str]) -> Export:
    """All rows of a file, checked; `ImportFault` tells everything that is wrong with it."""
    reader = _Reader()
    for number, line in enumerate(lines, 1):
        if line.strip():
            reader.take(number, line)
    return reader.done()


class _Reader:
    """Goes through a file once, and looks at the end whether everything is there."""

    def __init__(self) -> None:
        self._rows: dict[str, list[Row]] = {kind.name: [] for kind in KINDS}
        self._places: dict[str, list[int]] = {kind.name: [] for kind in KINDS}
        self._known: dict[tuple[str, Any], int] = {}
        self._faults: list[tuple[int, str]] = []
        self._origin: int | None = None
        self._count = 0
        self._end: Any = None
        self._last = 0

    def take(self, number: int, text: str) -> None:
        """One line."""
        self._last = number
        try:
            told = json.loads(text)
        except (ValueError, RecursionError) as error:
            self._fault(number, f"this is no JSON ({error})")
            return
        word = told.get("type") if isinstance(told, dict) else None
        if self._end is not None:
            self._fault(number, "there is something behind the end")
        elif word == HEADER:
            self._header(number, told)
        elif word == END:
            self._end = told.get("rows")
        elif word in BY_NAME:
            self._row(number, BY_NAME[word], told)
        else:
            known = [*BY_NAME, HEADER, END]
            near = did_you_mean(word, known) if isinstance(word, str) else ""
            self._fault(number, f"type: expected a kind of row, got {word!r:.60}{near}")

    def _header(self, number: int, told: Mapping[str, Any]) -> None:
        form, origin = told.get("format"), told.get("origin")
        if self._origin is not None or self._count:
            self._fault(number, "a second header; give one export at a time")
        elif type(form) is not int or form > FORMAT:
            self._fault(number, f"format {form!r:.20}: this Offhours reads up to {FORMAT}")
        elif type(origin) is not int:
            self._fault(number, "origin: expected the number of the database it comes from")
        else:
            self._origin = origin

    def _row(self, number: int, kind: Kind, row: Row) -> None:
        self._count += 1
        faults = list(kind.faults(row))
        for fault in faults:
            self._fault(number, fault)
        if faults:
            return
        row = kind.filled(row)
        for name in filter(None, (kind.number, *kind.key)):
            self._check_once(number, kind, name, row)
        self._rows[kind.name].append(row)
        self._places[kind.name].append(number)

    def _check_once(self, number: int, kind: Kind, name: str, row: Row) -> None:
        key = tuple(row[k] for k in kind.key) if name != kind.number else row[name]
        place = kind.name if name == kind.number else f"{kind.name} key"
        first = self._known.setdefault((place, key), number)
        if first != number:
            self._fault(number, f"{name}: line {first} has the same {kind.name}")

    def done(self) -> Export:
        """What was read, once all of it holds."""
        if self._origin is None and not self._faults:
            self._fault(1, "this is no export: its first line is no header")
        if self._end is None:
            self._fault(self._last, "the file was cut off: its end is missing")
        elif self._end != self._count:
            self._fault(self._last, f"{self._count} rows, and the end says {self._end!r:.20}")
        for kind in KINDS:
            for number, row in zip(self._places[kind.name], self._rows[kind.name], strict=True):
                self._check_references(number, kind, row)
        if self._faults or self._origin is None:
            faults = [
                f"line {number}: {fault}"
                for number, fault in sorted(self._faults, key=itemgetter(0))
            ]
            more = len(faults) - MOST_FAULTS
            raise ImportFault(faults[:MOST_FAULTS] + ([f"and {more} more"] if more > 0 else []))
        return Export(self._origin, self._rows)

    def _check_references(self, number: int, kind: Kind, row: Row) -> None:
        """What must be there; what only may be, is left out when it is not."""
        for name, column in kind.columns.items():
            if column.of and not column.null and (column.of, row[name]) not in self._known:
                self._fault(number, f"{name}: there is no {column.of} {row[name]} in this file")

    def _fault(self, number: int, text: str) -> None:
        self._faults.append((number, text))
