"""The store's operations: each is one named transaction over the statements of `queries.sql`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from offhours.core import points
from offhours.core.admission import background_room
from offhours.core.events import Audited, Event
from offhours.core.limits import Gates, Running
from offhours.core.model import (
    AGEING,
    BACKGROUND_CLASS,
    FINAL,
    Claimed,
    ForegroundLease,
    Job,
    JobState,
    NewJob,
    WorkerInfo,
)
from offhours.core.notices import JobFacts
from offhours.core.ports import (
    ClaimOrder,
    Exchange,
    Pruned,
    QueueBound,
    Situation,
    Store,
    WakeUps,
)
from offhours.core.states import WAITS, Move, Value, hand_back
from offhours.core.terms import USUAL, Terms
from offhours.core.times import Micros
from offhours.store.access import SqlAccess
from offhours.store.agents import SqlAgents
from offhours.store.approvals import SqlApprovals
from offhours.store.automations import SqlAutomations
from offhours.store.budgets import SqlBudgets
from offhours.store.bulk import SqlBulk
from offhours.store.claims import Claims, Line
from offhours.store.connection import Connection, Database
from offhours.store.cycles import SqlCycles
from offhours.store.dialects import statements
from offhours.store.fires import Fires
from offhours.store.flows import SqlFlows
from offhours.store.graph import SqlGraph
from offhours.store.limits import SqlLimits
from offhours.store.lists import SqlLists
from offhours.store.models import SqlModels
from offhours.store.moves import Moves
from offhours.store.moving import SqlMoving
from offhours.store.notices import SqlNotices
from offhours.store.rows import as_json, read_job
from offhours.store.schedules import SqlSchedules
from offhours.store.search import SqlSearch
from offhours.store.submissions import Submissions
from offhours.store.teller import Teller
from offhours.store.templates import SqlTemplates

BULK_ROWS = 1_000
NO_LIMITS = Gates((), (), 0)

_int_list = msgspec.json.Decoder(list[int])


class SqlStore(Store):
    """Implements `core.ports.Store` on a database."""

    _flows: SqlFlows

    def __init__(self, database: Database) -> None:
        self.name = database.name
        self.location = database.path
        memory = database.path == ":memory:"
        self.identity = f":memory:{id(database)}" if memory else database.path
        self._db = database
        self._sql = sql = statements(database.dialect)
        teller = Teller(sql)
        self._tell = tell = teller.tell
        self._moves = moves = Moves(database.dialect, sql, teller, after=self._after_moves)
        self._claims = Claims(sql)
        self.budgets = self._budgets = SqlBudgets(database, sql, tell)
        self._submissions = submissions = Submissions(
            database.name,
            sql,
            budgets=self._budgets,
            tell=tell,
            run_after=lambda db, job, others, now: self._flows.run_after(db, job, others, now),
            apply=moves.apply,
        )
        self._fires = Fires(sql, moves.apply, tell)
        self.schedules = schedules = SqlSchedules(database, sql, self._fires, tell)
        self.flows = self._flows = SqlFlows(
            database, sql, insert=submissions.insert, apply=moves.apply, tell=tell
        )
        self.approvals = self._approvals = SqlApprovals(database, sql, moves.apply, tell)
        self.notices = self._notices = SqlNotices(database, sql, tell)
        self.models = models = SqlModels(database, sql, tell)
        self.cycles = self._cycles = SqlCycles(database, sql, models, tell)
        self.access = self._access = SqlAccess(database, sql, tell)
        self.agents = self._agents = SqlAgents(
            database,
            sql,
            self._budgets,
            insert=lambda db, job, now: submissions.one(db, job, now, None),
            add_schedule=schedules.add_in,
            change_schedule=self._fires.change,
            tell=tell,
        )
        self.limits = SqlLimits(database, sql, tell)
        self.search = SqlSearch(database, sql)
        self.graph = SqlGraph(database, sql)
        self.automations = SqlAutomations(database, sql, tell)
        self.lists = SqlLists(database, sql)
        self.templates = SqlTemplates(database, sql, tell)
        self.moving = SqlMoving(database, sql, tell, self._flows.settle)
        self.bulk = SqlBulk(database, sql, moves=moves, do_again=self._flows.do_again_in, tell=tell)

    # -- submitting -------------------------------------------------------------------------

    def submit(
        self,
        jobs: Sequence[NewJob],
        now: Micros,
        bound: QueueBound | None = None,
        terms: Terms = USUAL,
    ) -> list[int]:
        """Store jobs, all or none. A job whose unique key is taken answers with the holder's id."""
        submissions = self._submissions
        if terms == USUAL:
            return self._db.write(lambda db: [submissions.one(db, job, now, bound) for job in jobs])
        return self._db.write(
            lambda db: [submissions.on_terms(db, job, now, bound, terms) for job in jobs]
        )

    def submit_alike(self, pattern: NewJob, arguments: Sequence[str], now: Micros) -> list[int]:
        """Store jobs that differ in their arguments only, all or none: many at a time."""
        if not arguments:
            return []
        return self._db.write(lambda db: self._submissions.alike(db, pattern, arguments, now))

    def submit_on(
        self, connection: Any, jobs: Sequence[NewJob], now: Micros, bound: QueueBound | None = None
    ) -> list[int]:
        """Store jobs in the transaction that `connection` has open: rolled back, never seen."""
        with self._db.joined(connection) as db:
            one = self._submissions.one if self._db.alone else self._submissions.untold
            return [one(db, job, now, bound) for job in jobs]

    def transaction(self) -> AbstractContextManager[Any]:
        """A transaction for the user's own rows beside ours; yields its connection."""
        return self._db.transaction()

    def submit_in_round(
        self, job: NewJob, order: ClaimOrder, now: Micros, bound: QueueBound | None = None
    ) -> tuple[int, Exchange]:
        """Store a job in a round of the worker that will run it: stored and claimed at once."""

        def unit(db: Connection) -> tuple[int, Exchange]:
            job_id = self._submissions.one(db, job, now, bound)
            return job_id, self._exchange(db, (), order, now)

        answer = self._db.write(unit)
        if answer[1].claimed:
            points.reach("after claim")
        return answer

    # -- moving -----------------------------------------------------------------------------

    def exchange(self, moves: Sequence[Move], order: ClaimOrder, now: Micros) -> Exchange:
        """One round of a worker: apply what it finished, claim what comes next, in one commit.

        When there is nothing to write it only reads: idle workers never take the write lock.
        """
        if not moves and not order.begun and not order.sure:
            answer = self._glance(order, now)
            if answer is not None:
                return answer
        answer = self._db.write(lambda db: self._exchange(db, moves, order, now))
        if answer.claimed:
            points.reach("after claim")
        return answer

    def _glance(self, order: ClaimOrder, now: Micros) -> Exchange | None:
        """The answer to a round that finds nothing to do; None when there may be something."""
        limits = order.limits
        [row] = self._db.read(self._sql["round"], _round_values(order))
        alive, next_due, last_start, running, ready, _, next_fire, any_lease, _ = row
        if order.slots > 0 and (ready or _come(next_due, now)):
            return None
        if order.fires and _come(next_fire, now):
            return None
        leases = self.foreground(now) if any_lease else []
        room = background_room(limits, leases, running, last_start, now)
        return Exchange(bool(alive), [], [], leases, room, next_due, next_fire)

    def _exchange(
        self, db: Connection, moves: Sequence[Move], order: ClaimOrder, now: Micros
    ) -> Exchange:
        refused = self._moves.apply(db, moves, now)
        (alive, next_due, last_start, running, first, last, next_fire, any_lease, any_limit) = (
            db.execute(self._sql["round"], _round_values(order)).get
        )
        leases = self._leases(db, now) if any_lease else []
        room = background_room(order.limits, leases, running, last_start, now)
        if not alive:
            return Exchange(False, refused, [], leases, room, None)
        fired: list[str] = []
        if order.fires and _come(next_fire, now):
            fired, last = self._fires.fire_due(db, now), None
            next_fire = db.execute(self._sql["next_fire"]).get
        if _come(next_due, now):
            db.execute(self._sql["promote_due"], (now,))
            last = None
            next_due = db.execute(self._sql["next_due"]).get
        if order.begun:
            db.execute(self._sql["mark_begun"], (now, order.worker, as_json(order.begun)))
        claimed: list[Claimed] = []
        opens_at, counted = None, bool(any_limit)
        if order.slots > 0:
            gates = self._claims.gates(db, now) if any_limit else NO_LIMITS
            alone = Line.read(first) if first == last and first else None
            claimed = self._claims.claim(db, order, room.slots, gates, now, alone)
            opens_at, counted = gates.opens_at(), gates.counted
        return Exchange(
            True, refused, claimed, leases, room, next_due, next_fire, fired, opens_at, counted
        )

    def apply(self, moves: Sequence[Move], now: Micros) -> Sequence[Move]:
        """Apply moves in one transaction. Returns those refused: their guard did not hold."""
        return self._db.write(lambda db: self._moves.apply(db, moves, now))

    def _after_moves(self, db: Connection, moves: Sequence[Move], now: Micros) -> Sequence[Move]:
        """What these moves have changed for others: their schedules, their flows."""
        if any(move.schedule_id is not None for move in moves):
            self._fires.after_jobs(db, moves, now)
            self._agents.after_moves(db, moves, now)
        follow = self._flows.after_moves(db, moves, now)
        return follow + self._approvals.after_moves(db, moves, now)

    def ask_cancel(self, job_id: int, attempt: int, now: Micros, reason: str) -> bool:
        """Mark a running job as cancelled: its worker sees the mark, and no rescue undoes it."""
        return self._db.write(lambda db: self._moves.ask_cancel(db, job_id, attempt, now, reason))

    def cancel_marks(self, worker: int) -> Sequence[int]:
        """The jobs that this worker runs and should stop."""
        [(ids,)] = self._db.read(self._sql["cancel_marks"], (worker,))
        return _int_list.decode(ids)

    def save_progress(self, job_id: int, attempt: int, progress: str, now: Micros) -> bool:
        """Keep how far a running job is; refused (false) when this attempt no longer holds it."""

        def unit(db: Connection) -> bool:
            db.execute(self._sql["save_progress"], (progress, job_id, attempt))
            saved = db.changes() == 1
            if saved:
                db.execute(
                    self._sql["insert_event"], (now, "job.progress", job_id, attempt, progress)
                )
            return saved

        return self._db.write(unit)

    def tell(
        self, now: Micros, kind: str, job_id: int | None, attempt: int | None, **data: Value
    ) -> None:
        """Record a fact that moves no job."""
        self._db.write(lambda db: self._tell(db, now, kind, job_id, attempt, **data))

    # -- reading ----------------------------------------------------------------------------

    def job(self, job_id: int) -> Job | None:
        rows = self._db.read(self._sql["job"], (job_id,))
        return read_job(rows[0]) if rows else None

    def job_of_key(self, key: str) -> int | None:
        rows = self._db.read(self._sql["once"], (key,))
        return int(rows[0][0]) if rows else None

    def jobs(
        self,
        *,
        state: JobState | None = None,
        task: str | None = None,
        after: int = 0,
        newest_first: bool = True,
        limit: int = 50,
    ) -> list[Job]:
        """A page of jobs by id; `after` is the last id of the page before."""
        name = "jobs_down" if newest_first else "jobs_up"
        return self._jobs(name, after, state, task, limit)

    def unfinished_of(self, worker: int) -> list[Job]:
        """The jobs that a worker holds."""
        return self._jobs("unfinished_of", worker)

    def jobs_of_nobody(self) -> list[Job]:
        """Running jobs whose worker is not there any more: a net, it should stay empty."""
        return self._jobs("of_nobody")

    def strangers(self, known: str, limit: int = 1000) -> list[Job]:
        """Of the most urgent ready jobs, those whose task is not in the JSON list `known`."""
        return self._jobs("strangers", limit, known)

    def parked(self, known: str, limit: int = 1000) -> list[Job]:
        """Jobs held for want of a handler whose task is in the JSON list `known`."""
        return self._jobs("parked", known, limit)

    def owned(self, limit: int = 1000) -> list[Job]:
        """Unfinished jobs that belong to one process only; the caller judges if it lives."""
        return self._jobs("owned", limit)

    def expired(self, now: Micros, limit: int = 1000) -> list[Job]:
        """Jobs that may not start any more."""
        return self._jobs("expired", now, limit)

    def _jobs(self, name: str, *values: Any) -> list[Job]:
        return [read_job(row) for row in self._db.read(self._sql[name], values)]

    def counts(self) -> dict[str, int]:
        """How many jobs stand where: the states, with `pending` split into ready and later."""
        found = dict.fromkeys(("ready", "later", "running", "held", *sorted(FINAL)), 0)
        found.update(dict(self._db.read(self._sql["counts"])))
        return found

    def facts(self, job_ids: Sequence[int]) -> list[JobFacts]:
        """What readers of the events need to know of these jobs, but of those that are gone."""
        rows = self._db.read(self._sql["facts"], (as_json(list(job_ids)),))
        return [JobFacts(*row) for row in rows]

    def heads(self, now: Micros, most: int = 100) -> list[Job]:
        """The first ready job of each queue and line, and the one that is overdue the longest."""
        return [read_job(row) for row in self._db.read(self._sql["heads"], (most, now))]

    def events(self, after: int = 0, limit: int = 1000, kinds: str | None = None) -> list[Event]:
        """The next events after a cursor, in commit order."""
        if kinds is None:
            return [Event(*row) for row in self._db.read(self._sql["events"], (after, limit))]
        found = self._db.read(self._sql["events_of"], (after, kinds, limit))
        return [Event(*row) for row in found]

    def audit(
        self, before: int | None = None, actor: str | None = None, limit: int = 50
    ) -> list[Audited]:
        """What people did, newest first."""
        rows = self._db.read(self._sql["audit"], (before, actor, limit))
        return [Audited(*row) for row in rows]

    def history(self, job_id: int) -> list[Event]:
        """What happened to a job after it was submitted."""
        return [Event(*row) for row in self._db.read(self._sql["history"], (job_id,))]

    def last_seq(self) -> int:
        [(seq,)] = self._db.read(self._sql["last_seq"])
        return int(seq)

    def situation(self, job: Job, now: Micros) -> Situation:
        """What surrounds a job, for `why`."""
        [(ahead,)] = self._db.read(self._sql["ahead"], (job.priority, job.id))
        limits = self.limits.all()
        running_of = self._db.read(self._sql["running_of"]) if limits else []
        key = job.concurrency_key
        of_key = [(0,)] if key is None else self._db.read(self._sql["running_of_one_key"], (key,))
        [(background, last_start, running)] = self._db.read(
            self._sql["background_state"], (BACKGROUND_CLASS,)
        )
        waits = job.state is JobState.HELD and job.reason == WAITS
        upstream = self._db.read(self._sql["upstream_left"], (job.id,)) if waits else []
        return Situation(
            ahead, self.foreground(now), background, last_start, self.workers(), running, limits,
            [Running(*row) for row in running_of], of_key[0][0],
            [(row[0], row[1], row[2]) for row in upstream],
        )  # fmt: skip

    @property
    def connections(self) -> int:
        """How many connections to the database are held."""
        return self._db.connections

    def changed(self) -> int:
        """A number that is another one after somebody committed."""
        return self._db.changed()

    # -- workers ----------------------------------------------------------------------------

    def add_worker(self, worker: WorkerInfo, now: Micros) -> int:
        """Enter a worker; its number is never given again."""

        def unit(db: Connection) -> int:
            db.execute(
                self._sql["insert_worker"],
                (
                    worker.label, worker.host, worker.pid, worker.pid_started, worker.address,
                    worker.tasks, worker.slots, now, now, worker.lease, worker.labels,
                    worker.version, worker.release,
                ),
            )  # fmt: skip
            worker_id = db.last_insert_rowid()
            self._tell(db, now, "worker.started", worker=worker_id, label=worker.label)
            return worker_id

        return self._db.write(unit)

    def beat(self, worker: int, now: Micros, tasks: str, slots: int | None = None) -> bool:
        """Renew a worker's lease. False: it was declared dead, and its jobs were given away."""

        def unit(db: Connection) -> bool:
            db.execute(self._sql["beat"], (now, tasks, slots, worker))
            return db.changes() == 1

        return self._db.write(unit)

    def bury(
        self,
        worker: WorkerInfo,
        decide: Callable[[Sequence[Job]], Sequence[Move]],
        now: Micros,
        reason: str,
    ) -> bool:
        """Declare a worker dead and move its jobs, unless it has given a sign of life since."""

        def unit(db: Connection) -> bool:
            db.execute(self._sql["bury"], (worker.id, worker.beat))
            if db.changes() == 0:
                return False
            self._tell(db, now, "worker.lost", worker=worker.id, label=worker.label, reason=reason)
            self._moves.apply(db, decide(self._held_by(db, worker.id)), now)
            return True

        return self._db.write(unit)

    def remove_worker(self, worker: int, now: Micros) -> None:
        """Take a worker out that has stopped in good order; what it still holds goes back."""

        def unit(db: Connection) -> None:
            held = db.execute(self._sql["unfinished_of"], (worker,)).fetchall()
            self._moves.apply(
                db, [hand_back(read_job(row), "the worker stopped") for row in held], now
            )
            db.execute(self._sql["remove_worker"], (worker,))
            if db.changes():
                self._tell(db, now, "worker.stopped", worker=worker)

        self._db.write(unit)

    def _held_by(self, db: Connection, worker: int) -> list[Job]:
        rows = db.execute(self._sql["unfinished_of"], (worker,)).fetchall()
        return [read_job(row) for row in rows]

    def workers(self) -> list[WorkerInfo]:
        return [WorkerInfo(*row) for row in self._db.read(self._sql["workers"])]

    # -- foreground leases ------------------------------------------------------------------

    def enter_foreground(self, workflow: str, holder: str, ttl: Micros, now: Micros) -> int:
        """Give a foreground lease that ends by itself after `ttl`."""

        def unit(db: Connection) -> int:
            db.execute(self._sql["forget_foreground"], (now,))
            db.execute(self._sql["enter_foreground"], (workflow, holder, now, now + ttl, ttl))
            lease = db.last_insert_rowid()
            self._tell(db, now, "foreground.entered", workflow=workflow)
            return lease

        return self._db.write(unit)

    def renew_foreground(
        self, lease: int, workflow: str, holder: str, ttl: Micros, now: Micros
    ) -> None:
        """Let a lease live on for its whole length from now."""
        values = (lease, workflow, holder, now, ttl)
        self._db.write(lambda db: db.execute(self._sql["renew_foreground"], values))

    def leave_foreground(self, leases: Sequence[int], now: Micros) -> None:
        """End leases before their time."""

        def unit(db: Connection) -> None:
            ended = db.execute(self._sql["leave_foreground"], (as_json(leases),)).fetchall()
            for row in ended:
                self._tell(db, now, "foreground.left", workflow=str(row[0]))

        self._db.write(unit)

    def foreground(self, now: Micros) -> list[ForegroundLease]:
        """The leases that live now."""
        return [ForegroundLease(*row) for row in self._db.read(self._sql["foreground"], (now,))]

    def _leases(self, db: Connection, now: Micros) -> list[ForegroundLease]:
        rows: list[Any] = db.execute(self._sql["foreground"], (now,)).fetchall()
        return [ForegroundLease(*row) for row in rows]

    # -- housekeeping -----------------------------------------------------------------------

    def prune(self, before: Micros, keep: int, limit: int, now: Micros) -> Pruned:
        """Delete at most `limit` finished jobs and events that are old or one too many."""

        def unit(db: Connection) -> Pruned:
            surplus = db.execute(self._sql["oldest_kept"], (keep,)).get
            line = max(before, 0 if surplus is None else surplus + 1)
            gone = [i for (i,) in db.execute(self._sql["prune_jobs"], (line, limit)).fetchall()]
            self._flows.forget(db, gone)
            self._approvals.forget(db, gone)
            db.execute(self._sql["prune_events"], (limit, before, keep * 5))
            events = db.changes()
            db.execute(self._sql["prune_fires"], (before, limit))
            pruned = Pruned(len(gone), events, db.changes())
            self._notices.prune(db, before, limit)
            self._cycles.settle(db, now)
            db.execute(self._sql["prune_once"], (before, limit))
            self._access.prune(db, before, limit)
            self._agents.prune(db, before, limit)
            self._budgets.prune(db, before, limit)
            if any(pruned):
                self._tell(db, now, "store.pruned", **pruned._asdict())
            return pruned

        return self._db.write(unit)

    def age(self, before: Micros, limit: int, now: Micros) -> int:
        """Move jobs up that have been ready since `before`; how many. Each of them once."""

        def unit(db: Connection) -> int:
            moved = 0
            for low, high in AGEING:
                rows = db.execute(self._sql["age"], (high, low, limit, before)).fetchall()
                for (job_id,) in rows:
                    self._tell(db, now, "job.aged", job_id, None, was=int(low), became=int(high))
                moved += len(rows)
            return moved

        return self._db.write(unit)

    def log_size(self) -> int:
        """Bytes in the write-ahead log that are not in the database proper yet."""
        return self._db.log_size()

    def sibling(self) -> SqlStore:
        """The same store over connections of its own; of a memory database, itself."""
        other = self._db.sibling()
        return self if other is self._db else SqlStore(other)

    def wake_ups(self) -> WakeUps | None:
        """How processes wake each other, if the database itself can."""
        return self._db.wake_ups()

    def close(self) -> None:
        self._db.close()


def _come(moment: Micros | None, now: Micros) -> bool:
    return moment is not None and moment <= now


def _round_values(order: ClaimOrder) -> tuple[int, bool, int]:
    return order.worker, order.limits.limit is not None, BACKGROUND_CLASS
