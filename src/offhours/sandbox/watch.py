"""The watchdog of a run, and what is known of a run that is over."""

from __future__ import annotations

import contextlib
import select
import socket
import subprocess
import time
from dataclasses import dataclass, field

from offhours.core.sandbox import RunStatus
from offhours.sandbox import launch
from offhours.sandbox.artefacts import Collection
from offhours.sandbox.meter import Meter, Peak
from offhours.sandbox.order import Order
from offhours.sandbox.output import Output

_STEP = 0.05  # between two looks of the watchdog
TO_START = 20.0  # a machine that needs longer than this to start a process is not well
_TO_END = 5.0  # process 1 needs milliseconds to end everything


class SandboxFault(Exception):
    """We failed, not the script."""


@dataclass(slots=True)
class Ending:
    """What is known of a run that is over.

    `stopped` is why we ended it; None when it ended by itself, and then `wait_status` is the
    script's own, as the kernel told process 1.
    """

    stopped: RunStatus | None = None
    wait_status: int | None = None
    wall: float = 0.0
    peak: Peak = field(default_factory=Peak)
    stdout: bytes = b""
    stderr: bytes = b""
    output: int = 0
    truncated: bool = False
    result: bytes | None = None
    collection: Collection | None = None
    counted: bool = False


class Watch:
    """The watchdog of one run: it reads the output, looks at the usage and keeps the time."""

    meter: Meter

    def __init__(
        self,
        order: Order,
        ending: Ending,
        control: socket.socket,
        process: subprocess.Popen[bytes],
        cancelled: int,
    ) -> None:
        self._limits = order.limits
        self._ending = ending
        self._control = control
        self._cancelled = cancelled
        self._output = Output(process, int(order.limits.output))
        self._report = b""
        self._started = 0.0
        self._over = time.monotonic() + TO_START

    def until_the_end(self, told: dict[str, object]) -> None:
        import marshal

        self._control.sendall(launch.frame(marshal.dumps(told)))
        self._control.setblocking(False)
        poll = select.poll()
        for fd in (*self._output.fds, self._control.fileno(), self._cancelled):
            poll.register(fd, select.POLLIN)
        look_at = 0.0
        while not self._has_ended():
            now = time.monotonic()
            if self._started and now >= look_at:
                self._judge(self.meter.look())
                look_at = now + _STEP
            self._keep_time(now)
            next_at = min(self._over, look_at) if self._started else self._over
            for fd, _ in poll.poll(max(0.0, next_at - time.monotonic()) * 1000):
                self._hear(fd, poll)
        self._conclude()

    def _hear(self, fd: int, poll: select.poll) -> None:
        if fd == self._cancelled:
            poll.unregister(fd)
            self._stop(RunStatus.KILLED)
        elif fd == self._control.fileno():
            self._listen()
        elif not self._output.read(fd):
            poll.unregister(fd)
        elif self._output.size > self._limits.output:
            self._stop(RunStatus.OUTPUT_LIMIT)

    def _listen(self) -> None:
        """Process 1 speaks; it is ours, and nobody else has its end of the socket."""
        try:
            data = self._control.recv(4096)
        except ConnectionError:
            data = b""
        if not data:
            raise SandboxFault("process 1 of the run is gone")
        self._report += data
        if not self._started and self._report.startswith(b"started\n"):
            self._started = time.monotonic()
            self._over = self._started + self._limits.wall

    def _has_ended(self) -> bool:
        *lines, _ = self._report.split(b"\n")
        return any(line.startswith((b"ended ", b"unlocked ")) for line in lines)

    def _keep_time(self, now: float) -> None:
        if now < self._over:
            return
        if self._ending.stopped is not None or not self._started:
            raise SandboxFault("process 1 of the run does not answer")
        self._stop(RunStatus.TIMEOUT)

    def _judge(self, peak: Peak) -> None:
        limits = self._limits
        if peak.out_of_memory or peak.memory > limits.memory:
            self._stop(RunStatus.MEMORY_LIMIT)
        elif peak.cpu > limits.cpu:
            self._stop(RunStatus.CPU_LIMIT)
        elif peak.files > limits.files:
            self._stop(RunStatus.DISK_LIMIT)

    def _stop(self, why: RunStatus) -> None:
        """Have process 1 end everybody. The first reason stays."""
        if self._ending.stopped is None:
            self._ending.stopped = why
            self._over = time.monotonic() + _TO_END
            with contextlib.suppress(OSError):  # it has ended by itself this moment
                self._control.send(b"k")

    def _conclude(self) -> None:
        ending = self._ending
        if self._report.startswith(b"unlocked "):
            raise SandboxFault(self._report.decode("utf-8", "replace").strip())
        ending.wall = time.monotonic() - self._started
        by_itself, status, cpu, memory = map(int, self._report.rsplit(b"ended ", 1)[1].split())
        if by_itself:
            ending.stopped = None if ending.stopped is RunStatus.TIMEOUT else ending.stopped
            ending.wait_status = status
        ending.peak = self.meter.look_at_the_end()
        ending.peak.cpu = max(ending.peak.cpu, cpu / 1e6)
        ending.peak.memory = max(ending.peak.memory, memory)
        self._output.finish(_TO_END)
        ending.stdout, ending.stderr = self._output.texts()
        ending.output, ending.truncated = self._output.size, self._output.truncated
        if self._output.size > self._limits.output:
            ending.stopped = RunStatus.OUTPUT_LIMIT
