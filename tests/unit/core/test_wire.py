"""Messages arrive whole however the bytes come, and nonsense is refused."""

from __future__ import annotations

from typing import Any

import pytest

from offhours.core import wire
from offhours.core.model import Claimed
from offhours.core.outcomes import (
    Crashed,
    Deferred,
    Done,
    Failed,
    HandedBack,
    Outcome,
    Stopped,
)

JOB = Claimed(7, "m:f", "[[],{}]", 50, 3, None, None, None, "retry", 5, 1, 0, 0, 0, None, None)
ORDER = wire.Order(
    list(JOB), wire.Place("m", "f", None, "/m.py"), "freeze", 10, "UTC", ["a:B"], [], 30
)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_messages_in_pieces(size: int) -> None:
    sent = [ORDER, wire.Stop(True), wire.ForegroundUntil(5)]
    data = b"".join(map(wire.pack, sent))
    inbox = wire.inbox_of_child()
    got: list[Any] = []
    for at in range(0, len(data), size):
        got += inbox.feed(data[at : at + size])
    assert got == sent
    assert got[0].claimed == JOB


@pytest.mark.parametrize(
    "outcome",
    [
        Done("[1]"), Done(None, "too large"), Failed("error", "text", False, 5), Deferred(9, "why"),
        Stopped(), HandedBack("drain"), Crashed("signal 9", "tail"),
    ],
)  # fmt: skip
def test_outcomes_come_across(outcome: Outcome) -> None:
    [message] = wire.inbox_of_worker().feed(wire.pack(wire.Ended.of(outcome, 1, None)))
    assert isinstance(message, wire.Ended)
    assert message.outcome == outcome


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\4nope",
        b"\0\0\0\2{}",
        b'\0\0\0\x0f{"type":"Eval"}',
        b"\xff\xff\xff\xff",
        wire.pack(wire.Stop(True)),  # a worker gets no orders
    ],
)
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what it is made of says the library
        list(wire.inbox_of_worker().feed(data))


def test_an_outcome_with_strange_fields_is_refused() -> None:
    for message in (
        wire.Ended("Done", {"result": 5, "note": None}, 0, None),
        wire.Ended("Eval", {}, 0, None),
    ):
        with pytest.raises((ValueError, KeyError)):
            message.outcome  # noqa: B018
