"""`top`: what happens now, as a live view or as one snapshot."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from offhours.cli.session import Session, common, json_option, on_terminal, session
from offhours.cli.text import printable
from offhours.cli.views import JOB_HEADERS, WORKER_HEADERS, Row, job_rows, worker_rows
from offhours.core.model import ForegroundLease, Job, WorkerInfo
from offhours.core.times import Micros, iso
from offhours.handles import job_dict
from offhours.views import worker_dict

if TYPE_CHECKING:
    from rich.console import Group

    from offhours.cli.remote import AnyApp

RUNNING_SHOWN = 20
FAILED_SHOWN = 5


class Snapshot(NamedTuple):
    """One look at a store."""

    name: str
    now: Micros
    counts: dict[str, int]
    workers: list[WorkerInfo]
    running: list[Job]
    failed: list[Job]
    foreground: list[ForegroundLease]

    @classmethod
    def of(cls, app: AnyApp) -> Snapshot:
        return cls(
            app.store.name,
            app.clock.micros(),
            app.counts(),
            app.workers(),
            app.jobs(state="running", limit=RUNNING_SHOWN),
            app.jobs(state="failed", limit=FAILED_SHOWN),
            app.foreground_leases(),
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "database": self.name,
            "at": iso(self.now),
            "counts": self.counts,
            "workers": [worker_dict(worker, self.now) for worker in self.workers],
            "running": [job_dict(job) for job in self.running],
            "failed": [job_dict(job) for job in self.failed],
            "foreground": [
                {"workflow": lease.workflow, "since": iso(lease.since), "until": iso(lease.until)}
                for lease in self.foreground
            ],
        }

    @property
    def finished(self) -> int:
        return sum(self.counts[state] for state in ("succeeded", "failed", "cancelled"))

    def headline(self) -> list[str]:
        """The figures, and who is in front."""
        lines = [f"{printable(self.name)} at {iso(self.now)[:19]}Z"]
        lines.append(", ".join(f"{count} {state}" for state, count in self.counts.items()))
        for lease in self.foreground:
            until = iso(lease.until)[11:19]
            lines.append(
                f"background work waits for the workflow {printable(lease.workflow)}, "
                f"until {until} UTC unless renewed"
            )
        return lines

    def tables(self) -> list[tuple[str, Row, list[Row]]]:
        """Title, headers and rows of each table that has any."""
        found = [
            ("workers", WORKER_HEADERS, worker_rows(self.workers, self.now)),
            ("running", JOB_HEADERS, job_rows(self.running, self.now)),
            ("failed last", JOB_HEADERS, job_rows(self.failed, self.now)),
        ]
        return [table for table in found if table[2]]


@click.command()
@click.option("--once", is_flag=True, help="One snapshot, also on a terminal.")
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 3600),
    default=1.0,
    show_default=True,
    help="Seconds between two looks.",
)
@json_option
@common
def top(once: bool, interval: float) -> None:
    """Watch the work: counts, workers, what runs, what failed last, who is in front.

    Live on a terminal until Ctrl-C; elsewhere one snapshot.

    \b
    With --json: {"database", "at", "counts": {"ready", "later", "running",
      "held", "succeeded", "failed", "cancelled"}, "workers": [as `ls workers`],
      "running": [job...], "failed": [job...],
      "foreground": [{"workflow", "since", "until"}...]}
    """  # fmt: skip
    state = session()
    with state.open() as app:
        if state.json:
            state.emit(Snapshot.of(app).to_dict())
        elif once or not on_terminal():
            _print(state, Snapshot.of(app))
        else:
            _live(app, interval)


def _print(state: Session, snapshot: Snapshot) -> None:
    for line in snapshot.headline():
        click.echo(line)
    for title, headers, rows in snapshot.tables():
        click.secho(f"\n{title}", bold=True)
        state.table(headers, rows)


def _live(app: AnyApp, interval: float) -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
    live = Live(console=console, screen=True, auto_refresh=False)
    try:
        before, asked = Snapshot.of(app), time.monotonic()
        live.update(drawn(before, 0.0))
        live.start(refresh=True)
        while True:
            time.sleep(interval)
            now, moment = Snapshot.of(app), time.monotonic()
            rate = max(0, now.finished - before.finished) / (moment - asked)
            live.update(drawn(now, rate), refresh=True)
            before, asked = now, moment
    except KeyboardInterrupt:
        return  # the way to leave it
    finally:
        live.stop()  # whatever happened: give the screen back


def drawn(snapshot: Snapshot, rate: float) -> Group:
    """The live view of one snapshot."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    first, *others = snapshot.headline()
    parts: list[Any] = [Text(f"{first}, {rate:.1f} jobs/s, Ctrl-C ends", style="bold")]
    parts += [Text(line) for line in others]
    for title, headers, rows in snapshot.tables():
        table = Table(title=title, title_justify="left", box=None, pad_edge=False, expand=True)
        for header in headers:
            last = header == headers[-1]
            table.add_column(header, no_wrap=True, overflow="ellipsis", ratio=1 if last else None)
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row))
        parts += ["", table]
    return Group(*parts)
