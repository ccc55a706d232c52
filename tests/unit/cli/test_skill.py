"""`install-skill`, and what the skill says: its commands and tools are those that there are."""

from __future__ import annotations

import re
import shlex
from importlib.resources import files
from pathlib import Path

import click
import pytest
from tests.unit.cli.conftest import Run

from offhours.cli.main import cli

SKILL = files("offhours").joinpath("skill", "SKILL.md").read_text()
LLMS = files("offhours").joinpath("skill", "llms.txt").read_text()
COMMANDS = [
    part.strip()
    for block in re.findall(r"```bash\n(.*?)```", SKILL, re.S)
    for line in block.splitlines()
    for part in line.partition(" # ")[0].split(";")
    if part.strip()
]


def test_it_is_put_where_agents_look(run: Run, tmp_path: Path) -> None:
    assert run("install-skill").code == 0
    place = tmp_path / ".claude" / "skills" / "offhours"
    assert (place / "SKILL.md").read_text() == SKILL and (place / "llms.txt").read_text() == LLMS
    told = run("install-skill", "--to", tmp_path / "else", "--json").json
    assert told["files"] == [str(tmp_path / "else/offhours" / n) for n in ("SKILL.md", "llms.txt")]


def test_what_was_changed_is_not_lost(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "skills" / "offhours" / "SKILL.md"
    for expected in (0, 0):  # a second time changes nothing
        assert run("install-skill", "--to", "skills").code == expected
    file.write_text("mine")
    refused = run("install-skill", "--to", "skills")
    assert refused.code == 6 and "--force" in refused.err and file.read_text() == "mine"
    assert run("install-skill", "--to", "skills", "--force").code == 0
    assert file.read_text() == SKILL


def test_it_has_the_head_that_skills_have() -> None:
    head = SKILL.split("---")[1]
    assert re.search(r"^name: offhours$", head, re.M)
    described = re.search(r"^description: (.+)$", head, re.M)
    assert described is not None and len(described.group(1)) <= 1024


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_in_it_can_be_parsed(line: str) -> None:
    name, *words = shlex.split(line)
    assert name == "offhours"
    command: click.Command = cli
    context = click.Context(cli, info_name="offhours")
    while isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        assert found is not None, line
        command, words = found, words[1:]
        context = click.Context(command, parent=context, info_name=command.name)
    command.make_parser(context).parse_args(words)


def test_each_tool_in_it_is_one() -> None:
    pytest.importorskip("mcp")
    from offhours.mcp.server import DESTRUCTIVE

    looks = {"offhours_list", "offhours_get", "offhours_why", "offhours_explain_schedule"}
    named = set(re.findall(r"offhours_\w+", SKILL + LLMS))
    assert named == looks | set(DESTRUCTIVE)
