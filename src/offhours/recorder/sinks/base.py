"""What a place for dumps is, and how it says that it could not take one."""

from __future__ import annotations

from typing import Protocol

from offhours.recorder.dumps import Dump


class SinkUnavailable(Exception):
    """Not now; the same dump may be tried again later."""


class SinkRefused(Exception):
    """Not this dump; trying again would not help."""


class Sink(Protocol):
    """A place for dumps. It has a thread to itself, so it may take its time.

    `write` raises `SinkUnavailable` when the dump is to be tried again, `SinkRefused` when it
    never will be taken. Any other exception counts as refused. What was written must be known
    again when it comes twice: by `dump_id`.
    """

    name: str

    def write(self, dump: Dump) -> None: ...
    def close(self) -> None: ...
