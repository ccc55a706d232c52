"""SQLite that is busy for a moment is asked again; one that stays busy is not."""

from __future__ import annotations

import apsw
import pytest

from offhours.store.sqlite.faults import patiently


def busy_for(times: int):
    calls = []

    def call() -> str:
        calls.append(1)
        if len(calls) <= times:
            raise apsw.BusyError("BusyError: database is locked")
        return f"after {len(calls)}"

    return call


def test_a_moment_is_waited_for() -> None:
    assert patiently(busy_for(3), seconds=20) == "after 4"


def test_patience_ends() -> None:
    with pytest.raises(apsw.BusyError):
        patiently(busy_for(10**9), seconds=0.02)


def test_other_errors_are_not_tried_again() -> None:
    def full() -> None:
        raise apsw.FullError("disk full")

    with pytest.raises(apsw.FullError):
        patiently(full, seconds=20)
