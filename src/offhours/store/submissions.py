"""Storing new jobs: under a key or a bound, alone or many, in our transaction or a user's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from offhours.core.errors import QueueFull
from offhours.core.model import Job, NewJob
from offhours.core.ports import QueueBound
from offhours.core.states import cancel
from offhours.core.terms import Terms, keys_of
from offhours.core.times import Micros
from offhours.store.budgets import SqlBudgets
from offhours.store.connection import Connection
from offhours.store.moves import Apply
from offhours.store.rows import as_json, read_job
from offhours.store.uniques import Place, Uniques

BULK_ROWS = 1_000


class Submissions:
    """Stores jobs in the transaction at hand.

    `run_after` puts a job behind others; `apply` makes the moves of those that give way to it.
    """

    def __init__(
        self,
        name: str,
        sql: Mapping[str, str],
        *,
        budgets: SqlBudgets,
        tell: Callable[..., None],
        run_after: Callable[[Connection, int, Sequence[int], Micros], None],
        apply: Apply,
    ) -> None:
        self._name = name
        self._sql = sql
        self._budgets = budgets
        self._uniques = Uniques(sql, tell)
        self._run_after = run_after
        self._apply = apply

    def one(self, db: Connection, job: NewJob, now: Micros, bound: QueueBound | None) -> int:
        """Store a job, unless an unfinished one of its key is there already; its number."""
        if job.unique_key is not None:
            holder = db.execute(self._sql["unfinished_unique"], keys_of(job)).get
            if holder is not None:
                return int(holder)
        return self.insert(db, job, now, bound)

    def on_terms(
        self, db: Connection, job: NewJob, now: Micros, bound: QueueBound | None, terms: Terms
    ) -> int:
        """Store a job as its keys have it: it may be one that there is, or come after another."""
        if terms.once is not None:
            known = self._uniques.known(db, job, terms.once)
            if known is not None:
                return known
        place = Place(None, job)
        if job.unique_key is not None:
            place = self._uniques.place(db, job, terms, now)
        job_id = place.existing
        if job_id is None:
            job_id = self.insert(db, place.job, now, bound)
            self._run_after(db, job_id, place.after, now)
        if terms.once is not None:
            self._uniques.remember(db, job, terms.once, job_id, now)
        return job_id

    def alike(
        self, db: Connection, pattern: NewJob, arguments: Sequence[str], now: Micros
    ) -> list[int]:
        """Store jobs that differ in their arguments only: many at a time."""
        row = (pattern.task, *pattern[2:], now, pattern.run_at <= now)
        if pattern.tenant is not None:
            self._budgets.check_jobs(db, [pattern._replace(args=text) for text in arguments])
        ids: list[int] = []
        for start in range(0, len(arguments), BULK_ROWS):
            some = arguments[start : start + BULK_ROWS]
            texts = as_json(some)
            numbered = db.execute(self._sql["insert_alike"], (*row, texts)).fetchall()
            last = db.last_insert_rowid()  # SQLite's writer is alone: its numbers have no gap
            ids += [i for (i,) in numbered] or range(last - len(some) + 1, last + 1)
        db.execute(self._sql["insert_submitted_range"], (ids[0], ids[-1]))
        return ids

    def insert(
        self, db: Connection, job: NewJob, now: Micros, bound: QueueBound | None = None
    ) -> int:
        """Store a job. Its number is asked for before the commit, whose answer may be lost."""
        if job.tenant is not None:
            self._budgets.check_jobs(db, [job])
        if bound is not None and self._is_full(db, bound):
            self._make_room(db, job, bound, now)
        db.execute(self._sql["insert_job"], (*job, now, job.run_at <= now))
        job_id = db.last_insert_rowid()
        db.execute(self._sql["insert_submitted"], (now, job_id))
        return job_id

    def untold(self, db: Connection, job: NewJob, now: Micros, bound: QueueBound | None) -> int:
        """Store a job where others may commit before us: it is told when we may write."""
        if bound is not None and self._is_full(db, bound):
            raise self._full(bound)
        self._budgets.check_jobs(db, [job])
        while True:
            new_id = db.execute(self._sql["insert_untold"], (*job, now)).get
            if new_id is not None:
                return int(new_id)
            holder = db.execute(self._sql["unfinished_unique"], keys_of(job)).get
            if holder is not None:
                return int(holder)

    def _is_full(self, db: Connection, bound: QueueBound) -> bool:
        return bool(db.execute(self._sql["count_pending"], (bound.size,)).get >= bound.size)

    def _full(self, bound: QueueBound) -> QueueFull:
        return QueueFull(
            f"{self._name}: {bound.size} jobs are pending, as many as max_queue_size allows; "
            "nothing was stored"
        )

    def _make_room(self, db: Connection, new: NewJob, bound: QueueBound, now: Micros) -> None:
        row = db.execute(self._sql["lowest_pending"]).fetchone() if bound.policy == "shed" else None
        if row is None or row[Job._fields.index("priority")] <= new.priority:
            raise self._full(bound)
        victim = read_job(row)
        reason = f"shed: the queue of {bound.size} was full of more urgent work"
        self._apply(db, [cancel(victim, reason)], now)
