"""Run as a script by the fleet's test: a worker in a time that its parent moves.

fleet.py DB TIME SKEW POINT NTH    TIME: a file with the moment, SKEW: seconds that our clock is off
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
import sys
import threading
import time
from datetime import datetime

from offhours import Offhours
from offhours.core import points
from offhours.core.clock import Signal
from offhours.core.times import SECOND, Micros, to_datetime

DISPATCH_LOOK, OTHER_LOOK = 0.003, 0.05


class SharedClock:
    """A wall clock in a file that the parent moves; leases go by the real monotonic clock."""

    def __init__(self, path: str, skew: float) -> None:
        with open(path, "rb") as file:
            self._time = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
        self._skew = round(skew * SECOND)

    def micros(self) -> Micros:
        moment: int = struct.unpack("q", self._time[:8])[0]
        return moment + self._skew

    def now(self) -> datetime:
        return to_datetime(self.micros())

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, signal: Signal, until: Micros) -> bool:
        urgent = threading.current_thread().name == "offhours-dispatch"
        look = DISPATCH_LOOK if urgent else OTHER_LOOK
        while not signal.wait(look):
            if self.micros() >= until:
                return signal.is_set()
        return True


def main() -> None:
    database, path, skew, point, nth = sys.argv[1:6]
    left = int(nth)

    def bomb(name: str) -> None:
        nonlocal left
        if name == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    points.on_reach = bomb
    app = Offhours(
        database, clock=SharedClock(path, float(skew)), lease="2s", threads=1, poll="1h",
        retention="3650d",
    )  # fmt: skip
    app.task(name="tick", retries=0, timeout=None)(lambda: None)
    with app:
        signal.pause()


if __name__ == "__main__":
    main()
