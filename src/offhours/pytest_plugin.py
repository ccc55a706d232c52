"""Fixtures for tests of programs that use Offhours. pytest finds them; who asks for none pays none.

`offhours_app` is the app of the ini option of that name, in memory while the test runs; without
the option, an empty one. `offhours_clock` is its clock, and moves when it is told to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from offhours.app import Offhours
    from offhours.testing import FakeClock

APP = "offhours_app"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(APP, "The Offhours app that tests use in memory: package.module:app", default="")


def pytest_collection(session: pytest.Session) -> None:
    """Import the app before tests do, so that it opens in memory and not on its own database."""
    place = session.config.getini(APP)
    if place:
        _load(place)


@pytest.fixture
def offhours_clock() -> FakeClock:
    """A clock that stands still until it is told to move; it begins at 2026-01-01T00:00Z."""
    from offhours.testing import FakeClock

    return FakeClock()


@pytest.fixture
def offhours_app(pytestconfig: pytest.Config, offhours_clock: FakeClock) -> Iterator[Offhours]:
    """Your app with its tasks, in memory; jobs run in `offhours.testing.drain(app)`."""
    from offhours.testing import in_memory, memory_app

    place = pytestconfig.getini(APP)
    with in_memory(_load(place) if place else memory_app(), offhours_clock) as app:
        yield app


def _load(place: str) -> Offhours:
    from offhours.core.errors import ConfigError
    from offhours.testing import load_app

    try:
        return load_app(place)
    except ConfigError as error:
        raise pytest.UsageError(str(error)) from None
