"""`completion`: the script with which a shell completes our commands."""

from __future__ import annotations

import os
from pathlib import Path

import click

from offhours.cli.codes import CommandError, Exit
from offhours.cli.session import common, session

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_OFFHOURS_COMPLETE"


@click.command()
@click.argument("shell", metavar="[SHELL]", type=click.Choice(SHELLS), required=False)
@common
def completion(shell: str | None) -> None:
    """Print the script for bash, zsh or fish; without SHELL, for the one that you use.

    Commands and options are completed, and so are the names of tasks, queues and schedules, and
    the numbers of jobs, flows and approvals, out of the database (or the server) of the line.

    \b
    To have it in every new shell:
      bash  offhours completion bash > ~/.local/share/bash-completion/completions/offhours
      zsh   offhours completion zsh > ~/.zfunc/_offhours    (~/.zfunc being in $fpath)
      fish  offhours completion fish > ~/.config/fish/completions/offhours.fish
    """
    session().check_here()
    from click.shell_completion import get_completion_class

    from offhours.cli.main import cli

    chosen = shell or _own_shell()
    made = get_completion_class(chosen)
    assert made is not None
    click.echo(made(cli, {}, "offhours", VARIABLE).source())


def _own_shell() -> str:
    name = Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise CommandError(
            f"which shell? {name or 'yours'} is none of {', '.join(SHELLS)}; name one",
            Exit.USAGE,
            "unknown_shell",
        )
    return name
