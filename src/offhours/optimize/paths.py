"""The steps of a workflow as a plan: its critical path, what may wait, and what would be gained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from offhours.core.errors import OptionError


class Plan(NamedTuple):
    """Steps with their durations (ms), and the steps that each waits for.

    >>> plan = Plan({"load": 10, "a": 30, "b": 20, "join": 5},
    ...             {"a": ["load"], "b": ["load"], "join": ["a", "b"]})
    >>> plan.makespan(), plan.critical_path(), plan.slack()["b"]
    (45, ['load', 'a', 'join'], 10)
    >>> plan.what_if("a", 0.5)
    35
    """

    durations: Mapping[str, float]
    after: Mapping[str, Sequence[str]]

    def order(self) -> list[str]:
        """The steps, each after those that it waits for."""
        graph = {
            s: [a for a in self.after.get(s, ()) if a in self.durations] for s in self.durations
        }
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            circle = " -> ".join(error.args[1])
            raise OptionError(f"after: the steps wait for each other: {circle}") from None

    def ends(self) -> dict[str, float]:
        """When each step ends, if it begins as soon as it may."""
        ends: dict[str, float] = {}
        for step in self.order():
            waits = (ends[each] for each in self.after.get(step, ()) if each in ends)
            ends[step] = max(waits, default=0) + self.durations[step]
        return ends

    def makespan(self) -> float:
        """How long it takes from beginning to end, at best."""
        return max(self.ends().values(), default=0)

    def critical_path(self) -> list[str]:
        """The steps that decide how long it takes, in order."""
        ends = self.ends()
        if not ends:
            return []
        path = [max(ends, key=lambda step: ends[step])]
        while before := [each for each in self.after.get(path[-1], ()) if each in ends]:
            path.append(max(before, key=lambda step: ends[step]))
        return path[::-1]

    def slack(self) -> dict[str, float]:
        """How much longer each step could take before the whole does."""
        ends, order = self.ends(), self.order()
        latest = dict.fromkeys(order, max(ends.values(), default=0))
        for step in reversed(order):
            for before in self.after.get(step, ()):
                if before in latest:
                    latest[before] = min(latest[before], latest[step] - self.durations[step])
        return {step: latest[step] - ends[step] for step in order}

    def what_if(self, step: str, factor: float) -> float:
        """The makespan if a step took `factor` times as long."""
        if step not in self.durations:
            raise OptionError(f"step: no step {step!r}; there are {', '.join(self.durations)}")
        changed = {**self.durations, step: self.durations[step] * factor}
        return Plan(changed, self.after).makespan()

    def independent(self, one: str, other: str) -> bool:
        """Whether neither has to wait for the other."""
        return other not in self._before(one) and one not in self._before(other)

    def _before(self, step: str) -> set[str]:
        """All steps that one waits for, near and far."""
        found: set[str] = set()
        left = [step]
        while left:
            fresh = {each for each in self.after.get(left.pop(), ()) if each in self.durations}
            left += fresh - found
            found |= fresh
        return found
