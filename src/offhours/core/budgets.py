"""Budgets: what work may use up, and what follows when it is used up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from offhours.core.errors import OptionError
from offhours.core.times import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Duration,
    Micros,
    iso_second,
    parse_duration,
)

DOLLAR = 1_000_000
_SPANS = {"minute": MINUTE, "hour": HOUR, "day": DAY, "week": 7 * DAY}
_FOR_EVER = 0


class OnBreach(StrEnum):
    """What becomes of work whose budget is used up.

    defer: it runs when the budget refills; stop: it fails; ask: it is held until a person decides
    """

    DEFER = "defer"
    STOP = "stop"
    ASK = "ask"


class Amounts(NamedTuple):
    """How much of each: whole tokens and calls, millionths of a dollar, microseconds."""

    tokens: int = 0
    usd: int = 0
    seconds: Micros = 0
    tool_calls: int = 0

    def plus(self, other: Amounts) -> Amounts:
        return Amounts(*(one + more for one, more in zip(self, other, strict=True)))

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Amounts:
        """From numbers as people write them: dollars, and seconds or "5m"."""
        return cls(*(_unit(name, given.get(name) or 0) for name in cls._fields))


class Limits(NamedTuple):
    """The most of each; None for any amount."""

    tokens: int | None = None
    usd: int | None = None
    seconds: Micros | None = None
    tool_calls: int | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """What work may use up, checked.

    tokens, usd, seconds, tool_calls: the most of each; seconds are those in which jobs run, as a
        number or "5m"
    per: "minute", "hour", "day", "week" or a length of time, after which it refills: at full ones
        in UTC. Without it, it never does
    on_breach: "stop" (the job fails), "defer" (it runs when the budget refills) or "ask" (it is
        held until a person decides)
    scope: of a job's budget: "tree" (the jobs that it submits pay from it, too) or "job"
    reserve: what a run is expected to use, such as `{"tokens": 2000}`; only a run for which so much
        is left may start. Without it, the mean of those before counts for the runs beside it

    >>> Budget(tokens=50_000, per="day", on_breach="defer").limits.tokens
    50000
    >>> Budget(usd=-1)
    Traceback (most recent call last):
    offhours.core.errors.OptionError: usd: expected a number from 0 on, got -1
    """

    tokens: int | None = None
    usd: float | None = None
    seconds: Duration | None = None
    tool_calls: int | None = None
    per: Duration | None = None
    on_breach: str = "stop"
    scope: str = "tree"
    reserve: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.limits == Limits():
            raise OptionError("budget: say how much, of tokens, usd, seconds or tool_calls")
        if self.on_breach not in list(OnBreach):
            raise OptionError(f"on_breach: expected {', '.join(OnBreach)}, got {self.on_breach!r}")
        if self.scope not in ("tree", "job"):
            raise OptionError(f"scope: expected tree or job, got {self.scope!r}")
        if self.on_breach == OnBreach.DEFER and self.span == _FOR_EVER:
            raise OptionError('on_breach: "defer" needs per=...: without it, it never refills')
        for name in self.reserve or {}:
            if name not in Amounts._fields:
                raise OptionError(f"reserve: expected {', '.join(Amounts._fields)}, got {name!r}")
        Amounts.of(self.reserve or {})

    @property
    def limits(self) -> Limits:
        """The most of each, in the units in which it is counted."""
        given = (self.tokens, self.usd, self.seconds, self.tool_calls)
        return Limits(
            *(
                None if value is None else _unit(name, value)
                for name, value in zip(Limits._fields, given, strict=True)
            )
        )

    @property
    def span(self) -> Micros:
        """After how long it refills; 0 for never."""
        if self.per is None:
            return _FOR_EVER
        span = _SPANS.get(self.per) if isinstance(self.per, str) else None
        span = parse_duration(self.per, "per") if span is None else span
        if span < SECOND:
            raise OptionError(f"per: expected at least a second, got {self.per!r}")
        return span

    def stored(self, scope: str, name: str) -> StoredBudget:
        """As a row, or as what travels with a job."""
        reserve = None if self.reserve is None else json.dumps(Amounts.of(self.reserve))
        return StoredBudget(scope, name, *self.limits, self.span or None, self.on_breach, reserve)


class StoredBudget(NamedTuple):
    """A budget as it is kept. `name` is that of the agent or tenant, or the key of a job's own."""

    scope: str
    name: str
    tokens: int | None
    usd: int | None
    seconds: Micros | None
    tool_calls: int | None
    per: Micros | None
    on_breach: str
    reserve: str | None

    @property
    def limits(self) -> Limits:
        return Limits(self.tokens, self.usd, self.seconds, self.tool_calls)

    @property
    def key(self) -> str:
        """What is spent is counted under it."""
        return f"{self.scope} {self.name}"

    def since(self, now: Micros) -> Micros:
        """When the span of time began for which it counts now."""
        return now - now % self.per if self.per else 0

    def refills_at(self, now: Micros) -> Micros | None:
        return self.since(now) + self.per if self.per else None

    @property
    def reserved(self) -> Amounts | None:
        """What a run is expected to use, if that was said."""
        return None if self.reserve is None else Amounts(*json.loads(self.reserve))

    def __str__(self) -> str:
        match self.scope:
            case "all":
                return "the budget of all work"
            case "tree":
                return "the budget of this job and its children"
            case "job":
                return "the budget of this job"
            case _:
                return f"the budget of {self.scope} {self.name}"


