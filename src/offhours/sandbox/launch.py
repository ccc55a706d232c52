"""From an order to a locked script: what process 1 is told, and how it is brought there."""

from __future__ import annotations

import array
import os
import resource
import secrets
import socket
import struct
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from offhours.core.sandbox import SandboxLevel
from offhours.sandbox import landlock, programs, stage0
from offhours.sandbox.artefacts import OURS
from offhours.sandbox.backend import Backend
from offhours.sandbox.filter import Cookie, build
from offhours.sandbox.levels import MB
from offhours.sandbox.order import Order
from offhours.sandbox.syscalls import EXAMINED, MACHINES

BOOT = """import posix,marshal,sys
def read(size):
    data=b''
    while len(data)<size:
        more=posix.read(int(sys.argv[1]),size-len(data))
        if not more:posix._exit(1)
        data+=more
    return data
names={'__name__':'stage0','__file__':'<sandbox>'}
exec(marshal.loads(read(int.from_bytes(read(4),'little'))),names)
names['run'](names['main'](int(sys.argv[1])))
"""

_INTERPRETER_ITSELF = 64 * MB  # address space that Python and its libraries take before any data
_THREAD_STACK = 512 * 1024
_OPEN_FILES = 256
_PAGE = 0x1000


class Handles(NamedTuple):
    """What process 1 hands out: its folders, and its number as this side sees it."""

    box: int
    shared_memory: int
    proc: int
    pid: int


@cache
def code() -> bytes:
    """Process 1, compiled for the interpreter that will run it, which is ours."""
    import marshal

    source = Path(stage0.__file__).read_text(encoding="utf-8")
    return frame(marshal.dumps(compile(source, "<sandbox>", "exec", dont_inherit=True)))


def frame(data: bytes) -> bytes:
    """As process 1 reads it: the length first."""
    return len(data).to_bytes(4, "little") + data


def receive_handles(control: socket.socket) -> Handles | None:
    """Process 1 introduces itself; None when it never came to be."""
    fds = array.array("i")
    room = socket.CMSG_SPACE(3 * fds.itemsize) + socket.CMSG_SPACE(struct.calcsize("3i"))
    data, messages, _, _ = control.recvmsg(4, room, socket.MSG_CMSG_CLOEXEC)
    pid = 0
    for level, kind, content in messages:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
        elif (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            pid = struct.unpack("3i", content)[0]
    if data != b"here" or len(fds) != 3 or pid == 0:
        for fd in fds:
            os.close(fd)
        return None
    return Handles(fds[0], fds[1], fds[2], pid)


def lay_files(order: Order, box: int, uid: int | None) -> None:
    """Script, parameters and the caller's files, before anything untrusted is in there."""
    os.mkdir(OURS, 0o755, dir_fd=box)
    _own(OURS, box, uid)
    for name, content in {**order.own_files(), **order.files}.items():
        *folders, _ = name.split("/")
        for depth in range(len(folders)):
            folder = "/".join(folders[: depth + 1])
            try:
                os.mkdir(folder, 0o755, dir_fd=box)
            except FileExistsError:
                continue
            _own(folder, box, uid)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(name, flags, 0o644, dir_fd=box), "wb") as file:
            file.write(content)
            if uid is not None:
                os.fchown(file.fileno(), uid, uid)


def _own(name: str, box: int, uid: int | None) -> None:
    if uid is not None:
        os.chown(name, uid, uid, dir_fd=box, follow_symlinks=False)


def instructions(order: Order, backend: Backend, uid: int | None, counted: bool) -> dict[str, Any]:
    """All that process 1 must know, in the plainest types."""
    machine = MACHINES[backend.machine]
    shell = programs.bash() if order.language == "bash" else None
    cookie = _cookie() if shell else None
    started = (shell, programs.loader(shell)) if shell else ()
    attributes, paths = landlock.rules(
        backend.landlock, order.level, tuple(path for path in started if path)
    )
    return {
        "uid": uid,
        "rlimits": _rlimits(order, uid, counted),
        "stack": _THREAD_STACK,
        "landlock": attributes,
        "paths": paths,
        "filter": build(machine, order.level, cookie=cookie, shared_memory=counted),
        "environment": order.environment(),
        "script": order.script,
        "path": order.path,
        "program": os.fsencode(shell) if shell else None,
        "arguments": [b"bash", b"--norc", b"--noprofile", order.path.encode()],
        "cookie": tuple(cookie) if cookie else None,
        "execve": EXAMINED["execve"][machine.column],
    }


def _cookie() -> Cookie:
    """Three different pages between 4 and 260 GB, where the kernel puts nothing by itself."""
    pages: set[int] = set()
    while len(pages) < 3:
        pages.add(_PAGE * (0x10_0000 + secrets.randbelow(0x400_0000)))
    return Cookie(*pages)


def _rlimits(order: Order, uid: int | None, counted: bool) -> list[tuple[int, int, int]]:
    """Limits of each process; those of the whole run are the groups' and the watchdog's."""
    limits = order.limits
    seconds = max(1, int(-(-limits.cpu // 1)))
    # The group's own limit comes first; without an account of its own, process 1 counts, too.
    processes = int(limits.processes) + (1 if counted or uid is None else 0)
    found = [
        (resource.RLIMIT_CORE, 1, 1),  # 1, not 0: also nothing to a program that collects dumps
        (resource.RLIMIT_CPU, seconds, seconds + 1),
        (resource.RLIMIT_FSIZE, int(limits.disk), int(limits.disk)),
        (resource.RLIMIT_NOFILE, _OPEN_FILES, _OPEN_FILES),
        (resource.RLIMIT_NPROC, processes, processes),
        (resource.RLIMIT_MEMLOCK, 0, 0),
        (resource.RLIMIT_STACK, 8 * MB, 8 * MB),
        (resource.RLIMIT_MSGQUEUE, 0, 0),
        (resource.RLIMIT_SIGPENDING, 1024, 1024),
        (resource.RLIMIT_RTPRIO, 0, 0),
        (resource.RLIMIT_NICE, 0, 0),
    ]
    if order.level is SandboxLevel.FULL:
        size = int(limits.memory) + _INTERPRETER_ITSELF
        found.append((resource.RLIMIT_AS, size, size))
    else:  # some programs reserve far more addresses than they use
        found.append((resource.RLIMIT_DATA, int(limits.memory), int(limits.memory)))
    return found


def start(command: list[str], control: socket.socket) -> subprocess.Popen[bytes]:
    """Bubblewrap, with nothing of ours but the pipes and its end of the control socket."""
    return subprocess.Popen(
        command,
        env={},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=[control.fileno()],
        umask=0o022,
        start_new_session=True,
    )
