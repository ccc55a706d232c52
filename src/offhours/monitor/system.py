"""The queue, the workers and the machine, as they are now."""

from __future__ import annotations

from typing import Any

from offhours.core.clock import Clock
from offhours.core.ports import Store
from offhours.core.times import iso


def system_metrics(store: Store, clock: Clock) -> dict[str, Any]:
    """Counts of jobs and workers on the store; CPU and memory of this machine in percent."""
    now, counts = clock.micros(), store.counts()
    alive = [worker for worker in store.workers() if worker.beats(now)]
    slots = sum(worker.slots for worker in alive)
    return {
        "timestamp": iso(now),
        "tasks_in_queue": counts["ready"] + counts["later"],
        "ready_tasks": counts["ready"],
        "active_tasks": counts["running"],
        "held_tasks": counts["held"],
        "workers": len(alive),
        "worker_slots": slots,
        "worker_utilization": min(1.0, counts["running"] / slots) if slots else 0.0,
        **_machine(),
    }


def _machine() -> dict[str, float]:
    import psutil  # 10 ms that only those pay who ask

    return {
        "cpu_percent": psutil.cpu_percent(interval=None),
        "memory_percent": psutil.virtual_memory().percent,
        "process_memory_mb": psutil.Process().memory_info().rss / 1e6,
    }
