"""The example does its work rightly, also the second time, and stops when it is told to."""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from offhours.core.errors import JobFailed
from offhours.demo import example
from offhours.demo.example import Housekeeping
from offhours.testing import MemoryApp, memory_app


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Housekeeping]:
    monkeypatch.setenv("HOUSEKEEPING_DB", "")
    loaded = example.load(tmp_path / "housekeeping.db")
    with closing(loaded.app):
        yield loaded


@pytest.fixture
def app() -> Iterator[MemoryApp]:
    with closing(memory_app()) as made:
        yield made


def done(app: MemoryApp, task: Any, *args: Path) -> Any:
    job = app.submit(task.function, args=[str(arg) for arg in args])
    app.drain()
    return job.result()


def test_duplicates_become_one_file_and_nothing_else_does(
    app: MemoryApp, work: Housekeeping, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (home / "deep").mkdir(parents=True)
    for name, text in {"a": "same", "deep/b": "same", "c": "diff", "d": "", "e": ""}.items():
        (home / name).write_text(text)
    (home / "link").symlink_to(home / "a")
    groups = [[str(home / "a"), str(home / "deep" / "b")]]
    assert done(app, work.deduplicate, home) == groups
    assert (home / "a").samefile(home / "deep" / "b") and (home / "link").is_symlink()
    assert [(home / name).read_text() for name in ("a", "deep/b", "c", "d")] == [
        "same", "same", "diff", "",
    ]  # fmt: skip
    assert done(app, work.deduplicate, home) == groups, "the second time as the first"
    assert len([*home.rglob("*")]) == 7


def test_a_database_in_use_is_backed_up(app: MemoryApp, work: Housekeeping, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    Path(f"{target}.part").write_text("an earlier attempt died here")
    with closing(apsw.Connection(str(tmp_path / "base.db"))) as base:
        base.execute('create table "a ""word" (x); insert into "a ""word" values (1), (2)')
        assert done(app, work.back_up, tmp_path / "base.db", target) == {'a "word': 2}
    with closing(apsw.Connection(str(target))) as copy:
        assert copy.execute('select sum(x) from "a ""word"').get == 3


def test_a_backup_that_fails_leaves_the_last_one_alone(
    app: MemoryApp, work: Housekeeping, tmp_path: Path
) -> None:
    (tmp_path / "base.db").write_text("this is no database at all, " * 100)
    (tmp_path / "copy.db").write_text("the last one")
    job = app.submit(
        work.back_up.function, args=[str(tmp_path / "base.db"), str(tmp_path / "copy.db")]
    )
    app.drain()
    with pytest.raises(JobFailed, match="NotADBError"):
        job.result()
    assert (tmp_path / "copy.db").read_text() == "the last one"


def test_a_log_is_compressed_once(app: MemoryApp, work: Housekeeping, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"a line\n" * 50_000)
    freed = done(app, work.compress_log, log)
    packed = Path(f"{log}.xz").read_bytes()
    assert freed == 350_000 - len(packed) and not log.exists()
    assert lzma.decompress(packed) == b"a line\n" * 50_000
    assert done(app, work.compress_log, log) == 0, "an earlier attempt may have done it"
    assert Path(f"{log}.xz").read_bytes() == packed


def test_only_broken_links_of_the_site_itself_are_told(
    app: MemoryApp, work: Housekeeping, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    (site / "sub").mkdir(parents=True)
    (site / "index.html").write_text(
        '<a href="two words.html">1</a> <a href="sub">2</a> <a href="#here">3</a>'
        '<a href="mailto:ann@example.org">4</a> <a href="https://example.org/gone">5</a>'
        '<img src="missing.png"> <a name="no link">6</a>',
        encoding="utf-8",
    )
    (site / "two words.html").write_text('<a href="/index.html?x=1">back</a>')
    (site / "sub" / "index.html").write_text('<a href="gone.html">x</a><a href="gone.html">y</a>')
    assert done(app, work.check_links, site) == [
        "/index.html -> /missing.png",
        "/sub/ -> /sub/gone.html",
        "/sub/ -> /sub/gone.html",
    ]


def test_all_tasks_are_background_work(work: Housekeeping) -> None:
    tasks = work.app.registry.tasks()
    assert len(tasks) == 4 and {task.priority.name for task in tasks} == {"BACKGROUND"}
