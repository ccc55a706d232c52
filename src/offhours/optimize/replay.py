"""Runs done again from their rules: whether those foretell them, and what they make of tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from offhours.core.optimize import Case
from offhours.optimize.induce import Rules, induce
from offhours.optimize.parameter import Example, as_key
from offhours.optimize.rules import COUNTERS, RUN_AT, Counter, Input, Situation, Template, Unknown

MOST_CASES = 20
_HELD_BACK = 0.25


def held_back(examples: Sequence[Example]) -> tuple[Sequence[Example], Sequence[Example]]:
    """The runs to learn from and, if there are enough, the later ones to try it on."""
    unseen = int(_HELD_BACK * len(examples))
    if not unseen or len(examples) - unseen < 3:
        return examples, ()
    return examples[:-unseen], examples[-unseen:]


def reproduced(examples: Sequence[Example]) -> float | None:
    """Learn from the earlier runs, and count the later ones that come out right."""
    learnt, unseen = held_back(examples)
    if not unseen:
        return None
    rules = induce(learnt)
    return sum(reproduces(rules, example) for example in unseen) / len(unseen)


def reproduces(rules: Rules, example: Example) -> bool:
    """Whether the rules give all parameters of a run, once its free ones are known."""
    return not _differences(rules, example)


def replay(
    rules: Rules, at: datetime, inputs: Mapping[str, Any], counters: Mapping[str, int]
) -> list[dict[str, Any]]:
    """The parameters of each step of a run to come. A missing input raises `Unknown`."""
    values: list[dict[str, Any]] = []
    for of_step in rules:
        made: dict[str, Any] = {}
        values.append(made)
        situation = Situation(at, inputs, values, counters)
        for key, rule in of_step.items():
            made[key] = rule.answer(situation)
    return values


def inputs_of(rules: Rules, example: Example) -> dict[str, Any]:
    """What the free parameters were in a run."""
    return {
        rule.name: example.values[step][key]
        for step, of_step in enumerate(rules)
        for key, rule in of_step.items()
        if isinstance(rule, Input) and key in example.values[step]
    }


def counters_before(rules: Rules, example: Example) -> dict[str, int]:
    """What each counter must have been before a run, so that it came out as it did."""
    found: dict[str, int] = {}
    for step, of_step in enumerate(rules):
        for key, rule in of_step.items():
            for part in rule.parts if isinstance(rule, Template) else (rule,):
                if isinstance(part, Counter) and key in example.values[step]:
                    run = Situation(example.at, {}, example.values)
                    number = part.read(rule, example.values[step][key], run)
                    if number is not None:
                        found[part.name] = number - part.step
    return found


def strides_of(rules: Rules) -> dict[str, int]:
    """By how much each counter grows from run to run."""
    return {rule.name: rule.step for rule in all_parts(rules) if isinstance(rule, Counter)}


def _differences(rules: Rules, example: Example) -> list[str]:
    try:
        made = replay(rules, example.at, inputs_of(rules, example), counters_before(rules, example))
    except Unknown as unknown:
        return [str(unknown)]
    return [
        key
        for step, values in enumerate(made)
        for key in values.keys() | example.values[step].keys()
        if as_key(values.get(key)) != as_key(example.values[step].get(key))
    ]


def cases_from(steps: Sequence[str], rules: Rules, examples: Sequence[Example]) -> list[Case]:
    """Runs as tests: what was free is given, and what was done is expected."""
    cases = []
    strides = strides_of(rules)
    for example in examples[-MOST_CASES:]:
        counters = counters_before(rules, example)
        params = {**inputs_of(rules, example), RUN_AT: example.at.isoformat(), COUNTERS: counters}
        expected = [
            {"task_type": step, "parameters": dict(values)}
            for step, values in zip(steps, example.values, strict=True)
        ]
        answer: dict[str, Any] = {"success": True, "steps": expected}
        if counters:
            answer[COUNTERS] = {name: n + strides[name] for name, n in counters.items()}
        cases.append(Case(params, answer))
    return cases


def all_parts(rules: Rules) -> list[Any]:
    """Every rule of every parameter; of text, the parts that it is made of."""
    found: list[Any] = []
    for of_step in rules:
        for rule in of_step.values():
            found += rule.parts if isinstance(rule, Template) else (rule,)
    return found
