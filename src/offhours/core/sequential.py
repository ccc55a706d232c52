"""The mixture sequential probability ratio test: evidence that may be looked at at any time."""

from __future__ import annotations

from math import log


def log_likelihood_ratio(effect: float, variance: float, mean: float, spread: float) -> float:
    """By how many nats an effect that was seen is likelier with a real one than with none.

    variance: of what was seen, if there is no effect; mean, spread: how large a real one is
    thought to be. Above `-log(alpha)` it is believed: wrong in at most `alpha` of all tests,
    however often one looks.

    >>> log_likelihood_ratio(0.5, 0.01, 0.0, 0.1) > -log(0.01)
    True
    """
    width = variance + spread**2
    return (
        0.5 * log(variance / width)
        - (effect - mean) ** 2 / (2 * width)
        + effect**2 / (2 * variance)
    )
