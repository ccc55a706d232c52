"""One route at work: it reads the events, stores messages, and sends them."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

from offhours.core.clock import Clock
from offhours.core.errors import DeliveryError
from offhours.core.notices import Delivery, DeliveryState, Reading
from offhours.core.ports import Store
from offhours.core.times import HOUR, SECOND, Micros
from offhours.notify.digest import Digest
from offhours.notify.facts import Fact
from offhours.notify.message import TEST, Message, one_line
from offhours.notify.route import Route
from offhours.notify.rules import events_of

MAX_ATTEMPTS = 5
FIRST_PAUSE = 30 * SECOND
LONGEST_PAUSE = HOUR
LOOK = SECOND

_PAGE = 1_000
_MOST_IN_ONE = 100_000  # events in one message
_UNSTORED = 10_000  # how far it may have read in vain before it stores where it stands
_AT_ONCE = 10
_LEASE_MARGIN = 30 * SECOND

_log = logging.getLogger("offhours")


@dataclass(frozen=True)
class Trial:
    """What came of a test of a channel: `error` says why it failed, `note` what else is odd."""

    ok: bool
    seconds: float
    error: str | None = None
    note: str = ""


class Notifier:
    """Tells what happens by one route.

    How far it has told is stored together with the message that follows, so nothing is told twice
    or not at all, whichever process tells. What it must not tell yet it does not read: then it is
    in one message with all that comes until it may.
    """

    def __init__(self, route: Route, store: Store, clock: Clock) -> None:
        self.route = route
        self._store = store
        self._clock = clock
        self._kinds = events_of(route.rules)
        self._reading: Reading | None = None
        self._seen = 0  # up to here there is nothing to tell
        self._tell_at: Micros | None = None  # when we tell what we have found

    @property
    def name(self) -> str:
        return self.route.name

    def begin(self) -> None:
        """Tell what happens from now on, unless this route was begun before."""
        name = f"notify:{self.name}"
        self._reading = self._store.notices.reading(name)
        if self._reading is None:
            first = Reading(name, self._store.last_seq())
            self._store.notices.read_on(None, first, [], self._clock.micros())
            self._reading = self._store.notices.reading(name)
        self._seen = 0 if self._reading is None else self._reading.seq
        self._tell_at = None

    def tick(self, now: Micros) -> Micros:
        """Read what there is to tell, and send what is due. When to look again."""
        wake = self._read(now)
        return now if self.send_due() == _AT_ONCE else min(wake, now + LOOK)

    # -- reading ------------------------------------------------------------------------------

    def _read(self, now: Micros) -> Micros:
        if self._reading is None:
            self.begin()
        opens_at = max(self.route.opens_at(now), self._last_told(now) + self.route.every_micros)
        if now < opens_at:
            return opens_at
        if self._tell_at is None:
            self._tell_at = self._find_first(now)
        if self._tell_at is None:
            return now + LOOK
        if now < self._tell_at:
            return self._tell_at
        self._tell(now)
        return now

    def _last_told(self, now: Micros) -> Micros:
        state = self._reading.state if self._reading is not None else None
        told = int(json.loads(state)["told"]) if state else 0
        return told if told <= now else 0  # the clock was set back

    def _find_first(self, now: Micros) -> Micros | None:
        """Go to the first event that is to be told; when it is."""
        last = self._store.last_seq()
        for fact in self._facts(last):
            if self._wants(fact):
                self._seen = fact.event.seq - 1
                return min(fact.event.at, now) + self.route.wait_micros
        self._seen = max(self._seen, last)
        if self._reading is not None and self._seen - self._reading.seq > _UNSTORED:
            self._move([], now, self._reading.state)
        return None

    def _tell(self, now: Micros) -> None:
        last = self._store.last_seq()
        digest = Digest()
        for fact in self._facts(last):
            if self._wants(fact):
                digest.add(fact)
                if len(digest) == _MOST_IN_ONE:
                    last = fact.event.seq
                    break
        self._seen = last
        messages = [digest.message(now, self.route.labels)] if digest else []
        self._move(messages, now, json.dumps({"told": now}))

    def _move(self, messages: list[Message], now: Micros, state: str | None) -> None:
        assert self._reading is not None
        after = Reading(self._reading.name, self._seen, state)
        deliveries = [message.to(self.name) for message in messages]
        if self._store.notices.read_on(self._reading, after, deliveries, now):
            self._reading, self._tell_at = after, None
        else:  # another process tells by this route too, and was faster
            self.begin()

    def _facts(self, last: int) -> Iterator[Fact]:
        after = self._seen
        while page := self._store.events(after, _PAGE, self._kinds):
            for event in page:
                if event.seq > last:
                    return
                yield Fact(event, self._store)
            after = page[-1].seq

    def _wants(self, fact: Fact) -> bool:
        if fact.kind == "delivery.failed":
            told = fact.told
            # What tells of failed messages could fail in turn, for ever.
            if told.get("target") == self.name or told.get("message") == "delivery.failed":
                return False
        return any(rule.matches(fact) for rule in self.route.rules)

    # -- sending ------------------------------------------------------------------------------

    def send_due(self) -> int:
        """Try the messages that are due; how many."""
        tried = 0
        while tried < _AT_ONCE and self._send_one():
            tried += 1
        return tried

    def _send_one(self) -> bool:
        now = self._clock.micros()
        until = now + round(self.route.channel.deadline * SECOND) + _LEASE_MARGIN
        taken = self._store.notices.take_due(until, 1, now, self.name)
        for delivery in taken:
            self._try(delivery)
        return bool(taken)

    def _try(self, delivery: Delivery) -> None:
        notices = self._store.notices
        if delivery.attempt > MAX_ATTEMPTS:
            error = f"the process died while sending it, at the last of {MAX_ATTEMPTS} attempts"
            notices.settle(delivery, DeliveryState.FAILED, self._clock.micros(), error=error)
            return
        try:
            note = self._send(Message.of(delivery))
        except DeliveryError as error:
            self._failed(delivery, error)
        else:
            sent = notices.settle(
                delivery, DeliveryState.SENT, self._clock.micros(), error=note or None
            )
            if not sent:
                _log.warning("message %s was sent after its lease had ended", delivery.key)

    def _send(self, message: Message) -> str:
        try:
            return self.route.channel.send(message)
        except DeliveryError:
            raise
        except Exception as error:  # a channel of the user's own
            # Without its text, in which there may be a secret.
            trace = "".join(traceback.format_tb(error.__traceback__))
            _log.error("channel %s failed with %s\n%s", self.name, type(error).__name__, trace)
            raise DeliveryError(f"the channel failed with {type(error).__name__}") from error

    def _failed(self, delivery: Delivery, error: DeliveryError) -> None:
        now, told = self._clock.micros(), one_line(str(error), 300)
        last = delivery.attempt >= MAX_ATTEMPTS
        _log.warning(
            "message %s to %s, attempt %d of %d: %s",
            delivery.key, self.name, delivery.attempt, MAX_ATTEMPTS, told,
        )  # fmt: skip
        state = DeliveryState.FAILED if last else DeliveryState.WAITING
        next_at = now + pause(delivery.attempt, error.retry_after)
        self._store.notices.settle(delivery, state, now, next_at, told)

    def test(self) -> Trial:
        """Send a message that says that this is a test, now, and say what came of it."""
        started = self._clock.monotonic()
        text = f"This is a test of {self.name}. Nothing has happened."
        message = Message(uuid4().hex, TEST, "Test of Offhours", text, self._clock.micros(), "low")
        try:
            note = self._send(message)
        except DeliveryError as error:
            return Trial(False, self._clock.monotonic() - started, one_line(str(error), 300))
        return Trial(True, self._clock.monotonic() - started, note=note)


def pause(attempt: int, retry_after: float | None = None) -> Micros:
    """How long to wait after a failed attempt: 30 s, 2 min, 8 min, 32 min, or longer if asked to,
    but never more than an hour."""
    wanted = 0 if retry_after is None else round(min(retry_after, HOUR / SECOND) * SECOND)
    return min(LONGEST_PAUSE, max(wanted, FIRST_PAUSE * int(4 ** (attempt - 1))))
