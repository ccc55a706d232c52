"""One process that runs jobs for us: started, talked to, and certainly gone in the end."""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

from offhours.core import wire

TAIL_BYTES = 4_000
SEND_SECONDS = 10.0
_RECEIVE = 1 << 16
_LOOK_SECONDS = 0.25  # where no descriptor tells that a process has ended

# What an interpreter runs: the path and the arguments as ours are, then the main program.
_PROGRAM = (
    "import json, sys; sys.path[:], main, numbers, sys.argv = json.loads(sys.argv[1]); "
    "from importlib import import_module; import_module(main).main(*numbers)"
)

_SIGNALS: dict[int, str] = {
    signal.SIGSEGV: "segmentation fault",
    signal.SIGABRT: "abort",
    signal.SIGKILL: "killed; perhaps out of memory",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "arithmetic error",
    signal.SIGILL: "illegal instruction",
}


class ChildGone(Exception):
    """It died, or can no longer be talked to."""


class ChildProcess:
    """A fresh interpreter that leads a process group of its own.

    `main` is the module whose `main(descriptor, pid)` it runs. It lives no longer than the thread
    that started it: that is whose end the system tells it.
    """

    def __init__(self, main: str) -> None:
        ours, theirs = socket.socketpair()
        self._socket = ours
        self._socket.settimeout(SEND_SECONDS)
        self._inbox = wire.inbox_of_worker()
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)
        path = [entry or os.getcwd() for entry in sys.path]
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        with theirs:
            told = json.dumps([path, main, [theirs.fileno(), os.getpid()], sys.argv])
            try:
                self._process = subprocess.Popen(
                    [sys.executable, *flags, "-c", _PROGRAM, told],
                    stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                    pass_fds=(theirs.fileno(),), process_group=0,
                )  # fmt: skip
            except OSError:
                self._close_sockets()
                raise
        self.pid = self._process.pid
        assert self._process.stderr is not None
        self._errors = self._process.stderr.fileno()
        os.set_blocking(self._errors, False)
        self._tail = b""
        self._exit = _exit_descriptor(self.pid)
        self._poll = select.poll()
        for descriptor in (self._socket.fileno(), self._errors, self._woken.fileno(), self._exit):
            if descriptor is not None:
                self._poll.register(descriptor, select.POLLIN)
        self.closed = False
        self._life = threading.Lock()
        self.runs = 0
        self.low = False

    # -- talking --------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Send a packed message; `ChildGone` when it does not take it."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise ChildGone(f"it takes no messages: {error}") from None

    def receive(self, seconds: float | None) -> list[wire.FromChild]:
        """What it says within this time; earlier when woken. `ChildGone` when it is gone."""
        if self._exit is None:
            seconds = _LOOK_SECONDS if seconds is None else min(seconds, _LOOK_SECONDS)
        ready = {number for number, _ in self._poll.poll(_milliseconds(seconds))}
        if self._woken.fileno() in ready:
            with suppress(BlockingIOError):
                self._woken.recv(_RECEIVE)
        if self._errors in ready:
            self._read_errors()
        if self._socket.fileno() in ready:
            return list(self._heard())
        if self._exit in ready or (self._exit is None and self._exited()):
            raise ChildGone  # and all that it had said was heard
        return []

    def _heard(self) -> Iterator[wire.FromChild]:
        try:
            data = self._socket.recv(_RECEIVE)
        except OSError:
            data = b""
        if not data:
            raise ChildGone("it closed its connection")
        try:
            yield from self._inbox.feed(data)
        except ValueError as error:
            raise ChildGone(f"it sent what is no message: {error}") from None

    def wake(self) -> None:
        """Have `receive` return, from any thread."""
        with suppress(OSError):
            self._wake.send(b"!")

    # -- its last words -------------------------------------------------------------------------

    def forget_output(self) -> None:
        """What it wrote so far was another run's."""
        self._read_errors()
        self._tail = b""

    @property
    def tail(self) -> str:
        """The end of what it wrote on stderr and logged."""
        self._read_errors()
        return self._tail.decode("utf-8", "replace").replace("\0", "\\0").strip()

    def log(self, record: wire.Log) -> None:
        """Log here what it logged there."""
        logger = logging.getLogger(record.logger)
        text = record.text if record.trace is None else f"{record.text}\n{record.trace}"
        self._keep(f"{logging.getLevelName(record.level)} {record.logger}: {text}\n".encode())
        if logger.isEnabledFor(record.level):
            logger.log(record.level, "%s", text)

    def _read_errors(self) -> None:
        if self.closed:
            return
        try:
            while data := os.read(self._errors, _RECEIVE):
                self._keep(data)
                with suppress(Exception):  # our own stderr may be closed, or a strange object
                    sys.stderr.write(data.decode("utf-8", "backslashreplace"))
        except BlockingIOError:
            return
        with suppress(KeyError):
            self._poll.unregister(self._errors)  # closed at the other end

    def _keep(self, data: bytes) -> None:
        self._tail = (self._tail + data)[-TAIL_BYTES:]

    # -- its end ----------------------------------------------------------------------------------

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to it and to all that it started."""
        with self._life:
            if not self.closed:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, number)

    def interrupt(self) -> None:
        """SIGTERM to it alone."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def bury(self, seconds: float = 0) -> int | None:
        """Give it so long to end, then kill it and all that it started.

        The exit status that it chose itself (negative: a signal); None when we had to kill it.
        """
        if self.closed:
            return None
        by_itself = self._wait(seconds)
        # Its number is its group's, and not given anew before it is waited for.
        self.signal_group(signal.SIGKILL)
        with self._life:
            status = self._process.wait()
            self._read_errors()
            self._close()
        return status if by_itself else None

    def dismiss(self, seconds: float) -> None:
        """Let it end in its own way, for so long; then kill it."""
        if not self.closed:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
            self.bury(seconds)

    def _wait(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not self._exited():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._read_errors()  # or a full pipe would hold it up
            self._exited(min(left, _LOOK_SECONDS))
        return True

    def _exited(self, seconds: float = 0) -> bool:
        if self._exit is None:
            time.sleep(min(seconds, 0.01))
            return self._process.poll() is not None
        ended = select.poll()
        ended.register(self._exit, select.POLLIN)
        return bool(ended.poll(_milliseconds(seconds)))

    def _close(self) -> None:
        self.closed = True
        self._close_sockets()
        assert self._process.stderr is not None
        self._process.stderr.close()
        if self._exit is not None:
            os.close(self._exit)

    def _close_sockets(self) -> None:
        for each in (self._socket, self._wake, self._woken):
            each.close()


def death(status: int) -> str:
    """What a process died of, in words, from its exit code (negative: a signal)."""
    if status >= 0:
        return f"its process left with exit code {status} before the run had ended"
    name = _SIGNALS.get(-status)
    return f"its process died of signal {-status}" + (f" ({name})" if name else "")


def _exit_descriptor(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else int(max(0, seconds) * 1000)
