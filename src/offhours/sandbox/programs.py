"""The shell that runs Bash scripts, and what it needs to be started at all."""

from __future__ import annotations

import os
import struct
from functools import cache

_PLACES = ("/usr/bin/bash", "/bin/bash", "/usr/local/bin/bash")
_LOADER = 3  # PT_INTERP


@cache
def bash() -> str | None:
    """The system's Bash, or None. Never one that the caller's PATH happens to name."""
    for path in map(os.path.realpath, _PLACES):
        if path.startswith("/usr/") and os.access(path, os.X_OK):
            return path
    return None


@cache
def loader(program: str) -> str | None:
    """The dynamic loader that a 64-bit program names; None for a static one."""
    with open(program, "rb") as file:
        head = file.read(64)
        start = struct.unpack_from("<Q", head, 32)[0]
        size, count = struct.unpack_from("<HH", head, 54)
        file.seek(start)
        table = file.read(size * count)
        for place in range(0, len(table), size):
            kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", table, place)
            if kind == _LOADER:
                file.seek(offset)
                return os.path.realpath(os.fsdecode(file.read(length).rstrip(b"\0")))
    return None
