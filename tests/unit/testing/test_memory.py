"""One's own app in memory for the length of a test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from offhours import Offhours
from offhours.core.errors import ConfigError, IllegalMove
from offhours.testing import FakeClock, drain, in_memory, load_app

SHOP = """\
from datetime import timedelta
from offhours import Offhours

app = Offhours("shop.db", timezone="Europe/Berlin", retention="3d", labels=["gpu"])

@app.task(name="tidy", requires=["gpu"])
def tidy() -> str:
    return "tidy"

app.schedule(tidy, "every day at 6am", name="daily")
app.schedule(tidy, timedelta(minutes=45), name="often")
app.schedule(tidy, "every hour", name="paused")
app.schedules.get("paused").pause()
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A program in a module, imported by nobody yet."""
    (tmp_path / "night_shop.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    module = sys.modules.pop("night_shop", None)
    if module is not None:
        module.app.close()


def test_an_app_that_is_loaded_touches_no_file(shop: Path) -> None:
    app = load_app("night_shop:app")
    assert app.store.name == ":memory:" and not (shop / "shop.db").exists()
    assert Offhours(shop / "other.db").store.name != ":memory:"  # only while it is imported


def test_it_keeps_tasks_settings_and_what_it_has_scheduled(shop: Path) -> None:
    app = load_app("night_shop:app")
    clock = FakeClock("2030-06-01T00:10:00Z")
    with in_memory(app, clock, release="test"):
        assert app.settings.timezone == ZoneInfo("Europe/Berlin")
        assert app.settings.retention == 3 * 86_400 * 10**6
        assert (app.settings.executor, app.settings.release) == ("inline", "test")
        ran = drain(app, until="6h")
        assert {str(app.schedules.get(n).status) for n in ("daily", "often")} == {"active"}
        assert app.schedules.get("paused").status == "paused"
    start = clock.now() - timedelta(hours=6)
    often = [start + n * timedelta(minutes=45) for n in range(1, 9)]
    assert [run.at for run in ran] == sorted([*often, datetime(2030, 6, 1, 4, tzinfo=UTC)])


def test_each_block_begins_anew_and_leaves_nothing(shop: Path) -> None:
    app = load_app("night_shop:app")
    home, book = app.store, app.schedules
    for _ in range(2):
        with in_memory(app):
            assert app.submit("tidy").id == 1
            assert app.schedules is not book and len(list(app.schedules)) == 3
    assert app.store is home and app.schedules is book
    assert app.counts()["ready"] == 0 and app.settings.executor == "thread"


def test_a_task_that_comes_meanwhile_stays_known(shop: Path) -> None:
    app = load_app("night_shop:app")
    with in_memory(app):
        late = app.task(name="late")(lambda: 7)
        assert late.submit().result() == 7
    with in_memory(app):
        assert late.submit().result() == 7
        assert app.submit(lambda: 8, durable=False).result() == 8


def test_a_block_that_fails_gives_the_app_back(shop: Path) -> None:
    app = load_app("night_shop:app")
    home = app.store
    with pytest.raises(KeyError), in_memory(app):
        raise KeyError
    assert app.store is home


def test_what_a_subclass_has_added_is_still_there() -> None:
    class Shop(Offhours):
        def __init__(self, path: str, city: str) -> None:
            super().__init__(path)
            self.city = city

    shop = Shop(":memory:", "Ulm")
    with in_memory(shop) as found:
        assert (found.city, found is shop) == ("Ulm", True)


def test_in_threads() -> None:
    app = Offhours(":memory:")
    double = app.task(name="double")(lambda n: 2 * n)
    with in_memory(app, executor="thread"), app:
        assert double.submit(21).result(timeout=10) == 42


def test_an_app_that_works_is_not_taken() -> None:
    app = Offhours(":memory:")
    with app, pytest.raises(IllegalMove, match="works just now"), in_memory(app):
        pass


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("night_shop", "expected package.module:app, got 'night_shop'"),
        ("night_shop:shop", "night_shop has no app called 'shop'; there is app"),
        ("json:loads", "json has no app called 'loads'"),
    ],
)
def test_a_place_without_an_app_is_named(shop: Path, place: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_app(place)
