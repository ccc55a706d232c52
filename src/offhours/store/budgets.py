"""The budgets' part of the store: what was spent, what is reserved, and how much may be stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from offhours.core.budgets import Amounts, Breach, Spent, StoredBudget, no_room, over
from offhours.core.errors import QuotaExceeded
from offhours.core.model import NewJob
from offhours.core.quotas import Quota, Usage, exceeded, quota_without
from offhours.core.times import DAY, Micros
from offhours.store.connection import Connection, Database

_LONGEST_WAIT: Micros = 365 * DAY
NOTHING = Usage()


class SqlBudgets:
    """Implements `core.ports.Budgets` on a database."""

    def __init__(
        self, database: Database, sql: Mapping[str, str], tell: Callable[..., None]
    ) -> None:
        self._db = database
        self._sql = sql
        self._tell = tell

    # -- budgets ----------------------------------------------------------------------------

    def all(self) -> list[StoredBudget]:
        """The budgets of all work, of agents and of tenants."""
        return [StoredBudget(*row) for row in self._db.read(self._sql["budgets"])]

    def set(self, budget: StoredBudget, now: Micros) -> None:
        """Set a budget, in place of the one of the same name."""

        def unit(db: Connection) -> None:
            before = self._budget(db, budget.scope, budget.name)
            db.execute(self._sql["put_budget"], budget)
            self._tell(db, now, "budget.set", None, None, before, **budget._asdict())

        self._db.write(unit)

    def drop(self, scope: str, name: str, now: Micros) -> bool:
        """Lift a budget; false when there was none."""

        def unit(db: Connection) -> bool:
            before = self._budget(db, scope, name)
            if before is not None:
                db.execute(self._sql["drop_budget"], (scope, name))
                self._tell(db, now, "budget.lifted", None, None, before, scope=scope, name=name)
            return before is not None

        return self._db.write(unit)

    def _budget(self, db: Connection, scope: str, name: str) -> dict[str, object] | None:
        for row in db.execute(self._sql["budgets"]).fetchall():
            if tuple(row[:2]) == (scope, name):
                return StoredBudget(*row)._asdict()
        return None

    def spent(self, budget: StoredBudget, now: Micros) -> Spent:
        """What of a budget was used in its current span of time."""
        since = budget.since(now)
        used = self._db.read(self._sql["spent"], (budget.key, since))
        [row] = self._db.read(self._sql["reserved"], (budget.key, since, 0))
        return _spent(used, row)

    def _spent(self, db: Connection, budget: StoredBudget, job_id: int, now: Micros) -> Spent:
        since = budget.since(now)
        used = db.execute(self._sql["spent"], (budget.key, since)).fetchall()
        row = db.execute(self._sql["reserved"], (budget.key, since, job_id)).fetchone()
        return _spent(used, row)

    def reserve(
        self, budget: StoredBudget, job_id: int, attempt: int, now: Micros
    ) -> Breach | None:
        """Let a run begin, and keep for it what it may use; else why it may not."""

        def unit(db: Connection) -> Breach | None:
            spent = self._spent(db, budget, job_id, now)
            found = no_room(budget, spent, now)
            if found is None:
                expected = budget.reserved or spent.mean
                row = (job_id, attempt, budget.key, budget.since(now), *expected)
                db.execute(self._sql["reserve"], row)
            return found

        return self._db.write(unit)

    def spend(
        self,
        budgets: Sequence[StoredBudget],
        amounts: Amounts,
        job_id: int,
        attempt: int,
        now: Micros,
    ) -> list[Breach]:
        """Count on budgets what a run has used, and tell it; those that are exceeded now."""

        def unit(db: Connection) -> list[Breach]:
            found: list[Breach] = []
            told = {name: amount for name, amount in amounts._asdict().items() if amount}
            self._tell(db, now, "job.spent", job_id, attempt, **told)
            for budget in budgets:
                row = (budget.key, budget.since(now), *amounts, 0, now)
                db.execute(self._sql["spend"], row)
                breach = over(budget, self._spent(db, budget, 0, now), now)
                found += [] if breach is None else [breach]
            return found

        return self._db.write(unit)

    def settle(
        self,
        budgets: Sequence[StoredBudget],
        job_id: int,
        attempt: int,
        seconds: Micros,
        now: Micros,
    ) -> None:
        """A run has ended: count its time, and keep nothing more for it."""

        def unit(db: Connection) -> None:
            db.execute(self._sql["unreserve"], (job_id, attempt))
            for budget in budgets:
                row = (budget.key, budget.since(now), 0, 0, seconds, 0, 1, now)
                db.execute(self._sql["spend"], row)

        self._db.write(unit)

    # -- quotas -----------------------------------------------------------------------------

    def quotas(self) -> list[Quota]:
        """How much agents and tenants may have stored."""
        return [Quota(*row) for row in self._db.read(self._sql["quotas"])]

    def set_quota(self, quota: Quota, now: Micros) -> None:
        """Set a quota, in place of the one of the same name."""

        def unit(db: Connection) -> None:
            row = db.execute(self._sql["quota"], (quota.scope, quota.name)).fetchone()
            before = None if row is None else Quota(*row)._asdict()
            db.execute(self._sql["put_quota"], quota)
            self._tell(db, now, "quota.set", None, None, before, **quota._asdict())

        self._db.write(unit)

    def quota(self, scope: str, name: str) -> Quota | None:
        """The quota that holds for an agent or a tenant, if there is one."""
        rows = self._db.read(self._sql["quota"], (scope, name))
        return Quota(*rows[0]) if rows else quota_without(scope, name)

    def usage(self, scope: str, name: str) -> Usage:
        """What an agent or a tenant has stored that is not finished."""
        return self._db.write(lambda db: self._usage(db, scope, name))

    def _usage(self, db: Connection, scope: str, name: str) -> Usage:
        agent, tenant = (name, None) if scope == "agent" else (None, name)
        goals, cron, size = db.execute(self._sql["count_goals"], (agent, tenant)).fetchone()
        if scope == "agent":
            thoughts = db.execute(self._sql["count_thoughts"], (name,)).get
            return Usage(goals, cron, int(size) + int(thoughts))
        jobs, stored = db.execute(self._sql["count_jobs_of_tenant"], (name,)).fetchone()
        return Usage(goals + jobs, cron, int(size) + int(stored))

    def check_goals(self, db: Connection, agent: str, tenant: str | None) -> None:
        """Refuse a goal that was just stored when that is too much."""
        self._check(db, "agent", agent)
        if tenant is not None:
            self._check(db, "tenant", tenant)

    def check_jobs(self, db: Connection, jobs: Sequence[NewJob]) -> None:
        """Refuse jobs of one tenant that are about to be stored when that is too much."""
        tenant = jobs[0].tenant if jobs else None
        if tenant is not None:
            size = sum(len(job.args) + len(job.metadata or "") for job in jobs)
            self._check(db, "tenant", tenant, Usage(len(jobs), 0, size))

    def _check(self, db: Connection, scope: str, name: str, more: Usage = NOTHING) -> None:
        row = db.execute(self._sql["quota"], (scope, name)).fetchone()
        quota = quota_without(scope, name) if row is None else Quota(*row)
        if quota is None:
            return
        used = self._usage(db, scope, name)
        will_be = Usage(*(one + new for one, new in zip(used, more, strict=True)))
        problem = exceeded(quota, will_be)
        if problem is not None:
            raise QuotaExceeded(f"{problem}; nothing was stored")

    def prune(self, db: Connection, before: Micros, limit: int) -> None:
        """Forget what was spent long ago in spans of time that are over, and idle reservations."""
        db.execute(self._sql["prune_spending"], (before, before - _LONGEST_WAIT, limit))
        db.execute(self._sql["prune_reservations"], (limit,))


def _spent(used: Sequence[tuple[int, ...]], row: Sequence[int]) -> Spent:
    amounts, runs = (Amounts(*used[0][:4]), used[0][4]) if used else (Amounts(), 0)
    return Spent(amounts, runs, Amounts(*(int(value) for value in row[:4])), int(row[4]))
