"""`offhours demo`: see it work, on throwaway data, with figures that can be checked."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import click

from offhours.cli.session import session

BUSY = 50


def _options(command: Any) -> Any:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
        click.option("--headless", is_flag=True, help="Plain lines, as without a terminal."),
    ):
        command = option(command)
    return command


@click.group(invoke_without_command=True)
@_options
@click.option("--seconds", type=click.FloatRange(4), default=20, show_default=True,
              help="How long it may take; there is as much work as fits.")  # fmt: skip
@click.pass_context
def demo(context: click.Context, headless: bool, as_json: bool, seconds: float) -> None:
    """Real housekeeping in the background, and a person in front who is not disturbed."""
    session().check_here()
    if context.invoked_subcommand is not None:
        return
    from offhours.demo.figures import Report
    from offhours.demo.findings import parts
    from offhours.demo.screen import Shown, publish
    from offhours.demo.tour import Tour

    started = time.monotonic()
    with _interruptible(), _folder(keep=False) as root:
        with Shown(headless=headless, quiet=as_json) as screen:
            seen = Tour(root, seconds, screen).run()
        found = parts(seen)
    report = Report("housekeeping", time.monotonic() - started, found)
    publish(report, as_json=as_json, headless=headless)
    context.exit(0 if report.ok else 1)


@demo.command()
@_options
@click.option("--jobs", type=click.IntRange(100), default=1000, show_default=True)
@click.option("--workers", type=click.IntRange(3, 64), default=4, show_default=True)
@click.option("--seconds", type=click.FloatRange(10), default=60, show_default=True,
              help="When to give up; it usually takes a third of that.")  # fmt: skip
@click.option("--keep", is_flag=True, help="Keep the folder with the ledger and the database.")
@click.pass_context
def kill(
    context: click.Context,
    headless: bool,
    as_json: bool,
    jobs: int,
    workers: int,
    seconds: float,
    keep: bool,
) -> None:
    """Kill a worker each second: nothing is lost, nothing runs twice at once."""
    from offhours.demo.figures import Report
    from offhours.demo.killing import Killing
    from offhours.demo.losses import parts
    from offhours.demo.screen import Shown, publish

    if jobs < BUSY * workers:
        raise click.UsageError(f"--jobs: at least {BUSY} for each worker, or they die idle")
    if not hasattr(signal, "SIGSTOP"):
        raise click.ClickException("this needs SIGKILL and SIGSTOP, which this system lacks")
    above = context.parent.params if context.parent is not None else {}
    headless, as_json = headless or above["headless"], as_json or above["as_json"]
    started = time.monotonic()
    with _interruptible(), _folder(keep) as root:
        with Shown(headless=headless, quiet=as_json) as screen:
            after = Killing(root, jobs, workers, seconds, screen).run()
        found = parts(after, jobs, workers)
    report = Report("kill", time.monotonic() - started, found)
    publish(report, as_json=as_json, headless=headless)
    context.exit(0 if report.ok else 1)


@contextmanager
def _folder(keep: bool) -> Iterator[Path]:
    """A throwaway folder; kept, and told where it is, when that was asked for."""
    if keep:
        root = Path(mkdtemp(prefix="offhours-demo-"))
        click.echo(f"kept: {root}", err=True)
        yield root
    else:
        with TemporaryDirectory(prefix="offhours-demo-", ignore_cleanup_errors=True) as name:
            yield Path(name)


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does: all is cleaned up, and the exit code is 130."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        click.echo("interrupted; everything is cleaned up", err=True)
        raise SystemExit(130) from None
    finally:
        signal.signal(signal.SIGTERM, old)
