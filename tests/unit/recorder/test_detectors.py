"""The detector against streams with planted calls: a quick part of `benchmarks/detector.py`."""

from __future__ import annotations

import random
from typing import Any

import pytest

from offhours.recorder.detectors import DynamicDetector

COOLDOWN = 150  # calls: 30 s at five a second


def judge(stream: Any) -> tuple[int, int, int, int]:
    """Right dumps, all dumps, events found, events."""
    detector, dumps = DynamicDetector(0.2, min_samples=10), [-COOLDOWN]
    for call, ms in enumerate(stream.ms):
        if detector.observe(ms / 1000) and call - dumps[-1] >= COOLDOWN:
            dumps.append(call)
    del dumps[0]
    right = sum(any(e.first <= d <= e.until for e in stream.events) for d in dumps)
    found = sum(any(e.first <= d <= e.until for d in dumps) for e in stream.events)
    return right, len(dumps), found, len(stream.events)


def test_it_finds_what_was_planted(streams: Any) -> None:
    scores = {
        kind: [sum(x) for x in zip(*(judge(streams.stream(kind, s)) for s in (1, 2)), strict=True)]
        for kind in streams.NORMAL
    }
    for kind, (right, dumps, found, events) in scores.items():
        precision, recall = right / dumps, found / events
        assert 2 * precision * recall / (precision + recall) >= 0.60, kind
    right, dumps, found, events = (sum(x) for x in zip(*scores.values(), strict=True))
    precision, recall = right / dumps, found / events
    # The benchmark wants 0.90 and 3 an hour of ten streams a kind; two leave more to chance.
    assert precision >= 0.87
    assert 2 * precision * recall / (precision + recall) >= 0.87
    hours = len(scores) * 2 * 6000 / 5 / 3600
    assert (dumps - right) / hours <= 4


def test_a_rise_is_found_within_twenty_calls_and_then_usual() -> None:
    r = random.Random(1)
    detector = DynamicDetector(0.2, min_samples=10)
    for _ in range(300):
        detector.observe(0.1 * r.lognormvariate(0, 0.3))
    found = [detector.observe(0.25 * r.lognormvariate(0, 0.3)) for _ in range(400)]
    levels = [n for n, one in enumerate(found) if one and one.reason == "level"]
    assert len(levels) == 1
    assert levels[0] <= 20
    assert found[levels[0]].says.startswith("the level rose by ")
    assert not any(found[40:])


def test_what_comes_back_all_the_time_is_no_news() -> None:
    r = random.Random(2)
    detector = DynamicDetector(0.2, min_samples=10)

    def call(n: int) -> float:
        return 0.01 * r.lognormvariate(0, 0.1) + (r.uniform(0.03, 0.05) if n % 97 == 96 else 0)

    found = [detector.observe(call(n)) for n in range(4000)]
    assert sum(one is not None for one in found[1000:]) == 0
    assert detector.observe(0.5) is not None, "far beyond them still is"


@pytest.mark.parametrize(
    ("first", "calls", "jitter"), [(1, 12, 0.1), (50, 20, 0.02), (50, 90, 0.1)]
)
def test_a_young_tool_is_judged_too(first: float, calls: int, jitter: float) -> None:
    """A cold first call, or one that was a little late, must not blind it."""
    for seed in range(50):
        r, detector = random.Random(seed), DynamicDetector(0.2, min_samples=10)
        for n in range(calls):
            detector.observe((first if n == 0 else 1) * 0.005 * r.lognormvariate(0, jitter))
        assert detector.observe(0.025) is not None, seed


def test_rare_slow_modes_neither_blind_nor_alarm() -> None:
    """A twentieth of the calls is a hundred times slower; twice that is news, as much is not."""
    r = random.Random(4)
    detector = DynamicDetector(0.2, min_samples=10)

    def call() -> float:
        return r.choices((0.002, 0.025, 0.24), (0.70, 0.25, 0.05))[0] * r.lognormvariate(0, 0.1)

    found = [detector.observe(call()) for _ in range(6000)]
    assert sum(one is not None for one in found[1000:]) <= 2
    assert 0.3 < detector.limit < 1
    assert detector.observe(1.0) is not None
    for _ in range(300):
        detector.observe(call())
    assert detector.observe(1.0) is not None, "what was found hides nothing"


def test_callers_that_come_in_bursts_are_soon_usual() -> None:
    r = random.Random(5)
    detector = DynamicDetector(0.2, min_samples=10)

    def call(n: int) -> float:
        return 0.04 * r.lognormvariate(0, 0.2) * (1.8 if n % 400 < 40 else 1.0)

    found = [detector.observe(call(n)) for n in range(6000)]
    levels = [n for n, one in enumerate(found) if one is not None and one.reason == "level"]
    assert 1 <= len(levels) <= 4
    again = [detector.observe(0.12 * r.lognormvariate(0, 0.2)) for _ in range(40)]
    assert any(one is not None for one in again), "a higher level is news"


def test_faster_is_no_finding() -> None:
    detector = DynamicDetector(0.2, min_samples=10)
    for _ in range(100):
        detector.observe(0.1)
    assert [detector.observe(0.001) for _ in range(200)] == [None] * 200


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-12, 1e9])
def test_odd_durations_do_no_harm(seconds: float) -> None:
    detector = DynamicDetector(0.2, min_samples=2)
    for _ in range(500):
        detector.observe(seconds)
    assert detector.observe(seconds) is None


def test_equal_calls_need_the_effect_floor() -> None:
    detector = DynamicDetector(0.2, min_samples=10)
    for _ in range(100):
        assert detector.observe(0.1) is None
    assert detector.observe(0.115) is None
    assert detector.observe(0.125) is not None
