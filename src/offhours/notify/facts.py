"""Events as people read them, and how bad each is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from offhours.core.events import Event
from offhours.core.model import Job
from offhours.core.notices import Alert
from offhours.core.ports import Store
from offhours.core.times import iso
from offhours.notify.message import SEVERITIES, one_line

QUARANTINED = "job.quarantined"

# How bad an event is that does not say so itself; what is not listed is low.
_SEVERITY = {
    QUARANTINED: "high",
    "delivery.failed": "high",
    "job.failed": "medium",
    "job.stuck": "medium",
    "schedule.disabled": "high",
    "schedule.parked": "medium",
    "store.log_large": "medium",
    "worker.lost": "medium",
}
_LOOK_BACK = 1_000  # alerts among which that of an event is looked for

# What to call several of a kind.
_MANY = {
    "job.failed": "jobs failed",
    QUARANTINED: "jobs were quarantined",
    "job.cancelled": "jobs were cancelled",
    "job.stuck": "jobs are stuck",
    "alert.firing": "alerts are firing",
    "alert.resolved": "alerts were resolved",
    "schedule.disabled": "schedules were disabled",
    "delivery.failed": "messages could not be delivered",
    "worker.lost": "workers were lost",
    "recorder.dumped": "dumps of the recorder",
}


@dataclass(frozen=True)
class Fact:
    """An event with its surroundings, which are looked up when they are asked for."""

    event: Event
    store: Store

    @cached_property
    def told(self) -> dict[str, Any]:
        return json.loads(self.event.data) if self.event.data else {}

    @property
    def kind(self) -> str:
        """The event's kind; a job that failed because it kills its workers is `job.quarantined`."""
        quarantined = self.event.kind == "job.failed" and self.told.get("code") == "quarantined"
        return QUARANTINED if quarantined else self.event.kind

    @cached_property
    def job(self) -> Job | None:
        return None if self.event.job_id is None else self.store.job(self.event.job_id)

    @cached_property
    def _alert(self) -> Alert | None:
        found = self.store.notices.alerts(limit=_LOOK_BACK) if "alert" in self.told else []
        return next((alert for alert in found if alert.id == self.told["alert"]), None)

    @cached_property
    def severity(self) -> str:
        """One of `SEVERITIES`; a word that is none of them counts as high."""
        told = self.told.get("severity")
        if told is None and self._alert is not None:
            told = self._alert.severity
        if told is None:
            return _SEVERITY.get(self.kind, "low")
        return told if told in SEVERITIES else "high"

    @property
    def sentence(self) -> str:
        """What happened, in one line."""
        try:
            sentence = _SENTENCES.get(self.kind, _plain)(self)
        except (KeyError, TypeError):  # told by another version, or by hand
            sentence = _plain(self)
        return one_line(sentence, 300)

    def as_json(self) -> dict[str, Any]:
        """What a program reads of it. A job's arguments are not in it: they may be secret."""
        job = self.job
        named = {} if job is None else {"task": job.task, "priority": job.priority}
        return {
            **self.told,
            **named,
            "seq": self.event.seq,
            "kind": self.kind,
            "at": iso(self.event.at),
            "job": self.event.job_id,
        }


def many(kind: str, count: int) -> str:
    """How many of a kind, in words.

    >>> many("job.failed", 10_000)
    '10,000 jobs failed'
    """
    return f"{count:,} {_MANY.get(kind, f'times {kind}')}"


def _job_failed(fact: Fact) -> str:
    job, error = fact.job, str(fact.told.get("error") or fact.told.get("reason") or "")
    name = f" ({job.task})" if job is not None else ""
    if not error and job is not None and job.error:
        error = job.error
    last = next((line for line in reversed(error.splitlines()) if line.strip()), "")
    return f"job {fact.event.job_id}{name} failed{': ' if last else ''}{last}"


def _quarantined(fact: Fact) -> str:
    return f"{_job_failed(fact)} (quarantined after {fact.told.get('crashes')} crashes)"


def _alert_firing(fact: Fact) -> str:
    told = fact.told
    return f"{told['message']} ({told['rule']}, {told['subject']}, {fact.severity})"


def _alert_resolved(fact: Fact) -> str:
    return f"resolved: {fact.told['rule']}, {fact.told['subject']}"


def _schedule_disabled(fact: Fact) -> str:
    told = fact.told
    name = told.get("name") or told.get("schedule")
    return f"schedule {name} was disabled: {told.get('reason')}"


def _delivery_failed(fact: Fact) -> str:
    return f"a message to {fact.told['target']} could not be delivered: {fact.told['error']}"


def _plain(fact: Fact) -> str:
    of = f" of job {fact.event.job_id}" if fact.event.job_id is not None else ""
    told = ", ".join(f"{name} {value}" for name, value in _shown(fact.told))
    return f"{fact.kind}{of}{': ' if told else ''}{told}"


def _shown(told: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in told.items():
        if value is not None:
            yield name, value


_SENTENCES: dict[str, Callable[[Fact], str]] = {
    "job.failed": _job_failed,
    QUARANTINED: _quarantined,
    "alert.firing": _alert_firing,
    "alert.resolved": _alert_resolved,
    "schedule.disabled": _schedule_disabled,
    "delivery.failed": _delivery_failed,
}
