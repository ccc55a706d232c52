"""Whether a challenger may replace the champion: thresholds, and a paired bootstrap."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from offhours.core.training import CycleState
from offhours.training.controls import SafetyControls

RESAMPLES = 2_000


class Bounds(NamedTuple):
    """The mean of differences, and where it lies at least and at most, each with the asked-for
    confidence."""

    mean: float
    lower: float
    upper: float


class Judgement(NamedTuple):
    """Promoted, kept or refused, why, and from which figures."""

    state: CycleState
    code: str
    reason: str
    figures: dict[str, Any]


def paired_bootstrap(
    differences: Sequence[float], confidence: float, seed: int, resamples: int = RESAMPLES
) -> Bounds:
    """Bounds of the mean of paired differences, by resampling them. The same seed, the same bounds.

    >>> paired_bootstrap([0.0] * 50, 0.95, seed=1)
    Bounds(mean=0.0, lower=0.0, upper=0.0)
    """
    chance, n = random.Random(seed), len(differences)
    some = [each for each in differences if each]
    if not some:
        return Bounds(0.0, 0.0, 0.0)
    # Zeros add nothing: how many others a resample holds is drawn first, then which ones.
    counts = chance.choices(range(n + 1), weights=_binomial(n, len(some) / n), k=resamples)
    means = sorted(sum(chance.choices(some, k=count)) / n for count in counts)
    tail = round((1 - confidence) * (resamples - 1))
    return Bounds(sum(some) / n, means[tail], means[-1 - tail])


def _binomial(n: int, share: float) -> list[float]:
    """The chance of each count from 0 to n."""
    if share >= 1:
        return [0.0] * n + [1.0]
    odds, rest = math.log(share), math.log1p(-share)
    whole = math.lgamma(n + 1)
    return [
        math.exp(whole - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * odds + (n - k) * rest)
        for k in range(n + 1)
    ]


def judge(
    challenger: Sequence[float],
    champion: Sequence[float] | None,
    controls: SafetyControls,
    seed: int,
) -> Judgement:
    """Judge by the scores of both on the same golden examples; `champion` is None for a first
    model."""
    mean = sum(challenger) / len(challenger)
    figures: dict[str, Any] = {"golden": _rounded(mean), "examples": len(challenger)}
    if not all(math.isfinite(score) for score in challenger):
        return _refused("not_finite", "a score on the golden set is not a number", figures)
    if mean < controls.validation_threshold:
        told = f"{mean:.3f} on the golden set (at least {controls.validation_threshold:g})"
        return _refused("below_threshold", told, figures)
    if champion is None:
        told = f"{mean:.3f} on the golden set, and nothing served before"
        return Judgement(CycleState.PROMOTED, "first", told, figures)
    differences = [new - old for new, old in zip(challenger, champion, strict=True)]
    found = paired_bootstrap(differences, controls.confidence, seed)
    before = sum(champion) / len(champion)
    figures |= {"champion": _rounded(before), "difference": _rounded(found.mean),
                "lower": _rounded(found.lower), "upper": _rounded(found.upper)}  # fmt: skip
    told = (
        f"{mean:.3f} on the golden set, the champion {before:.3f}; the difference is at least "
        f"{found.lower:+.4f} and at most {found.upper:+.4f} ({controls.confidence:.0%} each)"
    )
    if not math.isfinite(before):
        return Judgement(CycleState.PROMOTED, "champion_broken", told, figures)
    if found.upper < -controls.tolerance:
        return _refused("worse", told, figures)
    if found.mean >= 0 and found.lower > -controls.tolerance:
        return Judgement(CycleState.PROMOTED, "as_good_or_better", told, figures)
    return Judgement(CycleState.KEPT, "no_evidence", told, figures)


def _refused(code: str, reason: str, figures: dict[str, Any]) -> Judgement:
    return Judgement(CycleState.REFUSED, code, reason, figures)


def _rounded(figure: float) -> float | None:
    return round(figure, 6) if math.isfinite(figure) else None
