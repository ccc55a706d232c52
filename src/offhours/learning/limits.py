"""What holds a learning cycle, and what it may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offhours.core.errors import OffhoursError
from offhours.engine.context import Context
from offhours.training import SafetyControls

if TYPE_CHECKING:
    from offhours.app import Offhours


def held_because(app: Offhours, job_id: int) -> str:
    """What the gate said that held a job last."""
    try:
        told = [event.told for event in app.history(job_id) if event.kind == "job.deferred"]
    except OffhoursError:
        told = []
    return str(told[-1].get("reason") or "") if told else "it could not start in time"


def limit_memory(controls: SafetyControls, context: Context) -> None:
    """In a process of its own a cycle may use so much memory more, and then gets a MemoryError."""
    most = controls.max_training_memory_mb
    if most is None or context.worker is not None:
        return
    import resource

    import psutil

    used = psutil.Process().memory_info().vms
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + int(most * (1 << 20)), hard))
