"""The files a script left behind, taken out with the care that its author does not deserve."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from offhours.core.sandbox import Artefact
from offhours.sandbox import kernel
from offhours.sandbox.levels import Limits

OURS = ".offhours"  # the folder for script, parameters and result
_DEPTH = 16
_NAMED = 100  # so many of those left out are named
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


class Collection:
    """What is in the box once all its processes are dead."""

    def __init__(self, box: int, limits: Limits) -> None:
        self._room = limits.disk
        self._entries = limits.files
        self.artefacts: list[Artefact] = []
        self.left_out: dict[str, str] = {}
        self._walk(box, "", 0)
        self.artefacts.sort(key=lambda artefact: artefact.name)

    def _leave(self, name: str, why: str) -> None:
        if len(self.left_out) < _NAMED:
            self.left_out[ascii(name)[1:-1]] = why

    def _walk(self, folder: int, prefix: str, depth: int) -> None:
        for name in self._names(folder, prefix):
            path = prefix + name
            if path == OURS:
                continue
            if not name.isprintable() or len(name) > 255:
                self._leave(path, "its name is not plain text")
                continue
            try:
                self._take(folder, name, path, depth)
            except OSError as error:
                self._leave(path, f"cannot be read: {os.strerror(error.errno or 0)}")

    def _names(self, folder: int, prefix: str) -> Iterator[str]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if self._entries <= 0:
                    self._leave(prefix, "there are more files than the limit")
                    return
                self._entries -= 1
                yield entry.name

    def _take(self, folder: int, name: str, path: str, depth: int) -> None:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            self._enter(folder, name, path, depth)
        elif not stat.S_ISREG(status.st_mode):
            self._leave(path, f"is {_kind(status.st_mode)}, not a file")
        elif status.st_nlink != 1:
            self._leave(path, "has several names (hard links)")
        elif status.st_size > self._room:
            self._leave(path, "is larger than the room that is left")
        else:
            self._room -= status.st_size
            content = read(folder, name, status.st_size)
            self.artefacts.append(Artefact(path, content))

    def _enter(self, folder: int, name: str, path: str, depth: int) -> None:
        if depth + 1 >= _DEPTH:
            self._leave(path, f"lies deeper than {_DEPTH} folders")
            return
        inner = kernel.open_beneath(folder, os.fsencode(name), _READ | os.O_DIRECTORY)
        try:
            self._walk(inner, f"{path}/", depth + 1)
        finally:
            os.close(inner)


def read(folder: int, name: str, most: int) -> bytes:
    """A regular file's first bytes; OSError for anything that is not one."""
    fd = kernel.open_beneath(folder, os.fsencode(name), _READ)
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(0, "not a file")
        return file.read(most)


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "a device")
