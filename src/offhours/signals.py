"""SIGTERM and Ctrl-C: they ask for an orderly end, and the second one for an end at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from types import FrameType


class Strikes:
    """The signals that have come. A signal may come in the midst of waiting for one: the lock of
    an Event would be held then."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[int] = SimpleQueue()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Count the signals while the block runs; before and after, they do what they did."""

        def strike(number: int, frame: FrameType | None) -> None:
            self._queue.put(number)

        old = {s: signal.signal(s, strike) for s in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    def come(self) -> bool:
        """Wait half a second for one. In steps: on Windows nothing interrupts a wait."""
        with suppress(Empty):
            self._queue.get(timeout=0.5)
            return True
        return False

    def again(self) -> bool:
        """Whether another has come since."""
        return not self._queue.empty()


def run_to_the_end(stop: Callable[[], object], strikes: Strikes, hurry: Callable[[], None]) -> None:
    """Call `stop` on a thread of its own; at another strike, `hurry` it."""
    stopper = threading.Thread(target=stop, daemon=True)
    stopper.start()
    while stopper.is_alive():
        stopper.join(0.05)
        if strikes.again():
            hurry()


def leave_on_sigterm() -> None:
    """Have a SIGTERM that nobody else handles raise `SystemExit` in the main thread."""
    if _ours_to_set() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _leave)


def stay_on_sigterm() -> None:
    """Undo `leave_on_sigterm`."""
    if _ours_to_set() and signal.getsignal(signal.SIGTERM) is _leave:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _ours_to_set() -> bool:
    return threading.current_thread() is threading.main_thread()


def _leave(number: int, frame: FrameType | None) -> None:
    """SIGTERM asks for an orderly end: 0 once everything is drained."""
    raise SystemExit(0)
