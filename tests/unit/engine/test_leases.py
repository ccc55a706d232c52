"""The foreground leases of a process: renewed while they are wanted, and no longer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from offhours.core.clock import Signal
from offhours.core.errors import Busy
from offhours.core.times import HOUR, SECOND
from offhours.engine import leases
from offhours.engine.foreground import Foreground
from offhours.engine.leases import ForegroundLeases
from offhours.engine.lifeline import host_identity
from offhours.store.sql import SqlStore
from offhours.store.sqlite.database import SqliteDatabase
from offhours.testing import FakeClock

TTL = 9 * SECOND


class StillLoop:
    """A loop whose thread never begins; the test calls its tick."""

    def __init__(self, name: str, tick: Callable[[int], int], clock: FakeClock) -> None:
        self.signal = Signal()
        self.tick = tick
        self.told: list[str] = []

    def start(self) -> None:
        self.told.append("started")

    def stop(self) -> None:
        self.told.append("stopped")


class Desk:
    def __init__(self) -> None:
        self.store = SqlStore(SqliteDatabase(":memory:"))
        self.clock = FakeClock()
        self.view = Foreground()
        self.leases = ForegroundLeases(self.store, self.clock, self.view, TTL)

    @property
    def now(self) -> int:
        return self.clock.micros()

    @property
    def loop(self) -> Any:
        return self.leases._loop

    def lives(self) -> dict[str, int]:
        """What is in front, and for how long still."""
        return {lease.workflow: lease.until - self.now for lease in self.store.foreground(self.now)}


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(leases, "Loop", StillLoop)
    made = Desk()
    yield made
    made.leases.close()
    made.store.close()


def test_a_lease_is_renewed_until_it_is_left(desk: Desk) -> None:
    lease = desk.leases.enter("wf")
    [held] = desk.store.foreground(desk.now)
    assert (held.id, held.workflow, held.holder) == (lease, "wf", host_identity())
    assert desk.view.until == desk.now + TTL
    assert desk.loop.told == ["started"] and desk.loop.signal.is_set()
    for _ in range(5):
        desk.clock.advance("6s")
        assert desk.loop.tick(desk.now) == desk.now + TTL // 3
        assert desk.lives() == {"wf": TTL}
        assert desk.view.until == desk.now + TTL
    desk.leases.leave(lease)
    assert desk.loop.tick(desk.now) == desk.now + HOUR
    assert (desk.lives(), desk.view.until) == ({}, 0)


def test_a_second_lease_shortens_nothing_and_wakes_the_loop(desk: Desk) -> None:
    desk.leases.lend("long", 60 * SECOND, None)
    first = desk.leases.enter("one")
    desk.loop.signal.clear()
    second = desk.leases.enter("two")
    assert desk.loop.told == ["started"] and desk.loop.signal.is_set()
    assert desk.view.until == desk.now + 60 * SECOND
    desk.leases.leave(first)
    desk.clock.advance("3s")
    desk.loop.tick(desk.now)
    assert desk.lives() == {"two": TTL, "long": 57 * SECOND}
    desk.leases.leave(second)
    assert desk.view.until == desk.now + 57 * SECOND


def test_what_is_lent_is_renewed_by_who_asked_alone(desk: Desk) -> None:
    lease = desk.leases.lend("wf", TTL, None)
    assert (desk.lives(), desk.view.until, desk.loop) == ({"wf": TTL}, desk.now + TTL, None)
    desk.clock.advance("6s")
    assert desk.leases.lend("wf", TTL, lease) == lease
    assert (desk.lives(), desk.view.until) == ({"wf": TTL}, desk.now + TTL)
    desk.leases.close()
    assert desk.lives() == {"wf": TTL}
    desk.leases.leave(lease)
    assert desk.lives() == {}


def test_the_end_of_the_process_ends_its_leases(desk: Desk) -> None:
    desk.leases.enter("one")
    desk.leases.enter("two")
    loop = desk.loop
    desk.leases.close()
    assert (desk.lives(), loop.told) == ({}, ["started", "stopped"])
    assert loop.tick(desk.now) == desk.now + HOUR
    assert desk.lives() == {}
    desk.leases.enter("again")
    assert desk.loop is not loop and desk.loop.told == ["started"]


def test_a_store_that_cannot_be_told_of_the_end_stops_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk.leases.enter("wf")
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING, "offhours"):
        patch.setattr(desk.store, "leave_foreground", lambda *args: _refuse())
        desk.leases.close()
    assert "foreground leases end by themselves: locked" in caplog.text
    assert desk.lives() == {"wf": TTL}


def test_nothing_is_written_where_nothing_was_entered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.store, "leave_foreground", lambda *args: _refuse())
    desk.leases.close()
    desk.leases._renew(desk.now)


def _refuse() -> None:
    raise Busy("locked")
