"""`celery-app`: how to start Celery workers for a file's tasks."""

from __future__ import annotations

import importlib.util
import shlex
from pathlib import Path

import click

from offhours.cli.codes import CommandError, Exit
from offhours.cli.loading import load_file
from offhours.cli.session import common, session


@click.command("celery-app")
@click.argument("file", metavar="FILE.py")
@common
def celery_app(file: str) -> None:
    """Print the command line that runs FILE.py's tasks with Celery.

    \b
    $(offhours celery-app jobs.py) worker --loglevel=info
    $(offhours celery-app jobs.py) flower

    Those workers run the tasks with executor="celery", which an ordinary `offhours worker FILE.py`
    claims and hands out. Schedules are Offhours' own: `beat` starts, and has nothing to do.
    """
    state = session()
    state.check_here()
    if importlib.util.find_spec("celery") is None:
        raise CommandError(
            'Celery is not installed: pip install "offhours[celery]"', Exit.FAILED, "not_installed"
        )
    load_file(file)  # what is wrong with it is told here, and not by every worker
    state.note("the broker is that of the app, of OFFHOURS_BROKER_URL, or of CELERY_BROKER_URL")
    path = shlex.quote(f"OFFHOURS_APP={Path(file).absolute()}")
    click.echo(f"env {path} celery -A offhours.celery.celery_app")
