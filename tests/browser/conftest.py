"""A browser, a house with something in every room, and tabs that must stay without an error."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.browser.chrome import chromium, go, program
from tests.browser.house import fill, make_app, served
from tests.browser.rooms import recorded

from offhours import Offhours
from offhours.api import ApiServer


class House(NamedTuple):
    """An app whose page is served."""

    app: Offhours
    server: ApiServer


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, for the tests of one file: its event loop must not outlive them."""
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("Playwright is not installed: pip install --group dev")
    if program() is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An app at work, filled."""
    app = make_app(tmp_path_factory.mktemp("house") / "shop.db")
    with app, served(app) as server, recorded():
        fill(app)
        yield House(app, server)


@pytest.fixture
def empty_house(tmp_path: Path) -> Iterator[House]:
    """An app in which nothing has happened."""
    app = make_app(tmp_path / "empty.db")
    with served(app) as server:
        yield House(app, server)
    app.close()


@pytest.fixture
def new_tab(browser: Any) -> Iterator[Any]:
    """Makes tabs; what a page's scripts complain of fails the test."""
    contexts: list[Any] = []
    faults: list[str] = []

    def make(address: str, width: int = 1280, **options: Any) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 860}, timezone_id="Europe/Berlin", **options
        )
        context.set_default_timeout(30_000)
        contexts.append(context)
        tab = context.new_page()
        note(tab, faults)
        tab.goto(address)
        return tab

    yield make
    for context in contexts:
        context.close()
    assert faults == []


def note(tab: Any, faults: list[str]) -> None:
    """Write down each error of a page's scripts."""
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("console", lambda told: faults.append(told.text) if is_fault(told) else None)


def is_fault(told: Any) -> bool:
    """The browser tells of each refused request, too; that is not the page's fault."""
    return told.type == "error" and "Failed to load resource" not in told.text and (
        "WebSocket connection" not in told.text
    )  # fmt: skip


@pytest.fixture(scope="module")
def shared_tab(browser: Any, house: House) -> Iterator[Any]:
    """One tab in the filled house, entered by its link; it notes what its scripts complain of."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 860}, timezone_id="Europe/Berlin"
    )
    context.set_default_timeout(30_000)
    tab = context.new_page()
    faults: list[str] = []
    note(tab, faults)
    tab.goto(house.server.link)
    yield tab, faults
    context.close()


@pytest.fixture
def tab(shared_tab: Any) -> Iterator[Any]:
    """The filled house, at its first page."""
    opened, faults = shared_tab
    for _ in range(opened.locator("dialog").count()):
        opened.keyboard.press("Escape")  # whether they are still there or not
    go(opened, "overview")
    yield opened
    assert faults == []
