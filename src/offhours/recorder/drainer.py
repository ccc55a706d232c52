"""The thread that calls a round again and again, and lets its owner be forgotten."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from weakref import WeakMethod

_log = logging.getLogger("offhours.recorder")


class Drainer:
    """Calls a bound method, which says how many seconds it wants to rest.

    The thread holds no reference to the method's object while it rests, and ends with it.
    """

    def __init__(self, method: Callable[[], float]) -> None:
        self._method = WeakMethod(method)
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether the thread was started, in this process, and not stopped."""
        return self._thread is not None

    def start(self) -> None:
        """Start the thread unless it runs."""
        with self._lock:
            if self._thread is None and not self._stopped.is_set():
                thread = threading.Thread(
                    target=_run, args=(self,), name="offhours-recorder", daemon=True
                )
                thread.start()
                self._thread = thread

    def stop(self, timeout: float) -> None:
        """No further rounds."""
        self._stopped.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
        self._thread = None

    def rest(self, seconds: float) -> bool:
        """Rest; whether to go on."""
        return not self._stopped.wait(seconds)

    def once(self) -> float | None:
        """One round; None when its object is gone."""
        method = self._method()
        if method is None:
            return None
        try:
            return method()
        except Exception:
            _log.exception("a round of the flight recorder failed")
            return 1.0


def _run(drainer: Drainer) -> None:
    while True:
        seconds = drainer.once()
        if seconds is None or not drainer.rest(seconds):
            return