class Spent(NamedTuple):
    """What of a budget was used in its current span of time, and what runs may still use."""

    amounts: Amounts
    runs: int
    reserved: Amounts = Amounts()
    reserving: int = 0

    @property
    def mean(self) -> Amounts:
        """What a run has used so far, on average."""
        return Amounts(*(amount // max(1, self.runs) for amount in self.amounts))


class Breach(NamedTuple):
    """A budget that does not allow something, in a sentence with its figures.

    until: when it refills. Without `spent` there is enough, but other runs may use it up.
    """

    budget: StoredBudget
    reason: str
    figure: float
    limit: float
    until: Micros | None
    spent: bool = True


class Overspent(NamedTuple):
    """What follows for a run that has used more than it may; `until` when the budget refills."""

    on_breach: str
    reason: str
    until: Micros | None


def question(budget: StoredBudget, job_id: int, now: Micros) -> str:
    """What a person is asked about a job whose budget is used up: once in a span of time."""
    span = f" since {iso_second(budget.since(now))}" if budget.per else ""
    return f"{budget} is used up{span}; may job {job_id} go on?"


def over(budget: StoredBudget, spent: Spent, now: Micros) -> Breach | None:
    """Whether more than the budget was used: asked after something was spent."""
    return _breach(budget, spent.amounts, now, lambda used, limit: used > limit)


def no_room(budget: StoredBudget, spent: Spent, now: Micros) -> Breach | None:
    """Whether a run may not start: it is used up, or what is left may be used by others."""
    used_up = _breach(budget, spent.amounts, now, lambda used, limit: used >= limit)
    if used_up is not None:
        return used_up
    mine = budget.reserved
    if mine is not None:
        alone = spent.amounts.plus(mine)
        found = _breach(budget, alone, now, lambda used, limit: used > limit)
        if found is not None:
            return found._replace(reason=f"{found.reason}, with what this run is expected to use")
        together = alone.plus(spent.reserved)
        crowded = _breach(budget, together, now, lambda used, limit: used > limit)
    else:
        together = spent.amounts.plus(spent.reserved)
        crowded = _breach(budget, together, now, lambda used, limit: used >= limit)
    if crowded is None:
        return None
    beside = f"{spent.reserving} run" + "s" * (spent.reserving != 1)
    return crowded._replace(
        spent=False, reason=f"{budget} may be used up by {beside} that have begun"
    )


def _breach(budget: StoredBudget, used: Amounts, now: Micros, bad: Any) -> Breach | None:
    for name, amount, limit in zip(Amounts._fields, used, budget.limits, strict=True):
        if limit is not None and bad(amount, limit):
            until = budget.refills_at(now)
            refill = "it never refills" if until is None else f"it refills at {iso_second(until)}"
            told = f"{_shown(name, amount)} of {_shown(name, limit)}"
            reason = f"{budget} is used up: {told}; {refill}"
            return Breach(budget, reason, _number(name, amount), _number(name, limit), until)
    return None


def _number(name: str, amount: int) -> float:
    return amount / DOLLAR if name in ("usd", "seconds") else amount


def _shown(name: str, amount: int) -> str:
    match name:
        case "usd":
            return f"{amount / DOLLAR:.2f} usd"
        case "seconds":
            return f"{amount / SECOND:,.1f} seconds"
        case _:
            return f"{amount:,} {name.replace('_', ' ')}"


def _unit(name: str, value: Any) -> int:
    if name == "seconds":
        return parse_duration(value, name)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value < 1e15 or (name != "usd" and value != int(value)):
        kind = "number" if name == "usd" else "whole number"
        raise OptionError(f"{name}: expected a {kind} from 0 on, got {value!r}")
    return round(value * DOLLAR) if name == "usd" else int(value)
