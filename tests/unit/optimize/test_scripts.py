"""Routines written down as scripts: they do what was done, and their parameters are data."""

from __future__ import annotations

import ast
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from benchmarks.planted import DEFAULT, plant

from offhours.optimize import Pattern, RepetitiveTaskIdentifier, Task
from offhours.optimize.patterns import make_pattern
from offhours.optimize.replay import counters_before, inputs_of
from offhours.optimize.scripts import literal, write_script
from offhours.optimize.templates import TEMPLATES, template_script

START = datetime(2026, 6, 1, 9)
HOSTILE = (
    "'; import os; os.system('touch /tmp/owned'); '",
    '"""\n__import__("os").abort()\n"""',
    "a\nraise SystemExit\n#",
    "{0.__class__}{params}",
    "\\",
    "‮gnp.exe",
    "$(reboot)`reboot`",
    "\ud800",
    "x" * 5_000,
)


def load(script: str) -> Any:
    """These scripts are our own: what the templates and `write_script` make."""
    space: dict[str, Any] = {}
    exec(compile(script, "script", "exec"), space)
    return space["execute"]


def pattern_of(*steps: str, runs: int = 8, **values: Any) -> Pattern:
    lines = []
    for n in range(runs):
        at = START + timedelta(days=n)
        made = {key: value(n) if callable(value) else value for key, value in values.items()}
        lines.append([Task(f"{n}{s}", s, "", made, at, 100, True) for s in steps])
    return make_pattern(steps, lines, 0, START + timedelta(days=runs), 86_400)


def test_scripts_of_planted_routines_do_what_was_done() -> None:
    log = plant(DEFAULT, 3_000, 11)
    identifier = RepetitiveTaskIdentifier()
    identifier.add_tasks(log.tasks)
    routines = identifier.identify_routines()
    assert len(routines) >= 7
    right = runs = 0
    for pattern in routines:
        execute = load(write_script(pattern))
        for example in pattern.runs[-10:]:
            given = inputs_of(pattern.rules, example)
            if len(given) < len(pattern.inputs):
                continue
            params = {
                **given,
                "run_at": example.at.isoformat(),
                "counters": counters_before(pattern.rules, example),
            }
            made = [step["parameters"] for step in execute(params)["steps"]]
            runs += 1
            right += made == [dict(values) for values in example.values]
    assert runs > 50 and right >= 0.95 * runs


def test_a_script_is_readable() -> None:
    names = ["ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal"]
    script = write_script(
        pattern_of("mail", to=lambda n: names[n], day=lambda n: f"{START + timedelta(n):%Y-%m-%d}")
    )
    assert "    'to': str," in script
    assert "'day': run_at.strftime('%Y-%m-%d')," in script
    assert "'to': params['to']," in script
    assert all(len(line) < 120 for line in script.splitlines())


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_the_log_is_one_literal(text: str) -> None:
    pattern = pattern_of(text, "second", fixed=text, **{text[:40] or "k": "v"})
    script = write_script(pattern)
    tree = ast.parse(script)
    assert script.isascii()
    assert {type(node) for node in tree.body} <= {
        ast.Assign, ast.FunctionDef, ast.Import, ast.ImportFrom
    }  # fmt: skip
    answer = load(script)({"run_at": START.isoformat()})
    first = answer["steps"][0]
    assert (first["task_type"], first["parameters"]["fixed"]) == (text, text)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_parameters_are_passed_on_as_they_are(text: str) -> None:
    execute = load(write_script(pattern_of("mail", to=lambda n: "abcdefgh"[n] * 3)))
    [step] = execute({"to": text, "run_at": START.isoformat()})["steps"]
    assert step["parameters"] == {"to": text}


@pytest.mark.parametrize(
    ("params", "said"),
    [({}, "missing"), ({"to": 5}, "int"), ({"to": "a", "more": 1}, "unknown")],
)
def test_parameters_are_checked(params: dict[str, Any], said: str) -> None:
    execute = load(write_script(pattern_of("mail", to=lambda n: "abcdefgh"[n] * 3)))
    with pytest.raises((ValueError, TypeError), match=said):
        execute(params)


