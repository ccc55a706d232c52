"""`install-skill`: the skill file for agents, put where they look for it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from offhours.cli.codes import CommandError, Exit
from offhours.cli.session import common, json_option, session

NAMES = ("SKILL.md", "llms.txt")


@click.command("install-skill")
@click.option(
    "--to", "folder", default=".claude/skills", show_default=True, metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of skills; a folder offhours is made in it.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace files that were changed.")
@json_option
@common
def install_skill(folder: Path, force: bool) -> None:
    """Write the skill that tells agents how to use Offhours: SKILL.md, with llms.txt beside it.

    \b
    With --json: {"files": [PATH...]}
    """
    state, place = session(), folder / "offhours"
    state.check_here()
    texts = {place / name: files("offhours").joinpath("skill", name).read_bytes() for name in NAMES}
    changed = [path for path, text in texts.items() if path.exists() and path.read_bytes() != text]
    if changed and not force:
        raise CommandError(
            f"{changed[0]} is there and differs; replace it with --force",
            Exit.CONFLICT,
            "conflict",
        )
    place.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        path.write_bytes(text)
    if state.json:
        state.emit({"files": [str(path) for path in texts]})
        return
    for path in texts:
        click.echo(path)
