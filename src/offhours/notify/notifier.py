"""One route at work: it reads the events, stores messages, and sends them."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import msgspec

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
STORE_EVERY = 10 * SECOND

_PAGE = 1_000
_UNSTORED = 10_000  # how far it may have read before it stores where it stands
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


class _State(msgspec.Struct):
    """What is stored beside how far a route has read: when it told last, and what it has to tell.

    (A state of an older version has `told` alone.)
    """

    told: Micros = 0
    digest: Digest = msgspec.field(default_factory=Digest)


class Notifier:
    """Tells what happens by one route.

    How far it has read is stored together with the message that follows, so nothing is told twice
    or not at all, whichever process tells. What it must not tell yet it reads all the same, and
    keeps in few words: the events themselves may be pruned by then.
    """

    def __init__(self, route: Route, store: Store, clock: Clock) -> None:
        self.route = route
        self._store = store
        self._clock = clock
        self._kinds = events_of(route.rules)
        self._reading: Reading | None = None
        self._state = _State()
        self._seen = 0  # up to here all that is to be told is in the state
        self._stored_at: Micros = 0

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
        self._seen, self._state = 0, _State()
        if self._reading is not None:
            self._seen = self._reading.seq
            if self._reading.state:
                self._state = msgspec.json.decode(self._reading.state, type=_State)

    def tick(self, now: Micros) -> Micros:
        """Read what there is to tell, and send what is due. When to look again."""
        wake = self._read(now)
        return now if self.send_due() == _AT_ONCE else min(wake, now + LOOK)

    # -- reading ------------------------------------------------------------------------------

    def _read(self, now: Micros) -> Micros:
        if self._reading is None:
            self.begin()
        if self._take_in(now):
            return now
        digest = self._state.digest
        if digest:
            # Not later than now, should the clock have been set back meanwhile.
            digest.since = min(digest.since, now)
            due = max(
                digest.since + self.route.wait_micros,
                self.route.opens_at(now),
                self._last_told(now) + self.route.every_micros,
            )
            if now >= due:
                self._tell(now)
                return now
        self._perhaps_store(now)
        return due if digest else now + LOOK

    def _last_told(self, now: Micros) -> Micros:
        told = self._state.told
        return told if told <= now else 0  # the clock was set back

    def _take_in(self, now: Micros) -> bool:
        """Read on; true when there is more."""
        last = self._store.last_seq()
        for fact in self._facts(last):
            if self._wants(fact):
                self._state.digest.add(fact, now)
            self._seen = fact.event.seq
            if self._seen - (self._reading.seq if self._reading else 0) > _UNSTORED:
                break
        else:
            self._seen = max(self._seen, last)
            return False
        self._move([], now, self._state)
        return True

    def _perhaps_store(self, now: Micros) -> None:
        """Store where it stands, now and then: what a crash leaves unstored is read again."""
        assert self._reading is not None
        ahead = self._seen - self._reading.seq
        waits = self._state.digest and not 0 <= now - self._stored_at < STORE_EVERY
        if ahead > _UNSTORED or (ahead and waits):
            self._move([], now, self._state)

    def _tell(self, now: Micros) -> None:
        message = self._state.digest.message(now, self.route.labels)
        self._move([message], now, _State(now))

    def _move(self, messages: list[Message], now: Micros, state: _State) -> None:
        assert self._reading is not None
        text = msgspec.json.encode(state).decode()
        after = Reading(self._reading.name, self._seen, text)
        deliveries = [message.to(self.name) for message in messages]
        if self._store.notices.read_on(self._reading, after, deliveries, now):
            self._reading, self._state, self._stored_at = after, state, now
        else:  # another process tells by this route too, and was faster
            self.begin()

    def _facts(self, last: int) -> Iterator[Fact]:
        after = self._seen
        while page := self._store.events(after, _PAGE, self._kinds):
            ids = {event.job_id for event in page if event.job_id is not None}
            known = {job.id: job.task for job in self._store.facts(list(ids))} if ids else {}
            for event in page:
                if event.seq > last:
                    return
                yield Fact(event, self._store, known.get(event.job_id or 0))
            after = page[-1].seq

    def _wants(self, fact: Fact) -> bool:
        if fact.kind == "delivery.failed":
            told = fact.told
            # What tells of failed messages could fail in turn, for ever.
            if told.get("target") == self.name or told.get("message") == "delivery.failed":
                return False
        if fact.told.get("delivery", self.name) != self.name:
            return False  # the agent wants it to go by another route, or by none
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
        last = error.permanent or delivery.attempt >= MAX_ATTEMPTS
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
