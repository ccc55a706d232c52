"""A call on its way through the store: what arrives is what was sent, or it is refused at once."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pydantic
import pytest

from offhours import Context
from offhours.core.errors import ArgumentError
from offhours.engine.codec import Codec
from offhours.engine.errand import _zone
from offhours.testing import FakeClock, memory_app

if TYPE_CHECKING:
    from nowhere import Unknown  # type: ignore[import-not-found]

LIMIT = 1_000_000


@dataclass
class Point:
    x: int


class Order(pydantic.BaseModel):
    items: list[int]


def through(function: Any, *args: Any, **kwargs: Any) -> tuple[list[Any], dict[str, Any]]:
    codec = Codec(function, "t")
    return codec.decode(codec.encode(args, kwargs, LIMIT))


def test_objects_arrive_by_their_annotations() -> None:
    def work(at: Point, *orders: Order, more: dict[str, Point] | None = None) -> None: ...

    args, kwargs = through(work, Point(1), Order(items=[2]), more={"a": Point(3)})
    assert args == [Point(1), Order(items=[2])]
    assert kwargs == {"more": {"a": Point(3)}}


def test_an_object_without_an_annotation_is_refused_by_its_parameter() -> None:
    def work(at) -> None: ...  # type: ignore[no-untyped-def]

    with pytest.raises(ArgumentError, match="at: holds an object, but the parameter has no annot"):
        through(work, Point(1))


def test_annotations_that_only_a_type_checker_can_see_restore_nothing() -> None:
    def work(at: Unknown, n: int) -> None: ...

    assert through(work, [1], 2) == ([[1], 2], {})
    with pytest.raises(ArgumentError, match="no annotation"):
        through(work, Point(1), 2)


def test_an_object_of_another_class_than_the_annotation_is_refused() -> None:
    def work(at: Order, near: Any = None) -> None: ...

    with pytest.raises(ArgumentError, match="do not restore from JSON"):
        through(work, Point(1))
    with pytest.raises(ArgumentError, match="near: is a Point and would arrive as a dict"):
        through(work, Order(items=[]), Point(1))


def test_a_large_call_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    def work(text: str) -> None: ...

    with caplog.at_level(logging.WARNING, "offhours"):
        through(work, "x" * 256_000)
    assert "t: arguments: 256," in caplog.text and "slow the store down" in caplog.text


def test_the_context_comes_where_the_function_wants_it() -> None:
    app = memory_app()

    @app.task(name="by-name")
    def by_name(n: int, *, ctx: Context) -> list[int]:
        return [n, ctx.attempt]

    @app.task(name="between")
    def between(n: int, ctx: Context, m: int = 2) -> list[int]:
        return [n, ctx.attempt, m]

    assert by_name.submit(7).result() == [7, 1]
    assert between.submit(7, m=3).result() == [7, 1, 3]
    assert between.submit(7, 3).result() == [7, 1, 3]


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        (None, None),
        (ZoneInfo("Asia/Kolkata"), "Asia/Kolkata"),
        (UTC, 0),
        (timezone(timedelta(hours=-3, minutes=-30)), -12_600_000_000),
    ],
)
def test_a_zone_is_told_to_another_process_by_name_or_offset(
    zone: tzinfo | None, told: str | int | None
) -> None:
    assert _zone(zone, FakeClock(datetime(2026, 1, 1, tzinfo=UTC))) == told
