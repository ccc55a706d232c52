"""What may travel, comes back as it was; what may not, is named."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhours.core.errors import ArgumentError
from offhours.core.payload import from_plain, to_plain

texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | st.binary()
    | st.datetimes(timezones=st.just(UTC))
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.uuids()
    | st.decimals(allow_nan=False)
    | st.sets(st.integers(0, 9))
    | st.frozensets(texts)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20
)


@given(values)
def test_round_trip_through_json(value: Any) -> None:
    encoded = msgspec.json.encode(to_plain(value, "value"))
    restored = from_plain(msgspec.json.decode(encoded))
    assert restored == value
    assert type(restored) is type(value)


@pytest.mark.parametrize(
    "value",
    [
        Path("a/b"), date(2026, 1, 1), time(1, 2), timedelta(1), UUID(int=5), Decimal("1.10"),
        datetime(2026, 1, 1, tzinfo=UTC), b"\xff", {"$": "datetime", "v": 1}, {"a": {"$": 2}},
    ],
)  # fmt: skip
def test_tagged(value: Any) -> None:
    assert from_plain(to_plain(value, "value")) == value


def cyclic() -> list[Any]:
    loop: list[Any] = []
    loop.append(loop)
    return loop


@pytest.mark.parametrize(
    ("value", "name", "problem"),
    [
        (math.nan, "x", "JSON cannot carry"),
        ([1, math.inf], "x[1]", "JSON cannot carry"),
        ({"a": ["\0"]}, "x['a'][0]", "NUL"),
        ("\ud800", "x", "surrogate"),
        ({"\udc00": 1}, "x", "surrogate"),
        (2**63, "x", "64 bits"),
        ({1: 2}, "x", "text keys"),
        (object(), "x", "builtins.object"),
        (cyclic(), "x" + "[0]" * 65, "contains itself"),
        (open, "x", "JSON cannot carry"),
        (1j, "x", "complex"),
    ],
)
def test_what_cannot_travel_is_named(value: Any, name: str, problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        to_plain(value, "x")
    assert caught.value.name == name
    assert problem in str(caught.value)
