"""Trials: looked at after every pair, they seldom see what is not there."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from statistics import median

import pytest
from tests.nightly import NIGHTLY

from offhours.core.errors import OptionError
from offhours.optimize import Trial
from offhours.optimize.sprt import LatencyTest
from offhours.optimize.trials import Outcome

Draw = Callable[[random.Random], float]


def lognormal(mean: float, spread: float) -> Draw:
    return lambda rng: mean * rng.lognormvariate(0, spread)


def pareto(mean: float) -> Draw:
    return lambda rng: mean * rng.paretovariate(2)


def simulate(
    trials: int, control: Draw, candidate: Draw, fails: tuple[float, float], most: int, seed: int
) -> tuple[Counter[str], float]:
    rng = random.Random(seed)
    outcomes: Counter[str] = Counter()
    pairs = []
    for _ in range(trials):
        trial = Trial(most_pairs=most)
        while trial.outcome is None:
            trial.record("control", control(rng), rng.random() >= fails[0])
            trial.record("candidate", candidate(rng), rng.random() >= fails[1])
        outcomes[trial.outcome] += 1
        pairs.append(trial.pairs)
    return outcomes, median(pairs)


@pytest.mark.parametrize("draw", [lognormal(100, 0.5), pareto(100)], ids=["lognormal", "pareto"])
def test_two_that_are_alike_are_seldom_told_apart(draw: Draw) -> None:
    times = 200 if NIGHTLY else 60
    outcomes, _ = simulate(times, draw, draw, (0.05, 0.05), 500, 7)
    assert outcomes[Outcome.BETTER] + outcomes[Outcome.WORSE] <= 0.05 * times


@pytest.mark.parametrize("spread", [0.35, 0.5])
def test_a_fifth_slower_is_seen_within_a_hundred_pairs(spread: float) -> None:
    slower = lognormal(120, spread)
    outcomes, pairs = simulate(200, lognormal(100, spread), slower, (0, 0), 2_000, 3)
    assert outcomes == {Outcome.WORSE: 200} and pairs <= 100


def test_a_tenth_faster_is_seen_within_four_hundred() -> None:
    outcomes, pairs = simulate(40, lognormal(100, 0.5), lognormal(90, 0.5), (0, 0), 2_000, 5)
    assert outcomes[Outcome.BETTER] >= 39 and pairs <= 400


def test_more_failures_are_worse_however_fast() -> None:
    outcomes, pairs = simulate(40, lognormal(100, 0.3), lognormal(50, 0.3), (0, 1), 500, 9)
    assert outcomes == {Outcome.WORSE: 40} and pairs <= 15


def test_the_interval_holds_the_truth_at_every_look() -> None:
    rng, missed = random.Random(13), 0
    for _ in range(100):
        test = LatencyTest()
        out = False
        for _ in range(300):
            test.add(rng.lognormvariate(0, 0.4), rng.lognormvariate(math.log(1.1), 0.4))
            low, high = test.interval(0.05)
            out |= not low <= 1.1 <= high
        missed += out
    assert missed <= 5


def test_a_trial_goes_on_from_what_was_stored() -> None:
    rng = random.Random(1)
    one = Trial()
    for _ in range(37):
        one.record("control", rng.lognormvariate(4, 0.5), rng.random() < 0.9)
        one.record("candidate", rng.lognormvariate(4, 0.5), rng.random() < 0.9)
    one.record("candidate", 5.0, True)
    other = Trial.from_json(one.to_json())
    assert other == one and other.next_arm() == "control"
    for trial in (one, other):
        trial.record("control", 9.0, True)
    assert other.report() == one.report()


def test_an_unknown_arm_is_refused() -> None:
    with pytest.raises(OptionError, match="arm"):
        Trial().record("third", 1, True)
