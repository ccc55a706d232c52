"""What the parameter of a template takes, given as JSON or typed on a command line."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest

from offhours.core.errors import OptionError, ParameterError
from offhours.core.templates import MOST_PARAMETERS, Parameter, parse_parameters, values_of

DAY = date(2026, 6, 1)


@pytest.mark.parametrize(
    ("parameter", "typed", "value"),
    [
        ("int", " 3 ", 3), ("float", "1e2", 100.0), ("float", "3", 3.0), ("bool", "No", False),
        ("date", "2026-06-01", DAY), ("str", " 3 ", " 3 "), (["a", "b"], "b", "b"),
    ],
)  # fmt: skip
def test_what_is_typed_is_read_as_the_type_wants(parameter: Any, typed: str, value: object) -> None:
    wanted = Parameter.parse(parameter)
    assert wanted.read(typed) == value
    assert wanted.check(value) == value
    assert Parameter.parse(wanted) is wanted


@pytest.mark.parametrize(
    ("parameter", "typed", "expected"),
    [
        ("int", "three", "a whole number"), ("int", "1" * 20, "a whole number"),
        ("float", "x", "a number"), ("float", "inf", "a number"),
        ("bool", "maybe", "true or false"),
        ("date", "2026-02-30", "a day such as"), ("date", "1 june", "a day such as"),
        (["red", "green"], "gren", 'red or green, got \'gren\'; did you mean "green"'),
    ],
)  # fmt: skip
def test_what_it_cannot_take_is_said_with_what_it_can(
    parameter: Any, typed: str, expected: str
) -> None:
    with pytest.raises(OptionError, match=f"expected {expected}"):
        Parameter.parse(parameter).read(typed)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("int", True), ("float", math.nan), ("str", "\0"), ("date", 3), ("bool", 1), (["a"], "b")],
)
def test_no_value_is_bent_to_fit(parameter: Any, value: object) -> None:
    with pytest.raises(OptionError, match="expected"):
        Parameter.parse(parameter).check(value)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (3, "expected a type, a list of choices or a mapping"),
        ("integer", "type: expected str, int"),
        ({"typ": "int"}, 'typ: unknown; did you mean "type"'),
        ({"type": "int", "choices": ["a"]}, "choices: a choice has a list"),
        ({"type": "choice"}, "choices: a choice has a list"),
        (["a", "a"], "choices: expected a list of different texts"),
        ({"type": "int", "default": "x"}, "expected a whole number"),
        ({"description": 3}, "description: expected text"),
    ],
)
def test_what_is_no_parameter(given: object, fault: str) -> None:
    faults: dict[str, str] = {}
    assert parse_parameters({"day": given}, faults) == {}
    assert fault in faults["parameters/day"]


def test_too_many_are_refused_at_once() -> None:
    faults: dict[str, str] = {}
    assert (
        parse_parameters(dict.fromkeys(map(str, range(MOST_PARAMETERS + 1)), "int"), faults) == {}
    )
    assert faults == {"parameters": f"at most {MOST_PARAMETERS}, got {MOST_PARAMETERS + 1}"}


@pytest.mark.parametrize(
    ("names", "said"), [(["day", "size"], "it takes day, size"), ([], "it takes none")]
)
def test_a_name_far_from_all_others_is_answered_with_them(names: list[str], said: str) -> None:
    wanted = {name: Parameter.parse({"default": "x"}) for name in names}
    with pytest.raises(ParameterError, match=f"banana: unknown; {said}"):
        values_of(wanted, {"banana": "1"})