def test_counting_goes_on() -> None:
    pattern = pattern_of("scan", file=lambda n: f"scan_{n:03}.pdf")
    answer = load(write_script(pattern))({"run_at": START.isoformat(), "counters": {"file": 41}})
    assert answer["steps"][0]["parameters"] == {"file": "scan_042.pdf"}
    assert answer["counters"] == {"file": 42}


@pytest.mark.parametrize("value", [1, 1.5, True, None, "a'b", ["x", [1]], {"k": {"l": 2}}])
def test_a_literal_is_its_value(value: Any) -> None:
    assert ast.literal_eval(literal(value)) == value


class TestTemplates:
    @pytest.mark.parametrize("name", TEMPLATES)
    def test_each_is_a_script_with_execute(self, name: str) -> None:
        assert callable(load(template_script(name)))

    def test_files(self, tmp_path: Path) -> None:
        execute = load(template_script("file_operation"))
        (tmp_path / "a").write_text("content")
        copy = {"operation": "copy", "source": str(tmp_path / "a")}
        assert execute({**copy, "destination": str(tmp_path / "x/b")})["success"]
        assert (tmp_path / "x/b").read_text() == "content"
        moved = {**copy, "operation": "move", "destination": str(tmp_path / "x")}
        assert execute(moved)["output"] == str(tmp_path / "x/a")
        assert execute({"operation": "delete", "source": str(tmp_path / "x")})["success"]
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", [*HOSTILE, "", None, 5, "a\0b"])
    def test_a_hostile_name_does_nothing_but_fail(
        self, name: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "keep").touch()
        execute = load(template_script("file_operation"))
        for operation in ("copy", "move", "delete", name):
            answer = execute({"operation": operation, "source": name, "destination": "there"})
            assert answer["success"] is False and answer["error"]
        assert [path.name for path in tmp_path.iterdir()] == ["keep"]

    def test_data(self, tmp_path: Path) -> None:
        execute = load(template_script("data_processing"))
        (tmp_path / "in.csv").write_text("name,age,town\nann,7,Ulm\nbob,9,Bonn\n")
        answer = execute(
            {"input": str(tmp_path / "in.csv"), "output": str(tmp_path / "out.json"),
             "where": {"age": 9}, "select": ["town", "name"], "rename": {"town": "city"}}
        )  # fmt: skip
        assert answer == {"success": True, "count": 1, "output": str(tmp_path / "out.json")}
        back = execute({"input": str(tmp_path / "out.json")})
        assert back["rows"] == [{"city": "Bonn", "name": "bob"}]
        assert execute({"data": [{"a": 1}], "select": ["b"]})["success"] is False

    def test_a_sequence_hands_results_on(self, tmp_path: Path) -> None:
        execute = load(template_script("workflow_sequence"))
        (tmp_path / "a.csv").write_text("n\n1\n2\n")
        steps = [
            {"action": "file_operation", "parameters": {
                "operation": "copy", "source": str(tmp_path / "a.csv"),
                "destination": str(tmp_path / "b.csv")}},
            {"action": "data_processing", "parameters": {"input": {"from": 1, "key": "output"}}},
        ]  # fmt: skip
        answer = execute({"steps": steps})
        assert answer["success"] and answer["results"][1]["count"] == 2
        steps[0]["parameters"]["source"] = "nowhere"
        failed = execute({"steps": steps})
        assert not failed["success"] and failed["error"].startswith("step 1")

    def test_only_addresses_of_the_web_are_called(self) -> None:
        execute = load(template_script("api_call"))
        for url in ("file:///etc/passwd", "ftp://x", None, 5, "http://[bad"):
            assert execute({"url": url, "retries": 0})["success"] is False
