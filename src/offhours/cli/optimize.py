"""`optimize`: what repeats, the automations made of it, and whether they run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from offhours.cli.optimizing import StoredOptimizer
from offhours.cli.session import common, json_option, session
from offhours.cli.text import printable, printable_lines

if TYPE_CHECKING:
    from offhours.cli.remote.optimizer import RemoteOptimizer

    AnyOptimizer: TypeAlias = StoredOptimizer | RemoteOptimizer

PATTERN_HEADERS = ("WHAT", "TIMES", "POTENTIAL", "SUCCEEDED", "AUTOMATIONS")
HEADERS = ("ID", "DOES", "STATE", "TESTED", "RUNS", "SAVED")


@click.group()
@common
def optimize() -> None:
    """What repeats, the automations made of it, and whether they run.

    \b
    Example:
      offhours optimize report --url http://127.0.0.1:8787/
    """


@contextmanager
def _optimizer() -> Iterator[AnyOptimizer]:
    from offhours.app import Offhours

    with session().open() as app:
        yield StoredOptimizer(app) if isinstance(app, Offhours) else app.optimizer


@optimize.command()
@json_option
@common
def report() -> None:
    """Tell what repeats, what was made of it, what it saved, and what is compared.

    What repeats is in the memory of the program that optimizes: its server tells it, with --url.

    \b
    With --json: {"last_cycle", "patterns": [...], "automations": [...], "refused": {ID: REASON},
    "trials": [...]}, as the REST API has them
    """
    state = session()
    with _optimizer() as optimizer:
        told = optimizer.report()
    if state.json:
        state.emit(told)
        return
    if told["patterns"]:
        state.table(PATTERN_HEADERS, [_pattern_row(each) for each in told["patterns"]])
        click.echo()
    if told["automations"]:
        state.table(HEADERS, [_row(each) for each in told["automations"]])
    for automation, why in told["refused"].items():
        state.note(f"{automation} was not deployed: {printable(why)}")
    if not told["patterns"]:
        state.note(
            "nothing repeats yet" if state.url else "what repeats now, the server of the program "
            "tells: --url"
        )  # fmt: skip


@optimize.command()
@click.argument("automation", metavar="ID")
@json_option
@common
def show(automation: str) -> None:
    """Show an automation with its script.

    With --json: the automation as the REST API has it, with "script", "tests" and "trials"
    """
    state = session()
    with _optimizer() as optimizer:
        told = optimizer.show(automation)
    if state.json:
        state.emit(told)
        return
    state.table(HEADERS, [_row(told)])
    click.echo()
    click.echo(printable_lines(told["script"]).rstrip("\n"))


@optimize.command()
@click.argument("automation", metavar="ID")
@json_option
@common
def test(automation: str) -> None:
    """Have a server test an automation in its sandbox, and wait for the verdict.

    With --json: as `show` has it
    """
    with _optimizer() as optimizer:
        _tell(optimizer.test(automation), "has passed its tests")


@optimize.command()
@click.argument("automation", metavar="ID")
@json_option
@common
def deploy(automation: str) -> None:
    """Let an automation run that was tested as it is, and passed.

    With --json: as `show` has it
    """
    with _optimizer() as optimizer:
        _tell(optimizer.deploy(automation), "is deployed")


@optimize.command()
@click.argument("automation", metavar="ID")
@click.option("--reason", default="", help="Kept in the audit log.")
@json_option
@common
def withdraw(automation: str, reason: str) -> None:
    """Take an automation out of use; it may be deployed again.

    With --json: as `show` has it
    """
    with _optimizer() as optimizer:
        _tell(optimizer.withdraw(automation, reason), "is withdrawn")


@optimize.command()
@json_option
@common
def look() -> None:
    """Ask for a look at what repeats, and print its job's id.

    With --json: {"job"}
    """
    state = session()
    with _optimizer() as optimizer:
        job = optimizer.look()
    if state.json:
        state.emit({"job": job})
    else:
        click.echo(job)


def _tell(told: dict[str, Any], what: str) -> None:
    state = session()
    if state.json:
        state.emit(told)
    else:
        click.echo(f"{printable(told['automation_id'])} {what}")


def _pattern_row(told: dict[str, Any]) -> tuple[str, ...]:
    return (
        printable(told["task_type"]), str(told["occurrences"]),
        f"{told['potential']['total']:.2f}", f"{told['success_rate']:.0%}",
        " ".join(told["automations"]) or "-",
    )  # fmt: skip


def _row(told: dict[str, Any]) -> tuple[str, ...]:
    verdict = told["verdict"]
    tested = "no" if verdict is None else f"{verdict['rate']:.0%} of {verdict['tests']}"
    runs = f"{told['successes']} of {told['runs']}"
    saved = f"{told['time_saved_ms'] / 1000:,.0f} s"
    state = "deployed" if told["deployed"] else told["state"]
    return told["automation_id"], printable(told["task_type"]), state, tested, runs, saved
