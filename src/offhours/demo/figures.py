"""What a demo found: figures, each beside its limit, and whether all were reached."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing. `limit` says in words what was asked of it."""

    name: str
    value: float
    text: str
    limit: str
    ok: bool

    @property
    def word(self) -> str:
        return "ok" if self.ok else "failed"


def all_of(name: str, value: int, wanted: int, least: int = 1) -> Figure:
    """A count that must be the whole of what was wanted, which must not be nothing.

    >>> all_of("jobs done", 7, 8).word
    'failed'
    """
    ok = value == wanted and wanted >= least
    return Figure(name, value, f"{value:,}", f"all {wanted:,}", ok)


def none_of(name: str, value: int) -> Figure:
    """A count that must be nothing."""
    return Figure(name, value, f"{value:,}", "0", value == 0)


def at_least(name: str, value: int, least: int) -> Figure:
    """A count that must have happened."""
    return Figure(name, value, f"{value:,}", f"at least {least:,}", value >= least)


def at_most(name: str, value: float, most: float, unit: str, digits: int = 1) -> Figure:
    """A measure that must not be passed."""
    text, limit = f"{value:,.{digits}f} {unit}", f"at most {most:,.{digits}f} {unit}"
    return Figure(name, round(value, digits + 2), text, limit, value <= most)


@dataclass(frozen=True, slots=True)
class Part:
    """Figures that answer one question, and sentences that explain them."""

    title: str
    figures: Sequence[Figure]
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """All that a demo found."""

    demo: str
    seconds: float
    parts: Sequence[Part] = field(default=())

    @property
    def ok(self) -> bool:
        figures = [figure for part in self.parts for figure in part.figures]
        return bool(figures) and all(figure.ok for figure in figures)

    @property
    def verdict(self) -> str:
        figures = [figure for part in self.parts for figure in part.figures]
        missed = [figure.name for figure in figures if not figure.ok]
        told = f"not reached: {', '.join(missed)}" if missed else f"all {len(figures)} reached"
        return f"{told}, in {self.seconds:.1f} s"

    def lines(self) -> Iterator[str]:
        """The report as plain text."""
        wide = max((len(figure.name) for part in self.parts for figure in part.figures), default=0)
        for part in self.parts:
            yield f"\n{part.title}"
            for figure in part.figures:
                measured = f"{figure.text:>10}   {figure.limit:<20} {figure.word}"
                yield f"  {figure.name:<{wide}} {measured}"
            yield from (f"  {note}" for note in part.notes)
        yield f"\n{'ok' if self.ok else 'failed'}: {self.verdict}"

    def to_json(self) -> str:
        """The report as one JSON object."""
        parts = [
            {
                "title": part.title,
                "figures": [asdict(figure) for figure in part.figures],
                "notes": list(part.notes),
            }
            for part in self.parts
        ]
        told = {"demo": self.demo, "ok": self.ok, "seconds": round(self.seconds, 2)}
        return json.dumps({**told, "parts": parts})
