"""The phases of an execution as the store has them, and how each of them came to stand there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from offhours.app import Offhours
from offhours.core.flows import NOTHING_FAILED, IfFailed
from offhours.core.model import Job, JobState
from offhours.engine.codec import load
from offhours.orchestrator.phases import Phase, Plan

TASKS = "phase:"  # before the name of a handler, it is the name of its task
_SAID = re.compile(r"^[\w.]*\bPhaseFailed: (.*)$", re.MULTILINE)
_MODULES = re.compile(r"^(?:\w+\.)+(?=\w+(?:: |$))")


class Phases:
    """Phases of an execution with their latest jobs, in the order of the plan."""

    def __init__(self, app: Offhours, jobs: Iterable[tuple[str, int]]) -> None:
        found = ((step, app.record(number)) for step, number in jobs)
        self.jobs: Mapping[str, Job] = dict(sorted(found, key=_place))

    @classmethod
    def of(cls, app: Offhours, flow_id: int) -> Phases:
        """All that are kept."""
        return cls(app, ((m.step, m.job_id) for m in app.store.flows.members(flow_id)))

    @classmethod
    def before(cls, app: Offhours, job_id: int) -> Phases:
        """Those that come before one, near and far: its job has waited for all of them."""
        rows = app.store.flows.results(job_id)
        return cls(app, {step: number for number, step, _ in rows if step is not None}.items())

    def plan(self) -> Plan:
        """What was planned, as far as it is kept."""
        first, *_ = self.jobs.values()
        phases = [phase_of(job) for job in self.jobs.values()]
        kept = [[need for need in phase.edges if need.phase in self.jobs] for phase in phases]
        return Plan(
            request_of(first),
            [replace(phase, needs=needs) for phase, needs in zip(phases, kept, strict=True)],
        )

    def waiting(self, name: str) -> str:
        """For what a phase waits that waits for others."""
        needs = self._needs(name)
        waited = self._open(needs) or self._open(self.plan().before(name))
        if waited:
            return f"it waits for {_and(waited)}"
        bad = [each for each in needs if went_wrong(self.jobs[each])]
        return f"it waits until {_and(bad)} was resumed and has succeeded"

    def _open(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if not self.jobs[name].state.final]

    def ending(self, name: str) -> str:
        """How a phase failed, or why it was not done: somebody cancelled it, or what it needs has
        failed, however far back."""
        job = self.jobs[name]
        if job.state is JobState.FAILED:
            return _last_words(job.error) if job.error else job.reason or "it failed"
        if job.reason == NOTHING_FAILED:
            return f"not done: {NOTHING_FAILED}"
        roots = self._roots(name)
        if roots and job.started_at is None:
            failed = self.jobs[roots[0]].state is JobState.FAILED
            return f"not done, because {_and(roots)} {'failed' if failed else 'was cancelled'}"
        return job.reason or "it was cancelled"

    def _roots(self, name: str) -> list[str]:
        """The phases for whose sake one was not done, in order."""
        roots, seen, left = set(), {name}, [name]
        while left:
            each = left.pop()
            bad = {n for n in self._needs(each, IfFailed.CANCEL) if went_wrong(self.jobs[n])}
            if not bad and each != name:
                roots.add(each)
            left += bad - seen
            seen |= bad
        return [each for each in self.jobs if each in roots]

    def _needs(self, name: str, *policies: IfFailed) -> list[str]:
        """What a phase needs, as far as it is kept; only at edges of these policies, if any."""
        edges = phase_of(self.jobs[name]).edges
        wanted = policies or tuple(IfFailed)
        return [e.phase for e in edges if e.phase in self.jobs and e.if_failed in wanted]


def _place(found: tuple[str, Job]) -> int:
    """Where in its plan a phase stands."""
    return int(load(found[1].args)[0][2])


def request_of(job: Job) -> str:
    """The request that the job of a phase is there for."""
    return str(load(job.args)[0][0])


def phase_of(job: Job) -> Phase:
    """The phase that a job is there for."""
    return Phase.from_dict(load(job.args)[0][1])


def results_of(jobs: Mapping[str, Job]) -> dict[str, Any]:
    """What phases returned that have succeeded, by their names."""
    return {n: load(job.result) for n, job in jobs.items() if job.state is JobState.SUCCEEDED}


def went_wrong(job: Job) -> bool:
    """Whether it failed, or was not done though it should have been."""
    return job.state in (JobState.FAILED, JobState.CANCELLED) and job.reason != NOTHING_FAILED


def _last_words(error: str) -> str:
    """What an exception says, out of its traceback."""
    said = _SAID.findall(error)
    if said:
        return str(said[-1])
    lines = [line for line in error.splitlines() if line[:1].strip()]
    return _MODULES.sub("", lines[-1]) if lines else "no message"


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
