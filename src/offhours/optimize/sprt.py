"""Sequential tests that may be looked at after every pair, without ever crying wolf too often."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from offhours.core.sequential import log_likelihood_ratio

FEWEST_PAIRS = 10  # before that, nobody knows how much values spread


@dataclass(slots=True)
class Moments:
    """Number, mean and spread of values, kept up as they come (Welford)."""

    n: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        self.n += 1
        off = value - self.mean
        self.mean += off / self.n
        self.squares += off * (value - self.mean)

    @property
    def variance(self) -> float:
        return self.squares / (self.n - 1) if self.n > 1 else 0.0


class Effects(NamedTuple):
    """How large an effect is thought to be, if there is one: mean and spread, in logs."""

    mean: float
    spread: float


ANY = Effects(0.0, 0.15)
HARM = Effects(0.20, 0.05)  # sharpest where a rollback must not wait: at a fifth longer
GAIN = Effects(-0.12, 0.06)


@dataclass(slots=True)
class LatencyTest:
    """Whether one way takes longer than another: the mixture sequential probability ratio test.

    Durations are compared on the log scale, where 0.18 is a fifth longer.

    >>> test = LatencyTest()
    >>> for n in range(200):
    ...     test.add(100 + n % 7, 150 + n % 11)
    >>> test.decided(HARM, 0.05), test.decided(GAIN, 0.05), round(test.ratio, 1)
    (True, False, 1.5)
    """

    control: Moments = field(default_factory=Moments)
    candidate: Moments = field(default_factory=Moments)

    def add(self, control_ms: float, candidate_ms: float) -> None:
        """One pair of durations."""
        self.control.add(math.log(max(control_ms, 1e-3)))
        self.candidate.add(math.log(max(candidate_ms, 1e-3)))

    @property
    def effect(self) -> float:
        """The mean of the candidate less that of the control, in logs."""
        return self.candidate.mean - self.control.mean

    @property
    def ratio(self) -> float:
        """How many times as long the candidate takes."""
        return math.exp(self.effect)

    def log_likelihood_ratio(self, effects: Effects) -> float:
        """By how many nats what was seen is likelier with such effects than with none."""
        n = self.control.n
        if n < FEWEST_PAIRS or effects.mean * self.effect < 0:
            return 0.0
        return log_likelihood_ratio(self.effect, self._spread / n, effects.mean, effects.spread)

    @property
    def _spread(self) -> float:
        return max(self.control.variance + self.candidate.variance, 1e-9)

    def decided(self, effects: Effects, alpha: float) -> bool:
        """Whether the difference is no accident; wrong in at most `alpha` of all comparisons."""
        return self.log_likelihood_ratio(effects) > -math.log(alpha)

    def interval(self, alpha: float) -> tuple[float, float]:
        """The ratios that are not excluded, valid whenever it is looked at."""
        n, spread, prior = self.control.n, self._spread, ANY.spread**2
        if n < FEWEST_PAIRS:
            return 0.0, math.inf
        grown = spread + n * prior
        room = math.sqrt(
            2 * spread * grown / (n * n * prior) * (math.log(math.sqrt(grown / spread) / alpha))
        )
        return math.exp(self.effect - room), math.exp(self.effect + room)


@dataclass(slots=True)
class SuccessTest:
    """Whether one way fails more often: of the pairs in which just one failed, which one did.

    If both are alike, each such pair is the toss of a coin. The test is exact and may be looked at
    after every pair.

    >>> test = SuccessTest()
    >>> for _ in range(12):
    ...     test.add(True, False)
    >>> test.decided(0.01), test.control_only
    (True, 12)
    """

    control_only: int = 0
    candidate_only: int = 0

    def add(self, control: bool, candidate: bool) -> None:
        self.control_only += control and not candidate
        self.candidate_only += candidate and not control

    @property
    def log_likelihood_ratio(self) -> float:
        a, b = self.control_only, self.candidate_only
        mixture = math.lgamma(a + 1) + math.lgamma(b + 1) - math.lgamma(a + b + 2)
        return mixture + (a + b) * math.log(2)

    def decided(self, alpha: float) -> bool:
        return self.log_likelihood_ratio > -math.log(alpha)
