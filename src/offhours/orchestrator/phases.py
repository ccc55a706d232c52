"""A plan: phases with names, what each needs, who carries it out, and what a failure means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from offhours.core.errors import InputError, OptionError, PlanError, did_you_mean
from offhours.core.flows import IfFailed, in_order
from offhours.core.times import SECOND, Duration, parse_duration

HOUR_LONG = 3600.0
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Need:
    """A phase that another one needs, and what its failure means for that one.

    if_failed: as at an edge of a flow: "cancel" (that one is not done), "ignore" (it is done all
        the same, without), "hold" (it waits until this was resumed and has succeeded) or "catch"
        (it is done only if this fails)
    """

    phase: str
    if_failed: IfFailed = IfFailed.CANCEL


@dataclass(frozen=True, slots=True)
class Phase:
    """One piece of the work.

    name: what tells it apart in its plan
    handler: the name by which who carries it out is found
    needs: names of phases, or `Need`s, that come before it
    brief: what is to be done, in words; part: which part of the request it is about, if it is one
    inputs: what else its handler should know, as plain data
    timeout: how long an attempt may take (1 h); None for no limit
    retries: attempts after the first one fails
    repair: the handler that mends what made an attempt fail, before the next one

    >>> Phase("tests parser", "tests", needs=["code parser"], timeout="5m").timeout
    300.0
    """

    name: str
    handler: str
    needs: Sequence[str | Need] = ()
    brief: str = ""
    part: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    timeout: Duration | None = HOUR_LONG
    retries: int = 0
    repair: str | None = None

    def __post_init__(self) -> None:
        faults = [
            f"{key}: expected text of 1 to {_LONGEST_NAME} printable characters, got {value!r}"
            for key, value in (("name", self.name), ("handler", self.handler))
            if not _is_name(value)
        ]
        if self.repair is not None and not _is_name(self.repair):
            faults.append(f"repair: expected the name of a handler or None, got {self.repair!r}")
        if isinstance(self.retries, bool) or not isinstance(self.retries, int) or self.retries < 0:
            faults.append(f"retries: expected a whole number from 0 on, got {self.retries!r}")
        try:
            needs = tuple(_need(each) for each in self.needs)
            seconds = None if self.timeout is None else _seconds(self.timeout)
        except InputError as error:
            faults.append(str(error))
        if faults:
            raise PlanError([f"phase {self.name!r}: {fault}" for fault in faults])
        object.__setattr__(self, "needs", needs)
        object.__setattr__(self, "timeout", seconds)

    @property
    def edges(self) -> tuple[Need, ...]:
        """What it needs, each with its policy."""
        return tuple(_need(each) for each in self.needs)

    def to_dict(self) -> dict[str, Any]:
        """As it is stored with its job."""
        return {
            "name": self.name, "handler": self.handler,
            "needs": [[need.phase, str(need.if_failed)] for need in self.edges],
            "brief": self.brief, "part": self.part, "inputs": dict(self.inputs),
            "timeout": self.timeout, "retries": self.retries, "repair": self.repair,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Phase:
        """The phase that `to_dict` was made of."""
        needs = [Need(phase, IfFailed(policy)) for phase, policy in stored["needs"]]
        return cls(**{**stored, "needs": needs})


@dataclass(frozen=True, slots=True)
class Plan:
    """Phases for a request, in an order in which each stands behind those that it needs.

    Raises `PlanError` with all faults at once: a name that is there twice, a need that there is no
    phase for, a cycle.

    >>> Plan("tea", [Phase("pour", "hands", needs=["boil"]), Phase("boil", "kettle")]).names
    ('boil', 'pour')
    >>> Plan("tea", [Phase("a", "x", needs=["b"]), Phase("b", "x", needs=["a"])])
    Traceback (most recent call last):
      ...
    offhours.core.errors.PlanError: needs: a waits for b waits for a; a plan cannot have a cycle
    """

    request: str
    phases: Sequence[Phase]

    def __post_init__(self) -> None:
        named = {phase.name: phase for phase in self.phases}
        faults = [] if self.phases else ["phases: expected at least one"]
        if len(named) < len(self.phases):
            names = [phase.name for phase in self.phases]
            twice = sorted({name for name in names if names.count(name) > 1})
            faults += [f"phases: {name!r} is there twice" for name in twice]
        for phase in self.phases:
            for need in phase.edges:
                if need.phase not in named:
                    near = did_you_mean(need.phase, list(named))
                    faults.append(f"needs: {phase.name} needs {need.phase!r}, no phase{near}")
        if not faults:
            faults = self._sort(named)
        if faults:
            raise PlanError(faults)

    def _sort(self, named: Mapping[str, Phase]) -> list[str]:
        try:
            names = in_order({n: [need.phase for need in p.edges] for n, p in named.items()})
        except OptionError as error:  # all that is left to be wrong is a cycle
            told = str(error).removeprefix("after: ").partition(";")[0]
            return [f"needs: {told}; a plan cannot have a cycle"]
        object.__setattr__(self, "phases", tuple(named[name] for name in names))
        return []

    @property
    def names(self) -> tuple[str, ...]:
        """The phases' names, in order."""
        return tuple(phase.name for phase in self.phases)

    def phase(self, name: str) -> Phase:
        """The phase of a name."""
        for phase in self.phases:
            if phase.name == name:
                return phase
        raise PlanError([f"phases: there is no {name!r}{did_you_mean(name, self.names)}"])

    def before(self, name: str) -> list[str]:
        """All phases that one needs, near and far, in order."""
        found = {need.phase for need in self.phase(name).edges}
        for phase in reversed(self.phases):
            if phase.name in found:
                found |= {need.phase for need in phase.edges}
        return [each for each in self.names if each in found]

    def describe(self) -> str:
        """A line for each phase: what it needs, and what it is to do."""
        return "\n".join(_line(phase) for phase in self.phases)


def _line(phase: Phase) -> str:
    after = f" after {', '.join(need.phase for need in phase.edges)}" if phase.needs else ""
    brief = f": {phase.brief}" if phase.brief else ""
    return f"{phase.name} ({phase.handler}){after}{brief}"


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME and value.isprintable()


def _need(given: object) -> Need:
    need = Need(given) if isinstance(given, str) else given
    if not isinstance(need, Need):
        raise InputError(f"needs: expected names of phases or Needs, got {given!r}")
    if need.if_failed not in list(IfFailed):
        expected = ", ".join(IfFailed)
        raise InputError(f"needs: if_failed: expected {expected}, got {need.if_failed!r}")
    return Need(need.phase, IfFailed(need.if_failed))


def _seconds(value: Duration) -> float:
    micros = parse_duration(value, "timeout")
    if micros == 0:
        raise InputError("timeout: must be longer than 0; None means no limit")
    return micros / SECOND
