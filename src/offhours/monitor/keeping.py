"""The figures' place in the store: who folds, and from where. One process folds for all."""

from __future__ import annotations

import base64
import logging
import zlib
from uuid import uuid4

import msgspec

from offhours.core.notices import Reading
from offhours.core.ports import Store
from offhours.core.times import SECOND, Micros
from offhours.monitor.figures import Figures, wanted
from offhours.monitor.watch import Cases

NAME = "monitor"
FORM = 1
PAGE = 1_000
LARGE = 20_000  # bytes of state from which on it is packed
PACKED = "zlib:"
HOLD: Micros = 30 * SECOND
RENEW: Micros = 10 * SECOND

_log = logging.getLogger("offhours")


class Notes(msgspec.Struct):
    """What is kept beside the figures: who stored them and when, what is wrong, the last export."""

    form: int = FORM
    by: str = ""
    at: Micros = 0
    cases: Cases = msgspec.field(default_factory=dict)
    exported_at: Micros = 0


class State(Notes):
    """What is stored."""

    figures: Figures = msgspec.field(default_factory=Figures)


class Keeping:
    """Reads on in the event stream and stores how far it came, unless another process does."""

    def __init__(self, store: Store, history: int) -> None:
        self.id = uuid4().hex
        self._store = store
        self._history = history
        self._stored: Reading | None = None
        self._known = ""
        self.figures = Figures(history=history)
        self.notes = Notes()

    def bound(self, history: int) -> None:
        """Keep so many hours of tasks from now on."""
        self._history = self.figures.history = history

    def read(self, now: Micros) -> bool:
        """Take over what is stored where that is further; true when it is ours to go on with it.

        It is when nobody has stored anything for a while: whoever does then holds it.
        """
        self._stored = self._store.notices.reading(NAME)
        text = "" if self._stored is None else self._stored.state or ""
        if text != self._known:
            self._known = text
            self._adopt(text)
        self.figures.not_after(now)
        return self.notes.by in ("", self.id) or not 0 <= now - self.notes.at < HOLD

    def wants_renewal(self, now: Micros) -> bool:
        """Whether others would soon take it for abandoned.

        What is not stored is not lost: whoever goes on reads the same events again.
        """
        return self.notes.by != self.id or now - self.notes.at >= RENEW

    def _adopt(self, text: str) -> None:
        state = _decoded(text)
        self.notes = Notes(state.form, state.by, state.at, state.cases, state.exported_at)
        if state.figures.seq >= self.figures.seq:
            self.figures = state.figures
            self.figures.history = self._history

    def fold(self, pages: int | None = None) -> bool:
        """Read on in memory; true when there is more than so many pages."""
        while pages is None or pages > 0:
            events = self._store.events(self.figures.seq, PAGE)
            jobs = wanted(events)
            facts = {job.id: job for job in self._store.facts(jobs)} if jobs else {}
            self.figures.fold(events, facts)
            if len(events) < PAGE:
                return False
            pages = None if pages is None else pages - 1
        return True

    def store(self, now: Micros, by: str) -> bool:
        """Store all of it; false, and nothing is changed, when another process was faster."""
        notes = self.notes
        state = State(FORM, by, now, notes.cases, notes.exported_at, self.figures)
        text = _packed(msgspec.json.encode(state))
        after = Reading(NAME, self.figures.seq, text)
        if not self._store.notices.read_on(self._stored, after, (), now):
            self.figures, self._known = Figures(history=self._history), ""
            return False
        self._known, self._stored = text, after
        notes.by, notes.at = by, now
        return True


def _packed(state: bytes) -> str:
    """What is stored: as it is while it is small, else a sixth of it."""
    if len(state) < LARGE:
        return state.decode()
    return PACKED + base64.b85encode(zlib.compress(state, 1)).decode()


def _decoded(text: str) -> State:
    try:
        packed = text.startswith(PACKED)
        plain = zlib.decompress(base64.b85decode(text[len(PACKED) :])) if packed else text
        state = msgspec.json.decode(plain, type=State)
        if state.form == FORM:
            return state
    except (msgspec.DecodeError, zlib.error, ValueError) as error:
        if text:
            _log.warning("the monitor's stored figures cannot be read (%s): counted anew", error)
    return State()
