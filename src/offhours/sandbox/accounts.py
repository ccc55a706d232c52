"""Spare user ids for runs that a worker starts as root: one run each, on the whole machine."""

from __future__ import annotations

import fcntl
import os
import stat
import struct

from offhours.core.errors import SandboxUnavailable

FIRST, LAST = 61000, 61183  # given to nobody: below what systemd hands out by itself
PLACES = ("/run", "/dev/shm", "/tmp")
_FILE = "offhours-sandbox.lock"
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class Account:
    """A user id that no other run has.

    A lock on one byte of a file of root's keeps it, and is gone when the worker is. The file
    itself stays; a name in the network's namespace would leave nothing, but a script at `minimal`
    could take it.
    """

    def __init__(self) -> None:
        self._file = _open()
        for uid in range(FIRST, LAST + 1):
            wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, uid, 1, 0)
            try:
                fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, wanted)
            except BlockingIOError:
                continue
            self.uid = uid
            return
        os.close(self._file)
        raise SandboxUnavailable(
            f"all user ids from {FIRST} to {LAST} run scripts already",
            "lower max_concurrent of the workers on this machine",
        )

    def __enter__(self) -> Account:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)


def _open() -> int:
    for folder in PLACES:
        try:
            fd = os.open(f"{folder}/{_FILE}", _FLAGS, 0o600)
        except OSError:
            continue
        status = os.fstat(fd)
        if status.st_uid == 0 and stat.S_IMODE(status.st_mode) == 0o600:
            return fd
        os.close(fd)
    raise SandboxUnavailable(
        f"no place for {_FILE}, which keeps the runs' accounts apart",
        f"make one of {' '.join(PLACES)} writable for root",
    )
