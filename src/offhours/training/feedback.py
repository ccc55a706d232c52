"""Whether what serves has become worse, however often one looks: a sequential test."""

from __future__ import annotations

import math

from offhours.core.sequential import log_likelihood_ratio
from offhours.core.training import Scores

KEPT = 1_000
LEAST = 20
_ALPHA = 0.01
_TAU = 0.1  # the size of the change, in scores from 0 to 1, that is found soonest


def is_worse(now: Scores, before: Scores, alpha: float = _ALPHA) -> bool:
    """Whether scores are worse than others, by a mixture sequential probability ratio test.

    It may be asked after each score: how often it is wrong, in all, stays below `alpha`.

    >>> is_worse(Scores(200, 0.6, 0.6), Scores(500, 0.9, 0.9))
    True
    >>> is_worse(Scores(200, 0.88, 0.88), Scores(500, 0.9, 0.9))
    False
    """
    if now.seen < LEAST or before.seen < LEAST or now.mean >= before.mean:
        return False
    variance = _of_mean(now) + _of_mean(before)
    ratio = log_likelihood_ratio(now.mean - before.mean, variance, 0.0, _TAU)
    return ratio > -math.log(alpha)


def is_below(now: Scores, floor: float, alpha: float = _ALPHA) -> bool:
    """Whether the mean of scores is below a limit, in the same way."""
    return is_worse(now, Scores(10**12, floor, floor * floor), alpha)


def _of_mean(scores: Scores) -> float:
    """The variance of the mean; a little more than was seen, for those that never varied yet."""
    spread = max(0.0, scores.square - scores.mean**2)
    return (spread * scores.seen + 0.25) / scores.seen**2
