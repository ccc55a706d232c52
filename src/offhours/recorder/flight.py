"""The recorder's inside: the buffer that calls are appended to, and the rounds that look at it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any, Protocol

from offhours.recorder.delivery import BugCatcher
from offhours.recorder.drainer import Drainer
from offhours.recorder.dumps import Dump
from offhours.recorder.examiner import Examiner
from offhours.recorder.incidents import Incident
from offhours.recorder.places import place
from offhours.recorder.records import Record, Tool, ended
from offhours.recorder.settings import Settings
from offhours.recorder.sinks.memory import MemorySink
from offhours.recorder.summaries import Summarizer
from offhours.recorder.timing import Switch
from offhours.recorder.watched import Watched
from offhours.recorder.writer import DumpWriter

REST, LONGEST_REST = 0.05, 0.25

_log = logging.getLogger("offhours.recorder")


class Outlet(Protocol):
    """What takes dumps; `BugCatcher` is one."""

    def deliver(self, dump: Dump) -> None: ...


class Flight:
    """Implements `timing.Recording`. Calls only append; all else happens in rounds."""

    def __init__(
        self,
        settings: Settings,
        *,
        outlet: Outlet | None,
        summaries: Summarizer,
        summarize: Callable[[Any], Any] | None,
        writer: DumpWriter,
        timer: Callable[[], float],
        background: bool,
    ) -> None:
        self.settings = settings
        self.outlet = outlet
        self.switch = Switch(settings.enabled)
        self.timer = timer
        self.summarize = summarize
        self.buffer: deque[Record] = deque(maxlen=settings.max_requests)
        self.append = self.buffer.append
        self.examiner = Examiner(settings, self.buffer, timer)
        self.memory = MemorySink()
        self.dumped = 0
        self.lock = threading.RLock()
        self._summaries = summaries
        self._writer = writer
        self._background = background
        self._drainer = Drainer(self._round)
        self._rest = REST

    def watch(self, tool: str) -> Watched:
        """The tool of a name. Of one that is known nobody waits, not even for a dump."""
        found = self.examiner.known(tool)
        if found is None:
            with self.lock:
                found = self.examiner.watch(tool)
        return found

    def notice(self, record: Record) -> None:
        """A call was over its tool's limit, or is the first of its tool."""
        self.examiner.suspects.append(record)
        if self._background and not self._drainer.running:
            self._drainer.start()

    def keep(self, tool: Tool, began: float, spent: float, result: Any) -> None:
        """Record a call with its result."""
        kind, size = self._summaries.of(result)
        self.store((tool, began, spent, place.get(), kind, size))

    def store(self, record: Record) -> None:
        """Record a call."""
        self.append(record)
        if record[2] > record[0].limit:
            self.notice(record)

    def examine(self) -> None:
        """Judge all calls until now, and dump what is due."""
        with self.lock:
            self.examiner.examine()
            incident = self.examiner.incidents.due(self.timer())
            if incident is not None:
                self.dump(incident)

    def recent(self) -> list[Record]:
        """The calls of the last seconds, oldest first."""
        first = self.timer() - self.settings.buffer_duration
        return [call for call in list(self.buffer) if ended(call) >= first]

    def dump(self, incident: Incident) -> Dump:
        """Write a dump, keep it and hand it on."""
        calls = list(self.buffer)
        examiner = self.examiner
        dump = self._writer.write(
            incident,
            calls,
            suppressed=dict(examiner.incidents.take_suppressed()),
            dropped=self.dropped(),
            paused=examiner.paused_calls,
            full=len(calls) == self.buffer.maxlen
            and ended(calls[0]) > ended(incident.record) - self.settings.buffer_duration,
        )
        examiner.paused_calls = 0
        self.dumped += 1
        self.memory.write(dump)
        _log.warning(
            "%s took %.3f ms (%s): dump %s of %d calls",
            dump.triggered_by, dump.observed_ms, dump.explanation, dump.dump_id, dump.buffer_size,
        )  # fmt: skip
        if self.outlet is not None:
            try:
                self.outlet.deliver(dump)
            except Exception:
                _log.exception("dump %s was not handed on", dump.dump_id)
        return dump

    def dropped(self) -> int:
        """Dumps that a sink did not get and never will."""
        return self.outlet.dropped if isinstance(self.outlet, BugCatcher) else 0

    def close(self, timeout: float) -> None:
        """Record nothing more; judge and dump what is left."""
        self.switch.on = False
        self._drainer.stop(timeout)
        with self.lock:
            self.examiner.pauses.forget()
            self.examiner.examine()
            incident = self.examiner.incidents.due(inf)
            if incident is not None:
                self.dump(incident)

    def after_fork(self) -> None:
        """In a child process: the parent's threads and locks are not there."""
        self.lock = threading.RLock()
        self._drainer = Drainer(self._round)
        self.examiner.pauses.forget()
        self.examiner.restart()
        self.buffer.clear()

    def _round(self) -> float:
        """One round of the drainer; how long to rest."""
        began = self.timer()
        with self.lock:
            busy = self.examiner.has_new
            self.examine()
            self._trim()
            self._rest = REST if busy else min(LONGEST_REST, self._rest * 2)
            # Under a storm of calls, at most a twentieth of the time is ours.
            rest = max(self._rest, min(1.0, 20 * (self.timer() - began)))
            due = self.examiner.incidents.next_due()
            if due is not None:
                rest = min(rest, max(0.0, due - self.timer()))
            self.examiner.pauses.expect(rest)
            return rest

    def _trim(self) -> None:
        """Let go of calls that no dump will show any more."""
        buffer = self.buffer
        first = self.timer() - self.settings.buffer_duration - self.settings.after - 1
        while len(buffer) > 1 and len(buffer) != buffer.maxlen and ended(buffer[0]) < first:
            buffer.popleft()
