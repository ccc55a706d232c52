"""What is told of Offhours on SQLite, beside limits and peers."""

from __future__ import annotations

from dataclasses import replace

from cases import (
    AT_MOST_ONCE,
    AT_MOST_ONCE_OFF,
    LATENCY,
    NONE,
    NORMAL,
    PAUSE,
    PEERS,
    RATE,
    REST,
    SAFE,
    Bench,
    Case,
    peer_cases,
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
        *peer_cases("submit", "Offhours normal, 1 thread", "submits",
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
        *peer_cases("bulk", "Offhours, 1,000 a call", "submits", at_once=1_000),
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
        *peer_cases("drain", _DRAINED, "drains", full="Offhours full, 4 threads"),
    ),
    note="Offhours, from the start of the worker until the outcome, the result and two events of "
    "every job are recorded. A peer, from the start of the first job to the start of the last. "
    "The limit on apsw runs nothing. Offhours drains 40,000 jobs, peers 500 to 10,000.",
)  # fmt: skip

_IN_ONE, _ACROSS = "Offhours, one process", "Offhours, two processes"
LATENCIES = Bench(
    "latency",
    "Submit to start, idle worker",
    LATENCY,
    (
        Case(_IN_ONE, "offhours", "latency", NORMAL, PAUSE, 500),
        Case(_ACROSS, "offhours", "latency_across", NORMAL, PAUSE, 300),
        Case("limit: bare apsw and a semaphore, one process", "sqlite", "latency", NORMAL,
             PAUSE, 500, _IN_ONE),
        Case("limit: bare apsw and a datagram, two processes", "sqlite", "latency_across", NORMAL,
             PAUSE, 500, _ACROSS),
        Case("Huey, SQLite, one process", "huey", "latency", AT_MOST_ONCE, PAUSE, 50, _IN_ONE),
        *peer_cases("latency_across", _ACROSS, 50, pause=0.01),
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
            *peer_cases("due", _DUE, rate=rate),
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
        *peer_cases("idle", _EMPTY, stored=0),
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
        *peer_cases("start", _STARTED, 3),
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
        *peer_cases("recovery", _BACK, 1),
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
          for peer, case in zip(PEERS, peer_cases("growth", "", 500), strict=True)
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
          for case in peer_cases("interference", _ALONE, workers=2)),
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
    LATENCY,
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
    {"start_ms": "open and start ms", "cpu_percent": "CPU %", "rss_mb": "RSS MB", **LATENCY},
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
