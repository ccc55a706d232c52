"""The gates of a learning cycle, as the controls of its job want them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from offhours.core.gates import OPEN, Gate, Verdict
from offhours.core.model import Claimed
from offhours.core.ports import Store
from offhours.core.times import MINUTE, Micros
from offhours.core.training import Model
from offhours.gates import (
    Battery,
    Cpu,
    DataAmount,
    Disk,
    FailureCooldown,
    Load,
    Memory,
    ResourceMonitor,
    TimeBudget,
)
from offhours.gates.budget import Span
from offhours.gates.failures import Record
from offhours.training import SafetyControls

SCHEDULE = "training_schedule_number"
"""The key of a job's metadata for the schedule among whose cycles it counts."""

_AGAIN = MINUTE
_MOST_CYCLES = 200


class Ordered(NamedTuple):
    """What the arguments of a cycle's job say."""

    tenant: str
    controls: SafetyControls


@lru_cache(maxsize=256)
def ordered(args: str, default: SafetyControls) -> Ordered:
    """Read the arguments of a cycle's job."""
    [given, named] = json.loads(args)
    tenant = named.get("tenant_id") or (given[0] if given else "")
    controls = named.get("controls") or (given[1] if len(given) > 1 else None)
    return Ordered(tenant, SafetyControls.from_dict(controls) if controls else default)


def schedule_of(job: Claimed) -> int | None:
    """The schedule among whose cycles a job counts: its own, or that for which it was asked."""
    if job.schedule_id is not None or job.metadata is None:
        return job.schedule_id
    found = json.loads(job.metadata).get(SCHEDULE)
    return found if isinstance(found, int) else None


class ControlledGate:
    """A gate whose limit is that of each job's own controls; None where they set none."""

    def __init__(
        self,
        name: str,
        make: Callable[[Ordered], Gate | None],
        default: SafetyControls,
    ) -> None:
        self.name = name
        self._make = make
        self._default = default

    def look(self, job: Claimed, now: Micros, store: Store) -> Verdict:
        """What the gate says that the job's controls want."""
        gate = self._make(ordered(job.args, self._default))
        return OPEN if gate is None else gate.look(job, now, store)

    def __repr__(self) -> str:
        return f"<gate {self.name}>"


class Past:
    """What the store knows of the cycles of a model, as the gates ask for it."""

    def __init__(self, name: str, default: SafetyControls) -> None:
        self._name = name
        self._default = default

    def model(self, job: Claimed, store: Store) -> Model | None:
        """The model that a job's cycle would train, if its tenant has it already."""
        return store.models.model(ordered(job.args, self._default).tenant, self._name)

    def record(self, job: Claimed, store: Store) -> Record:
        """How the cycles went among which a job's counts."""
        model = self.model(job, store)
        if model is None:
            return Record(0, 0, False)
        found = store.cycles.record(model, schedule_of(job), job.id)
        return Record(found.failures, found.last_failure, found.running is not None)

    def spans(self, job: Claimed, store: Store, since: Micros, now: Micros) -> list[Span]:
        """When other cycles of the model went on since a moment."""
        model = self.model(job, store)
        cycles = [] if model is None else store.cycles.cycles(model, limit=_MOST_CYCLES)
        return [Span(each.started_at, each.finished_at or now) for each in cycles
                if each.job_id != job.id and (each.finished_at or now) > since]  # fmt: skip


class OtherCycle:
    """Holds while another cycle works on the same model. Nobody passes."""

    name = "other-cycle"

    def __init__(self, past: Past) -> None:
        self._past = past

    def look(self, job: Claimed, now: Micros, store: Store) -> Verdict:
        """Open when no other cycle of the model goes on."""
        store.cycles.settle_lost(now)
        model = self._past.model(job, store)
        other = None if model is None else store.cycles.record(model, None, job.id).running
        if other is None:
            return OPEN
        reason = f"cycle {other} works on the same model"
        return Verdict(False, reason, now + _AGAIN, forceable=False)


def training_gates(
    name: str,
    default: SafetyControls,
    monitor: ResourceMonitor | None,
    folder: str,
    count: Callable[[str], int] | None,
) -> Sequence[Gate]:
    """All gates of the cycles of a model, in the order in which they are asked.

    count: how many pieces of data a tenant has, where the learner can tell beforehand
    """
    past = Past(name, default)
    makers: dict[str, Callable[[Ordered], Gate | None]] = {
        "failures": lambda o: _failures(o.controls, past),
        "data": lambda o: None if count is None else _data(o, count),
        "budget": lambda o: _budget(o.controls, past),
        "memory-mb": lambda o: _memory(o.controls, monitor),
        "memory": lambda o: Memory(o.controls.max_memory_percent, monitor=monitor),
        "cpu": lambda o: Cpu(o.controls.max_cpu_usage_percent, monitor=monitor),
        "load": lambda o: Load(o.controls.max_load_per_core, monitor=monitor),
        "disk": lambda o: Disk(o.controls.min_free_disk_mb, path=folder, monitor=monitor),
        "battery": lambda o: Battery(o.controls.min_battery_percent, monitor=monitor),
    }
    guarded = [ControlledGate(each, make, default) for each, make in makers.items()]
    return [OtherCycle(past), *guarded]


def _failures(controls: SafetyControls, past: Past) -> Gate:
    pause = controls.failure_cooldown_hours * 3600
    return FailureCooldown(controls.max_consecutive_failures, pause, record=past.record)


def _data(order: Ordered, count: Callable[[str], int]) -> Gate:
    return DataAmount(lambda job: count(order.tenant), least=order.controls.min_data_threshold)


def _budget(controls: SafetyControls, past: Past) -> Gate | None:
    most = controls.max_training_minutes_per_day
    return None if most is None else TimeBudget(most * 60, per="1d", spans=past.spans)


def _memory(controls: SafetyControls, monitor: ResourceMonitor | None) -> Gate | None:
    most = controls.max_memory_usage_mb
    return None if most is None else Memory(mb=most, monitor=monitor)
