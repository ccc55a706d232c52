"""Ten small attacks of our own: does the sandbox of this machine hold what it promises?"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

from offhours.core.errors import OffhoursError
from offhours.core.sandbox import RunStatus, SandboxLevel
from offhours.sandbox.levels import MB, Limits
from offhours.sandbox.manager import SandboxManager

# Each attempt answers whether it was stopped. Whatever it raises is a stop, too.
_SCRIPT = """
import ctypes, os, socket, struct

libc = ctypes.CDLL(None, use_errno=True)

def reads_the_host(p): open(p["secret"]).read()
def writes_the_system(p): open("/usr/offhours-probe", "w")
def sees_other_processes(p): check(len([n for n in os.listdir("/proc") if n.isdigit()]) - 3)
def has_the_environment(p): os.environ["OFFHOURS_PROBE"]
def becomes_root(p): os.setuid(0)
def makes_a_namespace(p): check(libc.unshare(0x10000000))
def traces(p): check(libc.ptrace(0, 0, 0, 0))
def opens_a_socket(p): socket.socket(socket.AF_INET, socket.SOCK_STREAM)
def reaches_the_hosts_sockets(p): socket.socket(socket.AF_UNIX).connect("\\0" + p["socket"])
def starts_a_program(p): os.waitpid(os.posix_spawn("/usr/bin/env", ["env"], {}), 0)

def check(answer):
    if answer < 0:
        raise OSError(ctypes.get_errno())

def stopped(attempt, p):
    try:
        attempt(p)
    except (OSError, KeyError):
        return True
    return False

def execute(p):
    found = [reads_the_host, writes_the_system, sees_other_processes, has_the_environment,
             becomes_root, makes_a_namespace, traces, opens_a_socket, reaches_the_hosts_sockets,
             starts_a_program]
    return {one.__name__.replace("_", " "): stopped(one, p) for one in found}
"""

# What a level allows is no breach of it.
ALLOWED: Mapping[SandboxLevel, frozenset[str]] = {
    SandboxLevel.FULL: frozenset(),
    SandboxLevel.PARTIAL: frozenset({"starts a program"}),
    SandboxLevel.MINIMAL: frozenset({"starts a program", "opens a socket"}),
}


class ProbeFailed(OffhoursError):
    """The sandbox ran, and did not hold; do not use it on this machine."""


def probe(level: SandboxLevel) -> str:
    """Try to break out; what it was held by, in words.

    Raises `SandboxUnavailable` when there is no sandbox, `ProbeFailed` when it leaks.
    """
    name = f"offhours-probe-{os.getpid()}-{os.urandom(4).hex()}"
    with (
        SandboxManager(level, timeout_seconds=20, limits=Limits(memory=128 * MB)) as manager,
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        listener.bind(f"\0{name}")
        listener.listen()
        secret = Path(folder, "secret")
        secret.write_text("secret")
        secret.chmod(0o644)
        Path(folder).chmod(0o755)
        params = {"secret": str(secret), "socket": name}
        result = manager.run(_SCRIPT, params=params)
    if result.status is not RunStatus.PASSED:
        raise ProbeFailed(f"the trial run ended as {result.status}: {result.error}")
    broken = [what for what, held in result.data.items() if not held and what not in ALLOWED[level]]
    if broken:
        raise ProbeFailed(f"a script at level {level} {', '.join(broken)}")
    missing = [what for what, held in result.guarantees.items() if not held]
    return result.backend + (f"; not {', '.join(missing)}" if missing else "")
