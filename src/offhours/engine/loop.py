"""The one loop: a tick that returns when it wants to be called again, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from offhours.core.clock import Clock, Signal
from offhours.core.errors import OffhoursError, StoreGone
from offhours.core.times import SECOND, Micros

Tick = Callable[[Micros], Micros]

_log = logging.getLogger("offhours")
_LONGEST_PAUSE = 5 * SECOND


class Loop:
    """Calls `tick(now)`, waits until the time that it returned or until `signal` is set.

    A tick that fails is logged and called again, at growing intervals; not when the store is gone
    for good.
    """

    def __init__(self, name: str, tick: Tick, clock: Clock, signal: Signal | None = None) -> None:
        self.signal = signal or Signal()
        self._tick = tick
        self._clock = clock
        self._stopped = False
        self._pause = 0
        self._thread = threading.Thread(target=self._run, name=f"offhours-{name}", daemon=True)
        self.failures = 0
        self.store_gone = False

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it goes on."""
        return self._thread.is_alive() and not self._stopped

    def stop(self, seconds: float = 5.0) -> None:
        """End the loop after its current tick."""
        self._stopped = True
        self.signal.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopped:
            self.signal.clear()
            until = self._guarded_tick(self._clock.micros())
            if not self._stopped:
                self._clock.wait(self.signal, until)

    def _guarded_tick(self, now: Micros) -> Micros:
        try:
            until = self._tick(now)
        except Exception as error:
            if self._stopped:
                return now
            self.failures += 1
            self._pause = min(_LONGEST_PAUSE, max(SECOND // 10, 2 * self._pause))
            self._stopped = self.store_gone = isinstance(error, StoreGone)
            known = isinstance(error, OffhoursError)
            _log.error("%s: %s", self._thread.name, error, exc_info=not known)
            return self._clock.micros() + self._pause
        self._pause = 0
        return until
