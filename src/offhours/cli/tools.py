"""`tools`: what is usual for each tool that a program's recorders see."""

from __future__ import annotations

from typing import Any

import click

from offhours.cli.optimizing import in_a_program
from offhours.cli.session import common, json_option, session
from offhours.cli.text import printable

HEADERS = ("TOOL", "CALLS", "ERRORS", "MEAN", "P95", "MAX", "THRESHOLD", "LIMIT")


@click.group()
@common
def tools() -> None:
    """What is usual for each tool, and from where on a call is not.

    The figures are in the memory of a program: its server tells them, with --url.
    """


@tools.command()
@json_option
@common
def ls() -> None:
    """List the tools that the recorders of a server's process know.

    \b
    With --json: {"tools": [{"tool", "recorder", "count", "errors", "samples", "mean_ms", "p50_ms",
    "p95_ms", "p99_ms", "max_ms", "variance", "threshold", "mode", "limit_ms"}...]}
    """
    _tell(None, None)


@tools.command("set")
@click.argument("tool", metavar="TOOL")
@click.option("--threshold", type=float, required=True,
              help="How much slower than its mean a call may be: 0.2 is 20 %.")  # fmt: skip
@json_option
@common
def set_threshold(tool: str, threshold: float) -> None:
    """Choose from where on a call of a tool makes a dump, until that process ends.

    With --json: as `ls` has it
    """
    _tell(tool, threshold)


def _tell(tool: str | None, threshold: float | None) -> None:
    state = session()
    if not state.url:
        raise in_a_program("a recorder keeps its figures in the memory of its program")
    from offhours.app import Offhours

    with state.open() as app:
        assert not isinstance(app, Offhours)
        found = app.tools() if tool is None else app.set_threshold(tool, threshold)
    if state.json:
        state.emit({"tools": found})
    elif found:
        state.table(HEADERS, [_row(each) for each in found])
    else:
        state.note("no recorder of that process has seen a call")


def _row(told: dict[str, Any]) -> tuple[str, ...]:
    times = [f"{told[name]:,.1f} ms" for name in ("mean_ms", "p95_ms", "max_ms")]
    limit = "-" if told["limit_ms"] is None else f"{told['limit_ms']:,.1f} ms"
    return (
        printable(told["tool"]), str(told["count"]), str(told["errors"]), *times,
        f"{told['threshold']:g}", limit,
    )  # fmt: skip
