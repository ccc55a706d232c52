"""`up` and `worker`: work on the jobs of a file's app until told to stop; `up` serves, too."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from offhours.cli.complete import files
from offhours.cli.follow import Follower
from offhours.cli.loading import load_app
from offhours.cli.serving import Serving, served, serving_options
from offhours.cli.session import Session, common, session
from offhours.cli.text import printable
from offhours.core.addresses import is_server, public_name
from offhours.core.times import spoken

if TYPE_CHECKING:
    from offhours.app import Offhours
    from offhours.telemetry.server import MetricsServer

metrics_option = click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    help="Serve metrics at http://127.0.0.1:PORT/metrics (0: any free port).",
)
app_option = click.option("--app", "app_name", metavar="NAME", help="Which app, if FILE has many.")


@click.command()
@click.argument("file", metavar="FILE.py", required=False, shell_complete=files)
@app_option
@metrics_option
@serving_options
@common
def up(
    file: str | None, app_name: str | None, metrics_port: int | None, server: bool, **serving: Any
) -> None:
    """Work on the jobs of FILE.py's app, and serve its page and API, until SIGTERM or Ctrl-C.

    Imports the file, finds the Offhours object in it, and runs its jobs from its own database.
    Each event is a line on stderr (with --quiet: failures and losses only). A first Ctrl-C lets
    what runs end; a second one hands it back at once.

    The page is on this machine only, at the link that is printed: it carries a new token.
    """
    _work(file, app_name, None, metrics_port, Serving(**serving) if server else None)


@click.command()
@click.argument("file", metavar="FILE.py", required=False, shell_complete=files)
@app_option
@click.option("--threads", type=click.IntRange(1), help="Jobs that run at once in threads.")
@metrics_option
@common
def worker(
    file: str | None, app_name: str | None, threads: int | None, metrics_port: int | None
) -> None:
    """Be a worker for FILE.py's app; any number of them share its database.

    As `up`, and nothing but the worker.
    """
    _work(file, app_name, threads, metrics_port)


def _work(
    file: str | None,
    app_name: str | None,
    threads: int | None,
    metrics_port: int | None,
    serving: Serving | None = None,
) -> None:
    state = session()
    state.check_here()
    source, name, app = _found(state, file, app_name)
    if app.settings.executor == "inline":
        raise click.UsageError(
            f'{source}: its app has executor="inline", which is for tests; leave that out'
        )
    if threads is not None:
        app.settings = replace(app.settings, threads=threads)
    _log_to_stderr(state)
    _announce(state, source, name, app)
    log = app.store.sibling()
    follower = Follower(log, _say, grave_only=state.quiet, each_look=_DrainNotice(state, app).look)
    try:
        metrics = nullcontext() if metrics_port is None else _metrics(state, app, metrics_port)
        with served(state, app, serving), metrics:
            follower.start()
            try:
                code = app.run()
            finally:
                follower.stop()
    finally:
        if log is not app.store:
            log.close()
        app.close()
    state.note("stopped" if code == 0 else "stopped at once; what ran was handed back")
    click.get_current_context().exit(code)


def _found(state: Session, file: str | None, app_name: str | None) -> tuple[str, str, Offhours]:
    """Where the app is, its name there, and itself."""
    if file is None and state.host is not None:
        return state.host.name, "app", state.host.app
    if file is None:
        raise click.MissingParameter(param_type="argument", param_hint="'FILE.py'")
    name, app = load_app(file, app_name)
    check_database(state, file, app)
    return file, name, app


def _metrics(state: Session, app: Offhours, port: int) -> MetricsServer:
    try:
        server = app.serve_metrics(port)
    except OSError as error:
        raise click.UsageError(f"--metrics-port {port}: {error.strerror}") from error
    state.note(f"metrics at {server.url}")
    return server


def check_database(state: Session, file: str, app: Offhours) -> None:
    """A file's app has its own database: refuse to seem to use another one."""
    own = app.store.name
    if own == ":memory:":
        state.note(f"{file} works in memory: its jobs are lost when this process ends")
    if state.chosen_url:
        raise click.UsageError(f"{file} works on its own database {own}; leave out --url")
    if state.url:
        state.note(f"{file} works on its own database {own}, not at the server of OFFHOURS_URL")
    if state.chosen_by == "default" or _same_file(own, state.db):
        return
    if state.chosen_by == "--db":
        raise click.UsageError(
            f"{file} works on its own database {own}; leave out --db {state.db_name}"
        )
    state.note(
        f"{file} works on its own database {own}, not on {state.db_name} ({state.chosen_by})"
    )


def _same_file(one: str, other: str) -> bool:
    if is_server(other):
        return one == public_name(other)
    with suppress(OSError):
        return os.path.samefile(one, other)
    return False


def _announce(state: Session, file: str, name: str, app: Offhours) -> None:
    settings = app.settings
    tasks = app.registry.names()
    queues = "all queues" if settings.queues is None else f"queues {', '.join(settings.queues)}"
    own = app.store.name
    named = own == ":memory:" or is_server(own)
    where = own if named else str(Path(own).absolute())
    state.note(f"{file}:{name} works on {where} as process {os.getpid()}")
    state.note(
        f"{settings.threads} threads, {settings.coroutines} coroutines, {queues}; "
        f"tasks: {', '.join(tasks) or 'none'}"
    )
    if not tasks:
        state.note(f"no task is registered in {file}; decorate a function with @{name}.task")
    state.note(f"Ctrl-C ends it; watch from another terminal: offhours --db {own} top")


class _DrainNotice:
    """Says once that a stop waits for running jobs, so that nobody takes it for a hang."""

    def __init__(self, state: Session, app: Offhours) -> None:
        self._state = state
        self._app = app
        self._was_running = False

    def look(self) -> None:
        running = self._app.running
        if self._was_running and not running:
            wait = spoken(self._app.settings.stop_timeout)
            self._state.note(
                f"stopping: what runs has up to {wait} to end; Ctrl-C again hands it back at once"
            )
        self._was_running = running


def _say(line: str) -> None:
    with suppress(BrokenPipeError):  # who read the log may go; the work goes on
        click.echo(line, err=True)


def _log_to_stderr(state: Session) -> None:
    """The engine's own log beside the events, unless the file has set up logging itself."""
    logger = logging.getLogger("offhours")
    if logger.hasHandlers():
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_LogFormat())
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if state.verbose else logging.WARNING)


class _LogFormat(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {printable(super().format(record))}"
