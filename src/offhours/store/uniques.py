"""Jobs of one key: which of them there is already, and what becomes of the new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from offhours.core.errors import IdempotencyConflict, UniqueConflict
from offhours.core.model import NewJob
from offhours.core.terms import Conflict, Terms, digest_of, keys_of
from offhours.core.times import Micros
from offhours.store.connection import Connection


class Place(NamedTuple):
    """Where a new job belongs: it is one that exists, or it is stored, behind others."""

    existing: int | None
    job: NewJob
    after: Sequence[int] = ()


class Uniques:
    """Looks for jobs by key, in the transaction that stores a new one."""

    def __init__(self, sql: Mapping[str, str], tell: Callable[..., None]) -> None:
        self._sql = sql
        self._tell = tell

    def known(self, db: Connection, job: NewJob, key: str) -> int | None:
        """The job that an idempotency key has made."""
        row = db.execute(self._sql["once"], (key,)).fetchone()
        if row is None:
            return None
        job_id, digest = row
        if digest != digest_of(job):
            raise IdempotencyConflict(
                f"idempotency_key: {key!r} has stored job {job_id} with other arguments; a key "
                "stands for one request"
            )
        return int(job_id)

    def remember(self, db: Connection, job: NewJob, key: str, job_id: int, now: Micros) -> None:
        db.execute(self._sql["remember_once"], (key, job_id, digest_of(job), now))

    def place(self, db: Connection, job: NewJob, terms: Terms, now: Micros) -> Place:
        """What becomes of a new job with a unique key."""
        key, after = keys_of(job)
        rows = db.execute(self._sql["holders"], (key, after)).fetchall()
        if not rows:
            return Place(None, job)
        match terms.conflict:
            case Conflict.RETURN_EXISTING:
                return Place(rows[-1][0], job)
            case Conflict.REJECT:
                raise UniqueConflict(f"unique: job {rows[-1][0]} has the key {key!r} already")
        for job_id, begun, _ in rows:
            if not begun:
                self._replace(db, job_id, job, terms.conflict, now)
                return Place(job_id, job)
        free = key if key not in {row[2] for row in rows} else after
        return Place(None, job._replace(unique_key=free), [row[0] for row in rows])

    def _replace(
        self, db: Connection, job_id: int, job: NewJob, conflict: Conflict, now: Micros
    ) -> None:
        again = conflict is Conflict.DEBOUNCE
        values: dict[str, Any] = {
            "id": job_id, "task": job.task, "args": job.args, "priority": job.priority,
            "max_attempts": job.max_attempts, "timeout": job.timeout, "name": job.name,
            "metadata": job.metadata, "expires_at": job.expires_at, "on_lost": job.on_lost,
            "queue": job.queue, "tenant": job.tenant, "concurrency_key": job.concurrency_key,
            "per_key": job.per_key,
            "again": int(again),
            "run_at": job.run_at, "ready": int(job.run_at <= now),
        }  # fmt: skip
        db.execute(self._sql["replace_job"], values)
        self._tell(db, now, "job.replaced", job_id, None, how=str(conflict))
