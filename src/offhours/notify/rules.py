"""Which events are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from offhours.core.errors import ConfigError, InputError, did_you_mean
from offhours.core.events import KINDS
from offhours.core.model import TaskPriority
from offhours.core.notices import SEVERITIES
from offhours.core.ports import name_list
from offhours.notify.facts import QUARANTINED, Fact

WORTH_TELLING = (
    "job.failed",
    "alert.firing",
    "alert.resolved",
    "schedule.disabled",
    "delivery.failed",
)
_KNOWN = (*KINDS, QUARANTINED)


@dataclass(frozen=True)
class Rule:
    """Events that are told: those for which all that is given holds.

    on: kinds, or patterns such as `alert.*`; `job.failed` includes `job.quarantined`
    tasks: only of jobs of these tasks, or patterns such as `mail.*`
    agents: only of thoughts of these agents, or patterns
    schedules: only of these schedules, by number, and of the jobs that they made
    tenants: only of these tenants, and of their jobs
    priority: only of jobs that are at least as urgent
    severity: at least `low`, `medium`, `high` or `critical`

    All that is wrong with it raises one `ConfigError`.

    >>> Rule(on="jobs.failed")
    Traceback (most recent call last):
    offhours.core.errors.ConfigError: on: no event "jobs.failed"; did you mean "job.failed"?
    """

    on: Sequence[str] | str = WORTH_TELLING
    tasks: Sequence[str] | str = ()
    schedules: Sequence[int] = ()
    tenants: Sequence[str] | str = ()
    priority: TaskPriority | str | int | None = None
    severity: str = "low"
    agents: Sequence[str] | str = ()

    def __post_init__(self) -> None:
        for name in ("on", "tasks", "tenants", "agents"):
            value = getattr(self, name)
            object.__setattr__(self, name, (value,) if isinstance(value, str) else tuple(value))
        faults = [
            f'on: no event "{pattern}"{did_you_mean(str(pattern), _KNOWN)}'
            for pattern in self.on
            if not any(fnmatchcase(kind, str(pattern)) for kind in _KNOWN)
        ]
        object.__setattr__(self, "schedules", tuple(self.schedules))
        if not self.on:
            faults.append("on: name at least one kind of event")
        if self.severity not in SEVERITIES:
            known, hint = ", ".join(SEVERITIES), did_you_mean(str(self.severity), SEVERITIES)
            faults.append(f'severity: expected {known}, got "{self.severity}"{hint}')
        if self.priority is not None:
            try:
                object.__setattr__(self, "priority", TaskPriority.parse(self.priority))
            except InputError as error:
                faults.append(str(error))
        if faults:
            raise ConfigError(faults)

    @cached_property
    def kinds(self) -> frozenset[str]:
        """What is told, and `job.quarantined` with `job.failed`."""
        told = {kind for kind in _KNOWN if any(fnmatchcase(kind, each) for each in self.on)}
        return frozenset(told | ({QUARANTINED} if "job.failed" in told else set()))

    def matches(self, fact: Fact) -> bool:
        """Whether this event is told."""
        return (
            fact.kind in self.kinds
            and self._is_bad_enough(fact)
            and (not self.schedules or fact.schedule in self.schedules)
            and (not self.tenants or fact.tenant in self.tenants)
            and self._wants_job(fact)
            and self._wants_agent(fact)
        )

    def _wants_agent(self, fact: Fact) -> bool:
        agent = str(fact.told.get("agent", ""))
        return not self.agents or any(fnmatchcase(agent, wanted) for wanted in self.agents)

    def _is_bad_enough(self, fact: Fact) -> bool:
        least = SEVERITIES.index(self.severity)
        return least == 0 or SEVERITIES.index(fact.severity) >= least

    def _wants_job(self, fact: Fact) -> bool:
        if not self.tasks and self.priority is None:
            return True
        job = fact.job
        if job is None:
            return False
        urgent = self.priority is None or job.priority <= int(self.priority)
        named = not self.tasks or any(fnmatchcase(job.task, task) for task in self.tasks)
        return urgent and named


def events_of(rules: Sequence[Rule]) -> str:
    """The kinds of events that have to be read for these rules, as `Store.events` takes them."""
    wanted = {kind for rule in rules for kind in rule.kinds}
    return name_list(sorted({"job.failed" if kind == QUARANTINED else kind for kind in wanted}))
