"""A throwaway folder full of things to do, and the truth about it: what each job must find."""

from __future__ import annotations

import hashlib
import lzma
import random
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import apsw

from offhours.demo.site import Site, make_site

T = TypeVar("T")

FILE_BYTES = 48_000
_SAID = ("opened", "closed", "asked", "answered", "waited", "stored", "read", "moved")


@dataclass(frozen=True, slots=True)
class Folder:
    """Files of which some are copies: the groups of equal ones, and what each file holds."""

    path: Path
    groups: frozenset[frozenset[str]]
    contents: dict[str, str]


@dataclass(frozen=True, slots=True)
class Base:
    """A database, the place for its copy, and its rows by table."""

    path: Path
    target: Path
    rows: dict[str, int]


@dataclass(frozen=True, slots=True)
class Log:
    """A log and its digest."""

    path: Path
    digest: str


@dataclass(frozen=True, slots=True)
class Material:
    """All there is to do."""

    folders: list[Folder]
    bases: list[Base]
    logs: list[Log]
    sites: list[Site]


def make(root: Path, seconds: float) -> Material:
    """Fill `root` with about `seconds` of work for one core of this machine."""
    rng = random.Random(2026)
    few, many = max(3, round(seconds * 1.5)), max(12, round(seconds * 12))
    lines = [_line(rng, n) for n in range(4000)]
    # Compressing is nearly all of the work, so its speed here decides how much of it there is.
    log_lines = max(200, round(seconds * _lines_per_second(rng.choices(lines, k=4000)) / many))
    return Material(
        folders=[make_folder(root / f"files{n}", rng, 24, 8) for n in range(few)],
        bases=[make_base(root / f"base{n}.db", rng, 6_000) for n in range(few)],
        logs=[make_log(root / f"app{n}.log", rng.choices(lines, k=log_lines)) for n in range(many)],
        sites=[make_site(root / f"site{n}", rng, 40, 6) for n in range(few)],
    )


def make_folder(path: Path, rng: random.Random, different: int, copies: int) -> Folder:
    """`different` contents of one size, and `copies` more names for some of them."""
    groups: dict[str, set[str]] = {}
    contents: dict[str, str] = {}
    originals = [rng.randbytes(FILE_BYTES) for _ in range(different)]
    for number, body in enumerate([*originals, *rng.choices(originals, k=copies)]):
        file = path / f"{number % 4}" / f"{number:03}.bin"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
        digest = hashlib.sha256(body).hexdigest()
        contents[str(file)] = digest
        groups.setdefault(digest, set()).add(str(file))
    return Folder(path, frozenset(frozenset(g) for g in groups.values() if len(g) > 1), contents)


def make_base(path: Path, rng: random.Random, rows: int) -> Base:
    """A database of two tables."""
    counts = {"visit": rows, "visitor": rows // 10}
    with closing(apsw.Connection(str(path))) as base:
        base.execute("create table visitor (id integer primary key, name text)")
        base.execute("create table visit (id integer primary key, visitor int, page text)")
        with base:
            visitors = ((f"visitor {rng.random()}",) for _ in range(counts["visitor"]))
            base.executemany("insert into visitor (name) values (?)", visitors)
            visits = ((rng.randrange(1000), f"/page/{rng.random()}" * 8) for _ in range(rows))
            base.executemany("insert into visit (visitor, page) values (?, ?)", visits)
        base.execute("create index visit_page on visit (page)")
    return Base(path, path.with_suffix(".backup"), counts)


def make_log(path: Path, lines: list[str]) -> Log:
    body = "".join(lines).encode()
    path.write_bytes(body)
    return Log(path, hashlib.sha256(body).hexdigest())


def _line(rng: random.Random, number: int) -> str:
    clock = f"{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}"
    took = rng.random() * 100
    return f"2026-01-01 {clock} {rng.choice(_SAID)} {rng.getrandbits(40):010x} {took:.2f} ms\n"


def _lines_per_second(lines: list[str]) -> float:
    """How many lines of a log this machine compresses in a second."""
    body, best = "".join(lines).encode(), 0.0
    for _ in range(2):  # somebody else may have disturbed the first
        started = time.perf_counter()
        lzma.compress(body)
        best = max(best, len(lines) / (time.perf_counter() - started))
    return best


def interleaved(*kinds: Sequence[T]) -> list[T]:
    """All items, each kind spread evenly over the whole.

    >>> "".join(interleaved("aaaa", "xx"))
    'axaaxa'
    """
    placed = [
        ((number + 0.5) / len(kind), item) for kind in kinds for number, item in enumerate(kind)
    ]
    return [item for _, item in sorted(placed, key=lambda entry: entry[0])]
