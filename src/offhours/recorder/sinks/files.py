"""Dumps as JSON Lines, one documented JSON a line, in files that only their owner can read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from offhours.recorder.dumps import Dump
from offhours.recorder.sinks.base import SinkUnavailable

MEGABYTE = 1_000_000


class FileSink:
    """Appends each dump to a file, and begins a new one before `max_bytes` are passed.

    `perf.jsonl` is the newest, `perf.jsonl.1` the one before, up to `keep` old ones. Several
    processes can share the file. A full disk is waited out.
    """

    name = "file"

    def __init__(
        self, path: str | os.PathLike[str], *, max_bytes: int = 16 * MEGABYTE, keep: int = 5
    ) -> None:
        self.path = Path(path)
        self._max_bytes = max_bytes
        self._keep = keep

    def write(self, dump: Dump) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._alone():
                self._append(dump.json() + b"\n")
        except OSError as error:
            raise SinkUnavailable(f"{self.path}: {error.strerror or error}") from error

    def close(self) -> None:
        """Nothing stays open between two dumps."""

    def _append(self, line: bytes) -> None:
        with suppress(FileNotFoundError):
            if 0 < self.path.stat().st_size > self._max_bytes - len(line):
                self._rotate()
        handle = opened(self.path)
        try:
            start = os.fstat(handle).st_size
            try:
                _write_all(handle, line)
            except OSError:
                os.ftruncate(handle, start)  # no half line: the dump is tried again
                raise
        finally:
            os.close(handle)

    def _rotate(self) -> None:
        for number in range(self._keep, 0, -1):
            older = self._numbered(number)
            newer = self._numbered(number - 1)
            with suppress(FileNotFoundError):
                os.replace(newer, older)
        if self._keep == 0:
            self.path.unlink()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time, where the system can say so."""
        try:
            import fcntl
        except ImportError:
            yield
            return
        handle = opened(self.path.with_name(f"{self.path.name}.lock"))
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def opened(path: Path) -> int:
    """A descriptor to append to, not through a link that somebody else put there."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    return os.open(path, flags, 0o600)


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
