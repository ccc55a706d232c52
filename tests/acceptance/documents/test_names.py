"""docs/documented-names.md names everything that the documents name, and what it names is there."""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.acceptance.documents.doubles import Learner
from tests.acceptance.documents.source import IMPORTED, NAMED, ROOT, Document

import offhours
from offhours import SchedulerManager, TaskSchedulerService
from offhours.api import make_app
from offhours.cli.main import cli
from offhours.sources.environment import ONLY_ENVIRONMENT, is_known
from offhours.testing import memory_app

PAGE = (ROOT / "docs" / "documented-names.md").read_text(encoding="utf-8")
SECTIONS = {
    "1-offline-optimizer.md": "The offline optimizer",
    "2-training-scheduler.md": "The training scheduler",
    "3-optimization-engine.md": "The optimization engine",
    "4-background-processing.md": "Background processing",
    "5-task-scheduler-telemetry.md": "The task scheduler service",
}
# Used in the examples, and neither theirs nor ours: Python, croniter, Flask, Django, and doubles.
OTHERS = {
    "Any", "DEBUG", "Dict", "Enum", "Mock", "__dict__", "basicConfig", "datetime", "done", "error",
    "get", "getLogger", "is_set", "main", "now", "run", "setLevel", "timedelta", "value", "values",
    "warning", "write",
    "croniter", "get_next",
    "Flask", "JsonResponse", "POST", "json", "jsonify", "route",
    "loki", "steps",
}  # fmt: skip


def rows(section: str) -> Iterator[tuple[set[str], list[str]]]:
    """What a table names of its document, and of ours."""
    part = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    for row in re.findall(r"^\| (.+)\|$", part, re.MULTILINE)[2:]:
        documented, ours, _ = re.split(r" ?\| ?", row, maxsplit=2)
        yield set(ticked(documented)), ticked(ours)


def ticked(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("name", SECTIONS)
def test_every_name_of_the_examples_is_on_the_page(name: str) -> None:
    on_the_page = set().union(*(documented for documented, _ in rows(SECTIONS[name])))
    document = Document(name)
    named = set(re.findall(r"^\| ([a-z_]+) \|", document.text, re.MULTILINE))
    for block in document.blocks:
        if block.language == "python":
            named |= names_in(block.text)
    assert named - OTHERS - on_the_page == set()


def names_in(code: str) -> set[str]:
    """Classes, functions and attributes that an example uses and does not make itself."""
    try:
        tree = compile(
            code, "<example>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        )
    except SyntaxError:  # requests, or the outline of a class
        return set(re.findall(r"(?:\bclass |\bdef |-> (?=[A-Z]))(\w+)", code))
    found: set[str] = set()
    made = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=module, names=names):
                if str(module).partition(".")[0] in IMPORTED:
                    found |= {each.name for each in names}
            case ast.Name(id=word) if re.match(r"[A-Z][a-z]", word):
                found.add(word)
            case ast.Call(func=ast.Name(id=word)) if not hasattr(builtins, word):
                found.add(word)
            case ast.Attribute(attr=word):
                found.add(word)
    return found - made


@pytest.fixture(scope="module")
def paths() -> set[str]:
    app = memory_app()
    SchedulerManager(Learner(), app=app)
    TaskSchedulerService(app=app)
    return set(make_app(app, token="oh_x").openapi()["paths"])


def test_all_that_is_said_to_be_ours_is_there(paths: set[str]) -> None:
    ours = {each for section in SECTIONS.values() for _, found in rows(section) for each in found}
    assert len(ours) > 150
    missing = [each for each in sorted(ours) if not is_there(each, paths)]
    assert missing == []
    for here in (*IMPORTED.values(), NAMED["src.core.celery_worker.celery_app"]):
        assert f"`{here}`" in PAGE


def test_what_is_not_there_yet_is_not_there() -> None:
    for section in SECTIONS.values():
        for documented, ours in rows(section):
            assert ours or not documented & set(offhours.__all__), documented


def is_there(name: str, paths: set[str]) -> bool:
    """A route, a command, a variable, or what can be imported."""
    if name.startswith("/"):
        return name in paths
    if " " in name:
        found: Any = cli
        for word in name.split()[1:]:
            found = found.get_command(None, word)
        return found is not None
    if name.isupper():
        return name == ONLY_ENVIRONMENT or is_known(name)
    return can_be_imported(name)


def can_be_imported(name: str) -> bool:
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:n]))
        except ModuleNotFoundError:
            continue
        return all((found := part_of(found, part)) is not None for part in parts[n:])
    return False


def part_of(whole: Any, name: str) -> Any:
    """What something has by a name; of a class also a field, or what is set when one is made."""
    if hasattr(whole, name):
        return getattr(whole, name)
    fields = getattr(whole, "__annotations__", {})
    set_when_made = inspect.isclass(whole) and f"self.{name} = " in inspect.getsource(whole)
    return True if name in fields or set_when_made else None
