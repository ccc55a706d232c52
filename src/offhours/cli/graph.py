"""`graph`: why something happened and what is around it, or all of it as a file."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import click

from offhours.cli.codes import CommandError, Exit
from offhours.cli.options import limit_option
from offhours.cli.session import common, json_option, session
from offhours.cli.text import printable, printable_lines
from offhours.graph import EXPORTS


@click.command()
@click.argument("node", required=False)
@click.option("--type", "kind", help="Only edges of this type, like EXECUTION_OF.")
@limit_option(20)
@click.option("--export", "target", metavar="FILE", help="Write it to a file; - for stdout.")
@click.option("--format", "form", type=click.Choice(list(EXPORTS)), default="json",
              show_default=True, help="Of the file.")  # fmt: skip
@click.option("--depth", type=click.IntRange(1, 10), default=2, show_default=True,
              help="How far around NODE the file goes.")  # fmt: skip
@json_option
@common
def graph(
    node: str | None, kind: str | None, limit: int, target: str | None, form: str, depth: int
) -> None:
    """Why NODE happened, and what is around it.

    NODE is the number of a job or a name: job_42, its second run exec_42.2, schedule_7,
    defer_1234, a thought, or what you added. --export without NODE writes all of the graph.

    \b
    With --json: {"node": {"node_type", ..., "metadata", "relationships"},
                  "why": {"sentence", "steps", "edges"},
                  "edges": [{"src", "type", "dst"}...]}

    \b
    Examples:
      offhours graph 42
      offhours graph --export all.graphml --format graphml
    """
    state = session()
    if node is None and target is None:
        raise click.UsageError("name a job or another node, or give --export FILE")
    ref = f"job_{node}" if node is not None and node.isascii() and node.isdigit() else node
    with state.open() as app:
        found = None if ref is None else app.graph.about(ref, type=kind, limit=limit)
        if ref is not None and found is None:
            raise CommandError(
                f"nothing called {ref} in {app.store.name}", Exit.NOT_FOUND, "node_not_found"
            )
        if target is not None:
            text = io.StringIO()
            count = app.graph.export(text, form, around=ref, depth=depth)
            _write(target, text.getvalue())
            state.note(f"{count} nodes")
            return
    assert found is not None
    if state.json:
        state.emit(found.to_dict())
        return
    click.secho(f"{printable(found.node.id)}, {printable(found.node.type)}", bold=True)
    for step in found.why.steps:
        click.echo(printable(step))
    if found.edges:
        rows = [[edge.src, edge.type, edge.dst] for edge in found.edges]
        state.table(("FROM", "IS", "TO"), rows)


def _write(target: str, text: str) -> None:
    if target == "-":
        # A terminal is not steered by what a task wrote; a file gets it as it is.
        click.echo(printable_lines(text) if sys.stdout.isatty() else text, nl=False)
    else:
        Path(target).write_text(text, encoding="utf-8")
