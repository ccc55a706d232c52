"""The bulk operations' part of the store: counted without a lock, done a little at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from offhours.core import states
from offhours.core.access import Operation
from offhours.core.bulk import Group, Order, Verb
from offhours.core.model import Job, JobState
from offhours.core.ports import Step
from offhours.core.times import Micros
from offhours.store.connection import Connection, Database
from offhours.store.lists import filter_values
from offhours.store.moves import Moves
from offhours.store.rows import read_job

DoAgain = Callable[[Connection, Sequence[Job], Micros, Collection[int]], Mapping[int, int]]

MOST_REFUSALS = 20


class SqlBulk:
    """Implements `core.ports.Bulk` on a database."""

    def __init__(
        self,
        database: Database,
        sql: Mapping[str, str],
        *,
        moves: Moves,
        do_again: DoAgain,
        tell: Callable[..., None],
    ) -> None:
        self._db = database
        self._sql = sql
        self._moves = moves
        self._do_again = do_again
        self._tell = tell

    # -- looking ------------------------------------------------------------------------------

    def groups(self, order: Order) -> list[Group]:
        """How many jobs an order means now, by task and state."""
        rows = self._read("bulk_groups", order, (), (order.upto,))
        return [Group(*row) for row in rows]

    def examples(self, order: Order, limit: int) -> list[Job]:
        """The newest of them, in their short form."""
        rows = self._read("bulk_examples", order, (), (order.upto, limit))
        return [read_job(row) for row in rows]

    def last_job(self) -> int:
        """The largest number of a job."""
        [(last,)] = self._db.read(self._sql["last_job"])
        return int(last)

    def _read(
        self, name: str, order: Order, before: tuple[Any, ...], after: tuple[Any, ...]
    ) -> list[tuple[Any, ...]]:
        if not order.states:
            return []  # to a filter no state would mean each of them
        return self._db.read(self._sql[name], (*before, *_values(order), *after))

    # -- doing --------------------------------------------------------------------------------

    def begin(self, order: Order, total: int, by: str, now: Micros) -> Operation:
        """Note what is to be done."""
        verb, tenant, request = order.verb, order.wanted.tenant, order.to_json()
        place = order.upto + 1 if verb.newest_first else 0

        def unit(db: Connection) -> int:
            values = (verb.kind, by, tenant, total, now, request, place, None)
            db.execute(self._sql["insert_operation"], values)
            number = db.last_insert_rowid()
            self._tell(
                db, now, "operation.started", None, None,
                operation=number, kind=verb.kind, total=total, reason=order.reason or None,
            )  # fmt: skip
            return number

        number = self._db.write(unit)
        return Operation(
            number, verb.kind, "running", by, tenant, total, 0, 0, now, None, None, request, place
        )

    def step(self, operation: Operation, page: Sequence[int], now: Micros) -> Step:
        """Do it to the `next_jobs`, or end it when there are none."""
        done = self._db.write(
            lambda db: self._do(db, operation, page, now) if page else self._end(db, operation, now)
        )
        if done is None:  # somebody else has gone on with it meanwhile
            return Step(self.operation(operation.id) or operation, (), 0)
        return done

    def next_jobs(self, operation: Operation, size: int) -> list[int]:
        """The numbers of the jobs that it comes to next, in their order."""
        order, place = _order(operation), operation.place
        down = order.verb.newest_first
        if order.wanted.ids is not None:  # there is nothing to look for
            ids = sorted(order.wanted.ids, reverse=down)
            rest = [i for i in ids if (i < place if down else i > place) and i <= order.upto]
            return rest[:size]
        bounds = (place, size) if down else (place, order.upto, size)
        name = "bulk_down" if down else "bulk_up"
        return [row[0] for row in self._read(name, order, (), bounds)]

    def _do(
        self, db: Connection, operation: Operation, page: Sequence[int], now: Micros
    ) -> Step | None:
        order = _order(operation)
        values = (json.dumps(list(page)), *_values(order))
        found = db.execute(self._sql["bulk_jobs"], values).fetchall() if order.states else ()
        jobs = [read_job(row) for row in found]
        running = [job for job in jobs if job.state is JobState.RUNNING]
        after = operation._replace(
            place=page[-1],
            done=operation.done + len(jobs),
            result=_counted(operation.result, len(running)),
        )
        if not self._advance(db, operation, after):
            return None
        for job in running:
            self._moves.ask_cancel(db, job.id, job.attempt, now, order.reason)
        quiet = [job for job in jobs if job.state is not JobState.RUNNING]
        quiet.sort(key=lambda job: job.state)  # moves that are alike go in one statement
        match order.verb:
            case Verb.CANCEL:
                self._moves.apply(db, [states.cancel(job, order.reason) for job in quiet], now)
            case Verb.PAUSE:
                self._moves.apply(db, [states.pause(job, order.reason) for job in quiet], now)
            case Verb.RESUME:
                self._moves.apply(db, [states.resume(job, now) for job in quiet], now)
            case Verb.RETRY:
                keep = [job.id for job in jobs if job.state is not JobState.SUCCEEDED]
                self._do_again(db, jobs, now, keep)
        return Step(after, [job.id for job in quiet], len(running))

    def refuse(
        self, operation: Operation, job_id: int, code: str, detail: str, now: Micros
    ) -> Operation:
        """Note that it could not be done to the next job, and pass it."""
        told = _told(operation.result)
        if len(told["refused"]) < MOST_REFUSALS:
            told["refused"].append({"item": job_id, "code": code, "detail": detail})
        after = operation._replace(
            place=job_id, failed=operation.failed + 1, result=json.dumps(told)
        )
        passed = self._db.write(lambda db: self._advance(db, operation, after))
        return after if passed else self.operation(operation.id) or operation

    def _advance(self, db: Connection, before: Operation, after: Operation) -> bool:
        """Claim a step: false when somebody else has taken it."""
        values = (after.place, after.done, after.failed, after.result, after.id, before.place)
        db.execute(self._sql["advance_bulk"], values)
        return db.changes() == 1

    def _end(self, db: Connection, operation: Operation, now: Micros) -> Step | None:
        result = _counted(operation.result, 0)
        db.execute(self._sql["end_bulk"], (result, now, operation.id, operation.place))
        if db.changes() == 0:
            return None
        self._tell(
            db, now, "operation.ended", None, None,
            operation=operation.id, kind=operation.kind, done=operation.done,
            failed=operation.failed,
        )  # fmt: skip
        ended = operation._replace(state="succeeded", result=result, finished_at=now)
        return Step(ended, (), 0)

    def stop(self, operation_id: int, now: Micros) -> bool:
        """Let an operation do no further step; false when it has ended."""

        def unit(db: Connection) -> bool:
            db.execute(self._sql["stop_bulk"], (now, operation_id))
            stopped = db.changes() == 1
            if stopped:
                self._tell(db, now, "operation.stopped", None, None, operation=operation_id)
            return stopped

        return self._db.write(unit)

    # -- those that there are -----------------------------------------------------------------

    def operation(self, operation_id: int) -> Operation | None:
        rows = self._db.read(self._sql["bulk_operation"], (operation_id,))
        return Operation(*rows[0]) if rows else None

    def unfinished(self) -> list[Operation]:
        """Those that have not ended, the oldest first."""
        return [Operation(*row) for row in self._db.read(self._sql["unfinished_bulk"])]


def _values(order: Order) -> tuple[Any, ...]:
    return (*filter_values(order.wanted._replace(states=order.states)), order.verb)


def _order(operation: Operation) -> Order:
    assert operation.request is not None
    return Order.from_json(operation.request)


def _told(result: str | None) -> dict[str, Any]:
    return json.loads(result) if result else {"asked_to_stop": 0, "refused": []}


def _counted(result: str | None, asked: int) -> str:
    told = _told(result)
    return json.dumps(told | {"asked_to_stop": told["asked_to_stop"] + asked})
