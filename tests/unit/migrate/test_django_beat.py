"""The tables of django-celery-beat, made by its own migrations and models."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from offhours.core.errors import StoreUnusable
from offhours.core.times import iso, to_micros
from offhours.core.triggers import Cron
from offhours.migrate.aps import read_store
from offhours.migrate.database import is_sqlite, opened
from offhours.migrate.django_beat import TABLE, read_tables
from offhours.migrate.foreign import Foreign

NOW = to_micros(datetime(2026, 2, 10, 12, 34, 56, tzinfo=UTC))
PROGRAM = Path(__file__).with_name("django_program.py")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Foreign]:
    file = tmp_path_factory.mktemp("django") / "site.sqlite3"
    subprocess.run([sys.executable, PROGRAM, file], check=True, timeout=60)
    assert is_sqlite(file)
    with opened(str(file)) as database:
        assert TABLE in database.tables()
        return {each.name: each for each in read_tables(database, NOW)}


def test_a_crontab_has_its_own_timezone(found: dict[str, Foreign]) -> None:
    nine = found["nine"]
    assert nine.plan is not None and nine.plan.triggers == (Cron("0 9 * * 1-5"),)
    assert nine.plan.timezone == "Europe/Berlin"
    assert (nine.args, nine.kwargs, nine.options) == (("a",), {"b": 1}, {"queue": "slow"})
    there, here = nine.next_fires(NOW)
    assert there == here and nine.differences(NOW) == [] and not nine.paused


def test_one_that_is_not_enabled_is_paused(found: dict[str, Foreign]) -> None:
    assert found["off"].paused and found["off"].refused is None


def test_an_interval(found: dict[str, Foreign]) -> None:
    ten = found["ten"]
    assert ten.every == timedelta(minutes=10)
    assert ten.options == {"expires": timedelta(seconds=60)}
    assert "the option headers is left out" in ten.notes


def test_bounds(found: dict[str, Foreign]) -> None:
    there, here = found["bounded"].next_fires(NOW)
    assert there == here and [iso(at)[8:13] for at in here] == ["12T08", "13T08"]


def test_once(found: dict[str, Foreign]) -> None:
    there, here = found["may"].next_fires(NOW)
    assert there == here == (to_micros(datetime(2026, 5, 1, 12, tzinfo=UTC)),)


def test_the_sun_and_a_broken_row_are_refused(found: dict[str, Foreign]) -> None:
    assert "the sun's times move" in (found["sun"].refused or "")
    assert "its row cannot be read" in (found["broken"].refused or "")


def test_a_database_on_a_server(postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("create table apscheduler_jobs (id text, next_run_time float)")
        connection.execute("insert into apscheduler_jobs values ('nightly', 2e9)")
    try:
        with opened(postgres) as database:
            assert "apscheduler_jobs" in database.tables()
            assert [row.name for row in read_store(database)] == ["nightly"]
        with pytest.raises(StoreUnusable, match="cannot be read"), opened(postgres) as database:
            database.rows("no_such_table")
    finally:
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute("drop table apscheduler_jobs")


def test_a_damaged_file_is_said_to_be_one(tmp_path: Path) -> None:
    file = tmp_path / "site.sqlite3"
    file.write_bytes(b"SQLite format 3\0" + b"x" * 4096)
    with pytest.raises(StoreUnusable, match="cannot be read"), opened(str(file)) as database:
        database.tables()
