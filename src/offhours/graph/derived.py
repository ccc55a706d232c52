"""Nodes and edges that the store holds anyway: nothing of this is written twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from offhours.core.graph import (
    CHILD_OF,
    CREATED_BY,
    DEPENDS_ON,
    EXECUTION_OF,
    RETRY_OF,
    SCHEDULED_FOR,
    TIME,
    Edge,
    Node,
)
from offhours.core.model import Job
from offhours.core.ports import Store
from offhours.core.schedules import Schedule
from offhours.core.times import iso
from offhours.graph import names
from offhours.graph.forms import (
    deferral_edges,
    deferral_node,
    job_node,
    run_edges,
    run_node,
    schedule_edges,
    schedule_node,
    thoughts_of,
)
from offhours.graph.goals import Goals
from offhours.graph.runs import Deferral, Run, deferrals_of, runs_of


class Derived:
    """Reads nodes and edges out of jobs, schedules, fires and events."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.goals = Goals(store)

    # -- nodes --------------------------------------------------------------------------------

    def node(self, node_id: str) -> Node | None:
        """The node of a name; None when the row that it stood for is gone."""
        if (at := names.moment_of(node_id)) is not None:
            return Node(node_id, TIME, {"at": iso(at)})
        name = names.read(node_id)
        if name is None:
            return None
        match name.kind:
            case "schedule":
                schedule = self._store.schedules.get(name.number)
                return None if schedule is None else self.schedule_node(schedule)
            case "job":
                job = self._store.job(name.number)
                return None if job is None else job_node(job)
            case "exec":
                return self._run_node(name)
            case _:
                return self._deferral_node(name)

    def schedule_node(self, schedule: Schedule) -> Node:
        """A schedule, or the goal that it is for."""
        return self.goals.of(schedule) or schedule_node(schedule)

    def is_thought(self, node_id: str) -> bool:
        """Whether something was created by a thought of this name."""
        graph = self._store.graph
        return bool(graph.jobs_of_thought(node_id, 1) or graph.schedules_of_thought(node_id, 1))

    def _run_node(self, name: names.Name) -> Node | None:
        job = self._store.job(name.number)
        for run in [] if job is None else self.runs(job):
            if run.attempt == name.attempt and job is not None:
                return run_node(job, run)
        return None

    def _deferral_node(self, name: names.Name) -> Node | None:
        if name.attempt:
            return self.goals.deferral(name)
        found = self._deferral(name.number)
        return None if found is None else deferral_node(*found)

    def runs(self, job: Job) -> list[Run]:
        return runs_of(job, self._store.history(job.id))

    def deferrals(self, job: Job) -> list[Deferral]:
        return deferrals_of(self._store.history(job.id)) if job.deferrals else []

    def _deferral(self, seq: int) -> tuple[Job, Deferral] | None:
        event = self._store.graph.event(seq)
        if event is None or event.kind != "job.deferred" or event.job_id is None:
            return None
        job = self._store.job(event.job_id)
        found = [] if job is None else [d for d in self.deferrals(job) if d.seq == seq]
        return (job, found[0]) if job is not None and found else None

    # -- edges that leave a node --------------------------------------------------------------

    def out(self, node_id: str) -> list[Edge]:
        """What a node is of, by, or for."""
        name = names.read(node_id)
        if name is None:
            return []
        if name.kind == "schedule":
            schedule = self._store.schedules.get(name.number)
            return [] if schedule is None else schedule_edges(schedule)
        if name.kind == "defer" and name.attempt:
            return self.goals.deferral_edges(name)
        if name.kind == "defer":
            found = self._deferral(name.number)
            return [] if found is None else deferral_edges(*found)
        job = self._store.job(name.number)
        if job is None:
            return []
        if name.kind == "job":
            return self.job_edges(job)
        known = any(run.attempt == name.attempt for run in self.runs(job))
        return self.run_edges(job, name.attempt) if known else []

    def run_edges(self, job: Job, attempt: int) -> list[Edge]:
        """What a run is one of, and the thoughts that it has made."""
        return [*run_edges(job, attempt), *self.goals.created_by(job.id, attempt)]

    def job_edges(self, job: Job) -> list[Edge]:
        """Why a job is there, and what it waits for."""
        me = names.job(job.id)
        edges = [Edge(me, CREATED_BY, thought) for thought in thoughts_of(job.metadata)]
        if job.schedule_id is not None:
            edges.append(Edge(me, CREATED_BY, names.schedule(job.schedule_id)))
        if job.retry_of is not None:
            edges.append(Edge(me, RETRY_OF, names.job(job.retry_of)))
        if job.parent_id is not None:
            edges.append(Edge(me, CHILD_OF, names.job(job.parent_id)))
        for edge in self._store.flows.upstream(job.id):
            edges.append(Edge(me, DEPENDS_ON, names.job(edge.upstream)))
        when = job.run_at if job.fire_at is None else job.fire_at
        return [*edges, Edge(me, SCHEDULED_FOR, names.moment(when))]

    # -- edges that come to a node ------------------------------------------------------------

    def into(self, node_id: str, type_: str | None, limit: int) -> list[Edge]:
        """What is of, by or for a node, of one type or any, the newest first of each kind."""
        name = names.read(node_id)
        if name is None:
            at = names.moment_of(node_id)
            found = self._of_thought(node_id, limit) if at is None else self._at(at, limit)
        else:
            found = {
                "schedule": self._of_schedule, "job": self._of_job,
                "exec": self._of_run, "defer": _nothing,
            }[name.kind](name, limit)  # fmt: skip
        wanted = (e for e in found if e.dst == node_id and type_ in (None, e.type))
        return list(islice(wanted, limit))

    def _of_job(self, name: names.Name, limit: int) -> Iterator[Edge]:
        job = self._store.job(name.number)
        if job is None:
            return
        for run in reversed(self.runs(job)):
            yield from run_edges(job, run.attempt)
        for deferral in reversed(self.deferrals(job)):
            yield from deferral_edges(job, deferral)
        rows = self._store.graph
        for type_, numbers in (
            (RETRY_OF, rows.retries(job.id, limit)),
            (CHILD_OF, sorted(self._store.flows.children(job.id), reverse=True)),
            (DEPENDS_ON, rows.downstream(job.id, limit)),
        ):
            for number in numbers:
                yield Edge(names.job(number), type_, names.job(job.id))

    def _of_schedule(self, name: names.Name, limit: int) -> Iterator[Edge]:
        fires = self._store.schedules.fires(name.number, limit=limit)
        jobs = [fire.job_id for fire in fires if fire.job_id is not None]
        for number in jobs:
            yield Edge(names.job(number), CREATED_BY, names.schedule(name.number))
        attempts = {facts.id: facts.attempt for facts in self._store.facts(jobs)}
        for number in jobs:  # each claim told that a run began: their events need not be read
            for attempt in range(attempts.get(number, 0), 0, -1):
                yield Edge(names.run(number, attempt), EXECUTION_OF, names.schedule(name.number))
        for deferred in reversed(self.goals.deferral_ids(name.number)):
            yield from self.goals.deferral_edges(deferred)
        for job in self._jobs(jobs):
            for deferral in reversed(self.deferrals(job)):
                yield from deferral_edges(job, deferral)

    def _of_run(self, name: names.Name, limit: int) -> Iterator[Edge]:
        job = self._store.job(name.number)
        for deferral in [] if job is None else self.deferrals(job):
            if job is not None and deferral.attempt == name.attempt:
                yield from deferral_edges(job, deferral)

    def _of_thought(self, thought: str, limit: int) -> Iterator[Edge]:
        rows = self._store.graph
        yield from self.goals.creators(thought)
        for number in rows.schedules_of_thought(thought, limit):
            yield Edge(names.schedule(number), CREATED_BY, thought)
            for deferred in reversed(self.goals.deferral_ids(number)):
                yield from self.goals.deferral_edges(deferred)
        jobs = rows.jobs_of_thought(thought, limit)
        for number in jobs:
            yield Edge(names.job(number), CREATED_BY, thought)
        for job in self._jobs(jobs):
            for deferral in reversed(self.deferrals(job)):
                yield from deferral_edges(job, deferral)

    def _at(self, at: int, limit: int) -> Iterator[Edge]:
        moment = names.moment(at)
        for schedule in self._store.schedules.due_between(at, at, limit):
            yield from schedule_edges(schedule)
        for fire in self._store.schedules.fires_between(at, at + 1, limit):
            if fire.job_id is not None:
                yield Edge(names.job(fire.job_id), SCHEDULED_FOR, moment)

    def _jobs(self, numbers: Iterable[int]) -> Iterator[Job]:
        found = map(self._store.job, numbers)
        return (job for job in found if job is not None)


def _nothing(name: names.Name, limit: int) -> Iterator[Edge]:
    return iter(())
