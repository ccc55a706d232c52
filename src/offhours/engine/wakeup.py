"""Wake-ups between processes. They only make a worker look sooner: losing one costs a poll.

Two kinds: a token in a pipe beside the database, which one of the idle workers takes (a new job
needs one, and a herd would fight for the write lock); and a datagram to every worker (a
foreground lease or a cancellation concerns them all).
"""

from __future__ import annotations

import os
import select
import socket
import stat
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from uuid import uuid4

from offhours.core.clock import Signal

_ABSTRACT = sys.platform == "linux"
_DRAIN = 4096


class LocalWakeUps:
    """Implements `core.ports.WakeUps` between the processes of one machine."""

    def __init__(self, path: str | None, addresses: Callable[[], Iterable[str]]) -> None:
        self._pipe = TokenPipe(path)
        self._addresses = addresses
        self._socket: WakeSocket | None = None

    def put(self) -> None:
        self._pipe.put()

    def listen(self, hungry: Sequence[Signal], wake: Callable[[], None]) -> Callable[[], None]:
        return self._pipe.listen(hungry, wake)

    def tell(self, kind: str) -> None:
        own = "" if self._socket is None else self._socket.address
        others = [address for address in self._addresses() if address not in ("", own)]
        if others:
            send_wake(others, kind)

    def hear(self, on_told: Callable[[str], None]) -> str:
        self._socket = WakeSocket(on_told)
        return self._socket.address

    def unhear(self) -> None:
        found, self._socket = self._socket, None
        if found is not None:
            found.close()

    def close(self) -> None:
        self.unhear()
        self._pipe.close()


class TokenPipe:
    """A named pipe beside the database. Where there is none, `put` does nothing and polls serve."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._writer: int | None = None
        self._lock = threading.Lock()

    def put(self) -> None:
        """Wake one idle worker, of any process."""
        if self._writer is None and not self._open_writer():
            return
        # A full pipe means that plenty of tokens wait for whoever becomes idle.
        with suppress(BlockingIOError, OSError, TypeError):
            os.write(self._writer, b"!")  # type: ignore[arg-type]

    def listen(self, hungry: Sequence[Signal], wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` for tokens that come while all of `hungry` are set, until the returned
        function is called."""
        reader = self._open(os.O_NONBLOCK)
        if reader is None:
            return lambda: None
        ended, end = os.pipe()
        stopped = Signal()

        def stop() -> None:
            stopped.set()
            for signal in hungry:
                signal.set()
            os.close(end)
            thread.join(1)

        def read() -> None:
            try:
                self._read(reader, ended, stopped, hungry, wake)
            except OSError:
                pass  # the pipe broke: polls serve
            finally:
                os.close(reader)
                os.close(ended)

        thread = threading.Thread(target=read, name="offhours-tokens", daemon=True)
        thread.start()
        return stop

    def close(self) -> None:
        with self._lock:
            writer, self._writer = self._writer, None
            self._path = None
        if writer is not None:
            os.close(writer)

    @staticmethod
    def _read(
        reader: int,
        ended: int,
        stopped: Signal,
        hungry: Sequence[Signal],
        wake: Callable[[], None],
    ) -> None:
        while True:
            for signal in hungry:
                signal.wait()
            select.select([reader, ended], [], [])
            if stopped.is_set():
                return
            if not all(signal.is_set() for signal in hungry):
                continue  # busy meanwhile: the token is for somebody else
            try:
                os.read(reader, _DRAIN)
            except BlockingIOError:
                continue  # somebody else was faster
            for signal in hungry:
                signal.clear()
            wake()

    def _open_writer(self) -> bool:
        with self._lock:
            if self._writer is None:
                self._writer = self._open(os.O_NONBLOCK)
                if self._writer is None:
                    self._path = None
            return self._writer is not None

    def _open(self, flags: int) -> int | None:
        """Both ends at once, so that opening never waits; None where there can be no pipe."""
        if self._path is None or not hasattr(os, "mkfifo"):
            return None
        try:
            with suppress(FileExistsError):
                os.mkfifo(self._path, 0o600)
            descriptor = os.open(self._path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | flags)
        except OSError:
            return None
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
        return None


class WakeSocket:
    """Receives datagrams at `address`; nothing in them is believed but their kind, one letter."""

    def __init__(self, on_wake: Callable[[str], None]) -> None:
        self._on_wake = on_wake
        if _ABSTRACT:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.address = f"offhours-{uuid4().hex}"
            self._socket.bind("\0" + self.address)
        else:
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.bind(("127.0.0.1", 0))
            self.address = str(self._socket.getsockname()[1])
        self._closed = False
        threading.Thread(target=self._listen, name="offhours-wakeup", daemon=True).start()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            send_wake([self.address], "x")

    def _listen(self) -> None:
        with self._socket:
            while not self._closed:
                try:
                    kind = self._socket.recv(8)[:1].decode("ascii", "replace")
                except OSError:
                    return
                if not self._closed:
                    self._on_wake(kind)


def send_wake(addresses: Iterable[str], kind: str) -> None:
    """Tell the workers at these addresses to look; one that is gone or full is passed over."""
    family = socket.AF_UNIX if _ABSTRACT else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        for address in addresses:
            with suppress(OSError, ValueError):
                target = "\0" + address if _ABSTRACT else ("127.0.0.1", int(address))
                sender.sendto(kind.encode(), target)
