"""What a script writes to its two pipes, as far as its limit goes."""

from __future__ import annotations

import os
import select
import subprocess
import time

_CHUNK = 65536


class Output:
    """Both streams under one cap. What comes behind it is counted and thrown away."""

    def __init__(self, process: subprocess.Popen[bytes], cap: int) -> None:
        assert process.stdout is not None and process.stderr is not None
        self.fds = (process.stdout.fileno(), process.stderr.fileno())
        self._kept: dict[int, list[bytes]] = {fd: [] for fd in self.fds}
        self._open = set(self.fds)
        self._cap = cap
        self.size = 0
        self.truncated = False

    def read(self, fd: int) -> bool:
        """Take what is there; False at the stream's end."""
        data = os.read(fd, _CHUNK)
        if not data:
            self._open.discard(fd)
            return False
        room = max(0, self._cap - self.size)
        if room:
            self._kept[fd].append(data[:room])
        self.size += len(data)
        self.truncated = self.truncated or len(data) > room
        return True

    def finish(self, patience: float) -> None:
        """Everybody who could write is dead or dying: read to the ends."""
        until = time.monotonic() + patience
        while self._open and (left := until - time.monotonic()) > 0:
            poll = select.poll()
            for fd in self._open:
                poll.register(fd, select.POLLIN)
            for fd, _ in poll.poll(left * 1000):
                self.read(fd)

    def texts(self) -> tuple[bytes, bytes]:
        """Standard output and standard error."""
        first, second = (b"".join(self._kept[fd]) for fd in self.fds)
        return first, second
