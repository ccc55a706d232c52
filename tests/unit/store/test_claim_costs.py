"""What a claim costs does not depend on how many jobs wait in lines that it passes by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from offhours.core.limits import EVERYTHING
from offhours.core.model import NewJob, WorkerInfo
from offhours.core.ports import ClaimOrder, name_list
from offhours.core.times import SECOND
from offhours.store.postgres.database import PostgresDatabase
from offhours.store.sql import SqlStore
from offhours.store.sqlite.database import SqliteDatabase

NOW = 1_800_000_000 * SECOND
STEPS = 100  # of SQLite's machine
MANY = 5_000


class Costs:
    """A store with a worker, and what its claims cost."""

    def __init__(self) -> None:
        self.database = SqliteDatabase(":memory:")
        self.store = SqlStore(self.database)
        worker = WorkerInfo(0, "w", "h", 1, "1", "", '["t"]', 9, NOW, 0, NOW, 1)
        self.worker = self.store.add_worker(worker, NOW)
        self.hundreds = 0
        self.database._reader.set_progress_handler(self._count, STEPS)

    def _count(self) -> bool:
        self.hundreds += 1
        return False

    def submit(self, count: int, **changes: Any) -> None:
        pattern = NewJob("t", "[[],{}]", 50, NOW, 3)._replace(**changes)
        self.store.submit_alike(pattern, ["[[],{}]"] * count, NOW)

    def claim(self, *tasks: str, queues: str | None = None) -> tuple[int, int]:
        """How many jobs a claim for one slot brings, and what it costs."""
        before = self.hundreds
        order = ClaimOrder(self.worker, 1, 1, name_list(tasks), queues=queues)
        answer = self.store.exchange([], order, NOW)
        return len(answer.claimed), self.hundreds - before


@pytest.fixture
def costs() -> Iterator[Costs]:
    made = Costs()
    yield made
    made.store.close()


@pytest.mark.parametrize("line", [{"queue": "mail"}, {"tenant": "big"}])
def test_a_backlog_is_leapt_over_and_not_read(costs: Costs, line: dict[str, str]) -> None:
    costs.submit(MANY, **line)
    costs.submit(3, queue="next", task="t")
    claimed, cost = costs.claim("t")
    assert claimed == 1 and cost < MANY / STEPS


def test_a_paused_backlog_is_leapt_over_and_not_read(costs: Costs) -> None:
    costs.store.limits.pause(("queue", "mail"), "", NOW)
    costs.submit(MANY, queue="mail")
    costs.submit(1, queue="next", task="t")
    assert costs.claim("t")[0] == 1
    costs.submit(1, queue="next", task="of somebody else")
    claimed, cost = costs.claim("t")
    assert claimed == 0 and cost < MANY / STEPS


@pytest.mark.parametrize("paused", [True, False])
def test_of_a_queue_that_is_paused_or_not_wanted_one_tenant_is_looked_at(
    costs: Costs, paused: bool
) -> None:
    for tenant in range(500):
        costs.submit(1, queue="mail", tenant=f"tenant {tenant}")
    costs.submit(1, queue="next", task="of somebody else")
    if paused:
        costs.store.limits.pause(("queue", "mail"), "", NOW)
    claimed, cost = costs.claim("t", queues=None if paused else name_list(["next"]))
    assert claimed == 0 and cost < 20


def test_the_line_of_a_limited_task_that_is_unknown_here_is_not_read(costs: Costs) -> None:
    costs.store.limits.set(("task", "elsewhere"), 5, None, NOW)
    costs.submit(MANY, task="elsewhere")
    costs.submit(1)
    assert costs.claim("t")[0] == 1
    claimed, cost = costs.claim("t")
    assert claimed == 0 and cost < MANY / STEPS


def test_while_all_work_is_paused_no_line_is_looked_at(costs: Costs) -> None:
    for tenant in range(500):
        costs.submit(1, tenant=f"tenant {tenant}")
    costs.store.limits.pause(EVERYTHING, "", NOW)
    claimed, cost = costs.claim("t")
    assert claimed == 0 and cost < 10


def test_postgresql_finds_what_is_ready_behind_all_that_has_finished(postgres_url: str) -> None:
    """In order of the key it would read all finished jobs first."""
    address, _, schema = postgres_url.partition("?schema=")
    store = SqlStore(PostgresDatabase(postgres_url))
    store.submit_alike(NewJob("t", "[[],{}]", 50, NOW, 3), ["[[],{}]"] * MANY, NOW)
    values = {"priority": "50", "queue": "'default'", "line": "''", "tasks": "''"}
    sql = store._sql["select_claim"]
    for name, value in {**values, "now": "1", "slots": "1"}.items():
        sql = sql.replace(f":{name}", value)
    store.close()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"set search_path = {schema}")  # type: ignore[call-overload]
        connection.execute("analyze jobs")
        rows = connection.execute(f"explain {sql}").fetchall()  # type: ignore[call-overload]
    plan = "\n".join(row[0] for row in rows)
    assert "jobs_ready on jobs" in plan and "Sort" not in plan, plan
