"""What the faces read out of a stored schedule."""

from __future__ import annotations

from offhours.core.firing import plan_of
from offhours.core.schedules import Schedule, ScheduleStatus, due_at
from offhours.core.times import Micros
from offhours.core.triggers import Cron
from offhours.engine.codec import load
from offhours.faces.local_time import local

OURS = "scheduled_task"
"""The key of a schedule's metadata under which this face keeps what is its own."""

ENABLED = (ScheduleStatus.ACTIVE, ScheduleStatus.PARKED)


def due_of(record: Schedule) -> Micros | None:
    """When an enabled schedule is due next. A parked one has no due time of its own: it would fire
    then, if its function were known."""
    if record.status not in ENABLED or record.next_at is None:
        return None
    return due_at(record.name, record.jitter, record.next_at)


def description_of(record: Schedule) -> str:
    """What a schedule was described as."""
    kept = (load(record.metadata) or {}).get(OURS)
    return str(kept.get("description", "")) if isinstance(kept, dict) else ""


def cron_of(record: Schedule) -> str:
    """The cron expression that says most of a schedule; see `ScheduledTask.cron_expression`."""
    plan = plan_of(record.plan)
    moment = record.next_at or record.last_at or record.created_at
    for trigger in plan.triggers:
        if isinstance(trigger, Cron) and (
            len(plan.triggers) == 1 or trigger.next_after(moment - 1, plan.zone) == moment
        ):
            return _seconds_last(trigger)
    wall = local(moment)
    assert wall is not None
    return f"{wall.minute} {wall.hour} {wall.day} {wall.month} *"


def _seconds_last(trigger: Cron) -> str:
    """Other libraries read a sixth field as seconds where ours has them first."""
    fields = trigger.fields
    return trigger.expression if len(fields) == 5 else " ".join((*fields[1:], fields[0]))
