"""What `migrate` tells: both schedulers side by side, lines to copy, JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from offhours.cli.codes import Exit
from offhours.cli.session import Session, session
from offhours.cli.text import printable
from offhours.core.times import Micros, to_datetime

if TYPE_CHECKING:
    from offhours.migrate.foreign import Foreign


def finish(found: list[Foreign], now: Micros, apply: bool, form: str) -> None:
    state = session()
    stored = _apply(state, found) if apply else {}
    if state.json or form == "json":
        _tell_json(state, found, now, stored)
    elif form == "report":
        _report(found, now, stored)
    else:
        _lines(found, now, python=form == "python")
    refused = sum(foreign.refused is not None for foreign in found)
    state.note(
        f"{len(found) - refused} of {len(found)} schedules can be brought over; their tasks must "
        "be known to your app by these names"
    )
    if refused:
        click.get_current_context().exit(Exit.FAILED)


def _apply(state: Session, found: list[Foreign]) -> dict[str, str]:
    from offhours.migrate.writing import apply

    with state.open_here(create=True) as app:
        return {f.name: apply(app, f) for f in found if f.refused is None}


def _tell_json(state: Session, found: list[Foreign], now: Micros, stored: dict[str, str]) -> None:
    from offhours.migrate.writing import as_dict

    schedules = [{**as_dict(f, now), "stored": stored.get(f.name)} for f in found]
    refused = sum(f.refused is not None for f in found)
    state.emit({"schedules": schedules, "refused": refused})


def _lines(found: list[Foreign], now: Micros, python: bool) -> None:
    from offhours.migrate.writing import command, python_imports, python_line

    good = [f for f in found if f.refused is None]
    if python:
        lines = [python_line(f, now) for f in good]
        for line in [*python_imports(lines), *lines]:
            click.echo(line)
    for foreign in good:
        if not python:
            unsaid = f"{foreign.name}: no phrase says its times; see --format python"
            click.echo(command(foreign, now) or _comment(unsaid))
    for foreign in found:
        if foreign.refused is not None:
            click.echo(_comment(f"{foreign.name} is not brought over: {foreign.refused}"))


def _comment(text: str) -> str:
    """A line that is no code, whatever a name has in it: the lines are for a shell, or Python."""
    return f"# {printable(text)}"


def _report(found: list[Foreign], now: Micros, stored: dict[str, str]) -> None:
    from offhours.core.phrases import describe
    from offhours.migrate.writing import command, differences, python_line

    for foreign in found:
        click.secho(printable(f"{foreign.name}: {foreign.task}"), bold=True)
        paused = " (paused)" if foreign.paused else ""
        click.echo(f"  there: {printable(foreign.said)}{paused}")
        if foreign.plan is None or foreign.refused is not None:
            click.echo(f"  not brought over: {printable(foreign.refused)}\n")
            continue
        zone = foreign.plan.timezone
        click.echo(f"  here:  {describe(foreign.plan, zone)} ({zone})")
        for line in _side_by_side(foreign, now):
            click.echo(f"    {line}")
        for line in [*differences(foreign, now), *foreign.notes]:
            click.echo(f"  differs: {printable(line)}")
        click.echo(f"  {python_line(foreign, now)}")
        told = command(foreign, now) or "(no phrase says its times: no command)"
        click.echo(f"  {printable(told)}")
        if foreign.name in stored:
            click.echo(f"  {stored[foreign.name]}")
        click.echo()


def _side_by_side(foreign: Foreign, now: Micros) -> list[str]:
    assert foreign.plan is not None
    zone = foreign.plan.zone
    there, here = foreign.next_fires(now)
    rows = [f"{foreign.source:<27}Offhours"]
    for n in range(max(len(there), len(here))):
        cells = [
            f"{to_datetime(line[n]).astimezone(zone):%a %Y-%m-%d %H:%M:%S}"
            if n < len(line)
            else "-"
            for line in (there, here)
        ]
        rows.append(f"{cells[0]:<27}{cells[1]}")
    return rows
