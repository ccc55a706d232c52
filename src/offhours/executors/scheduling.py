"""How much of the machine a process gets: its scheduling class, as the system allows.

The lowest class is `nice` 19, and on Linux SCHED_IDLE and the idle I/O class as well. An ordinary
user may lower a process and not raise it again; whether we may is found out by trying.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

_LOWEST_NICE = 19
_IO_CLASS_SHIFT = 13
_IO_IDLE = 3 << _IO_CLASS_SHIFT
_IO_DEFAULT = 0
_WHO_PROCESS = 1
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "riscv64": 30, "armv7l": 314, "ppc64le": 273}
_LINUX = sys.platform == "linux"


def lower(pid: int) -> None:
    """Put a process, its threads and what it started into the lowest class."""
    for number in _family(pid):
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, number, _LOWEST_NICE)
        if _LINUX:
            with suppress(OSError):
                os.sched_setscheduler(number, os.SCHED_IDLE, os.sched_param(0))
            _set_io(number, _IO_IDLE)


def restore(pid: int) -> bool:
    """Give a process our own class again. False: we may not, it stays where it is."""
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    for number in _family(pid):
        try:
            if _LINUX:
                os.sched_setscheduler(number, os.SCHED_OTHER, os.sched_param(0))
                _set_io(number, _IO_DEFAULT)
            os.setpriority(os.PRIO_PROCESS, number, nice)
        except PermissionError:
            return False
        except OSError:
            continue  # it ended meanwhile
    return True


def _family(pid: int) -> Iterator[int]:
    """The threads of a process and of its descendants; on Linux, priorities are theirs."""
    if not _LINUX:
        yield pid
        return
    try:
        threads = [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return
    for thread in threads:
        yield thread
        try:
            children = Path(f"/proc/{pid}/task/{thread}/children").read_text(encoding="ascii")
        except OSError:
            continue
        for child in children.split():
            yield from _family(int(child))


def _set_io(thread: int, priority: int) -> None:
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None:
        with suppress(OSError, AttributeError):
            _libc().syscall(number, _WHO_PROCESS, thread, priority)


@cache
def _libc() -> Any:
    return ctypes.CDLL(None)
