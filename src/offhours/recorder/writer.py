"""Turns an incident and the buffer into a dump."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from math import isfinite

from offhours.core.clock import Clock
from offhours.core.times import SECOND, iso
from offhours.recorder.dumps import Dump, Request, severity
from offhours.recorder.examiner import OTHER
from offhours.recorder.incidents import Incident
from offhours.recorder.records import Record, ended, summary
from offhours.recorder.redaction import Redactor

MOST_LABELS = 200
LABEL_LENGTH = 200
NAME_LENGTH = 500


class DumpWriter:
    """Writes dumps of one recorder. The wall clock is asked once a dump, and only stamps."""

    def __init__(
        self, clock: Clock, timer: Callable[[], float], redactor: Redactor, duration: float
    ) -> None:
        self._clock = clock
        self._timer = timer
        self._redactor = redactor
        self._duration = duration
        self._labels: set[str] = set()

    def write(
        self,
        incident: Incident,
        calls: Iterable[Record],
        *,
        suppressed: dict[str, int],
        dropped: int,
        paused: int,
        full: bool,
    ) -> Dump:
        """The dump of an incident: its call, those in the 30 s before it, and those since."""
        trigger = incident.record
        first = ended(trigger) - self._duration
        kept = [call for call in calls if ended(call) >= first]
        if trigger not in kept:
            kept.insert(0, trigger)
        offset = self._clock.micros() / SECOND - self._timer()
        name = self._named()
        requests = tuple(_request(call, offset, name) for call in kept)
        tool, where = name(trigger[0].name), trigger[3] or (None, None)
        at = ended(trigger) + offset
        limit = incident.finding.limit
        return Dump(
            triggered_by=tool or "unnamed",
            trigger_variance=round(incident.variance, 4),
            trigger_timestamp=_iso(at),
            buffer_size=len(requests),
            buffer_duration_s=self._duration,
            dump_id=secrets.token_hex(8),
            severity=severity(incident.variance, incident.threshold),
            mode=incident.mode,
            reason=incident.finding.reason,
            explanation=incident.finding.says,
            observed_ms=_ms(trigger[2]),
            baseline_mean_ms=_ms(incident.mean),
            baseline_median_ms=_ms(incident.median),
            limit_ms=_ms(limit) if isfinite(limit) else None,
            rarity=incident.finding.rarity and round(incident.finding.rarity, 1),
            workflow_id=name(where[0]),
            step_id=name(where[1]),
            suppressed=sum(suppressed.values()),
            suppressed_by={name(tool) or "unnamed": n for tool, n in suppressed.items()},
            dropped_dumps=dropped,
            buffer_full=full,
            covered_s=round(ended(kept[-1]) - ended(kept[0]), 3),
            paused_calls=paused,
            trigger_unix=at,
            label=self._label(tool or "unnamed"),
            requests=requests,
        )

    def _named(self) -> Callable[[str | None], str | None]:
        """Names without secrets, each looked at once a dump."""
        known: dict[str, str] = {}

        def name(text: str | None) -> str | None:
            if text is None:
                return None
            if text not in known:
                known[text] = self._redactor.text(str(text))[:NAME_LENGTH]
            return known[text]

        return name

    def _label(self, tool: str) -> str:
        """A label's values are few, whatever the tools are called."""
        value = "".join(c if c.isprintable() else "_" for c in tool)[:LABEL_LENGTH]
        if value not in self._labels:
            if len(self._labels) >= MOST_LABELS:
                return OTHER
            self._labels.add(value)
        return value


def _request(call: Record, offset: float, name: Callable[[str | None], str | None]) -> Request:
    workflow, step = call[3] or (None, None)
    at = ended(call) + offset
    return Request(
        name(call[0].name) or "unnamed",
        _ms(call[2]),
        round(at, 6),
        _iso(at),
        name(workflow),
        name(step),
        summary(call),
    )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 6)


def _iso(unix: float) -> str:
    return iso(max(0, round(unix * SECOND)))
