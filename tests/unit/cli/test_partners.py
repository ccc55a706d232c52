"""docs/cli.md says of each command what does the same over REST and in Python, and of each address
which command does; whoever adds one adds the other, or says there why not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from offhours.api import make_app
from offhours.cli.here_only import refusal
from offhours.cli.main import cli
from offhours.testing import memory_app

PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## The same over REST and in Python\n")[2].partition("\n## ")[0]
TABLES = [
    [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[2:]]
    for table in re.findall(r"(?:^\|.*\n?)+", SECTION, re.MULTILINE)
]
TOGETHER, HERE, ALONE = TABLES
PREFIX = "/api/v1/"


def commands(group: click.Group, before: str = "") -> Iterator[str]:
    """Each command that does something."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if not isinstance(command, click.Group):
            yield f"{before}{name}"
            continue
        if command.invoke_without_command and name not in ("config", "migrate", "schedule"):
            yield f"{before}{name}"
        yield from commands(command, f"{before}{name} ")


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def addresses(cell: str) -> Iterator[tuple[str, str]]:
    for told in code(cell):
        method, _, path = told.partition(" ")
        yield method.lower(), path if path.startswith("/") else f"{PREFIX}{path}"


@pytest.fixture(scope="module")
def routes() -> Iterator[set[tuple[str, str]]]:
    app = memory_app()
    paths = make_app(app, token="oh_x", page=None).openapi()["paths"]
    found = {(method, path) for path, methods in paths.items() for method in methods}
    yield found | {("get", "/openapi.json")}
    app.close()


def test_each_command_has_its_partner_or_a_reason() -> None:
    told = [name for table in (TOGETHER, HERE) for row in table for name in code(row[0])]
    assert sorted(told) == sorted(set(commands(cli)) - {"notify"})

    assert [row[0] for row in TOGETHER if not code(row[1])] == []
    assert [row[0] for row in HERE if not row[1]] == []


def test_each_address_has_its_command_or_a_reason(routes: set[tuple[str, str]]) -> None:
    with_command = {each for row in TOGETHER for each in addresses(row[1])}
    without = {each for row in ALONE for each in addresses(row[0])}
    assert with_command | without == routes
    assert not with_command & without
    assert all(row[1] for row in ALONE)


def test_what_is_told_of_python_is_there() -> None:
    from offhours import Offhours, api
    from offhours.agents import GoalHandle, Thought
    from offhours.flows import FlowHandle
    from offhours.optimize import MicroAutomationCreator, OptimizationEngine
    from offhours.recorder import PerfCatcherInterceptor
    from offhours.training import ModelHandle

    app = memory_app()
    known: dict[str, object] = {
        "app": app, "GoalHandle": GoalHandle, "Thought": Thought, "FlowHandle": FlowHandle,
        "MicroAutomationCreator": MicroAutomationCreator, "ModelHandle": ModelHandle,
        "OptimizationEngine": OptimizationEngine, "ApiServer": api.ApiServer,
        "PerfCatcherInterceptor": PerfCatcherInterceptor,
    }  # fmt: skip
    for cell in [row[2] for table in (TOGETHER, HERE) for row in table]:
        for name in code(cell):
            first, *rest = name.split(".")
            if first == "offhours":
                continue
            place = known[first]
            for part in rest:
                assert hasattr(place, part), name
                place = Offhours if place is None else getattr(place, part)
    app.close()


@pytest.mark.parametrize("name", [name for row in HERE for name in code(row[0])])
def test_a_server_refuses_what_is_for_this_machine_with_the_reason(name: str) -> None:
    told = refusal(name, "--url")
    assert told is not None and "it asks the database itself" not in told.message
    assert "--db" in told.message or "leave out" in told.message
