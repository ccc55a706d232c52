"""What a dump is: the documented JSON, with what explains it added."""

from __future__ import annotations

from typing import Any

import msgspec

LABELS = {"job": "code_evolver_offline_optimizer", "type": "buffer_dump"}
HIGH_TIMES = 3
ALWAYS_HIGH = 9.0  # as a variance: ten times the mean


class Request(msgspec.Struct, frozen=True):
    """One recorded call. `timestamp` is when it ended, in seconds since 1970."""

    tool_name: str
    execution_time_ms: float
    timestamp: float
    timestamp_iso: str
    workflow_id: str | None
    step_id: str | None
    result_summary: str


class Dump(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="perfcatcher_buffer_dump"
):
    """The calls of the last seconds, and why they were dumped.

    reason: "point" (one call), "level" (slower for good), "threshold", "fixed" or "manual"
    rarity: of how many calls one is as slow, as far as the tool's own tail tells
    suppressed, suppressed_by: triggers since the dump before that made none, in all and by tool
    dropped_dumps: earlier dumps that could not be delivered anywhere, since the process started
    buffer_full: older calls than `covered_s` were pushed out by newer ones
    paused_calls: calls since the dump before that were not judged, because the process stood still
    """

    triggered_by: str
    trigger_variance: float
    trigger_timestamp: str
    buffer_size: int
    buffer_duration_s: float
    dump_id: str
    severity: str
    mode: str
    reason: str
    explanation: str
    observed_ms: float
    baseline_mean_ms: float
    baseline_median_ms: float
    limit_ms: float | None
    rarity: float | None
    workflow_id: str | None
    step_id: str | None
    suppressed: int
    suppressed_by: dict[str, int]
    dropped_dumps: int
    buffer_full: bool
    covered_s: float
    paused_calls: int
    trigger_unix: float
    label: str
    requests: tuple[Request, ...]

    @property
    def labels(self) -> dict[str, str]:
        """The documented Loki labels."""
        return {**LABELS, "triggered_by": self.label, "severity": self.severity}

    def document(self) -> dict[str, Any]:
        """The dump as plain data, in the documented form."""
        found: dict[str, Any] = msgspec.json.decode(self.json())
        return found

    def json(self) -> bytes:
        """The dump as one JSON text."""
        return msgspec.json.encode(self)

    def head(self) -> bytes:
        """The same without its calls."""
        return msgspec.json.encode(msgspec.structs.replace(self, requests=()))

    @classmethod
    def from_json(cls, text: bytes) -> Dump:
        """The dump that `json` wrote. Raises `ValueError` for anything else."""
        return msgspec.json.decode(text, type=cls)


def severity(variance: float, threshold: float) -> str:
    """`high` from three times the threshold on, and always from ten times the mean on.

    >>> severity(0.35, 0.2), severity(0.65, 0.2), severity(9.5, 5.0)
    ('medium', 'high', 'high')
    """
    high = variance >= ALWAYS_HIGH or (threshold > 0 and variance >= HIGH_TIMES * threshold)
    return "high" if high else "medium"
