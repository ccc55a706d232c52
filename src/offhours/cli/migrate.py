"""`migrate`: schedules of Celery or APScheduler, compared with ours and brought over."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable
from dbm import whichdb
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

from offhours.cli.codes import CommandError, Exit
from offhours.cli.lazy import Entry, LazyGroup
from offhours.cli.loading import load_file
from offhours.cli.migrate_views import finish
from offhours.cli.options import together
from offhours.cli.session import common, json_option, session
from offhours.core.addresses import is_server
from offhours.core.times import Micros

if TYPE_CHECKING:
    from offhours.migrate.foreign import Foreign

_HERE = "offhours.cli.migrate"
FORMATS = ("report", "python", "commands", "json")
_PICKLED = (
    "{file} is beat's own shelve, and a shelve is pickles, which run what they want when they are "
    "read; name the application instead: offhours migrate celery-beat FILE.py:app. (The shelve "
    "holds only when each entry ran last.)"
)


@click.group(
    cls=LazyGroup,
    sections={
        "From": {
            "celery-beat": Entry(f"{_HERE}:celery_beat", "Celery's beat, or django-celery-beat."),
            "apscheduler": Entry(f"{_HERE}:apscheduler", "APScheduler 3."),
        }
    },
    aliases={"celery": "celery-beat"},
    invoke_without_command=True,
    no_args_is_help=False,
)
@common
@click.pass_context
def migrate(ctx: click.Context) -> None:
    """Bring schedules over from another scheduler.

    Nothing is changed there, and nothing is stored here without --apply.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


_options = together(
    click.option(
        "--format", "form", type=click.Choice(FORMATS), default="report", show_default=True,
        help="What to print.",
    ),
    click.option("--apply", is_flag=True, help="Store them; what is stored already stays."),
)  # fmt: skip


@click.command("celery-beat")
@click.argument("source", metavar="FILE|MODULE[:APP]|DATABASE")
@_options
@json_option
@common
def celery_beat(source: str, apply: bool, form: str) -> None:
    """Read a beat schedule: of the Celery application in a file or module (its code is loaded, as
    `celery -A` does), of a module with beat_schedule, or the tables of django-celery-beat in a
    SQLite file or at postgresql://...

    For each schedule: what it is here, the next five fires by Celery itself and by Offhours, and
    what differs, now and at the clock changes of a year. Ends with 1 when one was refused.

    \b
    With --format python or commands: only these lines. With --format json or --json:
      {"schedules": [...], "refused": n}

    \b
    Example:
      offhours migrate celery-beat proj/celery.py:app
      offhours migrate celery-beat proj.celery:app --apply
    """
    _need("celery")
    if _is_shelve(source):
        raise CommandError(_PICKLED.format(file=source), Exit.REFUSED, "pickled")
    finish(_read_beat(source, now := _now()), now, apply, form)


@click.command()
@click.argument("source", metavar="FILE|MODULE[:SCHEDULER]|DATABASE")
@_options
@json_option
@common
def apscheduler(source: str, apply: bool, form: str) -> None:
    """Read the jobs of an APScheduler 3: of the scheduler in a file or module (its code is loaded).

    One that was not started shows the jobs that the file adds; those that are only in its job
    store are there after scheduler.start(paused=True). Of a job store alone (a SQLite file or
    postgresql://...) only names and next run times are told: the rest is pickled, and is not read.

    The output is that of `migrate celery-beat`.

    \b
    Example:
      offhours migrate apscheduler jobs.py:scheduler
    """
    _need("apscheduler")
    if not (version := importlib.metadata.version("apscheduler")).startswith("3."):
        raise CommandError(
            f"APScheduler {version} is installed; version 3 is read. The schedules of version 4 "
            "are in its data store, pickled unless you chose otherwise; say them anew: "
            "docs/migrating.md has the words",
            Exit.REFUSED,
            "version",
        )
    finish(_read_jobs(source, now := _now()), now, apply, form)


# -- reading ----------------------------------------------------------------------------------


def _read_beat(source: str, now: Micros) -> list[Foreign]:
    from offhours.migrate.beat import celery_in, read_celery

    if _is_database(source):
        from offhours.migrate.database import opened
        from offhours.migrate.django_beat import TABLE, read_tables

        with opened(source) as database:
            tables = database.tables()
            if "Dict" in tables and TABLE not in tables:  # dbm.sqlite3, under a shelve
                raise CommandError(_PICKLED.format(file=source), Exit.REFUSED, "pickled")
            _check_table(tables, TABLE, source)
            return read_tables(database, now)
    module, name = _loaded(source)
    return read_celery(_found(celery_in, module, name, source), now)


def _read_jobs(source: str, now: Micros) -> list[Foreign]:
    from offhours.migrate.aps import TABLE, only_pending, read_scheduler, read_store, scheduler_in

    if _is_database(source):
        from offhours.migrate.database import opened

        with opened(source) as database:
            _check_table(database.tables(), TABLE, source)
            return read_store(database)
    module, name = _loaded(source)
    scheduler = _found(scheduler_in, module, name, source)
    if only_pending(scheduler):
        session().note(
            "the scheduler is not started: these are the jobs that the file adds. For those in "
            "its job stores, let the file call scheduler.start(paused=True)"
        )
    return read_scheduler(scheduler, now)


def _need(library: str) -> None:
    if importlib.util.find_spec(library) is None:
        raise CommandError(
            f"{library} is not installed here, and it is asked for its own fire times; run this "
            "where your application runs",
            Exit.FAILED,
            "not_installed",
        )


def _is_database(source: str) -> bool:
    from offhours.migrate.database import is_sqlite

    if is_server(source) or source.startswith("sqlite:///"):
        return True
    path = Path(source)
    return path.is_file() and path.suffix != ".py" and is_sqlite(path)


def _is_shelve(source: str) -> bool:
    """A database of `dbm` of the older kinds, with or without its suffix."""
    path = Path(source)
    if path.suffix == ".py" or _is_database(source):
        return False
    names = {source, str(path.with_suffix(""))}
    return any(whichdb(name) for name in names)


def _check_table(tables: set[str], table: str, source: str) -> None:
    if table not in tables:
        shown = "it" if is_server(source) else source
        raise CommandError(f"{shown} has no table {table}", Exit.NOT_FOUND, "no_table")


def _loaded(source: str) -> tuple[ModuleType, str | None]:
    """The user's own module: a file, or a name that can be imported from here."""
    place, _, name = source.partition(":")
    if place.endswith(".py") or "/" in place:
        return load_file(place), name or None
    sys.path.insert(0, "")
    try:
        spec = importlib.util.find_spec(place)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        raise click.UsageError(f"no file and no module {place}; expected FILE.py:app or MODULE:app")
    return importlib.import_module(place), name or None


def _found(choose: Callable[[ModuleType, str | None], Any], module: ModuleType,
           name: str | None, source: str) -> Any:  # fmt: skip
    try:
        return choose(module, name)
    except ValueError as error:
        raise click.UsageError(f"{source}: {error}") from None


def _now() -> Micros:
    from offhours.core.clock import SystemClock

    return SystemClock().micros()
