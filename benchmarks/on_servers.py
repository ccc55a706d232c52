"""The same on PostgreSQL, and with Celery carrying the jobs."""

from __future__ import annotations

from typing import Any

from cases import (
    IN_MEMORY,
    LATENCY,
    NORMAL,
    PAUSE,
    RATE,
    SAFE,
    Bench,
    Case,
)

_SERVER = (
    "Everything on one server, in a database of its own; fsync and synchronous_commit are the "
    "server's, for all. "
)


def _on_server(
    measure: str, way: str, n: tuple[int, int, int, int], **params: Any
) -> tuple[Case, ...]:
    """Ours, the limit and the peers; `n` in this order."""
    ours = f"Offhours, {way}"
    named = (
        (ours, "offhours_postgres", ""),
        (f"limit: bare psycopg, {way}", "postgres", ours),
        (f"Procrastinate, {way}", "procrastinate", ours),
        (f"DBOS, {way}", "dbos_postgres", ours),
    )
    return tuple(
        Case(label, side, measure, SAFE, params, jobs, against)
        for (label, side, against), jobs in zip(named, n, strict=True)
    )


POSTGRES_SUBMIT = Bench(
    "postgres_submit",
    "On PostgreSQL: one submit per call",
    RATE,
    (
        *_on_server("submit", "1 thread", (4_000, 8_000, 2_000, 500), threads=1),
        *_on_server("submit", "8 threads", (8_000, 16_000, 4_000, 2_000), threads=8),
    ),
    note=_SERVER + "The limit stores a job and its event in the tables of Offhours, in one "
    "statement a commit, each thread over a connection of its own.",
)

POSTGRES_BULK = Bench(
    "postgres_bulk",
    "On PostgreSQL: bulk submit",
    RATE,
    _on_server("bulk", "1,000 a call", (100_000, 100_000, 20_000, 3_000), at_once=1_000),
    note=_SERVER + "DBOS has no bulk call: 1,000 calls share a transaction of its client.",
)

_PG_DRAINED = "Offhours, 4 threads"
POSTGRES_DRAIN = Bench(
    "postgres_drain",
    "On PostgreSQL: drain of no-op jobs, one worker process",
    {**RATE, "rss_mb": "RSS MB after"},
    (
        Case(_PG_DRAINED, "offhours_postgres", "drain", SAFE, {"threads": 4}, 20_000),
        Case("Offhours, 1 thread", "offhours_postgres", "drain", SAFE, {"threads": 1}, 20_000),
        Case("limit: bare psycopg, claim and complete by 100", "postgres", "drain", SAFE,
             {"each": 100}, 40_000, _PG_DRAINED),
        Case("Procrastinate, one at a time", "procrastinate", "drain", SAFE, {}, 1_000,
             _PG_DRAINED),
        Case("Procrastinate, 4 at once", "procrastinate", "drain", SAFE,
             {"options": {"threads": 4}}, 1_000, _PG_DRAINED),
        Case("DBOS", "dbos_postgres", "drain", SAFE, {}, 2_000, _PG_DRAINED),
    ),
    note=_SERVER + "Offhours, from the start of the worker until the outcome, the result and two "
    "events of every job are recorded. A peer, from the start of the first job to the start of the "
    "last. The limit completes a batch and claims the next (`for update skip locked`) in one "
    "statement a commit, on the tables of Offhours with their events, and runs nothing.",
)  # fmt: skip

_PG_ACROSS = "Offhours"
POSTGRES_LATENCY = Bench(
    "postgres_latency",
    "On PostgreSQL: submit to start, idle worker, two processes",
    LATENCY,
    (
        Case(_PG_ACROSS, "offhours_postgres", "latency_across", SAFE, PAUSE, 300),
        Case("limit: bare psycopg and a notification", "postgres", "latency_across", SAFE,
             PAUSE, 300, _PG_ACROSS),
        Case("Procrastinate", "procrastinate", "latency_across", SAFE, PAUSE, 100, _PG_ACROSS),
        Case("DBOS", "dbos_postgres", "latency_across", SAFE, PAUSE, 50, _PG_ACROSS),
    ),
    better="lower",
    note=_SERVER + "From the call of submit to the first line of the task, one job at a time, "
    "10 ms of rest between. DBOS looks for jobs every 0.1 s.",
)  # fmt: skip

_OUTCOME = "outcome, result, history; runs at least once"
_ON_SQLITE, _ON_POSTGRES = "Offhours on SQLite, at Celery", "Offhours on PostgreSQL, at Celery"


def _at_celery(measure: str, ours: int, theirs: int, **params: Any) -> tuple[Case, ...]:
    prefork = {"options": {"pool": "prefork", "threads": 2, "acks_late": True}}
    on_postgres = {"options": {"store": "postgres"}}
    return (
        Case(_ON_SQLITE, "offhours_celery", measure, NORMAL, params, ours, keeps=_OUTCOME),
        Case(_ON_POSTGRES, "offhours_celery", measure, SAFE, params | on_postgres, ours,
             keeps=_OUTCOME),
        Case("Celery alone, acks_late", "celery", measure, IN_MEMORY, params | prefork, theirs,
             _ON_SQLITE, keeps="nothing; runs at least once"),
    )  # fmt: skip


_CELERY = (
    "One Celery worker with two processes (prefork), the same Redis. Celery alone: "
    "`task_acks_late=True`, results ignored, prefetch 100; of a job that has run nothing is left, "
    "and what a killed worker had is run again after an hour (the visibility timeout of Redis). "
    "Offhours keeps the outcome, the result and every event of a job in its store, and sends it "
    "again when its lease is over; a job goes through a coordinator (a process more), and runs in "
    "a process of its own below each of Celery's two, at most 16 being on their way. "
)
CELERY_DRAIN = Bench(
    "celery_drain",
    "At Celery workers: drain of no-op jobs",
    RATE,
    _at_celery("drain_noted", 1_000, 3_000),
    note=_CELERY + "From the start of the first job to the start of the last, in either process.",
)

CELERY_LATENCY = Bench(
    "celery_latency",
    "At Celery workers: submit to start, idle worker",
    LATENCY,
    _at_celery("latency_noted", 200, 200, **PAUSE),
    better="lower",
    note=_CELERY + "From the call of submit to the first line of the task, one job at a time, "
    "10 ms of rest between.",
)

GROUPS = {
    "postgres": (POSTGRES_SUBMIT, POSTGRES_BULK, POSTGRES_DRAIN, POSTGRES_LATENCY),
    "celery": (CELERY_DRAIN, CELERY_LATENCY),
}
