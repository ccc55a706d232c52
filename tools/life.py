"""The life of a job, drawn from the table of legal moves and from the functions that decide them.

Where a state stands and how a line runs is chosen here. Which lines there are, and what is told on
each, comes from `offhours.core.states`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from offhours.core import states
from offhours.core.model import FINAL, MAX_CRASHES, Claimed, Job, JobState
from offhours.core.outcomes import (
    Crashed,
    Deferred,
    Done,
    Failed,
    Gated,
    HandedBack,
    Outcome,
    Stopped,
    Suspended,
)
from offhours.core.retries import RetryPolicy
from offhours.core.states import CANCELLED, FAILED, HELD, PENDING, RUNNING, SUCCEEDED, Move
from tools import svg

WIDTH, HEIGHT = 900, 470
BOX, TALL = 112, 36
NOW = 1_000_000
OUTCOMES: tuple[Outcome, ...] = (
    Done("1"), Failed("error", "boom"), Failed("error", "boom", retry=False),
    Deferred(NOW, "later"), Gated("memory", "too little", NOW),
    Suspended("sleep", "asleep", NOW, held=False), Suspended("signal", "waits", NOW, held=True),
    Stopped(), HandedBack("drained"), Crashed("signal 9", "tail"),
)  # fmt: skip


class Line(NamedTuple):
    """How a line runs, and where its words stand."""

    path: str
    x: int
    y: int
    middle: bool = False


PLACES = {
    HELD: (130, 60), PENDING: (130, 230), RUNNING: (470, 230),
    FAILED: (810, 60), SUCCEEDED: (810, 230), CANCELLED: (810, 400),
}  # fmt: skip
LINES = {
    (PENDING, RUNNING): Line("M188 222H408", 298, 214, True),
    (RUNNING, PENDING): Line("M412 240H192", 298, 260, True),
    (PENDING, HELD): Line("M112 210V84", 92, 150, True),
    (HELD, PENDING): Line("M148 80V206", 156, 186),
    (PENDING, PENDING): Line("M112 250C92 300 168 300 150 254", 156, 296),
    (PENDING, FAILED): Line("M188 212C300 170 420 96 750 74", 520, 126, True),
    (PENDING, CANCELLED): Line("M130 250C136 380 400 408 748 402", 470, 390, True),
    (HELD, FAILED): Line("M188 54H748", 470, 46, True),
    (HELD, CANCELLED): Line("M72 62C-30 130-10 440 300 440S660 436 748 414", 470, 456, True),
    (RUNNING, HELD): Line("M440 210C390 130 300 96 190 76", 424, 164),
    (RUNNING, SUCCEEDED): Line("M528 230H748", 638, 222, True),
    (RUNNING, FAILED): Line("M510 210C580 150 660 110 750 84", 664, 136),
    (RUNNING, CANCELLED): Line("M510 250C580 320 660 370 748 390", 650, 332),
}  # fmt: skip


def draw() -> str:
    """The drawing. A move that is new in the code has to be given its line here first."""
    told = kinds()
    parts = []
    for was, to in sorted((was, to) for was, ends in states.LEGAL.items() for to in ends):
        line = LINES[was, to]
        kind = "note middle" if line.middle else "note"
        parts += [svg.way(line.path), *svg.lines(line.x, line.y, wrapped(told[was, to]), kind)]
    for state, (x, y) in PLACES.items():
        look = "end" if state in FINAL else "box"
        parts += [svg.box(x - BOX // 2, y - TALL // 2, BOX, TALL, look)]
        parts += [svg.text(x, y + 5, state, "name middle")]
    return svg.page("The states of a job", WIDTH, HEIGHT, parts)


def kinds() -> dict[tuple[JobState, JobState], list[str]]:
    """What is told on each way from one state to another."""
    told: dict[tuple[JobState, JobState], set[str]] = defaultdict(set)
    told[PENDING, RUNNING].add("claimed")  # by the store, many at once: it makes no `Move`
    for move in moves():
        told[move.was, move.to].add(move.kind.removeprefix("job."))
    return {way: sorted(names) for way, names in told.items()}


def moves() -> Iterator[Move]:
    """Every move there is: each decision, asked about jobs for which it decides differently."""
    for crashes in (0, MAX_CRASHES):
        run = claimed(crashes=crashes, attempt=crashes + 1)
        for outcome in OUTCOMES:
            yield states.finish(run, outcome, RetryPolicy(), NOW)
        yield from states.rescue([job(RUNNING, crashes=crashes)], 1, NOW, "its worker died")
    yield states.wait_turn(1, None)
    yield states.wait_for_others(1)
    yield states.park(job(PENDING))
    yield states.reschedule(job(PENDING), NOW, "by hand")
    yield states.wake(job(HELD), NOW)
    yield states.release(job(HELD), NOW)
    for state in (PENDING, HELD):
        yield states.cancel(job(state))
        yield states.expire(job(state))
        yield states.orphan(job(state))


def job(state: JobState, **changes: Any) -> Job:
    """A job that says nothing of itself but where it stands."""
    values: dict[str, Any] = dict.fromkeys(Job._fields) | dict.fromkeys(
        ("id", "created_at", "run_at", "returned", "crashes", "deferrals", "priority"), 0
    )
    values |= {"state": state, "attempt": 1, "begun": 1, "max_attempts": 3, "on_lost": "retry"}
    return Job(**(values | changes))


def claimed(**changes: Any) -> Claimed:
    run = job(RUNNING, **changes)
    return Claimed(*(getattr(run, name) for name in Claimed._fields))


def wrapped(names: list[str], most: int = 3) -> list[str]:
    return [", ".join(names[at : at + most]) for at in range(0, len(names), most)]
