"""What rooms keep in the store beside jobs: how far they have read, alerts, messages, dumps."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from offhours.core.times import Micros


class Reading(NamedTuple):
    """How far a reader of the event stream has come, and what it made of it (JSON)."""

    name: str
    seq: int
    state: str | None = None


class DeliveryState(StrEnum):
    """Where a message stands; `waiting` is the only one that is left again."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class NewDelivery(NamedTuple):
    """A message to be sent. `key` is the same at each try, so that who gets it can tell.

    `target` names the channel as it is configured; secrets stay in the configuration.
    """

    key: str
    target: str
    kind: str
    subject: str
    body: str
    next_at: Micros
    state: str = DeliveryState.WAITING


class Delivery(NamedTuple):
    """A message on its way. `attempt` numbers the tries and is their fencing token."""

    id: int
    key: str
    target: str
    kind: str
    subject: str
    body: str
    created_at: Micros
    state: str
    attempt: int
    next_at: Micros
    finished_at: Micros | None
    error: str | None


SEVERITIES = ("low", "medium", "high", "critical")
"""Of alerts and messages, the gravest last."""


class AlertState(StrEnum):
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class NewAlert(NamedTuple):
    """What is wrong. While one of the same rule and subject is open, it is the same alert."""

    rule: str
    subject: str
    severity: str
    message: str
    value: float | None = None
    threshold: float | None = None


class Alert(NamedTuple):
    """Something that is wrong, or was: `seen` times it was found, last at `seen_at`."""

    id: int
    rule: str
    subject: str
    severity: str
    message: str
    value: float | None
    threshold: float | None
    state: str
    seen: int
    fired_at: Micros
    seen_at: Micros
    acknowledged_at: Micros | None
    acknowledged_by: str | None
    resolved_at: Micros | None


class JobFacts(NamedTuple):
    """What readers of the events need to know of a job. Once it is finished none of it changes."""

    id: int
    task: str
    queue: str
    name: str | None
    schedule_id: int | None
    run_at: Micros
    attempt: int
    started_at: Micros | None
    finished_at: Micros | None


class StoredDump(NamedTuple):
    """A dump of the flight recorder; `body` is the documented JSON, `head` that without calls."""

    dump_id: str
    at: Micros
    tool: str
    severity: str
    triggered_by: str
    body: str
    head: str


class DumpHead(NamedTuple):
    """A dump as a list has it."""

    dump_id: str
    at: Micros
    tool: str
    severity: str
    triggered_by: str
    head: str
