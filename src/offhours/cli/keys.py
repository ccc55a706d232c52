"""Single keys of a terminal, and the news that its window has another size."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

RESIZED = "resized"
ESCAPE = "\x1b"


class Keys:
    """Waits for a key or a new size of the window."""

    def __init__(self, keyboard: int | None, bell: int | None) -> None:
        self._keyboard = keyboard
        self._bell = bell

    def wait(self, seconds: float) -> str | None:
        """A key, `RESIZED`, or None when nothing came in so long."""
        watched = [each for each in (self._keyboard, self._bell) if each is not None]
        if not watched:
            time.sleep(seconds)
            return None
        ready = select.select(watched, [], [], seconds)[0]
        if self._bell in ready:
            os.read(self._bell or 0, 4096)  # several changes are one
            return RESIZED
        return self._key() if ready else None

    def _key(self) -> str | None:
        told = os.read(self._keyboard or 0, 64)
        if not told:  # the other end is gone: there will be no more keys
            self._keyboard = None
            return None
        # An arrow or the like comes as an escape with more behind it, and is none of ours.
        return None if told[:1] == b"\x1b" and len(told) > 1 else chr(told[0])


@contextmanager
def keyboard() -> Iterator[Keys]:
    """The keys of stdin one by one, unseen, while the block runs; none where that cannot be."""
    try:
        import termios
        import tty
    except ImportError:  # Windows
        yield Keys(None, None)
        return
    with _window() as bell:
        if not sys.stdin.isatty():
            yield Keys(None, bell)
            return
        number = sys.stdin.fileno()
        before = termios.tcgetattr(number)
        try:
            tty.setcbreak(number)  # Ctrl-C still interrupts
            yield Keys(number, bell)
        finally:
            termios.tcsetattr(number, termios.TCSADRAIN, before)


@contextmanager
def _window() -> Iterator[int]:
    """The end of a pipe that can be read when the window has another size."""
    heard, told = os.pipe()
    os.set_blocking(told, False)

    def ring(number: int, frame: Any) -> None:
        with suppress(BlockingIOError):  # it rings already
            os.write(told, b"!")

    before = signal.signal(signal.SIGWINCH, ring)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGWINCH, before)
        os.close(told)
        os.close(heard)
