"""What a rule is: something to find in the figures, and how its alerts are told."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import ClassVar, NamedTuple

from offhours.core.errors import OptionError
from offhours.core.times import MINUTE, SECOND, Duration, Micros, parse_duration, spoken
from offhours.monitor.quiet import check_severity
from offhours.monitor.view import View

TOGETHER = "all together"
MOST_NAMED = 5
_SHORTEST = {"window": MINUTE, "longest": SECOND}
_NUMBERS = ("share", "seconds", "count", "at_least")


class Finding(NamedTuple):
    """Something wrong: about what, in a sentence, the figure and the limit."""

    subject: str
    message: str
    value: float
    threshold: float


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What all rules have.

    lasting: how long it must be wrong without a break before it fires, and well before it is
        resolved
    severity: "low", "medium", "high" or "critical"
    name: by which its alerts are known, if not by its kind; two rules need two names
    together: one alert for all subjects, which names the worst, instead of one for each

    >>> from offhours.monitor import ErrorRate
    >>> ErrorRate(share=0.2, window="10m", severity="critical").name
    'error_rate'
    """

    kind: ClassVar[str] = ""

    lasting: Duration = 0
    severity: str = "high"
    name: str = ""
    together: bool = False

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.kind)
        check_severity(self.severity)
        parse_duration(self.lasting, "lasting")
        for field in fields(self):
            value, least = getattr(self, field.name), _SHORTEST.get(field.name)
            if least is not None and parse_duration(value, field.name) < least:
                raise OptionError(f"{field.name}: expected {spoken(least)} or more, got {value!r}")
            if field.name in _NUMBERS and not _positive(value):
                raise OptionError(f"{field.name}: expected a number above 0, got {value!r}")

    def find(self, view: View) -> Iterator[Finding]:
        """What is wrong now."""
        raise NotImplementedError

    def found(self, view: View) -> list[Finding]:
        """The same, as alerts tell it."""
        findings = list(self.find(view))
        return [_summed_up(findings)] if self.together and findings else findings


@dataclass(frozen=True, kw_only=True)
class TaskRule(Rule):
    """A rule about the runs of each task, or of one, in the last `window` (a minute or more)."""

    window: Duration = "5m"
    task: str | None = None

    @property
    def span(self) -> Micros:
        return parse_duration(self.window, "window")


def _summed_up(findings: list[Finding]) -> Finding:
    """The worst one, and the names of the next."""
    worst, *others = sorted(findings, key=lambda one: one.value / one.threshold, reverse=True)
    names = ", ".join(one.subject for one in others[:MOST_NAMED])
    left = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
    also = f"; so it is with {names}{left}" if others else ""
    return worst._replace(subject=TOGETHER, message=worst.message + also)


def _positive(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and value > 0  # type: ignore[arg-type,operator]
