"""Off the hot path: looks at new calls, feeds baselines, rewrites limits, finds incidents."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from operator import itemgetter

from offhours.recorder.incidents import Incident, Incidents
from offhours.recorder.pauses import PauseWatch
from offhours.recorder.records import FAILED, Record, ended
from offhours.recorder.settings import Settings
from offhours.recorder.watched import UNSTARTED, Watched

MOST_TOOLS = 1000
OTHER = "other"
# Calls that are judged in a round; of more a sample is, and those that were over their limits.
THOROUGH = 250
LATE = 1.0  # how long a thread may take from the end of a call to its record
_tool_of = itemgetter(0)


class Examiner:
    """Judges the calls in a buffer. Its owner keeps it to one thread at a time."""

    def __init__(
        self, settings: Settings, buffer: deque[Record], timer: Callable[[], float]
    ) -> None:
        self.settings = settings
        self.pauses = PauseWatch(timer)
        self.incidents = Incidents(
            cooldown=settings.cooldown, daily_cap=settings.daily_cap, after=settings.after
        )
        self.paused_calls = 0
        self.uncounted = 0
        self.suspects: deque[Record] = deque(maxlen=256)
        self._buffer = buffer
        self._watched: dict[str, Watched] = {}
        self._seen: Record | None = None

    @property
    def tools(self) -> tuple[Watched, ...]:
        """All that is watched."""
        return tuple(self._watched.values())

    def watch(self, name: str) -> Watched:
        """The tool of a name; past a thousand of them all new ones are one, called `other`."""
        found = self._watched.get(name)
        if found is None:
            if len(self._watched) >= MOST_TOOLS:
                return self._watched.get(OTHER) or self._add(OTHER)
            found = self._add(name)
        return found

    def known(self, name: str) -> Watched | None:
        """The tool of a name, when it was ever seen."""
        return self._watched.get(name)

    def examine(self) -> None:
        """Take in the calls since the last time."""
        self.pauses.look()
        suspects = [self.suspects.popleft() for _ in range(len(self.suspects))]
        new = self._new()
        counts = Counter(map(_tool_of, new))
        if len(new) > THOROUGH:
            sample = {*new[:: len(new) // THOROUGH], *suspects}
            new = sorted(sample, key=ended)
        for record in new:
            self._judge(self._watched[record[0].name], record)
        for tool, count in counts.items():
            watched = self._watched[tool.name]
            watched.count += count
            tool.limit = watched.detector.limit

    def use(self, settings: Settings) -> None:
        """Take new settings for tools to come, and their threshold for those that have no own."""
        self.settings = settings
        for watched in self.tools:
            if not watched.own_threshold:
                watched.detector.threshold = settings.variance_threshold

    @property
    def has_new(self) -> bool:
        """Whether anything was recorded since the last round."""
        try:
            return self._buffer[-1] is not self._seen
        except IndexError:
            return False

    def restart(self) -> None:
        """Have the next call of any tool start the drainer."""
        self._seen = None
        for watched in self.tools:
            watched.tool.limit = UNSTARTED

    def _add(self, name: str) -> Watched:
        watched = self._watched[name] = Watched(name, self.settings)
        return watched

    def _new(self) -> list[Record]:
        """What was appended since the last round and is still there."""
        if not self.has_new:
            return []
        calls = list(self._buffer)  # one step of the interpreter: iterating would meet changes
        seen, self._seen = self._seen, calls[-1]
        if seen is None:
            return calls
        if ended(seen) >= ended(calls[0]) - LATE:
            for index in range(len(calls) - 1, -1, -1):
                if calls[index] is seen:
                    return calls[index + 1 :]
        if len(calls) == self._buffer.maxlen:
            self._estimate(seen, calls)
        return calls

    def _estimate(self, seen: Record, calls: list[Record]) -> None:
        """The buffer was filled anew since the last look: what was pushed out, at its own rate."""
        span = ended(calls[-1]) - ended(calls[0])
        gap = ended(calls[0]) - ended(seen)
        if span > 0 and gap > 0:
            self.uncounted += round(len(calls) * gap / span)

    def _judge(self, watched: Watched, record: Record) -> None:
        if self.pauses.covers(record[1], ended(record)):
            self.paused_calls += 1
            return
        spent, failed = record[2], record[5] == FAILED
        if failed:
            watched.baseline.errors += 1
            if spent <= watched.detector.limit:
                return  # quick to fail says nothing of how long work takes
        finding = watched.detector.observe(spent)
        if finding is not None and self.incidents.admit(record):
            due = ended(record) + self.incidents.after
            self.incidents.open(Incident.of(watched, record, finding, spent, due))
        if not failed:
            watched.baseline.add(spent)
