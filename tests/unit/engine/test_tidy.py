"""What a run leaves behind is put back; what cannot be is said, and spoils the process."""

from __future__ import annotations

import os
import resource
import signal
import threading
from pathlib import Path

import pytest

from offhours.engine import tidy
from offhours.engine.tidy import Surroundings


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a directory of its own; the children of the tests are none of a run's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tidy, "_has_children", lambda: False)


def test_what_can_be_put_back_is(tmp_path: Path) -> None:
    def handler(number: int, frame: object) -> None: ...

    noted, mask = Surroundings(), os.umask(0o022)
    before = signal.getsignal(signal.SIGUSR1), dict(os.environ)
    noted.note()
    (tmp_path / "inner").mkdir()
    os.chdir(tmp_path / "inner")
    os.umask(0o077)
    os.environ["LEFT"] = "behind"
    signal.signal(signal.SIGUSR1, handler)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    assert noted.restore() is None
    assert Path.cwd() == tmp_path
    assert (signal.getsignal(signal.SIGUSR1), dict(os.environ)) == before
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()
    assert os.umask(mask) == 0o022


def test_a_directory_that_is_gone_is_told(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    os.chdir(inner)
    noted = Surroundings()
    os.chdir(tmp_path)
    inner.rmdir()
    assert "its directory is gone" in (noted.restore() or "")


def test_a_run_may_begin_and_end_without_a_directory(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    os.chdir(inner)
    inner.rmdir()
    assert Surroundings().restore() is None


def test_threads_that_go_on_are_named() -> None:
    noted, end = Surroundings(), threading.Event()
    thread = threading.Thread(target=end.wait, name="counting")
    thread.start()
    try:
        assert noted.restore() == "it left threads: counting"
    finally:
        end.set()
        thread.join()


def test_changed_limits_and_processes_that_live_on_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noted = Surroundings()
    monkeypatch.setattr(tidy, "_has_children", lambda: True)
    assert noted.restore() == "it left processes"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    try:
        assert noted.restore() == "it changed resource limits"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
