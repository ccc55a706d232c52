"""One run, from bubblewrap's start to the last thing that is left of it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from contextlib import ExitStack

from offhours.sandbox import groups, launch
from offhours.sandbox.accounts import Account
from offhours.sandbox.arguments import arguments
from offhours.sandbox.artefacts import OURS, Collection, read
from offhours.sandbox.backend import Backend, refusal
from offhours.sandbox.groups import ControlGroup
from offhours.sandbox.launch import Handles
from offhours.sandbox.meter import Meter
from offhours.sandbox.order import Order
from offhours.sandbox.watch import TO_START, Ending, SandboxFault, Watch


class Box:
    """Runs one order. `cancelled`: a descriptor that can be read when the run shall end."""

    def __init__(self, backend: Backend, order: Order, cancelled: int) -> None:
        self._backend = backend
        self._order = order
        self._cancelled = cancelled
        self._ending = Ending()

    def run(self) -> Ending:
        """Raises `SandboxUnavailable` when it cannot be started, `SandboxFault` when we failed."""
        try:
            return self._run()
        except OSError as error:
            raise SandboxFault(f"{type(error).__name__}: {error}") from error

    def _run(self) -> Ending:
        with ExitStack() as stack:
            uid = stack.enter_context(Account()).uid if self._backend.root else None
            group = self._group(uid, stack)
            ours, theirs = socket.socketpair()
            stack.enter_context(ours)
            with theirs:
                process = self._start(theirs, uid)
            stack.callback(_bury, process)
            handles = self._meet(ours, process, stack)
            if group is not None and not group.take_in(handles.pid):
                group = None
            self._ending.counted = group is not None
            launch.lay_files(self._order, handles.box, uid)
            told = launch.instructions(self._order, self._backend, uid, group is not None)
            self._watch(ours, process, handles, told, group)
            self._collect(handles)
        return self._ending

    def _start(self, control: socket.socket, uid: int | None) -> subprocess.Popen[bytes]:
        order = self._order
        command = arguments(
            self._backend.bwrap, order.level, int(order.limits.disk), control.fileno(),
            launch.BOOT, root=uid is not None,
        )  # fmt: skip
        return launch.start(command, control)

    def _meet(
        self, control: socket.socket, process: subprocess.Popen[bytes], stack: ExitStack
    ) -> Handles:
        """Wait for process 1. Nothing untrusted exists yet."""
        control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        control.settimeout(TO_START)
        try:
            control.sendall(launch.code())
            handles = launch.receive_handles(control)
        except TimeoutError:
            raise SandboxFault(f"no process was started within {TO_START:.0f} s") from None
        except ConnectionError:
            handles = None
        if handles is None:
            process.kill()
            raise refusal(process.communicate()[1].decode("utf-8", "replace"))
        for fd in (handles.box, handles.shared_memory, handles.proc):
            stack.callback(os.close, fd)
        return handles

    def _group(self, uid: int | None, stack: ExitStack) -> ControlGroup | None:
        """A control group where we may make one; the limits hold without, only less sharply."""
        parents = groups.usable() if uid is not None else None
        if parents is None:
            return None
        group = ControlGroup(parents, f"offhours-sandbox-{uid}", self._order.limits)
        stack.callback(group.remove)
        try:
            group.make()
        except OSError:
            return None
        return group

    def _watch(
        self,
        control: socket.socket,
        process: subprocess.Popen[bytes],
        handles: Handles,
        told: dict[str, object],
        group: ControlGroup | None,
    ) -> None:
        watch = Watch(self._order, self._ending, control, process, self._cancelled)
        folders = (handles.box, handles.shared_memory)
        watch.meter = Meter(handles.proc, folders, int(self._order.limits.memory), group)
        watch.until_the_end(told)

    def _collect(self, handles: Handles) -> None:
        """Everybody is dead: what lies there changes no more."""
        with contextlib.suppress(OSError):
            ours = os.open(OURS, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=handles.box)
            try:
                self._ending.result = read(ours, "result.json", int(self._order.limits.output) + 1)
            finally:
                os.close(ours)
        self._ending.collection = Collection(handles.box, self._order.limits)


def _bury(process: subprocess.Popen[bytes]) -> None:
    """Bubblewrap ends with process 1, and takes everything along when it is killed."""
    try:
        process.wait(0.5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
