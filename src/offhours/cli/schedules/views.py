"""What is told of schedules and their fires: as lines, as rows, and as JSON objects."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from offhours.cli.session import Session, on_terminal
from offhours.cli.text import cut, printable
from offhours.core.explain import Explanation
from offhours.core.firing import plan_of
from offhours.core.phrases import describe
from offhours.core.schedules import Schedule, ScheduleStatus, next_words
from offhours.core.times import Micros, spoken, to_datetime, to_micros
from offhours.schedules import schedule_dict

if TYPE_CHECKING:
    from offhours.cli.remote import AnyApp, AnySchedule

HEADERS = ("ID", "NAME", "WHEN", "NEXT", "LAST", "FAILED", "STATUS")
RESULTS = 3
_WIDEST = 30


def moment(at: Micros | datetime, zone: str, tz: tzinfo | None) -> str:
    """`Mon 2026-06-01 09:00:00 Europe/Berlin`."""
    wall = (at if isinstance(at, datetime) else to_datetime(at)).astimezone(tz)
    return f"{wall:%a %Y-%m-%d %H:%M:%S} {zone}"


def countdown(at: Micros, now: Micros) -> str:
    """`in 4 min`, or that it is due."""
    return f"in {spoken(at - now)}" if at > now else "due now"


def explain_lines(told: Explanation, now: Micros) -> list[str]:
    """All of it but the sentence; the next fires with a countdown."""
    lines = [f"  {expression}" for expression in told.expressions]
    for fire in told.fires:
        when = countdown(to_micros(fire), now)
        lines.append(f"  next: {moment(fire, told.timezone, fire.tzinfo)} ({when})")
    lines += [f"  note: {note}" for note in told.notes]
    lines += [f"  warning: {warning}" for warning in told.warnings]
    return [printable(line) for line in lines]


def tell_schedule(state: Session, app: AnyApp, handle: AnySchedule) -> None:
    """A schedule that was just made or changed."""
    schedule, told = handle.record, handle.explain()
    if state.json:
        state.emit({"schedule": schedule_dict(schedule), "explain": told.to_dict()})
    elif state.quiet:
        click.echo(schedule.id)
    else:
        click.secho(f"{title(schedule)}: {printable(told.sentence)}", bold=True)
        for line in explain_lines(told, app.clock.micros()):
            click.echo(line)
        if schedule.status is not ScheduleStatus.ACTIVE:
            click.echo(f"  {printable(handle.why().sentence)}")


def title(schedule: Schedule) -> str:
    """`schedule 3 (nightly)`."""
    return f"schedule {schedule.id} ({printable(schedule.name)})"


def sentence(schedule: Schedule) -> str:
    """Its plan in words."""
    plan = plan_of(schedule.plan)
    return describe(plan, plan.timezone)


def schedule_rows(app: AnyApp, schedules: Sequence[Schedule], now: Micros) -> list[list[str]]:
    """One row a schedule: its words, its next fire, and what came of the last ones."""
    return [
        [
            str(schedule.id),
            _short(schedule.name),
            _short(sentence(schedule)),
            _next(schedule, now),
            _counted([_word(result) for result in app.schedules.results(schedule, RESULTS)]) or "-",
            _failures(schedule),
            _status(schedule),
        ]
        for schedule in schedules
    ]


def _short(text: str) -> str:
    """Long names would push the other columns out of the window."""
    return cut(printable(text), _WIDEST) if on_terminal() else text


def _next(schedule: Schedule, now: Micros) -> str:
    if schedule.status is not ScheduleStatus.ACTIVE or schedule.next_at is None:
        return "-"
    plan = plan_of(schedule.plan)
    return f"{moment(schedule.next_at, plan.timezone, plan.zone)} ({next_words(schedule, now)})"


def _failures(schedule: Schedule) -> str:
    most = schedule.disable_after
    return str(schedule.failures) if most is None else f"{schedule.failures} of {most}"


def _status(schedule: Schedule) -> str:
    if schedule.status is ScheduleStatus.ACTIVE or not schedule.reason:
        return schedule.status.value
    return f"{schedule.status}: {schedule.reason}"


def _counted(words: list[str]) -> str:
    """Newest first, with equal neighbours put together: `failed, 2 succeeded`."""
    runs = [(word, len(list(same))) for word, same in groupby(words)]
    return ", ".join(word if count == 1 else f"{count} {word}" for word, count in runs)


_LONGEST_TOLD = 80
_REPORTED = {"reported": "run reported", "reported_failure": "failed run reported"}


def _word(result: dict[str, Any]) -> str:
    if result["code"] in _REPORTED:
        return _REPORTED[result["code"]]
    return "skipped" if result["job"] is None else result["state"] or "forgotten"


def outcome(result: dict[str, Any]) -> str:
    """What came of one fire, in words: `job 7 succeeded`, `skipped: blackout 22:00-06:00`."""
    if result["code"] in _REPORTED:
        told = f": {result['reason'][:_LONGEST_TOLD]}" if result["reason"] else ""
        return _REPORTED[result["code"]] + told
    if result["job"] is None:
        return f"skipped: {result['reason'] or result['code']}"
    how = "" if result["code"] == "fired" else f", {result['code'].replace('_', ' ')}"
    late = f", {spoken(round(result['delay_ms'] * 1000))} late" if result["delay_ms"] > 1000 else ""
    return f"job {result['job']} {_word(result)}{how}{late}"


def row_dict(app: AnyApp, schedule: Schedule) -> dict[str, Any]:
    """A schedule of a list, as JSON answers carry it."""
    results = app.schedules.results(schedule, RESULTS)
    return {**schedule_dict(schedule), "sentence": sentence(schedule), "results": results}
