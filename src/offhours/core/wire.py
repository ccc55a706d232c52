"""What a worker and a process that runs jobs for it say to each other: JSON behind its length.

Both ends are of one release and of one user, and nothing is pickled: a message is plain values of
a known type, or it is refused. Functions are named by what the worker's own registry holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import msgspec

from offhours.core.model import Claimed
from offhours.core.outcomes import (
    Crashed,
    Deferred,
    Done,
    Failed,
    HandedBack,
    Outcome,
    Stopped,
    Suspended,
)
from offhours.core.times import Micros

_LENGTH = 4
LARGEST = 1 << 28

_KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (Done, Failed, Deferred, Suspended, Stopped, HandedBack, Crashed)
}


class Message(msgspec.Struct, tag=True):
    """One message; the name of its class travels with it."""


class Place(msgspec.Struct, frozen=True):
    """Where a function is: the qualified name in a module, and how that module was found.

    For `__main__`, `name` is that of the module it was started as (`python -m`), if any.
    """

    module: str
    qualname: str
    name: str | None = None
    file: str | None = None


class Order(Message):
    """Run this attempt. `zone` is an IANA name or an offset in microseconds."""

    job: list[Any]
    place: Place
    step_aside: str
    max_payload: int
    zone: str | int | None
    retry_on: list[str]
    give_up_on: list[str]
    log_level: int
    home: str = ""

    @property
    def claimed(self) -> Claimed:
        return Claimed(*self.job)


class Go(Message):
    """The process has the scheduling class that the run should have: begin."""


class Stop(Message):
    """The run should stop: because its job was cancelled, or its time is used up."""

    cancelled: bool


class Answer(Message):
    """What the desk says, or why it cannot."""

    value: Any
    problem: str | None = None


class ForegroundUntil(Message):
    """Until when the person in front is known to be active (0: not)."""

    until: Micros


class Started(Message):
    """The function was found; the run begins when it may go."""


class Progress(Message):
    """What the task told of its progress, as the store keeps it."""

    text: str


class Aside(Message):
    """The run waits for the foreground in a checkpoint, or goes on."""

    waits: bool


class Ask(Message):
    """The run asks its desk for something, and waits for the answer."""

    verb: str
    args: list[Any]


class Log(Message):
    """A log record of the child."""

    logger: str
    level: int
    text: str
    trace: str | None


class Ended(Message):
    """How the run ended, and in what state the process is.

    `rss` is its memory in bytes; `spoilt` says why it should run nothing more, if so.
    """

    kind: str
    fields: dict[str, Any]
    rss: int
    spoilt: str | None

    @staticmethod
    def of(outcome: Outcome, rss: int, spoilt: str | None) -> Ended:
        fields = {name: getattr(outcome, name) for name in outcome.__dataclass_fields__}
        return Ended(type(outcome).__name__, fields, rss, spoilt)

    @property
    def outcome(self) -> Outcome:
        """The outcome, its fields checked."""
        found: Outcome = msgspec.convert(self.fields, _KINDS[self.kind])
        return found


ToChild = Order | Go | Stop | ForegroundUntil | Answer
FromChild = Started | Progress | Aside | Ask | Log | Ended

_encode = msgspec.json.Encoder().encode


def pack(message: ToChild | FromChild) -> bytes:
    """A message as bytes to send."""
    data = _encode(message)
    return len(data).to_bytes(_LENGTH, "big") + data


M = TypeVar("M")


class Inbox(Generic[M]):
    """Bytes as they come, and the messages in them. Nonsense raises `ValueError`."""

    def __init__(self, decoder: msgspec.json.Decoder[M]) -> None:
        self._decode = decoder.decode
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[M]:
        self._bytes += data
        while len(self._bytes) >= _LENGTH:
            end = _LENGTH + int.from_bytes(self._bytes[:_LENGTH], "big")
            if end > LARGEST:
                raise ValueError(f"a message of {end:,} bytes")
            if len(self._bytes) < end:
                return
            message = self._decode(bytes(self._bytes[_LENGTH:end]))  # its errors are ValueErrors
            del self._bytes[:end]
            yield message


def inbox_of_child() -> Inbox[ToChild]:
    return Inbox(msgspec.json.Decoder(ToChild))


def inbox_of_worker() -> Inbox[FromChild]:
    return Inbox(msgspec.json.Decoder(FromChild))
