"""The limit on PostgreSQL: bare `psycopg` on the tables and indexes of an Offhours store.

A statement a transaction. No turns between writers, no checks, no gates, no leases: what is left is
PostgreSQL and a loop.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import common
import postgres_database
import psycopg

from offhours import Offhours

Connection = psycopg.Connection[tuple[object, ...]]
MOMENT = 1_700_000_000_000_000
CHANNEL = "bench"

INSERT = """with job as (
    insert into offhours.jobs (task, args, priority, run_at, max_attempts, queue, timeout, on_lost,
                               created_at, ready)
    select 'side:noop', args, 50, %(now)s, 1, 'default', 3600000000, 'retry', %(now)s, 1
    from unnest(%(batch)s::text[]) as args
    returning id)
insert into offhours.events (at, kind, job_id, attempt)
select %(now)s, 'job.submitted', id, 0 from job"""
# Completes what it is given and claims the next, with the events of both.
TURN = """with done as (
    update offhours.jobs set state = 'succeeded', worker = null, result = 'null',
                             finished_at = %(now)s
    where id = any(%(held)s) and state = 'running'
    returning id),
claimed as (
    update offhours.jobs set state = 'running', ready = 0, attempt = attempt + 1, worker = 1,
                             started_at = %(now)s
    where id in (select id from offhours.jobs where ready = 1 order by priority, queue, line, id
                 limit %(slots)s for update skip locked)
    returning id),
told as (
    insert into offhours.events (at, kind, job_id, attempt)
    select %(now)s, 'job.succeeded', id, 1 from done
    union all select %(now)s, 'job.started', id, 1 from claimed)
select coalesce(array_agg(id), '{}') from claimed"""


@contextmanager
def store() -> Iterator[None]:
    """The tables of Offhours in a database of our own."""
    postgres_database.create()
    try:
        Offhours(postgres_database.URL).close()
        yield
    finally:
        postgres_database.drop()


def connect() -> Connection:
    return psycopg.connect(postgres_database.URL, autocommit=True)


def insert(db: Connection, numbers: range) -> None:
    db.execute(INSERT, {"now": MOMENT, "batch": [f"[[{number}],{{}}]" for number in numbers]})


def turn(db: Connection, held: list[int], slots: int) -> list[int]:
    found = db.execute(TURN, {"now": MOMENT, "held": held, "slots": slots}).fetchone()
    assert found is not None
    [ids] = found
    assert isinstance(ids, list)
    return ids


def submit(folder: Path, n: int, threads: int) -> common.Figures:
    """Each thread with a connection of its own."""
    local = threading.local()

    def commit(number: int) -> None:
        if not hasattr(local, "db"):
            local.db = opened.enter_context(connect())
        insert(local.db, range(number, number + 1))

    with store(), ExitStack() as opened:
        figures = common.per_second(commit, n, threads)
        _check("jobs", n // threads * threads + min(common.WARM_UP, n))
    return figures


def bulk(folder: Path, n: int, at_once: int) -> common.Figures:
    at_once = min(at_once, n)
    with store(), connect() as db:
        insert(db, range(at_once))
        began = time.perf_counter()
        for _ in range(n // at_once):
            insert(db, range(at_once))
        seconds = time.perf_counter() - began
        _check("jobs", (n // at_once + 1) * at_once)
    return {"per_second": n // at_once * at_once / seconds}


def drain(folder: Path, n: int, each: int) -> common.Figures:
    """Complete the last batch and claim the next in one commit; nothing is run."""
    with store(), connect() as db:
        insert(db, range(n))
        held: list[int] = []
        began = time.perf_counter()
        while ids := turn(db, held, each):
            held = ids
        turn(db, held, each)
        seconds = time.perf_counter() - began
        _check("jobs where state = 'succeeded' and attempt = 1", n)
    return {"per_second": n / seconds}


def _check(what: str, wanted: int) -> None:
    found = postgres_database.count(f"offhours.{what}")
    if found != wanted:
        raise RuntimeError(f"{what}: {found} instead of {wanted}")


def latency_across(folder: Path, n: int, pause: float) -> common.Figures:
    """The second process is woken by a notification, which comes with the commit."""
    with store(), connect() as db, common.other_process("work", str(n)) as started:

        def submit(number: int) -> None:
            with db.pipeline(), db.transaction():
                insert(db, range(number, number + 1))
                db.execute("select pg_notify(%s, '')", (CHANNEL,))

        return common.start_latency(submit, started, n, pause)


def work(n: str) -> None:
    with connect() as db, connect() as listener:
        listener.execute(f"listen {CHANNEL}")
        print("ready", flush=True)
        for number, _ in zip(range(int(n)), listener.notifies(), strict=False):
            [_] = turn(db, [], 1)
            common.tell_start(number)


MEASURES: dict[str, common.Measure] = {
    "submit": submit,
    "bulk": bulk,
    "drain": drain,
    "latency_across": latency_across,
}

if __name__ == "__main__":
    if sys.argv[1] == "work":
        work(*sys.argv[2:])
    else:
        common.main(MEASURES)
