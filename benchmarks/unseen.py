"""Latency streams of other families: `detector.py --set second` and `--set third`.

They differ from `streams.py` in what a call looks like, not in what is planted. How far a limit may
be from what is usual was chosen with the first set and the second, at other seeds than are judged;
the third served nothing but judging.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from streams import Stream, plant

PLAN = ["spike"] * 6 + ["burst"] * 3
Draw = Callable[[random.Random], float]
Season = Callable[[int, int], float]  # call, of how many


def _constant(i: int, calls: int) -> float:
    return 1.0


def _gamma(r: random.Random) -> float:
    return 5.0 + r.gammavariate(2.0, 20.0)


def _weibull(r: random.Random) -> float:
    return 2.0 + r.weibullvariate(40.0, 0.9)


def _log_logistic(r: random.Random) -> float:
    u = r.random()
    return 30.0 * (u / (1 - u)) ** (1 / 4.0)


def _uniform(r: random.Random) -> float:
    return r.uniform(20.0, 80.0)


def _three_modes(r: random.Random) -> float:
    """A cache, a database, and now and then another service."""
    middle = r.choices((2.0, 25.0, 240.0), (0.70, 0.25, 0.05))[0]
    return middle * math.exp(r.gauss(0, 0.15))


def _retried(r: random.Random) -> float:
    """One call in forty is tried again after half a second."""
    return 60.0 * math.exp(r.gauss(0, 0.2)) + (500.0 if r.random() < 0.025 else 0.0)


def _ticks(r: random.Random) -> float:
    """Measured by a clock of whole milliseconds."""
    return max(1.0, round(4.0 * math.exp(r.gauss(0, 0.25))))


def _plain(r: random.Random) -> float:
    return 40.0 * math.exp(r.gauss(0, 0.2))


def _week(i: int, calls: int) -> float:
    """Seven days, each with its busy hours, the last two calm."""
    day = 7 * i / calls
    busy = 1 + 0.5 * max(0.0, math.sin(2 * math.pi * day))
    return busy if day < 5 else 0.7 * busy


def _bursts(i: int, calls: int) -> float:
    """Callers come in bursts, and while they do all of them wait."""
    return 1.6 if i % 400 < 40 else 1.0


def _rayleigh(r: random.Random) -> float:
    return 1.0 + 30.0 * math.sqrt(-2 * math.log(1 - r.random()))


def _inverse_gauss(r: random.Random) -> float:
    """How long a walk takes to arrive."""
    mean, shape = 50.0, 150.0
    square = r.gauss(0, 1) ** 2
    x = (
        mean
        + mean**2 * square / (2 * shape)
        - mean / (2 * shape) * math.sqrt(4 * mean * shape * square + (mean * square) ** 2)
    )
    return x if r.random() <= mean / (mean + x) else mean**2 / x


def _sum_of_steps(r: random.Random) -> float:
    """Three to nine steps, one after the other."""
    return sum(r.expovariate(1 / 15.0) for _ in range(r.randint(3, 9)))


def _slowest_of_eight(r: random.Random) -> float:
    """A call that asks eight others, and waits for the last."""
    return max(20.0 * math.exp(r.gauss(0, 0.4)) for _ in range(8))


def _mixed_sizes(r: random.Random) -> float:
    """Time grows with the size of what is asked for, and sizes differ by a thousand."""
    return 3.0 + 0.02 * math.exp(r.uniform(0, math.log(5_000)))


def _sawtooth(i: int, calls: int) -> float:
    """It becomes slower until somebody empties its cache."""
    return 1.0 + 0.8 * (i % 750) / 750


def _half_day(i: int, calls: int) -> float:
    """Work of two kinds that take turns."""
    return 1.0 if i % 1500 < 1000 else 2.2


THIRD: dict[str, tuple[Draw, Season]] = {
    "rayleigh": (_rayleigh, _constant),
    "inverse gauss": (_inverse_gauss, _constant),
    "sum of steps": (_sum_of_steps, _constant),
    "slowest of eight": (_slowest_of_eight, _constant),
    "mixed sizes": (_mixed_sizes, _constant),
    "sawtooth": (_plain, _sawtooth),
    "two shifts a day": (_plain, _half_day),
}
SECOND: dict[str, tuple[Draw, Season]] = {
    "gamma": (_gamma, _constant),
    "weibull": (_weibull, _constant),
    "log-logistic": (_log_logistic, _constant),
    "uniform": (_uniform, _constant),
    "three modes": (_three_modes, _constant),
    "retried": (_retried, _constant),
    "whole ms": (_ticks, _constant),
    "weekly": (_plain, _week),
    "bursty callers": (_plain, _bursts),
    "correlated": (_plain, _constant),
}


def unseen(kind: str, seed: int, calls: int = 6000) -> Stream:
    """A stream of a family; the same for the same seed."""
    r = random.Random(f"unseen {kind} {seed}")
    draw, season = (SECOND | THIRD)[kind]
    wander = _wandering(r, calls) if kind == "correlated" else [1.0] * calls
    ms = [draw(r) * season(i, calls) * wander[i] for i in range(calls)]
    # Slow is what is slow for this tool as it is at its slowest.
    seasons = [season(i, calls) * wander[i] for i in range(calls)]
    sample = sorted(draw(r) * seasons[r.randrange(calls)] for _ in range(20_000))
    plan = PLAN[:]
    r.shuffle(plan)
    return Stream(kind, ms, plant(r, ms, sample, [*plan, "shift"], lambda i: 1.0))


def _wandering(r: random.Random, calls: int) -> list[float]:
    """What makes a call slow is still there at the next one: it goes away over a dozen calls."""
    found, log = [], 0.0
    for _ in range(calls):
        log = 0.92 * log + r.gauss(0, 0.08)
        found.append(math.exp(log))
    return found
