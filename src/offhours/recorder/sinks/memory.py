"""The last dumps, in this process."""

from __future__ import annotations

from collections import deque

from offhours.recorder.dumps import Dump


class MemorySink:
    """Keeps the last dumps, bounded by their number and by the calls in them."""

    name = "memory"

    def __init__(self, dumps: int = 8, requests: int = 100_000) -> None:
        self._dumps: deque[Dump] = deque(maxlen=dumps)
        self._requests = requests

    @property
    def dumps(self) -> tuple[Dump, ...]:
        """What is kept, oldest first."""
        return tuple(self._dumps)

    def write(self, dump: Dump) -> None:
        self._dumps.append(dump)
        while len(self._dumps) > 1 and sum(d.buffer_size for d in self.dumps) > self._requests:
            self._dumps.popleft()

    def close(self) -> None:
        """Nothing to close: what is kept can still be read."""
