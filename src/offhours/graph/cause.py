"""Why something happened: the way back from a run to what began it, in sentences."""

from __future__ import annotations

from typing import Any, NamedTuple

from offhours.core.firing import plan_of
from offhours.core.graph import (
    CHILD_OF,
    CREATED_BY,
    DEFERRAL_OF,
    DEPENDS_ON,
    EXECUTION_OF,
    RETRY_OF,
    Edge,
)
from offhours.core.model import Job
from offhours.core.phrases import describe
from offhours.core.ports import Store
from offhours.core.times import iso_second
from offhours.graph import names
from offhours.graph.derived import Derived
from offhours.graph.runs import Run

_LONGEST = 1_000
_MOST_ADDED = 100
_VERBS = {
    EXECUTION_OF: "is a run of",
    DEFERRAL_OF: "put off",
    RETRY_OF: "does again",
    CHILD_OF: "was submitted by",
    DEPENDS_ON: "waited for",
    CREATED_BY: "was created by",
}
_CAUSES = (EXECUTION_OF, DEFERRAL_OF, RETRY_OF, CHILD_OF, DEPENDS_ON, CREATED_BY)


class Cause(NamedTuple):
    """Why something happened. `edges` lead from it to what began it; `steps` say each of them."""

    steps: tuple[str, ...]
    edges: tuple[Edge, ...]

    @property
    def sentence(self) -> str:
        """All steps as one sentence."""
        return "; ".join(self.steps)

    def to_dict(self) -> dict[str, Any]:
        edges = [{"src": src, "type": type_, "dst": dst} for src, type_, dst, _ in self.edges]
        return {"sentence": self.sentence, "steps": list(self.steps), "edges": edges}


def why(store: Store, node_id: str) -> Cause:
    """The way back from a node. Of several causes one is followed: what it is a run of, does
    again or was submitted by goes before what it waited for, and that before who wanted it."""
    derived = Derived(store)
    steps: list[str] = []
    edges: list[Edge] = []
    here: str | None = node_id
    seen: set[str] = set()
    while here is not None and here not in seen and len(seen) < _LONGEST:
        seen.add(here)
        if made := next(derived.goals.creators(here), None):  # the one edge that leads back
            steps.append(f"{here} came of {made.src}")
            edges.append(made)
            here = made.src
            continue
        added = store.graph.edges_from(here, None, _MOST_ADDED)
        causes = [edge for edge in [*derived.out(here), *added] if edge.type in _CAUSES]
        steps += _said(store, derived, here, causes)
        edges += causes
        here = min(causes, key=lambda edge: _CAUSES.index(edge.type)).dst if causes else None
    return Cause(tuple(steps), tuple(edges))


def _said(store: Store, derived: Derived, node_id: str, causes: list[Edge]) -> list[str]:
    name = names.read(node_id)
    if name is None or name.kind in ("schedule", "defer"):
        return [f"{node_id} {_VERBS[edge.type]} {edge.dst}" for edge in causes]
    job = store.job(name.number)
    if job is None:
        return [f"job {name.number} is not kept any more"]
    if name.kind == "exec":
        return [_run_step(job, derived.runs(job), name.attempt)]
    return [_job_step(store, job, causes)]


def _run_step(job: Job, runs: list[Run], attempt: int) -> str:
    before = [run for run in runs if run.attempt < attempt]
    if not before:
        return f"run {attempt} of job {job.id} is its first"
    ended = before[-1].ended
    if ended is None:
        return f"run {attempt} of job {job.id} follows run {before[-1].attempt}"
    told = ended.told
    lines = str(told.get("reason") or told.get("error") or "").strip().splitlines()
    reason = lines[-1] if lines else "no reason told"
    how = {
        "job.retried": "failed", "job.deferred": "was put off", "job.returned": "was handed back",
        "job.held": "waited",
    }.get(ended.kind, "was lost")  # fmt: skip
    return f"run {attempt} of job {job.id} came because run {before[-1].attempt} {how}: {reason}"


def _job_step(store: Store, job: Job, causes: list[Edge]) -> str:
    me = f"job {job.id} ({job.name or job.task})"
    said = [_words(store, job, edge) for edge in causes]
    return f"{me} {' and '.join(said) if said else 'was submitted by the program'}"


def _words(store: Store, job: Job, edge: Edge) -> str:
    name = names.read(edge.dst)
    if name is None or edge.type != CREATED_BY or name.kind != "schedule":
        verb = "was wanted by" if edge.type == CREATED_BY else _VERBS[edge.type]
        return f"{verb} {edge.dst.replace('job_', 'job ', 1)}"
    schedule = store.schedules.get(name.number)
    if schedule is None:
        return f"was made by schedule {name.number}, which is deleted"
    plan = plan_of(schedule.plan)
    when = "" if job.fire_at is None else f" for its fire of {iso_second(job.fire_at)}"
    words = describe(plan, plan.timezone)
    return f"was made by schedule {name.number} ({schedule.name}, {words}){when}"
