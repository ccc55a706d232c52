"""Finds the rule behind each parameter of a routine, from what it was in the runs."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from offhours.optimize.parameter import Example, Parameter
from offhours.optimize.rules import (
    COUNTERS,
    RUN_AT,
    Constant,
    Counter,
    Input,
    Place,
    Rule,
    Situation,
    Template,
    Unknown,
)

_MOST_LEARNT_FROM = 60
_RESERVED = frozenset({RUN_AT, COUNTERS})

Rules = tuple[dict[str, Rule], ...]  # of each step, by parameter


def induce(examples: Sequence[Example]) -> Rules:
    """The rule of each parameter of each step. Examples are in order of time.

    Runs that were not really runs spoil little: a rule has to hold in most of them, and those in
    which hardly any rule holds are left out of a second look.
    """
    examples = examples[-_MOST_LEARNT_FROM:]
    rules = _induce(examples)
    sound = [example for example in examples if _fits(rules, example)]
    if 3 <= len(sound) < len(examples):
        rules = _induce(sound)
    return _with_short_names(rules)


def _with_short_names(rules: Rules) -> Rules:
    """Free parameters and counters are called as their key is, where only one is called so."""
    named = [
        (key, part.name)
        for of_step in rules
        for key, rule in of_step.items()
        for part in _parts(rule)
        if isinstance(part, Input | Counter)
    ]
    times = Tally(key for key, _ in named)
    short = {
        name: key
        for key, name in named
        if times[key] == 1 and key not in _RESERVED and name.startswith(f"{key}_")
    }

    def renamed(rule: Any) -> Any:
        if isinstance(rule, Template):
            return Template(tuple(map(renamed, rule.parts)))
        if isinstance(rule, Input | Counter):
            return replace(rule, name=short.get(rule.name, rule.name))
        return rule

    return tuple({key: renamed(rule) for key, rule in of_step.items()} for of_step in rules)


def _induce(examples: Sequence[Example]) -> Rules:
    steps = len(examples[0].values)
    rules: list[dict[str, Rule]] = []
    earlier: list[Place] = []
    for step in range(steps):
        keys = Tally(key for example in examples for key in example.values[step])
        wanted = [key for key, times in keys.items() if times >= 0.5 * len(examples)]
        found = {key: Parameter(examples, (step, key), earlier).rule() for key in wanted}
        free = [key for key in wanted if isinstance(found[key], Input)]
        for n, key in enumerate(free[1:], 1):  # it may follow from others of its own step
            own = [(step, other) for other in free[:n] if isinstance(found[other], Input)]
            rule = Parameter(examples, (step, key), [*earlier, *own]).rule()
            if not isinstance(rule, Input):
                del found[key]
                found[key] = rule  # after those from which it follows
        rules.append(found)
        earlier += [(step, key) for key, rule in found.items() if not isinstance(rule, Constant)]
    return tuple(rules)


def _fits(rules: Rules, example: Example) -> bool:
    """Whether most of what the rules say, beyond what is free, holds for an example."""
    said = held = 0
    for step, of_step in enumerate(rules):
        for key, rule in of_step.items():
            if isinstance(rule, Input | Counter):
                continue
            said += 1
            situation = Situation(example.at, {}, example.values)
            try:
                held += rule.answer(situation) == example.values[step].get(key)
            except Unknown:
                held += isinstance(rule, Template) and _has_free(rule)
    return held >= 0.7 * said


def _has_free(rule: Template) -> bool:
    return any(isinstance(part, Input | Counter) for part in rule.parts)


def _parts(rule: Rule) -> tuple[object, ...]:
    return rule.parts if isinstance(rule, Template) else (rule,)
