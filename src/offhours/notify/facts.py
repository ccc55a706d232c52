"""Events as people read them, and how bad each is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from offhours.core.agents import wake_up
from offhours.core.events import Event
from offhours.core.model import Job
from offhours.core.notices import SEVERITIES, Alert
from offhours.core.ports import Store
from offhours.core.times import iso
from offhours.notify.message import one_line

QUARANTINED = "job.quarantined"

# How bad an event is that does not say so itself; what is not listed is low.
_SEVERITY = {
    QUARANTINED: "high",
    "delivery.failed": "high",
    "job.failed": "medium",
    "job.stuck": "medium",
    "schedule.disabled": "high",
    "schedule.parked": "medium",
    "model.rolled_back": "high",
    "store.log_large": "medium",
    "training.failed": "medium",
    "training.refused": "medium",
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
    "training.failed": "learning cycles failed",
    "training.refused": "models were refused",
    "thought.created": "thoughts",
}


@dataclass(frozen=True)
class Fact:
    """An event with its surroundings, which are looked up when they are asked for.

    task: of its job, when that was looked up with many others
    """

    event: Event
    store: Store
    task: str | None = None

    @cached_property
    def told(self) -> dict[str, Any]:
        return self.event.told

    @property
    def kind(self) -> str:
        """The event's kind; a job that failed because it kills its workers is `job.quarantined`."""
        quarantined = self.event.kind == "job.failed" and self.told.get("code") == "quarantined"
        return QUARANTINED if quarantined else self.event.kind

    @cached_property
    def job(self) -> Job | None:
        return None if self.event.job_id is None else self.store.job(self.event.job_id)

    @property
    def schedule(self) -> int | None:
        """The number of the schedule that it is about, or that made its job."""
        told: int | None = self.told.get("schedule")
        return told if told is not None or self.job is None else self.job.schedule_id

    @property
    def tenant(self) -> str | None:
        """Whose it is, if it is anybody's."""
        told: str | None = self.told.get("tenant")
        return told if told is not None or self.job is None else self.job.tenant

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
    def _wake_up(self) -> dict[str, Any]:
        """A thought is told whole: that is what it is for."""
        if self.kind != "thought.created":
            return {}
        found = self.store.agents.thought(self.told["thought"])
        return {} if found is None else {"wake_up": wake_up(found)}

    @property
    def group(self) -> str | None:
        """What it has in common with others of its kind: the rule of an alert, the task of a job.

        Jobs with `durable=False` are all "local".
        """
        rule = self.told.get("rule")
        if isinstance(rule, str):
            return one_line(rule, 80)
        task = self.task
        return None if task is None else "local" if task.startswith("local:") else task

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
            **self._wake_up,
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


def _thought_created(fact: Fact) -> str:
    goal = f": {fact.told['goal']}" if fact.told.get("goal") else ""
    return f"a thought for {fact.told['agent']}{goal}"


def _training(fact: Fact) -> str:
    told = fact.told
    cycle = f"cycle {told['cycle']} of {told['model']} ({told['tenant']})"
    return f"{cycle}: {fact.kind.partition('.')[2]}: {told['reason']}"


def _model_moved(fact: Fact) -> str:
    told = fact.told
    did = fact.kind.partition(".")[2].replace("_", " ")
    text = f"{told['model']} ({told['tenant']}) was {did} to version {told['version']}"
    return f"{text} by {told['by']}: {told['reason']}" if told["reason"] else text


def _plain(fact: Fact) -> str:
    of = f" of job {fact.event.job_id}" if fact.event.job_id is not None else ""
    told = ", ".join(f"{name} {v}" for name, v in fact.told.items() if v is not None)
    return f"{fact.kind}{of}{': ' if told else ''}{told}"


_SENTENCES: dict[str, Callable[[Fact], str]] = {
    "job.failed": _job_failed,
    QUARANTINED: _quarantined,
    "alert.firing": _alert_firing,
    "alert.resolved": _alert_resolved,
    "schedule.disabled": _schedule_disabled,
    "delivery.failed": _delivery_failed,
    "model.restored": _model_moved,
    "model.rolled_back": _model_moved,
    "training.done": _training,
    "training.failed": _training,
    "training.kept": _training,
    "training.promoted": _training,
    "training.refused": _training,
    "training.skipped": _training,
    "thought.created": _thought_created,
}
