"""How bubblewrap is called. This list is the security model: read it as one."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from offhours.core.sandbox import SandboxLevel
from offhours.sandbox.stage0 import BOX

SHARED_MEMORY = 1024 * 1024  # /dev/shm: locks between processes, no place for data

_ETC = ("ld.so.cache", "localtime", "alternatives", "mime.types")
_ETC_FOR_NETWORK = (
    "resolv.conf", "hosts", "nsswitch.conf", "gai.conf", "services", "protocols",
    "ssl/certs", "ssl/openssl.cnf", "pki/tls/certs", "pki/ca-trust/extracted", "ca-certificates",
)  # fmt: skip
# Of the kernel, not of any process: keys in reach, and what the machine was started with.
_MASKED = ("keys", "key-users", "cmdline", "kcore", "kmsg", "timer_list", "sched_debug")
_ROOT_FOLDERS = ("bin", "sbin", "lib", "lib64")


class Interpreter(NamedTuple):
    """The Python that runs inside: the one below any virtual environment."""

    executable: str
    library: str


@cache
def interpreter() -> Interpreter:
    """Our own interpreter, and the folder that holds its standard library."""
    executable = os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)
    return Interpreter(executable, str(Path(os.__file__).resolve().parent.parent))


def arguments(
    bwrap: str, level: SandboxLevel, disk: int, control: int, boot: str, *, root: bool
) -> list[str]:
    """The whole command line of a run; `disk` in bytes, `control` the worker's descriptor."""
    return [
        bwrap,
        *_namespaces(level, root),
        "--die-with-parent", "--new-session", "--as-pid-1",
        "--clearenv", "--setenv", "LANG", "C.UTF-8", "--setenv", "MALLOC_ARENA_MAX", "2",
        *_system(level),
        "--proc", "/proc", *_masks(),
        "--dev", "/dev",
        "--perms", "0777", "--size", str(SHARED_MEMORY), "--tmpfs", "/dev/shm",
        "--perms", "0777", "--size", str(disk), "--tmpfs", BOX,
        "--symlink", BOX.lstrip("/"), "/tmp",
        "--remount-ro", "/dev", "--remount-ro", "/",
        "--chdir", BOX,
        "--", interpreter().executable, "-I", "-S", "-B", "-c", boot, str(control),
    ]  # fmt: skip


def _namespaces(level: SandboxLevel, root: bool) -> list[str]:
    """As root the script gets an unused uid; a user namespace would leave it uid 0 outside."""
    network = [] if level is SandboxLevel.MINIMAL else ["--unshare-net"]
    if root:
        user = ["--cap-drop", "ALL"]
        for needed in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_KILL"):  # of process 1
            user += ["--cap-add", needed]
    else:
        user = ["--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]
    return [
        "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
        "--hostname", "sandbox", *network, *user,
    ]  # fmt: skip


def _system(level: SandboxLevel) -> list[str]:
    """The read-only system: /usr, the interpreter, single files of /etc that are not private."""
    view = ["--ro-bind", "/usr", "/usr"]
    mounts = [path for path in interpreter() if not path.startswith("/usr/")]
    for path in (f"/{name}" for name in _ROOT_FOLDERS):
        if os.path.islink(path):
            view += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            mounts.append(path)
    names = _ETC if level is not SandboxLevel.MINIMAL else (*_ETC, *_ETC_FOR_NETWORK)
    mounts += [path for path in (f"/etc/{name}" for name in names) if os.path.exists(path)]
    for folder in sorted({str(parent) for path in mounts for parent in Path(path).parents} - {"/"}):
        view += ["--perms", "0755", "--dir", folder]  # passable for everybody inside
    for path in mounts:
        view += ["--ro-bind", path, path]
    return view


def _masks() -> list[str]:
    """Without the device's own rights a bound /dev/null cannot even be opened."""
    masks: list[str] = []
    for path in (f"/proc/{name}" for name in _MASKED):
        if os.path.exists(path):
            masks += ["--ro-bind", "/dev/null", path]
    return masks
