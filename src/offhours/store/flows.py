"""The flows' part of the store: what waits for what, and the steps inside runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from offhours.core import states
from offhours.core.errors import IllegalMove
from offhours.core.flows import (
    IDLE,
    NOTHING_FAILED,
    Edge,
    Flow,
    FlowStep,
    IfFailed,
    Member,
    Recorded,
    verdict,
)
from offhours.core.model import Job, JobState, NewJob
from offhours.core.ports import QueueBound
from offhours.core.states import Move
from offhours.core.terms import keys_of, plain_key
from offhours.core.times import Micros
from offhours.store.connection import Connection, Database
from offhours.store.moves import Apply
from offhours.store.rows import as_json, read_job

Insert = Callable[[Connection, NewJob, Micros, QueueBound | None], int]
Tell = Callable[..., None]


def _outcome(move: Move) -> str:
    idle = move.to is JobState.CANCELLED and NOTHING_FAILED in move.values
    return IDLE if idle else move.to


_OF_JOBS = ("forget_dependencies", "forget_steps")


class SqlFlows:
    """Implements `core.ports.Flows` beside the jobs of the same database."""

    def __init__(
        self,
        database: Database,
        sql: Mapping[str, str],
        *,
        insert: Insert,
        apply: Apply,
        tell: Tell,
    ) -> None:
        self._db = database
        self._sql = sql
        self._insert = insert
        self._apply = apply
        self._tell = tell

    # -- storing jobs that wait for others --------------------------------------------------

    def submit(
        self,
        name: str | None,
        steps: Sequence[FlowStep],
        now: Micros,
        bound: QueueBound | None = None,
    ) -> list[int]:
        """Store jobs in this order, all or none; with a name, they are a flow. Those that wait for
        others need no room in the queue."""

        def unit(db: Connection) -> list[int]:
            flow_id = None if name is None else self._new_flow(db, name, now)
            ids: list[int] = []
            for step in steps:
                ids.append(self._insert(db, step.job, now, None if step.after else bound))
                if flow_id is not None:
                    member = (ids[-1], flow_id, step.name or str(len(ids)))
                    db.execute(self._sql["insert_member"], member)
            edges = [
                (ids[up.job] if up.in_flow else up.job, job_id, up.if_failed)
                for job_id, step in zip(ids, steps, strict=True)
                for up in step.after
            ]
            self._connect(db, edges, now)
            return ids

        return self._db.write(unit)

    def _new_flow(self, db: Connection, name: str, now: Micros) -> int:
        db.execute(self._sql["insert_flow"], (name, now))
        return db.last_insert_rowid()

    def _connect(self, db: Connection, edges: Iterable[tuple[int, int, str]], now: Micros) -> None:
        """Have jobs that were just stored wait for those of which that is still to be done."""
        edges = list(dict.fromkeys(edges))
        if not edges:
            return
        db.execute(self._sql["insert_edges"], (as_json(edges),))
        downstream = list(dict.fromkeys(edge[1] for edge in edges))
        waiting = self._edges(db, downstream)
        follow: list[Move] = []
        for job_id in downstream:
            if not verdict(waiting[job_id]).go:
                follow.append(states.wait_for_others(job_id))
        self._apply(db, follow, now)
        self._apply(db, self._decide(db, downstream, now), now)

    def run_after(self, db: Connection, job_id: int, upstream: Sequence[int], now: Micros) -> None:
        """Have a job that was just stored wait for the end of others, however they end."""
        self._connect(db, [(other, job_id, IfFailed.IGNORE) for other in upstream], now)

    def settle(self, db: Connection, job_ids: Sequence[int], now: Micros) -> None:
        """Let those go on, of jobs that were brought here, that have nothing left to wait for."""
        if job_ids:
            db.execute(self._sql["settle_edges"], (as_json(job_ids),))
            self._apply(db, self._decide(db, job_ids, now), now)

    def after_moves(self, db: Connection, moves: Sequence[Move], now: Micros) -> list[Move]:
        """What follows from moves: jobs go on that waited for what has ended."""
        ended = [(move.job_id, _outcome(move)) for move in moves if move.to.final]
        if not ended:
            return []
        rows = db.execute(self._sql["end_edges"], (as_json(ended),)).fetchall()
        return self._decide(db, list(dict.fromkeys(job_id for (job_id,) in rows)), now)

    def _decide(self, db: Connection, job_ids: Sequence[int], now: Micros) -> list[Move]:
        if not job_ids:
            return []
        follow: list[Move] = []
        rows = db.execute(self._sql["held_for_others"], (as_json(job_ids),)).fetchall()
        edges = self._edges(db, [row[0] for row in rows])
        for row in rows:
            job = read_job(row)
            found = verdict(edges[job.id])
            if found.cancel is not None:
                follow.append(states.cancel(job, found.cancel))
            elif found.go:
                follow.append(states.release(job, now))
        return follow

    def _edges(self, db: Connection, job_ids: Sequence[int]) -> dict[int, list[Edge]]:
        """The edges that can still matter: of those that have gone well, none is needed.

        Of the open ones the first is enough, so that a wide fan-in costs each of its members the
        same; of those that have ended well, one that is caught.
        """
        found: dict[int, list[Edge]] = {job_id: [] for job_id in job_ids}
        if job_ids:
            for row in db.execute(self._sql["edges_that_matter"], (as_json(job_ids),)).fetchall():
                found[row[1]].append(Edge(*row))
        return found

    def upstream(self, job_id: int) -> list[Edge]:
        """What a job waits for, or has waited for."""
        return [Edge(*row) for row in self._db.read(self._sql["upstream"], (job_id,))]

    def results(self, job_id: int) -> list[tuple[int, str | None, str | None]]:
        """Number, step and result of each job that this one waited for, where there is one."""
        rows = self._db.read(self._sql["upstream_results"], (job_id,))
        return [(row[0], row[1], row[2]) for row in rows]

    # -- flows ------------------------------------------------------------------------------

    def flow(self, flow_id: int) -> Flow | None:
        rows = self._db.read(self._sql["flow"], (flow_id,))
        return Flow(*rows[0]) if rows else None

    def flow_of(self, job_id: int) -> tuple[int, str] | None:
        """The flow of which a job is a step, and which one."""
        rows = self._db.read(self._sql["flow_of"], (job_id,))
        return (rows[0][0], rows[0][1]) if rows else None

    def flows(self, before: int | None = None, limit: int = 50) -> list[Flow]:
        """A page of flows, newest first."""
        rows = self._db.read(self._sql["flows"], (before, limit))
        return [Flow(*row) for row in rows]

    def members(self, flow_id: int) -> list[Member]:
        """The steps of a flow, each with its latest job."""
        rows = self._db.read(self._sql["members"], (flow_id,))
        latest = {row[2]: Member(*row)._replace(state=JobState(row[4])) for row in rows}
        return sorted(latest.values(), key=lambda member: member.job_id)

    def edges(self, flow_id: int) -> list[Edge]:
        """What waits for what in a flow; what was waited for is the latest job of its step."""
        rows = self._db.read(self._sql["members"], (flow_id,))
        latest = {row[2]: row[1] for row in rows}
        now = {row[1]: latest[row[2]] for row in rows}
        edges = map(Edge._make, self._db.read(self._sql["flow_edges"], (flow_id,)))
        return [edge._replace(upstream=now.get(edge.upstream, edge.upstream)) for edge in edges]

    def children(self, job_id: int) -> list[int]:
        """The jobs that a job has submitted while it ran."""
        return [row[0] for row in self._db.read(self._sql["children"], (job_id,))]

    def do_again(
        self,
        jobs: Sequence[Job],
        now: Micros,
        keep: Collection[int] = (),
        before: str | None = None,
    ) -> dict[int, int]:
        """Store finished jobs anew, with what they waited for; what still waits for the old ones
        waits for the new ones. The new numbers by the old ones.

        The steps that those to `keep` have recorded are not done again, or those `before` one.
        """

        return self._db.write(lambda db: self.do_again_in(db, jobs, now, keep, before))

    def do_again_in(
        self,
        db: Connection,
        jobs: Sequence[Job],
        now: Micros,
        keep: Collection[int] = (),
        before: str | None = None,
    ) -> dict[int, int]:
        """The same, in a transaction that is open."""
        made: dict[int, int] = {}
        fresh: list[int] = []
        for job in jobs:
            self._check_not_under_way(db, job)
            fields = {name: getattr(job, name) for name in NewJob._fields}
            new = NewJob(**fields)._replace(run_at=now, retry_of=job.id, expires_at=None)
            if new.unique_key is not None:
                new = new._replace(unique_key=plain_key(new.unique_key))
                holder = db.execute(self._sql["unfinished_unique"], keys_of(new)).get
                if holder is not None:
                    made[job.id] = int(holder)
                    continue
            made[job.id] = self._insert(db, new, now, None)
            db.execute(self._sql["copy_member"], (made[job.id], job.id))
            fresh.append(job.id)
            self._tell(db, now, "job.done_again", made[job.id], 0, {"job": job.id}, of=job.id)
            family = db.execute(self._sql["family"], (job.id,)).get
            db.execute(self._sql["hand_on_edges"], (made[job.id], family))
            if job.id in keep:
                db.execute(self._sql["copy_steps"], (made[job.id], job.id, before))
        edges: list[tuple[int, int, str]] = []
        for job_id in fresh:
            for row in db.execute(self._sql["upstream"], (job_id,)).fetchall():
                edge = Edge(*row)
                upstream = made.get(edge.upstream) or self._latest(db, edge.upstream)
                edges.append((upstream, made[job_id], edge.if_failed))
        self._connect(db, edges, now)
        return made

    def _check_not_under_way(self, db: Connection, job: Job) -> None:
        """In a flow one job stands for a step: two that are done again at once would both run."""
        latest = self._latest(db, job.id)
        if latest == job.id or db.execute(self._sql["flow_of"], (job.id,)).fetchone() is None:
            return
        other = read_job(db.execute(self._sql["job"], (latest,)).fetchone())
        if not other.state.final:
            raise IllegalMove(f"job {job.id} is being done again already, as job {latest}")

    def _latest(self, db: Connection, job_id: int) -> int:
        """The job that counts for this one now: of a failed one, its retry."""
        family: list[int] = json.loads(db.execute(self._sql["family"], (job_id,)).get)
        return max(family, default=job_id)

    # -- steps inside a run -----------------------------------------------------------------

    def steps(self, job_id: int) -> list[Recorded]:
        """What the runs of a job have recorded, in that order."""
        return [Recorded(*row) for row in self._db.read(self._sql["steps"], (job_id,))]

    def record(
        self, job_id: int, attempt: int, step: Recorded, now: Micros, signal: int | None = None
    ) -> bool:
        """Record a step, and take the signal that it is the answer to; refused (false) when this
        attempt no longer holds the job."""

        def unit(db: Connection) -> bool:
            db.execute(self._sql["put_step"], (job_id, *step, now, attempt))
            if db.changes() == 0:
                return False
            if signal is not None:
                db.execute(self._sql["take_signal"], (signal,))
            if step.result is not None:
                self._tell(db, now, "job.step", job_id, attempt, step=step.name)
            return True

        return self._db.write(unit)

    def forget(self, db: Connection, job_ids: Sequence[int]) -> None:
        """Delete what belongs to jobs that are gone."""
        if job_ids:
            left = db.execute(self._sql["forget_members"], (as_json(job_ids),)).fetchall()
            flows = sorted({flow_id for (flow_id,) in left})
            db.execute(self._sql["forget_flows"], (as_json(flows),))
            for name in _OF_JOBS:
                db.execute(self._sql[name], (as_json(job_ids),))
