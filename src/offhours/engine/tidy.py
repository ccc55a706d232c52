"""What a run may leave behind in its process: put back what can be, and say what cannot."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_PR_SET_PDEATHSIG = 1
_LIMITS = [value for name, value in vars(resource).items() if name.startswith("RLIMIT_")]
_UNCATCHABLE = {signal.SIGKILL, signal.SIGSTOP}

Handler = Callable[[int, Any], Any] | int | None


class Surroundings:
    """Directory, environment, umask, limits, handlers and threads, as they are when noted."""

    def __init__(self) -> None:
        self.note()

    def note(self) -> None:
        """Take what is now for what `restore` should bring back."""
        self._directory = _directory()
        self._environment = dict(os.environ)
        self._umask = _umask()
        self._handlers = _handlers()
        self._limits = _limits()
        self._threads = set(threading.enumerate())

    def restore(self) -> str | None:
        """Put everything back; what is left and cannot be put back, in words."""
        for number, handler in self._handlers.items():
            if signal.getsignal(number) is not handler and handler is not None:
                signal.signal(number, handler)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.umask(self._umask)
        if dict(os.environ) != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        if _directory() != self._directory:
            try:
                os.chdir(self._directory)
            except OSError as error:
                return f"its directory is gone: {error}"
        threads = [t for t in threading.enumerate() if t not in self._threads and not t.daemon]
        if threads:
            return "it left threads: " + ", ".join(thread.name for thread in threads)[:200]
        if _limits() != self._limits:
            return "it changed resource limits"
        return "it left processes" if _has_children() else None


def _directory() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _handlers() -> dict[signal.Signals, Handler]:
    found = signal.valid_signals() - _UNCATCHABLE
    return {signal.Signals(n): signal.getsignal(n) for n in found if isinstance(n, signal.Signals)}


def _limits() -> list[tuple[int, int]]:
    return [resource.getrlimit(limit) for limit in _LIMITS]


def _has_children() -> bool:
    """Whether processes of ours live on; those that ended unnoticed are buried."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return True
        except ChildProcessError:
            return False


def memory() -> int:
    """The memory that this process has in use now (at most, where the system tells no more)."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def die_with(parent: int) -> None:
    """End this process at once when its worker does, even if a task never lets go of the GIL."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we could ask for that
        os._exit(1)
