"""What is measured, on which side, with which settings, and what each side may lose."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

# What a crash may take, of what was acknowledged.
SAFE = "nothing / nothing"
NORMAL = "nothing / the last commits"
OFF = "nothing / commits, even the file"
AT_MOST_ONCE = "what runs / what runs"
AT_MOST_ONCE_OFF = "what runs / commits, even the file"
NONE = "-"


@dataclass(frozen=True)
class Case:
    """One contender of a table. `n` becomes a tenth with `--quick`."""

    label: str
    side: str
    measure: str
    loses: str = NONE
    params: dict[str, Any] = field(default_factory=dict)
    n: int | None = None
    against: str = ""
    none: str = ""  # why this side cannot do it
    keeps: str = NONE  # of a job that has run


@dataclass(frozen=True)
class Bench:
    """One table and its chart.

    A ratio is the first figure of the case `against` divided by this one's. With `times`, it is
    instead this one's divided by the other's, of each of those figures.
    """

    name: str
    title: str
    figures: dict[str, str]
    cases: tuple[Case, ...]
    rounds: int = 3
    note: str = ""
    better: str = "higher"
    ours: str = "Offhours"
    times: tuple[str, ...] = ()


RATE = {"per_second": "jobs/s"}
LATENCY = {"p50_ms": "p50 ms", "p99_ms": "p99 ms"}
REST = {"cpu_percent": "CPU %", "rss_mb": "RSS MB"}


@dataclass(frozen=True)
class Peer:
    """A peer at its best reasonable settings; what differs from its defaults is in the options."""

    label: str
    side: str
    loses: str
    submits: int  # jobs that it stores, and that it runs, in a second or two
    drains: int
    full: bool = False  # what it stores survives power loss
    later: str = "10,000"  # jobs of tomorrow that it stores in bearable time
    options: dict[str, Any] = field(default_factory=dict)
    none: dict[str, str] = field(default_factory=dict)  # measures that it lacks, and why


IN_MEMORY = "nothing, if not of Redis / all"
IN_MEMORY_AT_MOST_ONCE = "what runs / all"
NO_BULK = "none: one job a call"
PEERS = (
    Peer("Huey, SQLite", "huey", AT_MOST_ONCE, 4_000, 4_000, True, none={"bulk": NO_BULK}),
    Peer("Huey, SQLite synchronous=OFF", "huey", AT_MOST_ONCE_OFF, 20_000, 10_000,
         options={"fsync": False}, none={"bulk": NO_BULK}),
    Peer("Dramatiq, Redis", "dramatiq", IN_MEMORY, 5_000, 4_000, none={"bulk": NO_BULK}),
    Peer("Celery, Redis", "celery", IN_MEMORY_AT_MOST_ONCE, 3_000, 2_000, none={"bulk": NO_BULK}),
    Peer("Taskiq, Redis stream", "taskiq", IN_MEMORY, 5_000, 4_000),
    Peer("Procrastinate, PostgreSQL", "procrastinate", SAFE, 1_500, 800, True),
    Peer("DBOS, SQLite", "dbos", SAFE, 500, 500, True, "1,000", none={"bulk": NO_BULK}),
)  # fmt: skip


def _peers(
    measure: str,
    against: str,
    n: int | str | None = None,
    full: str = "",
    **params: Any,
) -> tuple[Case, ...]:
    """A case for each peer; `n` is a number, or the name of a peer's own.

    Peers that survive power loss are set against `full`, where there is such a case of ours.
    """
    return tuple(
        Case(
            peer.label,
            peer.side,
            measure,
            peer.loses,
            {**params, "options": peer.options},
            getattr(peer, n) if isinstance(n, str) else n,
            full if full and peer.full else against,
            peer.none.get(measure, ""),
        )
        for peer in PEERS
    )


def _submit(threads: int, durability: str) -> Case:
    loses = NORMAL if durability == "normal" else SAFE
    label = f"Offhours {durability}, {threads} thread{'s' if threads > 1 else ''}"
    params = {"threads": threads, "options": {"durability": durability}}
    n = 20_000 if durability == "normal" else 8_000
    return Case(label, "offhours", "submit", loses, params, n)


SUBMIT = Bench(
    "submit",
    "One submit per call",
    RATE,
    (
        _submit(1, "normal"),
        _submit(8, "normal"),
        _submit(1, "full"),
        _submit(8, "full"),
        _submit(16, "full"),
        Case("limit: bare apsw, normal", "sqlite", "submit", NORMAL,
             {"durability": "normal"}, 20_000, "Offhours normal, 1 thread"),
        Case("limit: bare apsw, normal, 8 jobs a commit", "sqlite", "submit", NORMAL,
             {"durability": "normal", "each": 8}, 40_000, "Offhours normal, 8 threads"),
        Case("limit: bare apsw, full", "sqlite", "submit", SAFE,
             {"durability": "full"}, 8_000, "Offhours full, 1 thread"),
        Case("limit: bare apsw, full, 16 jobs a commit", "sqlite", "submit", SAFE,
             {"durability": "full", "each": 16}, 40_000, "Offhours full, 16 threads"),
        Case("limit: the disk, a page and fdatasync", "sqlite", "fsync", SAFE,
             {}, 4_000, "Offhours full, 1 thread"),
        Case("limit: ThreadPoolExecutor, nothing stored", "sqlite", "pool_submit", "all / all",
             {}, 40_000, "Offhours normal, 1 thread"),
        *_peers("submit", "Offhours normal, 1 thread", "submits",
                full="Offhours full, 1 thread", threads=1),
        Case("Huey, SQLite, 16 threads", "huey", "submit", AT_MOST_ONCE,
             {"threads": 16}, 4_000, "Offhours full, 16 threads"),
        Case("Huey, SQLite synchronous=OFF, 8 threads", "huey", "submit", AT_MOST_ONCE_OFF,
             {"threads": 8, "options": {"fsync": False}}, 20_000, "Offhours normal, 8 threads"),
    ),
    rounds=2,
)  # fmt: skip

BULK = Bench(
    "bulk",
    "Bulk submit",
    RATE,
    (
        Case("Offhours, 1,000 a call", "offhours", "bulk", NORMAL, {"at_once": 1_000}, 200_000),
        Case("Offhours, 10,000 a call", "offhours", "bulk", NORMAL, {"at_once": 10_000}, 200_000),
        Case("limit: bare apsw, 1,000 a commit", "sqlite", "bulk", NORMAL,
             {"at_once": 1_000}, 200_000, "Offhours, 1,000 a call"),
        Case("limit: bare apsw, 10,000 a commit", "sqlite", "bulk", NORMAL,
             {"at_once": 10_000}, 200_000, "Offhours, 10,000 a call"),
        *_peers("bulk", "Offhours, 1,000 a call", "submits", at_once=1_000),
    ),
)  # fmt: skip

_DRAINED = "Offhours, 4 threads"
DRAIN = Bench(
    "drain",
    "Drain of no-op jobs, one worker process",
    {**RATE, "rss_mb": "RSS MB after"},
    (
        Case(_DRAINED, "offhours", "drain", NORMAL, {"threads": 4, "durability": "normal"}, 40_000),
        Case("Offhours, 1 thread", "offhours", "drain", NORMAL,
             {"threads": 1, "durability": "normal"}, 40_000),
        Case("Offhours full, 4 threads", "offhours", "drain", SAFE,
             {"threads": 4, "durability": "full"}, 40_000),
        Case("limit: bare apsw, claim and complete by 100", "sqlite", "drain", NORMAL,
             {"each": 100}, 40_000, _DRAINED),
        Case("limit: bare apsw, claim and complete by 1", "sqlite", "drain", NORMAL,
             {"each": 1}, 10_000, _DRAINED),
        Case("limit: ThreadPoolExecutor, 4 threads, nothing stored", "sqlite", "pool_drain",
             "all / all", {"threads": 4}, 40_000, _DRAINED),
        *_peers("drain", _DRAINED, "drains", full="Offhours full, 4 threads"),
    ),
    note="Offhours, from the start of the worker until the outcome, the result and two events of "
    "every job are recorded. A peer, from the start of the first job to the start of the last. "
    "The limit on apsw runs nothing. Offhours drains 40,000 jobs, peers 500 to 10,000.",
)  # fmt: skip

_PAUSE = {"pause": 0.01}
_IN_ONE, _ACROSS = "Offhours, one process", "Offhours, two processes"
LATENCIES = Bench(
    "latency",
    "Submit to start, idle worker",
    LATENCY,
    (
        Case(_IN_ONE, "offhours", "latency", NORMAL, _PAUSE, 500),
        Case(_ACROSS, "offhours", "latency_across", NORMAL, _PAUSE, 300),
        Case("limit: bare apsw and a semaphore, one process", "sqlite", "latency", NORMAL,
             _PAUSE, 500, _IN_ONE),
        Case("limit: bare apsw and a datagram, two processes", "sqlite", "latency_across", NORMAL,
             _PAUSE, 500, _ACROSS),
        Case("Huey, SQLite, one process", "huey", "latency", AT_MOST_ONCE, _PAUSE, 50, _IN_ONE),
        *_peers("latency_across", _ACROSS, 50, pause=0.01),
    ),
    better="lower",
    note="From the call of submit to the first line of the task, one job at a time, 10 ms of rest "
    "between. Peers in two processes. Huey polls, at growing intervals of 0.1 to 10 s.",
    rounds=2,
)  # fmt: skip

_DUE = "Offhours"


def _due(rate: int) -> Bench:
    return Bench(
        f"due{rate}",
        f"Lateness of jobs for later, {rate} due a second",
        LATENCY,
        (
            Case(_DUE, "offhours", "due", NORMAL, {"rate": rate}),
            *_peers("due", _DUE, rate=rate),
            Case(
                "APScheduler, SQLite, one process",
                "apscheduler",
                "due",
                AT_MOST_ONCE,
                {"rate": rate},
                None,
                _DUE,
            ),
        ),
        rounds=1,
        better="lower",
        note="From the moment that a job was submitted for, 2 s ahead, to its first line, in "
        "another process. Taskiq looks for due jobs once a second.",
    )


DUES = (_due(10), _due(100))

_EMPTY, _FULL = "Offhours, empty", "Offhours, 100,000 future jobs"
IDLE = Bench(
    "idle",
    "An idle worker",
    REST,
    (
        Case(_EMPTY, "offhours", "idle", NONE, {"stored": 0}),
        Case("limit: Python, apsw and Offhours loaded, asleep", "sqlite", "idle", NONE,
             {}, None, _EMPTY),
        *_peers("idle", _EMPTY, stored=0),
        Case("APScheduler, SQLite", "apscheduler", "idle", NONE, {"stored": 0}, None, _EMPTY),
    ),
    rounds=1,
    better="lower",
    note="Over 4 s after a second of rest. Of Redis and PostgreSQL nothing is counted.",
)  # fmt: skip

_STARTED = "Offhours"
START = Bench(
    "start",
    "From the start of a worker's process to its first job",
    {"ms": "ms"},
    (
        Case(_STARTED, "offhours", "start", NONE, {}, 5),
        *_peers("start", _STARTED, 3),
    ),
    rounds=1,
    better="lower",
    note="One job waits; the start of Python is in every line. A median of 3 or 5.",
)

_BACK = "Offhours"
RECOVERY = Bench(
    "recovery",
    "Running again after kill -9 of the worker, restarted at once",
    {"seconds": "s"},
    (
        Case(_BACK, "offhours", "recovery", NONE, {}, 5),
        *_peers("recovery", _BACK, 1),
    ),
    rounds=1,
    better="lower",
    note="From the kill of the worker in the middle of a job to the first line of its second run. "
    "Settings are the defaults. *never*: not within 10 s, or lost.",
)

_STEPS = ("10", "1,000", "100,000", "1,000,000")
GROWTH = Bench(
    "growth",
    "Beside stored jobs of tomorrow",
    {"submits": "submits/s", "drains": "drains/s", "cpu_percent": "idle CPU %", "rss_mb": "RSS MB"},
    (
        *(Case(f"Offhours, {stored} stored", "offhours", "growth", NORMAL,
               {"stored": int(stored.replace(",", ""))}, 5_000,
               "Offhours, 10 stored" if stored != "10" else "") for stored in _STEPS),
        *(replace(case, label=f"{case.label}, {stored} stored",
                  params={**case.params, "stored": int(stored.replace(",", ""))},
                  against=f"{case.label}, 10 stored" if stored != "10" else "")
          for peer, case in zip(PEERS, _peers("growth", "", 500), strict=True)
          for stored in ("10", peer.later)),
    ),
    rounds=1,
    ours="10 stored",
    note="Jobs of today are submitted one a call and drained beside them; then the worker rests. "
    "Peers were given no more than they store in bearable time.",
)  # fmt: skip

_ALONE = "the foreground alone"


def _aside(step_aside: str, executor: str) -> Case:
    options = {"step_aside": step_aside, "executor": executor, "background": True}
    params = {"workers": 1 if executor == "process" else 2, "options": options}
    return Case(f"Offhours, {step_aside}", "offhours", "interference", NORMAL, params, None, _ALONE)


INTERFERENCE = Bench(
    "interference",
    "A foreground while 10,000 background jobs want every core",
    {"cpu_p50_ms": "CPU p50 ms", "cpu_p99_ms": "CPU p99 ms",
     "disk_p50_ms": "disk p50 ms", "disk_p99_ms": "disk p99 ms",
     "http_p50_ms": "HTTP p50 ms", "http_p99_ms": "HTTP p99 ms",
     "background": "background jobs/s"},
    (
        Case(_ALONE, "offhours", "interference", NONE, {"workers": 0}),
        _aside("cooperate", "thread"),
        _aside("yield", "process"),
        _aside("freeze", "process"),
        _aside("finish", "thread"),
        *(replace(case, params={**case.params, "n": 2_000} if case.side == "dbos" else case.params)
          for case in _peers("interference", _ALONE, workers=2)),
    ),
    better="lower",
    ours="alone",
    times=("cpu_p99_ms", "disk_p99_ms", "http_p99_ms"),
    note="Loops of a second each: 1 ms of Python; a page written and forced to the disk; a GET of "
    "a local server. Jobs are 5 ms of Python, in two processes. With Offhours the loops run "
    "inside `app.foreground()`; peers have no such thing. All of them still "
    "worked afterwards. DBOS was given 2,000 jobs, which it does not finish either.",
)  # fmt: skip

_IMPORTED, _OPENED = "import offhours", "from offhours import Offhours; first open"
_HUEY = "import sys; from huey import SqliteHuey; h = SqliteHuey(filename=sys.argv[1])"
IMPORTS = Bench(
    "import",
    "CPU time of a fresh interpreter",
    {"cpu_ms": "CPU ms"},
    (
        Case(_IMPORTED, "offhours", "cpu_of", NONE, {"code": "import offhours"}, 10),
        Case(_OPENED, "offhours", "cpu_of", NONE,
             {"code": "import sys; from offhours import Offhours; Offhours(sys.argv[1])"}, 10),
        Case("limit: Python alone", "sqlite", "cpu_of", NONE, {"code": "pass"}, 10, _IMPORTED),
        Case("limit: import apsw; first open", "sqlite", "cpu_of", NONE,
             {"code": "import sys, apsw; apsw.Connection(sys.argv[1])"}, 10, _OPENED),
        *(Case(code, side, "cpu_of", NONE, {"code": code}, 10, _IMPORTED) for side, code in (
            ("huey", "from huey import SqliteHuey"),
            ("dramatiq", "from dramatiq.brokers.redis import RedisBroker"),
            ("celery", "from celery import Celery; Celery().Task"),
            ("taskiq", "from taskiq_redis import RedisStreamBroker"),
            ("procrastinate", "from procrastinate import App, PsycopgConnector"),
            ("dbos", "from dbos import DBOS"),
            ("apscheduler", "from apscheduler.schedulers.background import BackgroundScheduler"),
        )),
        Case("from huey import SqliteHuey; first open", "huey", "cpu_of", NONE,
             {"code": f"{_HUEY}; h.pending_count()"}, 10, _OPENED),
    ),
    better="lower",
    note="The interpreter's own start is in every line.",
    rounds=1,
)  # fmt: skip


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
        Case(_PG_ACROSS, "offhours_postgres", "latency_across", SAFE, _PAUSE, 300),
        Case("limit: bare psycopg and a notification", "postgres", "latency_across", SAFE,
             _PAUSE, 300, _PG_ACROSS),
        Case("Procrastinate", "procrastinate", "latency_across", SAFE, _PAUSE, 100, _PG_ACROSS),
        Case("DBOS", "dbos_postgres", "latency_across", SAFE, _PAUSE, 50, _PG_ACROSS),
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
    _at_celery("latency_noted", 200, 200, **_PAUSE),
    better="lower",
    note=_CELERY + "From the call of submit to the first line of the task, one job at a time, "
    "10 ms of rest between.",
)


def _page(size: int, measure: str, n: int, **params: Any) -> Case:
    against = f"{measure}, page size 2048" if size != 2048 else ""
    params = {"page_size": size, **params}
    return Case(f"{measure}, page size {size}", "sqlite", measure, NONE, params, n, against)


PAGES = Bench(
    "pages",
    "Page size",
    RATE,
    (
        *(_page(size, "submit", 20_000, durability="normal") for size in (1024, 2048, 4096, 8192)),
        *(_page(size, "drain", 40_000, each=256) for size in (1024, 2048, 4096, 8192)),
    ),
    ours="2048",
    note="submit: one job and its event a commit. drain: claim and complete by 256. Bare apsw on "
    "the tables and indexes of an Offhours store, synchronous=NORMAL.",
)


def _batch(singly: bool, busy: bool, n: int) -> Case:
    way = "a statement a job" if singly else "a statement a batch"
    company = "beside a busy Python thread" if busy else "alone"
    against = f"a statement a batch, {company}" if singly else ""
    params = {"each": 20, "singly": singly, "busy": busy}
    return Case(f"{way}, {company}", "sqlite", "drain", NONE, params, n, against)


BATCHES = Bench(
    "batches",
    "One JSON parameter a batch, or a statement a job",
    {"ms_per_job": "ms a job"},
    (
        _batch(False, False, 20_000),
        _batch(True, False, 20_000),
        _batch(False, True, 1_000),
        _batch(True, True, 500),
    ),
    rounds=5,
    better="lower",
    ours="batch",
    note="Claim and complete by 20, two updates and two events a job, on bare apsw.",
)

_LATE = {"p50_ms": "p50 ms", "p99_ms": "p99 ms"}


def _late(rate: int) -> tuple[Case, ...]:
    ours = f"Offhours, {rate:,} fires/s"
    params = {"rate": rate}
    return (
        Case(ours, "offhours", "lateness", NORMAL, params),
        Case(f"limit: a timed wait and a commit, {rate:,}/s", "sqlite", "lateness", NORMAL,
             params, None, ours),
        Case(f"APScheduler in memory, {rate:,}/s", "apscheduler", "lateness", "all / all",
             {**params, "stored": False}, None, ours),
        Case(f"APScheduler on SQLite, {rate:,}/s", "apscheduler", "lateness", AT_MOST_ONCE,
             {**params, "stored": True}, None, ours),
    )  # fmt: skip


LATENESS = Bench(
    "lateness",
    "From the instant of a fire to the first line of its task",
    _LATE,
    (*_late(1), *_late(100), *_late(1_000)),
    rounds=1,
    better="lower",
    note="As many schedules as fires a second, each every second, their instants spread over it. "
    "A fire of Offhours is a stored job with its events, outcome and delay; one of APScheduler is "
    "a call in a thread, and with a store a changed row. Fires that APScheduler did not run "
    "in time or skipped are not counted against it.",
)

STORED = Bench(
    "schedules",
    "Stored schedules that are not due",
    {"start_ms": "open and start ms", "cpu_percent": "CPU %", "rss_mb": "RSS MB", **_LATE},
    (
        Case("Offhours, 10 stored", "offhours", "stored_schedules", NORMAL, {"stored": 10}),
        *(Case(f"Offhours, {stored:,} stored", "offhours", "stored_schedules", NORMAL,
               {"stored": stored}, None, "Offhours, 10 stored")
          for stored in (1_000, 100_000, 1_000_000)),
    ),
    rounds=1,
    better="lower",
    ours="10 stored",
    note="CPU and memory at rest; p50 and p99 are the lateness of one schedule that fires every "
    "second beside them.",
)  # fmt: skip

FIGURES = (
    SUBMIT, BULK, DRAIN, LATENCIES, *DUES, LATENESS, GROWTH, STORED, IDLE, START, IMPORTS,
    RECOVERY, INTERFERENCE,
)  # fmt: skip
GROUPS = {
    "postgres": (POSTGRES_SUBMIT, POSTGRES_BULK, POSTGRES_DRAIN, POSTGRES_LATENCY),
    "celery": (CELERY_DRAIN, CELERY_LATENCY),
}
CHOICES = (PAGES, BATCHES)
BENCHES = (*FIGURES, *GROUPS["postgres"], *GROUPS["celery"], *CHOICES)
