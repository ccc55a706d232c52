"""Which broker an app talks to, and what is refused."""

from __future__ import annotations

import sys

import pytest

from offhours import Offhours
from offhours.config import Settings
from offhours.core.errors import ConfigError, OptionError, TaskError


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "redis://localhost:6379/0"),
        ({"CELERY_BROKER_URL": "amqp://one"}, "amqp://one"),
        ({"CELERY_BROKER_URL": "amqp://one", "OFFHOURS_BROKER_URL": "amqp://two"}, "amqp://two"),
    ],
)
def test_the_environment_names_the_broker(monkeypatch, environment, expected) -> None:
    for name in ("CELERY_BROKER_URL", "OFFHOURS_BROKER_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Settings.of({}).broker == expected
    assert Settings.of({"broker": "amqp://three"}).broker == "amqp://three"


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.of({"broker": "localhost", "broker_prefix": "a b", "celery_jobs": 0})
    assert [fault.partition(":")[0] for fault in caught.value.faults] == [
        "broker", "broker_prefix", "celery_jobs",
    ]  # fmt: skip


def test_what_another_machine_cannot_find_is_refused() -> None:
    app = Offhours(":memory:")
    with pytest.raises(TaskError, match="another process"):
        app.task(executor="celery", name="typed")(lambda: None)
    with pytest.raises(OptionError, match="expected thread, process or celery"):
        app.task(executor="elsewhere")(print)
    app.close()


def test_without_celery_it_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "offhours.executors.celery", None)
    app = Offhours(":memory:", executor="celery")
    app.submit(test_all_that_is_wrong_is_told_at_once)
    with pytest.raises(OptionError, match=r"offhours\[celery\]"):
        app.start()
    app.close()
