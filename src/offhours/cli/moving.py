"""`export` and `import`: what a person takes along, as JSON lines."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp
from typing import IO, TYPE_CHECKING

import click

from offhours.cli.codes import CommandError, Exit
from offhours.cli.complete import files
from offhours.cli.session import Session, common, is_there, json_option, session
from offhours.core.addresses import is_server

if TYPE_CHECKING:
    from offhours.app import Offhours
    from offhours.moving import Export

MOST_SHOWN = 50


@click.command("export")
@click.argument("file", metavar="[FILE]", default="-", shell_complete=files)
@click.option("--finished", is_flag=True, help="Also jobs that have ended, with their results.")
@click.option("--no-audit", is_flag=True, help="Without the record of who did what by hand.")
@click.option("--replace", is_flag=True, help="Replace FILE if it is there.")
@json_option
@common
def export_all(file: str, finished: bool, no_audit: bool, replace: bool) -> None:
    """Write schedules, limits, budgets, goals, jobs, models and the audit log as JSON lines.

    FILE is written whole or not at all; - (the default) is stdout. Jobs that have not ended are
    always taken. What runs now is taken as if it waited again: stop the workers before you move.

    \b
    With --json: {"file", "rows": {"job": how many, ...}}; then FILE must be given

    \b
    Example:
      offhours export all.jsonl && offhours import all.jsonl --db postgresql://db/jobs
    """
    state = session()
    if state.json and file == "-":
        raise click.UsageError("--json needs a FILE: stdout is for one of the two")
    with state.open_here() as app:
        found = app.moving.export(finished=finished, audit=not no_audit)
    if file == "-":
        for line in found.lines:
            click.echo(line)
    else:
        with _whole(file, replace) as target:
            target.writelines(f"{line}\n" for line in found.lines)
    if state.json:
        state.emit({"file": file, "rows": dict(found.counts)})
        return
    state.note(f"exported {_counted(found.counts)}")
    if found.running:
        state.note(
            f"{found.running} of the jobs are with a worker now, and would run again elsewhere"
        )


@click.command("import")
@click.argument("file", metavar="FILE", shell_complete=files)
@click.option("--dry-run", is_flag=True, help="Check it and say what would be stored.")
@json_option
@common
def import_all(file: str, dry_run: bool) -> None:
    """Store what an export has and this database has not: all of it, or nothing.

    The whole file is checked first, and every fault is told with its line. Imported again, it
    changes nothing. What is here already under a name (a schedule, a limit, a budget, a goal, a
    model) stays as it is. FILE is - for stdin.

    \b
    With --json: {"dry_run", "new": {"job": how many, ...}, "kept": {...}};
    a file that cannot be used has its "faults" in its error

    \b
    Example:
      offhours import all.jsonl --dry-run
    """
    state = session()
    state.check_here()
    export = _read(file)
    with _target(state, dry_run) as app:
        moved = app.moving.bring(export, dry_run=dry_run)
        if not dry_run:
            app.wake_workers()
    if state.json:
        state.emit({"dry_run": dry_run, "new": dict(moved.new), "kept": dict(moved.kept)})
        return
    verb = "would store" if dry_run else "stored"
    click.echo(f"{verb} {_counted(moved.new)}")
    if any(moved.kept.values()):
        state.note(f"here already, and left as it is: {_counted(moved.kept)}")


def _read(file: str) -> Export:
    """The whole file, checked before any database is looked at."""
    from offhours.moving import ImportFault, read

    with _lines(file) as lines:
        try:
            return read(lines)
        except ImportFault as error:
            raise _faulty(file, error.faults) from None
        except UnicodeDecodeError as error:
            raise _faulty(file, [f"byte {error.start}: this is no UTF-8"]) from None


@contextmanager
def _target(state: Session, dry_run: bool) -> Iterator[Offhours]:
    """The database; a dry run makes none where there is none yet."""
    if dry_run and not is_server(state.db) and not is_there(state.db):
        from offhours.app import Offhours

        with closing(Offhours(":memory:")) as app:
            yield app
    else:
        with state.open_here(create=not dry_run) as app:
            yield app


def _counted(counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    each = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    return f"{total} {'row' if total == 1 else 'rows'}{f' ({each})' if each else ''}"


def _faulty(file: str, faults: tuple[str, ...] | list[str]) -> CommandError:
    number = len(faults)
    shown = list(faults[:MOST_SHOWN])
    if number > MOST_SHOWN:
        shown.append(f"and {number - MOST_SHOWN} more; --json lists them")
    what = "1 fault" if number == 1 else f"{number} faults"
    return CommandError(
        f"{file} cannot be imported, and nothing of it was: {what}",
        Exit.USAGE, "import_fault", shown, {"faults": list(faults)},
    )  # fmt: skip


@contextmanager
def _lines(file: str) -> Iterator[IO[str]]:
    if file == "-":
        yield sys.stdin
        return
    try:
        opened = open(file, encoding="utf-8")  # noqa: SIM115  (closed below)
    except FileNotFoundError:
        raise CommandError(f"no file {file}", Exit.NOT_FOUND, "no_file") from None
    with opened:
        yield opened


@contextmanager
def _whole(file: str, replace: bool) -> Iterator[IO[str]]:
    """A file that has its name once it is whole."""
    path = Path(file)
    if path.exists() and not replace:
        raise CommandError(
            f"{file} is there already; --replace takes its place", Exit.CONFLICT, "file_exists"
        )
    # It has arguments and results: mode 0600, and never a file that somebody has put there.
    descriptor, name = mkstemp(".part", f"{path.name}.", path.parent)
    part = Path(name)
    try:
        with open(descriptor, "w", encoding="utf-8") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
