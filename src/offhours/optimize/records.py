"""What was done and how long it took: the records from which everything here is learnt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(slots=True)
class Task:
    """A piece of work that somebody did: a record, not something to run.

    task_type: what was done, such as "file_copy"; routines are sequences of these
    parameters: what it was done to, by name
    timestamp: when it began; a naive one is local time
    duration_ms: how long it took, in milliseconds
    actor: who did it, if that is known: routines are looked for in what one actor does

    >>> Task("task_001", "file_copy", "Copy a file", {"source": "/etc/hosts"},
    ...      datetime(2026, 6, 1), 150.5, True).actor
    ''
    """

    task_id: str
    task_type: str
    description: str
    parameters: Mapping[str, Any]
    timestamp: datetime
    duration_ms: float
    success: bool
    actor: str = ""


@dataclass(slots=True)
class PerformanceMetric:
    """What one execution of a process cost.

    process_name: what ran; `step` names the part of it that this is about, if it is one
    duration_ms: in milliseconds; cpu_usage, memory_usage: percent
    run_id: which run of the workflow a step belongs to; after: the steps it waited for
    wait_ms: how long it waited before it began; attempt: which try it was, from 1 on
    timeout_ms: how long it might have taken at most, if there was a limit

    >>> PerformanceMetric("m1", "sync", datetime(2026, 6, 1), 2500, 75.0, 60.0, True).attempt
    1
    """

    metric_id: str
    process_name: str
    timestamp: datetime
    duration_ms: float
    cpu_usage: float
    memory_usage: float
    success: bool
    step: str = ""
    run_id: str = ""
    after: tuple[str, ...] = ()
    wait_ms: float = 0.0
    attempt: int = 1
    timeout_ms: float | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
