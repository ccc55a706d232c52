"""Latency streams with planted slow calls, from seeds: what each kind of tool looks like.

A stream is milliseconds a call, with the windows of call numbers in which a dump is right. The
planted calls are slower than 1.5 times what the tool shows once in a thousand normal calls; a
shift makes every later call slower.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

PER_SECOND = 5.0


@dataclass(frozen=True)
class Event:
    """What was planted from call `first` on; found when a dump falls from there to `until`."""

    what: str
    first: int
    until: int


@dataclass(frozen=True)
class Stream:
    """Milliseconds a call, and what was planted among them."""

    kind: str
    ms: list[float]
    events: list[Event]


def _steady(r: random.Random, i: int) -> float:
    return 20.0 * math.exp(r.gauss(0, 0.05))


def _lognormal(r: random.Random, i: int) -> float:
    return 80.0 * math.exp(r.gauss(0, 0.35))


def _wild(r: random.Random, i: int) -> float:
    return 900.0 * math.exp(r.gauss(0, 0.7))


def _bimodal(r: random.Random, i: int) -> float:
    return (5.0 if r.random() < 0.8 else 60.0) * math.exp(r.gauss(0, 0.12))


def _drifting(r: random.Random, i: int) -> float:
    return 30.0 * math.exp(r.gauss(0, 0.15)) * (1 + i / 6000)


def _periodic(r: random.Random, i: int) -> float:
    return 40.0 * math.exp(r.gauss(0, 0.15)) * (1 + 0.4 * math.sin(2 * math.pi * i / 3000))


def _pauses(r: random.Random, i: int) -> float:
    pause = r.uniform(20, 50) if r.random() < 0.015 else 0.0
    return 10.0 * math.exp(r.gauss(0, 0.1)) + pause


def _pareto(r: random.Random, i: int) -> float:
    return 10.0 * r.paretovariate(2.5)


def _quick(r: random.Random, i: int) -> float:
    hiccup = r.uniform(0.05, 0.2) if r.random() < 0.01 else 0.0
    return 0.030 * math.exp(r.gauss(0, 0.2)) + hiccup


def _cold(r: random.Random, i: int) -> float:
    warm = 1 + 9 * math.exp(-i / 8)
    return 50.0 * math.exp(r.gauss(0, 0.2)) * warm


NORMAL: dict[str, Callable[[random.Random, int], float]] = {
    "steady": _steady,
    "lognormal": _lognormal,
    "wild": _wild,
    "bimodal": _bimodal,
    "drifting": _drifting,
    "periodic": _periodic,
    "gc pauses": _pauses,
    "pareto": _pareto,
    "30 us": _quick,
    "cold start": _cold,
    "step": _steady,
    "spikes": _lognormal,
}


# Of the others each stream has six single calls, three bursts and a shift to a slower level.
PLANTED = {"step": (0, 0, 4), "spikes": (14, 2, 0)}
FOUND_WITHIN = 60  # calls after which a shift counts as missed


def stream(kind: str, seed: int, calls: int = 6000) -> Stream:
    """A stream of a kind; the same for the same seed."""
    r = random.Random(f"{kind} {seed}")
    normal = NORMAL[kind]
    ms = [normal(r, i) for i in range(calls)]
    sample = sorted(normal(r, calls // 2) for _ in range(20_000))
    spikes, bursts, shifts = PLANTED.get(kind, (6, 3, 1))
    plan = ["spike"] * spikes + ["burst"] * bursts
    r.shuffle(plan)
    plan += ["shift"] * shifts
    events = plant(r, ms, sample, plan, lambda i: _season(kind, i, calls))
    return Stream(kind, ms, events)


def plant(
    r: random.Random,
    ms: list[float],
    sample: Sequence[float],
    plan: Sequence[str],
    season: Callable[[int], float],
) -> list[Event]:
    """Slow down what is planned; `sample` is sorted, `season` how slow the tool is as a whole."""
    far, spread = sample[-20], sample[15_865] / sample[10_000]
    room = (len(ms) - 300) // len(plan)
    events, level = [], 1.0
    for number, what in enumerate(plan):
        at = 300 + number * room + r.randrange(max(1, room - 250))
        if what == "shift":
            factor = max(r.uniform(1.5, 3.0), 1.3 * spread) if level == 1.0 else 1 / level
            ms[at:] = [one * factor for one in ms[at:]]
            level *= factor
            if factor > 1:
                events.append(Event("shift", at, at + FOUND_WITHIN))
            continue
        length = 1 if what == "spike" else r.randrange(4, 16)
        for i in range(at, at + length):
            ms[i] = far * level * r.uniform(1.5, 5.0) * season(i)
        events.append(Event(what, at, at + length + 2))
    return events


def _season(kind: str, i: int, calls: int) -> float:
    """How slow the whole tool is at a call, compared with the middle of the stream."""
    if kind == "drifting":
        return (1 + i / 6000) / (1 + calls / 2 / 6000)
    if kind == "periodic":
        return 1 + 0.4 * math.sin(2 * math.pi * i / 3000)
    return 1.0
