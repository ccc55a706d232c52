"""What a coordinator and the Celery workers that run its jobs say to each other, and their line.

Every message may be lost, doubled, late or out of order: whoever needs an answer asks again, and
nothing that is said twice means more than said once. All of it is JSON of a known type.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any
from uuid import uuid4

import msgspec
from kombu import Connection, Consumer, Producer, Queue

from offhours.core import wire
from offhours.core.model import Claimed
from offhours.core.times import Micros

STALE_SECONDS = 5.0
LINGER_SECONDS = 600.0
_RECEIVE_SECONDS = 0.5
_BREATHER = 0.2

_log = logging.getLogger("offhours")


class Telegram(msgspec.Struct, tag=True, frozen=True):
    """One message. `run` is the name that a run gave itself: its inbox, and what no other has."""

    run: str


class Hello(Telegram, frozen=True):
    """May I run this attempt?"""

    job: int
    attempt: int
    sent: float


class Beat(Telegram, frozen=True):
    """I am still at it. `sent` is by the clock of the run, to which the answer brings it back."""

    sent: float


class Told(Telegram, frozen=True):
    """What the task told of its progress, as the store keeps it."""

    text: str


class Finished(Telegram, frozen=True):
    """How the run ended."""

    end: wire.Ended


class Gone(Telegram, frozen=True):
    """I was to stop, and nothing of the run is left."""


class Granted(Telegram, frozen=True):
    """Run it: you are the only one. You may go on for `lease` seconds from `sent` on.

    A job without arguments is to be looked up in the store.
    """

    sent: float
    job: list[Any]
    lease: float

    @property
    def claimed(self) -> Claimed:
        return Claimed(*self.job)


class Refused(Telegram, frozen=True):
    """That attempt is over, or another's: leave it."""


class State(Telegram, frozen=True):
    """You still have the lease, counted from `sent`; this is how things stand.

    `foreground` is how much longer the person in front is known to be active (0: not).
    """

    sent: float
    cancelled: bool
    foreground: Micros


class Over(Telegram, frozen=True):
    """Your run is ended here, or never was: stop at once, and send no more."""


FromRun = Hello | Beat | Told | Finished | Gone
ToRun = Granted | Refused | State | Over


def new_run(inbox: str) -> str:
    """A name for a run that hears at this inbox."""
    return f"{inbox}#{uuid4().hex}"


def inbox_of(run: str) -> str:
    """Where a run hears."""
    return run.partition("#")[0]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(FromRun | ToRun).decode

Call = Callable[[Producer], object]


def _inbox(name: str) -> Queue:
    return Queue(name, exchange="", routing_key=name, expires=LINGER_SECONDS)


class Line:
    """An inbox on a broker, and an outbox that never makes its caller wait.

    `on_telegram` is called in a thread of the line. What cannot be sent in time is dropped.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        inbox: str,
        on_telegram: Callable[[FromRun | ToRun], None],
    ) -> None:
        self.inbox = inbox
        self._connect = connect
        self._on_telegram = on_telegram
        self._outbox: SimpleQueue[tuple[float, Call] | None] = SimpleQueue()
        self._unsent: tuple[float, Call] | None = None
        self._closed = threading.Event()
        self._threads = [
            threading.Thread(target=self._keep_up, args=(work,), name=name, daemon=True)
            for work, name in ((self._send, "offhours-send"), (self._receive, "offhours-receive"))
        ]
        for thread in self._threads:
            thread.start()

    def send(self, address: str, telegram: FromRun | ToRun) -> None:
        """Send a telegram to an inbox, soon."""
        body = _encode(telegram).decode()

        def publish(producer: Producer) -> None:
            if address not in self._declared:  # what nobody collects goes away by itself
                _inbox(address).bind(producer.channel).queue_declare()
                self._declared.add(address)
            producer.publish(
                body, exchange="", routing_key=address, delivery_mode=1, retry=False,
                content_type="application/json", content_encoding="utf-8",
            )  # fmt: skip

        self.call(publish)

    def call(self, work: Call) -> None:
        """Have something done with a producer, soon."""
        self._outbox.put((time.monotonic() + STALE_SECONDS, work))

    def close(self, seconds: float = 1.0) -> None:
        """Send what is left, remove the inbox, and end."""
        self.call(lambda producer: producer.channel.queue_delete(self.inbox))
        self._outbox.put(None)
        self._threads[0].join(seconds)
        self._closed.set()

    def _keep_up(self, work: Callable[[Connection], None]) -> None:
        """Do it over connections that break, until the line is closed."""
        failing = False
        while not self._closed.is_set():
            try:
                with self._connect() as connection:
                    work(connection)
                    failing = False
            except Exception as error:  # whatever a transport raises, it is to be tried again
                if not failing and not self._closed.is_set():
                    _log.warning("the broker cannot be reached, trying again: %s", error)
                failing = True
                self._closed.wait(_BREATHER)

    def _send(self, connection: Connection) -> None:
        producer = Producer(connection.channel(), auto_declare=False)
        self._declared: set[str] = set()
        while True:
            try:
                item = self._unsent or self._outbox.get(timeout=_RECEIVE_SECONDS)
            except Empty:
                connection.heartbeat_check()
                continue
            if item is None:
                self._closed.set()
                return
            until, work = self._unsent = item
            if time.monotonic() < until:
                work(producer)
            self._unsent = None

    def _receive(self, connection: Connection) -> None:
        with Consumer(
            connection.channel(), [_inbox(self.inbox)], accept=["json"], no_ack=True,
            on_message=self._hear, auto_declare=True,
        ):  # fmt: skip
            while not self._closed.is_set():
                try:
                    connection.drain_events(timeout=_RECEIVE_SECONDS)
                except TimeoutError:
                    connection.heartbeat_check()

    def _hear(self, message: Any) -> None:
        try:
            telegram = _decode(message.body)
        except (ValueError, TypeError) as error:
            _log.warning("what came to %s is no telegram: %s", self.inbox, error)
            return
        try:
            self._on_telegram(telegram)
        except Exception:
            _log.exception("a telegram failed here")
