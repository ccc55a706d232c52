"""What a case and a table of cases are, what a side may lose, and the peers with their settings."""

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


PAUSE = {"pause": 0.01}  # seconds of rest between two jobs

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


def peer_cases(
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
