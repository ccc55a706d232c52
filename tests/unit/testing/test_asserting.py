"""Assertions about jobs and schedules, and what they say when they fail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from offhours import TaskPriority
from offhours.core.errors import OptionError
from offhours.testing import (
    FakeClock,
    MemoryApp,
    assert_not_submitted,
    assert_scheduled,
    assert_submitted,
    drain,
    memory_app,
)


@dataclass
class Order:
    number: int


@pytest.fixture
def app() -> MemoryApp:
    return memory_app()


def test_each_condition_counts(app: MemoryApp) -> None:
    @app.task(name="ship")
    def ship(order: Order, fast: bool = False) -> None: ...

    ship.submit(Order(1), fast=True)
    second = ship.options(
        queue="slow", priority=TaskPriority.HIGH, name="second", tenant="acme",
        metadata={"who": "ann", "why": "late"}, delay="1h",
    ).submit(Order(2))  # fmt: skip
    assert [job.id for job in assert_submitted(ship, times=2)] == [1, 2]
    for conditions in (
        {"args": (Order(2),)}, {"kwargs": {}}, {"queue": "slow"}, {"name": "second"},
        {"priority": TaskPriority.HIGH}, {"tenant": "acme"}, {"metadata": {"who": "ann"}},
        {"at": "2026-01-01T01:00:00Z"},
    ):  # fmt: skip
        assert [job.id for job in assert_submitted(ship, **conditions)] == [second.id], conditions
    assert_submitted(ship, args=(Order(1),), kwargs={"fast": True}, times=1)
    assert_not_submitted(ship, args=(Order(3),))
    assert_not_submitted(ship, metadata={"who": "bob"})


def test_the_message_lists_what_was_submitted(app: MemoryApp) -> None:
    mail = app.task(name="mail")(lambda to: None)
    for n in range(25):
        mail.options(tenant="acme").submit(n)
    with pytest.raises(AssertionError) as told:
        assert_submitted(mail, times=2, tenant="acme")
    first, second, *_, last = str(told.value).splitlines()
    assert first == "mail tenant='acme' was submitted 25 times, expected twice; submitted were:"
    assert second == "  job 1: mail(0) tenant=acme" and last == "  and 5 more"
    with pytest.raises(AssertionError, match="mail args=\\(3,\\) was submitted once; submitted"):
        assert_not_submitted(mail, args=(3,))


def test_nothing_at_all_is_said(app: MemoryApp) -> None:
    with pytest.raises(AssertionError, match=r"^builtins:len was not submitted; nothing was"):
        assert_submitted(len, app=app)


def test_a_name_needs_its_app() -> None:
    with pytest.raises(OptionError, match="app: 'mail' does not know its app"):
        assert_submitted("mail")


def test_fires_are_not_submissions(app: MemoryApp) -> None:
    task = app.task(name="nightly")(lambda: None)
    app.schedule(task, "every day at 1am")
    assert len(drain(app, until="2d")) == 2
    assert_not_submitted(task)


def test_schedules_are_compared_by_what_they_mean() -> None:
    app = memory_app(FakeClock("2026-06-01T09:41:00Z"))
    task = app.task(name="report")(lambda kind="a": None)
    app.schedule(task, "every weekday at 9am", timezone="Europe/Berlin", args=("b",))
    assert assert_scheduled(task, "0 9 * * 1-5", args=("b",), timezone="Europe/Berlin").id == 1
    app.schedule(task, timedelta(minutes=45), name="often")
    app.clock.advance("1m")
    assert assert_scheduled(task, timedelta(minutes=45), name="often").id == 2
    with pytest.raises(AssertionError) as told:
        assert_scheduled(task, timedelta(minutes=44))
    assert "every weekday at 9am' in Europe/Berlin" in str(told.value)
    for wrong in ({"args": ("c",)}, {"name": "none"}, {"timezone": "Asia/Tokyo"}):
        with pytest.raises(AssertionError, match="is not scheduled like this"):
            assert_scheduled(task, **wrong)
