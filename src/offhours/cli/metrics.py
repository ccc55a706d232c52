"""`metrics`: what Prometheus would read."""

from __future__ import annotations

import click

from offhours.cli.session import common, session


@click.command()
@common
def metrics() -> None:
    """Print the metrics in Prometheus' text format.

    They are those of the database, whoever asks. To have them scraped, let a worker serve them
    (`offhours up --metrics-port 9464 FILE.py`), or write this to a file that node_exporter reads.

    \b
    Example:
      offhours metrics --db jobs.db
    """
    with session().open() as app:
        click.echo(app.metrics(), nl=False)
