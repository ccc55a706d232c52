"""A copy of a database in use."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import apsw
import pytest

from offhours import Offhours
from offhours.core.errors import StorageFull, StoreCorrupt, StoreError, StoreUnusable
from offhours.store.sqlite import backup
from offhours.store.sqlite.backup import back_up


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = str(tmp_path / "jobs.db")
    app = Offhours(path)
    for number in range(20):
        app.submit_by_name("t", args=(number,))
    app.close()
    return path


def test_a_copy_has_all_of_it_and_nobody_else_may_read_it(source: str, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    assert back_up(source, str(target)) == target.stat().st_size > 0
    assert target.stat().st_mode & 0o077 == 0
    assert {path.name for path in tmp_path.iterdir() if "copy" in path.name} == {"copy.db"}
    app = Offhours(target, executor="inline")
    seen: list[int] = []
    app.task(name="t")(seen.append)
    assert app.drain() == 20 and sorted(seen) == list(range(20))
    app.close()


def test_a_copy_made_under_load_is_one_moment(source: str, tmp_path: Path) -> None:
    """Jobs are stored in pairs; no copy may have half of one."""
    app, stop, pairs = Offhours(source), threading.Event(), 0

    def submit() -> None:
        task = app.task(name="pair")(lambda: None)
        while not stop.is_set():
            task.submit_many([(), ()])

    writer = threading.Thread(target=submit)
    writer.start()
    try:
        for number in range(10):
            target = tmp_path / f"copy{number}.db"
            back_up(source, str(target))
            copy = Offhours(target)
            jobs = copy.store.counts()["ready"] - 20
            copy.close()
            assert jobs % 2 == 0 and jobs >= pairs
            pairs = jobs
    finally:
        stop.set()
        writer.join()
        app.close()
    assert pairs > 0


def test_nothing_is_overwritten_unless_asked(source: str, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("precious")
    with pytest.raises(StoreUnusable, match="is there already"):
        back_up(source, str(target))
    assert target.read_text() == "precious"
    back_up(source, str(target), replace=True)
    assert target.read_bytes().startswith(b"SQLite format 3")
    link = tmp_path / "link.db"
    os.link(source, link)
    with pytest.raises(StoreUnusable, match="the database itself"):
        back_up(source, str(link), replace=True)


def test_a_damaged_source_leaves_the_last_copy_alone(source: str, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    back_up(source, str(target))
    good = target.read_bytes()
    damaged = bytearray(Path(source).read_bytes())
    damaged[4096:8192] = b"\xa5" * 4096
    Path(source).write_bytes(damaged)
    with pytest.raises(StoreCorrupt):
        back_up(source, str(target), replace=True)
    assert target.read_bytes() == good
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_a_full_disk_leaves_nothing_behind(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: str, target: str) -> None:
        with backup.translated(target):
            raise apsw.FullError("database or disk is full")

    monkeypatch.setattr(backup, "_copy", full)
    with pytest.raises(StorageFull):
        back_up(source, str(tmp_path / "copy.db"))
    assert [path.name for path in tmp_path.iterdir() if "copy" in path.name] == []


def test_what_is_not_ours_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    connection = apsw.Connection(str(other))
    connection.execute("create table t (x)")
    connection.close()
    with pytest.raises(StoreError):
        back_up(str(other), str(tmp_path / "copy.db"))
    with pytest.raises(StoreUnusable, match="cannot be created"):
        back_up(str(other), str(tmp_path / "no" / "copy.db"))


def test_what_a_killed_copy_left_does_not_stop_the_next(source: str, tmp_path: Path) -> None:
    (tmp_path / f"copy.db.{os.getpid()}.partial").write_text("half of it")
    program = (
        "import os, sys; from offhours.store.sqlite import backup;"
        "backup._to_disk = lambda path: os.kill(os.getpid(), 9);"
        "backup.back_up(*sys.argv[1:])"
    )
    target = tmp_path / "copy.db"
    killed = subprocess.run([sys.executable, "-c", program, source, target])
    assert killed.returncode == -9 and not target.exists()
    assert len(list(tmp_path.glob("copy.db.*.partial"))) == 2
    assert back_up(source, str(target)) > 0
