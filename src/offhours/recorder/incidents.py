"""One incident, one dump: what happens between a trigger and its dump."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from math import inf

from offhours.recorder.detectors.base import Finding
from offhours.recorder.records import Record, ended
from offhours.recorder.watched import Watched

DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Incident:
    """A trigger that will be dumped, and what was known when it came."""

    record: Record
    finding: Finding
    mode: str
    threshold: float
    mean: float
    median: float
    variance: float
    due: float = 0.0

    @classmethod
    def of(
        cls, watched: Watched, record: Record, finding: Finding, seconds: float, due: float = 0.0
    ) -> Incident:
        """An incident of a tool, compared with what was usual for it until now."""
        detector, usual = watched.detector, watched.baseline
        return cls(
            record, finding, detector.mode, detector.threshold,
            usual.mean, usual.median, usual.variance_of(seconds), due,
        )  # fmt: skip


class Incidents:
    """Lets one trigger through, and counts the others until the cool-down is over.

    Times are seconds of the recorder's timer: when the triggering calls ended.
    """

    def __init__(self, *, cooldown: float, daily_cap: int, after: float) -> None:
        self.after = after
        self._cooldown = cooldown
        self._daily_cap = daily_cap
        self._open: Incident | None = None
        self._last = -inf
        self._today: deque[float] = deque()
        self.suppressed: Counter[str] = Counter()

    def admit(self, record: Record) -> bool:
        """Whether a trigger begins an incident; if not, it is counted as suppressed."""
        moment = ended(record)
        while self._today and moment - self._today[0] > DAY_SECONDS:
            self._today.popleft()
        if (
            self._open is not None
            or moment - self._last < self._cooldown
            or len(self._today) >= self._daily_cap
        ):
            self.suppressed[record[0].name] += 1
            return False
        self._last = moment
        self._today.append(moment)
        return True

    def open(self, incident: Incident) -> None:
        """The admitted trigger, with all that is to be said about it."""
        self._open = incident

    def due(self, now: float) -> Incident | None:
        """The incident whose time to be dumped has come."""
        found = self._open
        if found is None or now < found.due:
            return None
        self._open = None
        return found

    def next_due(self) -> float | None:
        """When the open incident is to be dumped."""
        return None if self._open is None else self._open.due

    def take_suppressed(self) -> Counter[str]:
        """What was suppressed since this was asked last."""
        taken, self.suppressed = self.suppressed, Counter()
        return taken
