"""`dumps`: what the flight recorder kept in the database, and one dump as a timeline."""

from __future__ import annotations

import click
import msgspec

from offhours.cli.codes import CommandError, Exit
from offhours.cli.dump_views import DUMP_HEADERS, Head, dump_row, header, timeline, window
from offhours.cli.optimizing import in_a_program
from offhours.cli.options import limit_option
from offhours.cli.session import common, json_option, session
from offhours.core.errors import did_you_mean
from offhours.recorder.dumps import Dump


@click.group(invoke_without_command=True)
@limit_option(20, "How many dumps.")
@json_option
@common
@click.pass_context
def dumps(ctx: click.Context, limit: int) -> None:
    """The flight recorder's dumps in the database, newest first.

    They come there by StoreSink(app), or with PERFCATCHER_STORE=true.

    \b
    With --json: {"dumps": [{"dump_id", "trigger_timestamp", "triggered_by",
                  "observed_ms", "baseline_median_ms", "severity", "reason",
                  "explanation", "buffer_size"}...]}

    \b
    Example:
      offhours dumps show
    """
    if ctx.invoked_subcommand is not None:
        return
    state = session()
    with state.open() as app:
        kept = app.store.notices.dumps(limit=limit)
        heads = [msgspec.json.decode(dump.head, type=Head) for dump in kept]
        where = app.store.name
    if state.json:
        state.emit({"dumps": msgspec.to_builtins(heads)})
    elif heads:
        state.table(DUMP_HEADERS, [dump_row(head) for head in heads])
    else:
        state.note(f"no dumps in {where}; StoreSink(app) or PERFCATCHER_STORE=true keeps them")


@dumps.command()
@click.argument("dump_id", metavar="[ID]", required=False)
@click.option(
    "--limit", type=click.IntRange(1), default=40, show_default=True, help="How many calls."
)
@click.option("--all", "everything", is_flag=True, help="All calls.")
@json_option
@common
def show(dump_id: str | None, limit: int, everything: bool) -> None:
    """One dump as a timeline of its calls, oldest first; the newest dump without an ID.

    With --json: the documented JSON.
    """
    state = session()
    with state.open() as app:
        notices = app.store.notices
        newest = notices.dumps(limit=1) if dump_id is None else []
        wanted = next((dump.dump_id for dump in newest), dump_id)
        found = None if wanted is None else notices.dump(wanted)
        if found is None:
            known = [] if dump_id is None else [dump.dump_id for dump in notices.dumps(limit=50)]
            raise _missing(dump_id, known, app.store.name)
    if state.json:
        state.emit(msgspec.json.decode(found.body))
        return
    dump = Dump.from_json(found.body.encode())
    for line in header(dump):
        click.echo(line)
    first, calls = window(dump, len(dump.requests) if everything else limit)
    for line in timeline(dump, calls):
        click.echo(line)
    left_out = [(first, "earlier"), (len(dump.requests) - first - len(calls), "later")]
    if more := " and ".join(f"{count} {when}" for count, when in left_out if count):
        state.note(f"{more} calls not shown: --all")


@dumps.command()
@click.option("--reason", default="asked for", show_default=True, help="Kept with the dump.")
@json_option
@common
def now(reason: str) -> None:
    """Have the recorders of a server's process dump what they hold, and print the dumps' ids.

    With --json: {"dumps": [ID...]}
    """
    from offhours.app import Offhours

    state = session()
    if not state.url:
        raise in_a_program("what was called in the last seconds is in the memory of its program")
    with state.open() as app:
        assert not isinstance(app, Offhours)
        made = app.dump_now(reason)
    if state.json:
        state.emit({"dumps": made})
    for dump_id in [] if state.json else made:
        click.echo(dump_id)


def _missing(dump_id: str | None, known: list[str], where: str) -> CommandError:
    if dump_id is None:
        return CommandError(f"no dumps in {where}", Exit.NOT_FOUND, "not_found")
    near = did_you_mean(dump_id, known)
    return CommandError(f"no dump {dump_id} in {where}{near}", Exit.NOT_FOUND, "not_found")
