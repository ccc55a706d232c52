"""What a plan means, for a person to read before it is saved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from offhours.core.phrases import describe
from offhours.core.times import Micros, iso_second, spoken, to_datetime
from offhours.core.triggers import At, Calendar, Cron, Every, Plan, Trigger, dst_notes, warnings


@dataclass(frozen=True, slots=True)
class Explanation:
    """A schedule in words and in figures.

    sentence: what `parse` would read back to the same plan
    expressions: each cron expression, interval or moment of it
    fires: the next instants, aware, in the schedule's own timezone
    notes: what the coming clock changes do to it; warnings: what may surprise
    """

    sentence: str
    expressions: tuple[str, ...]
    timezone: str
    fires: tuple[datetime, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        lines = [self.sentence, *(f"  {line}" for line in self.expressions)]
        lines += [f"  next: {fire:%a %Y-%m-%d %H:%M:%S} {self.timezone}" for fire in self.fires]
        lines += [f"  note: {note}" for note in self.notes]
        lines += [f"  warning: {warning}" for warning in self.warnings]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; the fires in RFC 3339 with their offset."""
        return {
            "sentence": self.sentence,
            "expressions": list(self.expressions),
            "timezone": self.timezone,
            "fires": [fire.isoformat() for fire in self.fires],
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }


def explain(plan: Plan, now: Micros, n: int = 5, fired: int = 0) -> Explanation:
    """The plan in words, with its next `n` fires after `now`.

    >>> from offhours.core.triggers import Cron
    >>> told = explain(Plan((Cron("30 2 * * *"),), "Europe/Berlin"), now=1_770_000_000_000_000)
    >>> told.sentence, told.expressions
    ('every day at 02:30', ('cron 30 2 * * *',))
    >>> told.notes[0]
    'on 29 March 2026 02:30 does not exist: runs at 03:00'
    """
    return Explanation(
        sentence=describe(plan, plan.timezone),
        expressions=tuple(_expression(trigger, plan) for trigger in plan.triggers),
        timezone=plan.timezone,
        fires=tuple(to_datetime(fire).astimezone(plan.zone) for fire in plan.fires(now, n, fired)),
        notes=dst_notes(plan, now),
        warnings=warnings(plan, now),
    )


def _expression(trigger: Trigger, plan: Plan) -> str:
    match trigger:
        case Cron(expression):
            return f"cron {expression}"
        case Every(interval, anchor):
            start = to_datetime(anchor).astimezone(plan.zone)
            return f"every {spoken(interval)}, counted from {start:%Y-%m-%d %H:%M:%S}"
        case Calendar(days, months, anchor_date, at):
            unit = f"{days} days" if days else f"{months} months"
            times = ", ".join(f"{wall:%H:%M}" for wall in at)
            return f"every {unit} at {times}, counted from {anchor_date}"
        case At(moment):
            return f"once, at {iso_second(moment)}"
