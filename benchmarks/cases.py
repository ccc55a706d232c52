"""What is measured, on which side, with which settings, and what each side may lose."""

from __future__ import annotations

from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Bench:
    """One table. A ratio is the figure of the case `against` divided by this one's."""

    name: str
    title: str
    figures: dict[str, str]
    cases: tuple[Case, ...]
    rounds: int = 5
    note: str = ""
    better: str = "higher"
    ours: str = "Offhours"


RATE = {"per_second": "jobs/s"}
LATENCY = {"p50_ms": "p50 ms", "p99_ms": "p99 ms"}
REST = {"cpu_percent": "CPU %", "rss_mb": "RSS MB"}


def _submit(threads: int, durability: str) -> Case:
    loses = NORMAL if durability == "normal" else SAFE
    label = f"Offhours {durability}, {threads} thread{'s' if threads > 1 else ''}"
    params = {"threads": threads, "durability": durability}
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
             {}, 8_000, "Offhours full, 1 thread"),
        Case("Huey's default, 1 thread", "huey", "submit", SAFE,
             {"threads": 1, "fsync": None}, 8_000, "Offhours full, 1 thread"),
        Case("Huey's default, 16 threads", "huey", "submit", SAFE,
             {"threads": 16, "fsync": None}, 8_000, "Offhours full, 16 threads"),
        Case("Huey synchronous=OFF, 1 thread", "huey", "submit", OFF,
             {"threads": 1, "fsync": False}, 20_000, "Offhours normal, 1 thread"),
        Case("Huey synchronous=OFF, 8 threads", "huey", "submit", OFF,
             {"threads": 8, "fsync": False}, 20_000, "Offhours normal, 8 threads"),
    ),
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
    ),
    note="Huey has no bulk submit.",
)  # fmt: skip

_DRAINED = "Offhours, 4 threads"
DRAIN = Bench(
    "drain",
    "Drain of no-op jobs, one worker process",
    RATE,
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
        Case("Huey's default, 1 worker", "huey", "drain", AT_MOST_ONCE,
             {"workers": 1, "fsync": None}, 8_000, "Offhours full, 4 threads"),
        Case("Huey synchronous=OFF, 1 worker", "huey", "drain", AT_MOST_ONCE_OFF,
             {"workers": 1, "fsync": False}, 20_000, _DRAINED),
        Case("Huey synchronous=OFF, 4 workers", "huey", "drain", AT_MOST_ONCE_OFF,
             {"workers": 4, "fsync": False}, 20_000, _DRAINED),
    ),
    note="Offhours records the outcome, the result and two events of every job; Huey keeps "
    "nothing of a task that returned None. The limit runs nothing.",
)  # fmt: skip

_PAUSE = {"pause": 0.01}
_IN_ONE, _ACROSS = "Offhours, one process", "Offhours, two processes"
LATENCIES = Bench(
    "latency",
    "Submit to start, idle worker",
    LATENCY,
    (
        Case(_IN_ONE, "offhours", "latency", NORMAL, _PAUSE, 500),
        Case(_ACROSS, "offhours", "latency_across", NORMAL, _PAUSE, 500),
        Case("limit: bare apsw and a semaphore, one process", "sqlite", "latency", NORMAL,
             _PAUSE, 500, _IN_ONE),
        Case("limit: bare apsw and a datagram, two processes", "sqlite", "latency_across", NORMAL,
             _PAUSE, 500, _ACROSS),
        Case("Huey's default, one process", "huey", "latency", SAFE, _PAUSE, 100, _IN_ONE),
        Case("Huey's default, two processes", "huey", "latency_across", SAFE,
             _PAUSE, 100, _ACROSS),
    ),
    better="lower",
    note="From the call of submit to the first line of the task, one job at a time, 10 ms of rest "
    "between. Huey polls, at growing intervals of 0.1 to 10 s.",
)  # fmt: skip

_EMPTY, _FULL = "Offhours, empty", "Offhours, 100,000 future jobs"
IDLE = Bench(
    "idle",
    "An idle worker",
    REST,
    (
        Case(_EMPTY, "offhours", "idle", NONE, {"stored": 0}),
        Case(_FULL, "offhours", "idle", NONE, {"stored": 100_000}),
        Case("limit: Python, apsw and Offhours loaded, asleep", "sqlite", "idle", NONE,
             {}, None, _EMPTY),
        Case("Huey's default, empty", "huey", "idle", NONE, {"stored": 0}, None, _EMPTY),
        Case("Huey's default, 100,000 future jobs", "huey", "idle", NONE,
             {"stored": 100_000}, None, _FULL),
    ),
    rounds=3,
    better="lower",
    note="Over 10 s after a second of rest; the jobs were stored by another process.",
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
        Case("from huey import SqliteHuey", "huey", "cpu_of", NONE,
             {"code": "from huey import SqliteHuey"}, 10, _IMPORTED),
        Case("from huey import SqliteHuey; first open", "huey", "cpu_of", NONE,
             {"code": f"{_HUEY}; h.pending_count()"}, 10, _OPENED),
    ),
    better="lower",
    note="The interpreter's own start is in every line.",
)  # fmt: skip


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
    rounds=7,
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
    rounds=3,
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
        Case("Offhours, 1,000,000 stored", "offhours", "stored_schedules", NORMAL,
             {"stored": 1_000_000}, None, "Offhours, 10 stored"),
    ),
    rounds=3,
    better="lower",
    ours="10 stored",
    note="CPU and memory at rest; p50 and p99 are the lateness of one schedule that fires every "
    "second beside them.",
)  # fmt: skip

FIGURES = (SUBMIT, BULK, DRAIN, LATENCIES, LATENESS, STORED, IDLE, IMPORTS)
CHOICES = (PAGES, BATCHES)
BENCHES = (*FIGURES, *CHOICES)
