"""`top`: what happens now, as a live view or as one snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from offhours.cli.options import Seconds
from offhours.cli.session import Session, common, json_option, on_terminal, session
from offhours.cli.text import printable
from offhours.cli.views import (
    COMING_HEADERS,
    JOB_HEADERS,
    QUEUE_HEADERS,
    WORKER_HEADERS,
    Row,
    coming_rows,
    job_rows,
    queue_rows,
    worker_rows,
)
from offhours.core.model import ForegroundLease, Job, WorkerInfo
from offhours.core.times import Micros, iso, iso_second
from offhours.handles import job_dict
from offhours.views import worker_dict

if TYPE_CHECKING:
    from offhours.cli.remote import AnyApp

RUNNING_SHOWN = 20
FAILED_SHOWN = 5
COMING_SHOWN = 5
AHEAD = "10m"


class Snapshot(NamedTuple):
    """One look at a store."""

    name: str
    now: Micros
    counts: dict[str, int]
    workers: list[WorkerInfo]
    running: list[Job]
    failed: list[Job]
    foreground: list[ForegroundLease]
    queues: list[dict[str, Any]]
    coming: list[dict[str, Any]]

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
            app.queues(),
            app.schedules.coming(AHEAD, COMING_SHOWN),
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
            "queues": self.queues,
            "coming": self.coming,
        }

    @property
    def finished(self) -> int:
        return sum(self.counts[state] for state in ("succeeded", "failed", "cancelled"))

    def headline(self) -> list[str]:
        """The figures, and who is in front."""
        lines = [f"{printable(self.name)} at {iso_second(self.now)}"]
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
            ("queues", QUEUE_HEADERS, queue_rows(self.queues, self.now)),
            ("coming", COMING_HEADERS, coming_rows(self.coming, self.now)),
        ]
        return [table for table in found if table[2]]


@click.command()
@click.option("--once", is_flag=True, help="One snapshot, also on a terminal.")
@click.option(
    "--interval",
    type=Seconds(0.1, 3600),
    default=1.0,
    show_default=True,
    help="Seconds between two looks.",
)
@json_option
@common
def top(once: bool, interval: float) -> None:
    """Watch the work: counts, workers, what runs, what failed last, queues, what comes, and who is
    in front.

    Live on a terminal, until q or Ctrl-C, and steered by keys (? lists them); elsewhere one
    snapshot.

    \b
    With --json: {"database", "at", "counts": {"ready", "later", "running",
      "held", "succeeded", "failed", "cancelled"}, "workers": [as `ls workers`],
      "running": [job...], "failed": [job...],
      "foreground": [{"workflow", "since", "until"}...],
      "queues": [as `ls queues`], "coming": [{"schedule", "name", "task", "at"}...]}
    """  # fmt: skip
    state = session()
    with state.open() as app:
        if state.json:
            state.emit(Snapshot.of(app).to_dict())
        elif once or not on_terminal():
            _print(state, Snapshot.of(app))
        else:
            from offhours.cli.live import live

            live(app, interval)


def _print(state: Session, snapshot: Snapshot) -> None:
    for line in snapshot.headline():
        click.echo(line)
    for title, headers, rows in snapshot.tables():
        click.secho(f"\n{title}", bold=True)
        state.table(headers, rows)
