"""`mcp`: the verbs as tools for an agent, over stdin and stdout."""

from __future__ import annotations

import contextlib
import sys

import click

from offhours.cli.calls import app_here, file_options
from offhours.cli.session import common, session


@click.command()
@click.option("--write", is_flag=True, help="Let the agent change things, too; else it looks only.")
@file_options
@common
def mcp(write: bool, file: str | None, app_name: str | None) -> None:
    """Serve an agent over the Model Context Protocol, on stdin and stdout, until it hangs up.

    The tools are list, get, why and explain_schedule, and with --write also submit, schedule,
    defer, cancel, pause, resume and signal, each with a dry run. None of them approves anything.
    With --file, arguments are checked against its tasks. Jobs are run by workers: offhours up.

    \b
    Example, in a client's configuration:
      {"command": "offhours", "args": ["mcp", "--db", "/home/ann/jobs.db"]}
    """
    state = session()
    if file is None:
        state.check_here()
    from offhours.mcp import make_server

    with contextlib.ExitStack() as stack:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for the protocol alone
            app = stack.enter_context(app_here(state, file, app_name, create=False))
        state.note(f"MCP on stdin and stdout for {app.store.name}" + (", may write" * write))
        make_server(app, write=write).run()
