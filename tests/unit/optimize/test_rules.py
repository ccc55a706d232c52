"""Where the parameters of a routine come from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from offhours.optimize.induce import induce
from offhours.optimize.parameter import Example
from offhours.optimize.rules import Constant, Counter, Date, Input, Rule, Source, Template

START = datetime(2026, 3, 30, 9)
NAMES = ("mango", "pear_x", "fig", "plum-7", "kiwi", "lime", "date", "quince")


def rules_of(
    values: list[list[Mapping[str, Any]]], hours: float = 24
) -> tuple[dict[str, Rule], ...]:
    return induce(
        [Example(START + timedelta(hours=hours * n), tuple(v)) for n, v in enumerate(values)]
    )


def second(*pairs: tuple[Any, Any]) -> Rule:
    """The rule of a second step's value, given the first step's."""
    return rules_of([[{"a": first}, {"b": value}] for first, value in pairs])[1]["b"]


def test_the_same_each_time_is_constant() -> None:
    [rules] = rules_of([[{"a": "x", "n": 1, "t": True, "l": [1]}] for _ in range(5)])
    assert rules == {
        "a": Constant("x"), "n": Constant(1), "t": Constant(True), "l": Constant([1])
    }  # fmt: skip


def test_what_differs_is_asked_for() -> None:
    [rules] = rules_of([[{"name": name, "n": 3**n}] for n, name in enumerate(NAMES)])
    assert isinstance(rules["name"], Input) and rules["name"].kind == "str"
    assert isinstance(rules["n"], Input) and (rules["n"].name, rules["n"].kind) == ("n", "int")


def test_a_copy_of_an_earlier_parameter() -> None:
    assert second(*[(name, name) for name in NAMES]) == Source((0, "a"))
    assert second(*[(n**2, n**2) for n in range(8)]) == Source((0, "a"))


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda name: f"/archive/{name}.bak", "whole"),
        (lambda name: f"{name.upper()}!", "upper case"),
    ],
)
def test_text_around_an_earlier_parameter(make: Any, part: str) -> None:
    rule = second(*[(name, make(name)) for name in NAMES])
    assert isinstance(rule, Template)
    assert Source((0, "a"), part) in rule.parts


def test_a_part_of_a_path() -> None:
    rule = second(*[(f"/in/{name}/sheet.{n}.csv", f"{name}.json") for n, name in enumerate(NAMES)])
    assert not isinstance(rule, Input)
    stems = second(*[(f"/in/{name}.csv", f"/out/{name}.json") for name in NAMES])
    assert stems == Template(("/out/", Source((0, "a"), "stem"), ".json"))


@pytest.mark.parametrize(
    ("form", "days"),
    [("%Y-%m-%d", 0), ("%Y%m%d", -1), ("%d.%m.%Y", 0), ("%Y-%m-%d", 1)],
)
def test_the_day_of_the_run(form: str, days: int) -> None:
    moments = [START + timedelta(days=3 * n) for n in range(8)]
    values = [(moment + timedelta(days=days)).strftime(form) for moment in moments]
    [rules] = rules_of([[{"a": value, "b": f"log-{value}.txt"}] for value in values], 72)
    assert rules["a"] == Date(form, days)
    assert rules["b"] == Template(("log-", Date(form, days), ".txt"))


def test_the_day_is_no_constant_though_all_runs_were_on_it() -> None:
    [rules] = rules_of([[{"a": "backup-2026-03-30.tar"}] for _ in range(6)], hours=1)
    assert rules["a"] == Template(("backup-", Date("%Y-%m-%d"), ".tar"))


def test_what_counts() -> None:
    [rules] = rules_of([[{"n": 7 + 2 * n, "file": f"scan_{n + 3:04}.pdf"}] for n in range(9)])
    assert rules["n"] == Counter("n", 2, 23)
    assert rules["file"] == Template(("scan_", Counter("file", 1, 11, 4), ".pdf"))


def test_counting_survives_runs_that_nobody_saw() -> None:
    seen = [n for n in range(30) if n % 4]
    [rules] = rules_of([[{"n": n}] for n in seen])
    assert rules["n"] == Counter("n", 1, seen[-1])


def test_numbers_that_only_grow_do_not_count() -> None:
    [rules] = rules_of([[{"n": n * n * 17 + n % 3}] for n in range(12)])
    assert isinstance(rules["n"], Input)


def test_two_parts_in_one_text() -> None:
    runs = [
        [{"who": name, "what": f"job{n * 37}"}, {"to": f"{name}+job{n * 37}@example.org"}]
        for n, name in enumerate(NAMES)
    ]
    rule = rules_of(runs)[1]["to"]
    assert rule == Template((Source((0, "who")), "+", Source((0, "what")), "@example.org"))


def test_a_few_runs_that_were_none_spoil_nothing() -> None:
    runs: list[list[Mapping[str, Any]]] = [[{"a": n}, {"b": n, "c": "x"}] for n in NAMES * 2]
    runs[3] = [{"a": "other"}, {"b": "thing", "c": 5}]
    rules = rules_of(runs)
    assert rules[1] == {"b": Source((0, "a")), "c": Constant("x")}


def test_true_is_not_one() -> None:
    [rules] = rules_of([[{"a": 1}] for _ in range(6)])
    assert rules["a"] == Constant(1) and type(rules["a"].answer(None)) is int  # type: ignore[union-attr, arg-type]
