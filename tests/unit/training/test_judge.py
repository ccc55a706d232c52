"""The paired bootstrap, the golden set, live feedback: each against what is known to be true."""

from __future__ import annotations

import math
import random

import pytest

from offhours.core.errors import ConfigError, InputError
from offhours.core.training import CycleState, Scores
from offhours.training import GoldenSet, SafetyControls, judge, paired_bootstrap
from offhours.training.feedback import is_below, is_worse
from offhours.training.judge import _binomial

CONTROLS = SafetyControls()


def scores(right: int, of: int = 400) -> list[float]:
    return [1.0] * right + [0.0] * (of - right)


def test_the_bootstrap_bounds_are_those_of_the_plain_one() -> None:
    """Drawing zeros one by one, as the textbook does, gives the same bounds."""
    chance = random.Random(3)
    for differences in (
        [1.0] * 30 + [-1.0] * 12 + [0.0] * 358,
        [chance.gauss(0.02, 0.1) for _ in range(300)],
        [0.0] * 40 + [0.5],
    ):
        found = paired_bootstrap(differences, 0.95, seed=1, resamples=4_000)
        n = len(differences)
        plain = sorted(sum(chance.choices(differences, k=n)) / n for _ in range(4_000))
        spread = (plain[3_799] - plain[200]) / 2
        assert found.mean == pytest.approx(sum(differences) / n)
        assert found.lower == pytest.approx(plain[200], abs=0.1 * spread + 1e-9)
        assert found.upper == pytest.approx(plain[3_799], abs=0.1 * spread + 1e-9)
    assert sum(_binomial(50, 0.2)) == pytest.approx(1)


def test_the_bootstrap_covers_what_is_true_as_often_as_it_says() -> None:
    chance, missed = random.Random(8), 0
    for night in range(300):
        sample = chance.choices((1.0, -1.0, 0.0), (0.06, 0.04, 0.9), k=400)
        missed += paired_bootstrap(sample, 0.95, seed=night, resamples=400).lower > 0.02
    assert missed / 300 < 0.09


def test_the_same_seed_gives_the_same_bounds() -> None:
    some = [1.0, -1.0, 0.0, 0.5] * 30
    assert paired_bootstrap(some, 0.9, 5) == paired_bootstrap(some, 0.9, 5)
    some = [random.Random(n).gauss(0, 1) for n in range(90)]
    assert paired_bootstrap(some, 0.9, 5) != paired_bootstrap(some, 0.9, 6)


@pytest.mark.parametrize(
    ("new", "old", "state", "code"),
    [
        (scores(390), None, "promoted", "first"),
        (scores(330), None, "refused", "below_threshold"),
        (scores(330), scores(320), "refused", "below_threshold"),
        (scores(390), scores(380), "promoted", "as_good_or_better"),
        (scores(380), scores(380), "promoted", "as_good_or_better"),
        (scores(379), scores(380), "kept", "no_evidence"),
        (scores(360), scores(385), "refused", "worse"),
        (scores(360)[::-1], scores(361), "kept", "no_evidence"),
        ([*scores(399, 399), math.nan], scores(380), "refused", "not_finite"),
    ],
)
def test_judgements(new: list[float], old: list[float] | None, state: str, code: str) -> None:
    found = judge(new, old, CONTROLS, seed=1)
    assert (found.state, found.code) == (state, code), found.reason
    assert found.figures["examples"] == 400


def test_strict_wants_evidence_that_it_is_better() -> None:
    strict = SafetyControls(level="strict")
    assert judge(scores(396), scores(396), strict, 1).state is CycleState.KEPT
    assert judge(scores(399), scores(385), strict, 1).state is CycleState.PROMOTED


def test_a_golden_set_is_checked_and_known_by_its_content() -> None:
    one = GoldenSet([[1.0], [2.0]], ["a", "b"])
    assert one.digest == GoldenSet([[1.0], [2.0]], ["a", "b"]).digest
    assert one.digest != GoldenSet([[1.0], [2.0]], ["b", "a"]).digest
    with pytest.raises(ConfigError) as wrong:
        GoldenSet([], [1], score="no")  # type: ignore[arg-type]
    assert len(wrong.value.faults) == 2
    with pytest.raises(ConfigError, match="none"):
        GoldenSet([], [])
    with pytest.raises(ConfigError, match="plain data"):
        GoldenSet([object()], [1])
    with pytest.raises(InputError, match="gave 1 outputs for 2"):
        one.scores(lambda inputs: [0])
    assert one.is_unchanged()
    one.inputs[0][0] = 9.0
    assert not one.is_unchanged()


def test_scores_are_shares() -> None:
    near = GoldenSet([1, 2], [1.0, 2.0], score=lambda o, e: 1 - abs(o - e))
    assert near.scores(lambda inputs: [1.25, 9]) == [0.75, 0.0]
    assert math.isnan(near.scores(lambda inputs: [math.nan, 2])[0])


def test_an_array_is_known_by_its_content() -> None:
    class Array:
        dtype, shape = "float64", (2,)

        def __init__(self, body: bytes) -> None:
            self.body = body

        def tobytes(self) -> bytes:
            return self.body

        def __len__(self) -> int:
            return 2

    one, same, other = (GoldenSet(Array(b), [1, 2]) for b in (b"ab", b"ab", b"ac"))
    assert one.digest == same.digest != other.digest


def live(chance: random.Random, share: float, count: int) -> Scores:
    found = [1.0 if chance.random() < share else 0.0 for _ in range(count)]
    mean = sum(found) / count
    return Scores(count, mean, mean)


def test_feedback_that_is_as_good_is_hardly_ever_called_worse() -> None:
    """Looked at after each tenth score, of 500, of a version as good as the one before."""
    chance, false = random.Random(11), 0
    for _ in range(300):
        before, good = live(chance, 0.9, 400), 0
        for seen in range(1, 501):
            good += chance.random() < 0.9
            share = good / seen
            if seen % 10 == 0 and is_worse(Scores(seen, share, share), before):
                false += 1
                break
    assert false / 300 <= 0.05


def test_feedback_that_is_worse_is_found_soon() -> None:
    chance, needed = random.Random(12), []
    for _ in range(100):
        before, good, seen = live(chance, 0.9, 400), 0, 0
        while seen < 2_000:
            seen += 1
            good += chance.random() < 0.7
            share = good / seen
            if is_worse(Scores(seen, share, share), before):
                break
        needed.append(seen)
    assert sorted(needed)[50] <= 100
    assert is_below(Scores(100, 0.5, 0.5), 0.8) and not is_below(Scores(100, 0.79, 0.79), 0.8)
    assert not is_worse(Scores(5, 0, 0), Scores(500, 1, 1))  # too few to say
