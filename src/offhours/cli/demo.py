"""`offhours demo`: see it work, on throwaway data, with figures that can be checked."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING

import click

from offhours.cli.options import Seconds, together
from offhours.cli.session import common, json_option, session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from offhours.demo.figures import Part
    from offhours.demo.screen import Screen

BUSY = 50
_options = together(
    click.option("--headless", is_flag=True, help="Plain lines, as without a terminal."),
    json_option,
    common,
)


@click.group(invoke_without_command=True)
@click.option("--seconds", type=Seconds(4, 600), default=20, show_default=True,
              help="How long it may take; there is as much work as fits.")  # fmt: skip
@_options
@click.pass_context
def demo(context: click.Context, headless: bool, seconds: float) -> None:
    """Real housekeeping in the background, and a person in front who is not disturbed.

    \b
    With --json: {"demo", "ok", "seconds", "parts": [{"title", "figures": [{"name",
    "value", "text", "limit", "ok"}...], "notes"}...]}
    """
    if context.invoked_subcommand is not None:
        return
    from offhours.demo.findings import parts
    from offhours.demo.tour import Tour

    def play(root: Path, screen: Screen) -> Sequence[Part]:
        return parts(Tour(root, seconds, screen).run())

    context.exit(_play("housekeeping", play, headless=headless))


@demo.command()
@click.option("--jobs", type=click.IntRange(100, 20_000), default=1000, show_default=True)
@click.option("--workers", type=click.IntRange(3, 64), default=4, show_default=True)
@click.option("--seconds", type=Seconds(10, 3600), default=60, show_default=True,
              help="When to give up; it usually takes a third of that.")  # fmt: skip
@click.option("--keep", is_flag=True, help="Keep the folder with the ledger and the database.")
@_options
@click.pass_context
def kill(
    context: click.Context, headless: bool, jobs: int, workers: int, seconds: float, keep: bool
) -> None:
    """Kill a worker each second: nothing is lost, nothing runs twice at once.

    With --json: as `demo`.
    """
    from offhours.demo.killing import Killing
    from offhours.demo.losses import parts

    if jobs < BUSY * workers:
        raise click.UsageError(f"--jobs: at least {BUSY} for each worker, or they die idle")
    if not hasattr(signal, "SIGSTOP"):
        raise click.ClickException("this needs SIGKILL and SIGSTOP, which this system lacks")

    def play(root: Path, screen: Screen) -> Sequence[Part]:
        return parts(Killing(root, jobs, workers, seconds, screen).run(), jobs, workers)

    headless = headless or bool(context.parent and context.parent.params["headless"])
    context.exit(_play("kill", play, headless=headless, keep=keep))


def _play(
    name: str,
    play: Callable[[Path, Screen], Sequence[Part]],
    *,
    headless: bool,
    keep: bool = False,
) -> int:
    """Play a demo in a folder of its own, and publish what it found; the exit code."""
    from offhours.demo.figures import Report
    from offhours.demo.screen import Shown, publish

    state = session()
    state.check_here()
    started = time.monotonic()
    quiet = state.json or state.quiet
    with (
        _interruptible(keep),
        _folder(keep) as root,
        Shown(headless=headless, quiet=quiet) as screen,
    ):
        found = play(root, screen)
    report = Report(name, time.monotonic() - started, found)
    publish(report, as_json=state.json, headless=headless)
    return 0 if report.ok else 1


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
def _interruptible(keep: bool) -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does: all is cleaned up, and the exit code is 130."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        left = "all but the folder" if keep else "everything"
        click.echo(f"interrupted; {left} is cleaned up", err=True)
        raise SystemExit(130) from None
    finally:
        signal.signal(signal.SIGTERM, old)
