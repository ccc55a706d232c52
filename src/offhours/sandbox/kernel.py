"""The calls of Linux that Python does not have."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from functools import cache
from typing import Any

_OPENAT2, _CREATE_RULESET = 437, 444  # the same on every machine
_VERSION = 1
_NO_XDEV, _NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x01, 0x02, 0x04, 0x08
_GET_SECCOMP = 21


@cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def landlock_abi() -> int:
    """The version of Landlock in this kernel; 0 when it has none or has it switched off."""
    found = _libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    return max(0, int(found))


def has_seccomp() -> bool:
    """Whether the kernel filters system calls."""
    return int(_libc().prctl(_GET_SECCOMP, 0, 0, 0, 0)) >= 0


def machine() -> str:
    """The processor's name, as the tables of system calls have it."""
    return platform.machine()


def open_beneath(folder: int, name: bytes, flags: int) -> int:
    """Open a name below an open folder; whatever would lead out of it is an OSError."""
    how = struct.pack(
        "=QQQ", flags | os.O_CLOEXEC, 0, _BENEATH | _NO_SYMLINKS | _NO_MAGICLINKS | _NO_XDEV
    )
    fd = _libc().syscall(_OPENAT2, folder, name, how, ctypes.c_size_t(len(how)))
    if fd < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), os.fsdecode(name))
    return int(fd)
