"""In a worker's process: the one task of every queue, and what the worker tells of it."""

from __future__ import annotations

import itertools
import json
import os
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import common
from queues import Kind, Queue

NOTE = struct.Struct("<dd")  # the number of a job, and the moment of its start

_numbers: list[float] = []
_order = itertools.count()
_first = 0.0
_expected = 0
_late: list[float] = []
_out = 1


def tell(what: object) -> None:
    os.write(_out, json.dumps(what).encode() + b"\n")


def perform(what: str, number: float, pause: Callable[[], object] = lambda: None) -> None:
    """The one task of every queue. `pause` is where it lets the person in front go first."""
    _TASKS[what](number, pause)


def perform_plainly(what: str, number: float) -> None:
    """For queues that store all arguments."""
    perform(what, number)


def _count(number: float, pause: object) -> None:
    global _first
    _numbers.append(number)
    order = next(_order)
    if order == 0:
        _first = time.monotonic()
    if order == _expected - 1:
        last = time.monotonic()
        right = sorted(_numbers) == list(range(_expected))
        tell([_first, last, common.rss_bytes() / 1e6, right])


def _tell(number: float, pause: object) -> None:
    tell([number, time.monotonic()])


def _due(number: float, pause: object) -> None:
    _late.append(time.time() - number)


def _burn(number: float, pause: Callable[[], object]) -> None:
    """Some 5 ms of Python."""
    for _ in range(10):
        pause()
        compute(10_000)
    _mark()


def _stick(number: float, pause: object) -> None:
    """The first run never ends."""
    if _mark() == 1:
        time.sleep(1000)


def compute(steps: int) -> int:
    number = 0
    for step in range(steps):
        number ^= step
    return number


def _note(number: float, pause: object) -> None:
    """For workers of several processes, which cannot all tell."""
    _mark(NOTE.pack(number, time.monotonic()))


def _mark(what: bytes = b".") -> int:
    """A little more in the ledger, which outlives us and is shared by all; its size."""
    with open(os.environ["OFFHOURS_BENCH_LEDGER"], "ab", buffering=0) as ledger:
        ledger.write(what)
        return ledger.tell()


_TASKS: dict[str, Callable[[float, Callable[[], object]], None]] = {
    "noop": lambda number, pause: None,
    "count": _count,
    "tell": _tell,
    "due": _due,
    "burn": _burn,
    "stick": _stick,
    "note": _note,
}


def work(kind: Kind, folder: str, options: dict[str, Any], expected: int) -> None:
    global _out, _expected
    _out, _expected = os.dup(1), expected
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a queue prints is not for our reader
    queue = kind(Path(folder), **options)
    threading.Thread(target=_listen, args=(queue, sys.stdin), daemon=True).start()
    # The listener has the lock of its stream: a forked child that closes it would wait for ever.
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115
    queue.work()


def _listen(queue: Queue, stream: Iterable[str]) -> None:
    for line in stream:
        what, _, number = line.strip().partition(" ")
        if what == "rest":
            tell(common.at_rest(float(number)))
        else:
            tell(_late)
    queue.leave()
