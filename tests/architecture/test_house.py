"""The house keeps its shape: what is imported when, what is documented, what is named once."""

from __future__ import annotations

import ast
import functools
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import offhours
from offhours.core import ports
from offhours.core.events import KINDS
from offhours.core.points import NAMES
from offhours.store.dialects import Dialect, statements

SOURCE = Path(offhours.__file__).parent
HEAVY = {"fastapi", "starlette", "uvicorn", "numpy", "matplotlib", "torch", "celery", "pydantic"}


def imported_by(code: str) -> set[str]:
    program = f"import sys; before = set(sys.modules); {code}; print(*(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_importing_the_package_loads_the_standard_library_only() -> None:
    outside = imported_by("import offhours") - set(sys.stdlib_module_names) - {"offhours"}
    assert {name for name in outside if not name.startswith("_")} == set()


def test_importing_the_package_costs_little() -> None:
    """CPU seconds, the interpreter's own start taken off; the best of several."""

    def cpu(code: str) -> float:
        program = f"import time; {code}; print(time.process_time())"
        runs = [
            float(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                                 check=True).stdout)
            for _ in range(5)
        ]  # fmt: skip
        return min(runs)

    assert cpu("import offhours") - cpu("pass") < 0.060


def test_reading_the_configuration_does_not_load_the_recorder() -> None:
    code = "import sys, offhours.sources.configuration; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.startswith("offhours.recorder")}
    assert loaded == {"offhours.recorder", "offhours.recorder.settings"}


PUBLIC = [name for name in offhours.__all__ if name != "__version__"]
EACH_IN_TURN = """
import json, sys, offhours
loaded = {}
for name in sys.argv[1:]:
    before = set(sys.modules)
    getattr(offhours, name)
    loaded[name] = [module.partition(".")[0] for module in set(sys.modules) - before]
print(json.dumps(loaded))
"""


def test_public_names_are_documented() -> None:
    assert [name for name in PUBLIC if not inspect.getdoc(getattr(offhours, name))] == []


def test_public_names_are_light() -> None:
    program = [sys.executable, "-c", EACH_IN_TURN, *PUBLIC]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    loaded = {name: HEAVY.intersection(found) for name, found in json.loads(done.stdout).items()}
    assert {name: heavy for name, heavy in loaded.items() if heavy} == {}


def test_unknown_names_say_so() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Offhour'"):
        offhours.Offhour  # noqa: B018


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def calls(path: Path) -> dict[str, list[ast.Call]]:
    """The calls in a file, by what is called."""
    found: dict[str, list[ast.Call]] = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            found.setdefault(ast.unparse(node.func), []).append(node)
    return found


def test_each_file_says_what_it_is_for() -> None:
    assert [path for path in modules() if not ast.get_docstring(tree(path))] == []


def test_each_statement_is_used() -> None:
    code = "".join(p.read_text(encoding="utf-8") for p in (SOURCE / "store").rglob("*.py"))
    used = set(re.findall(r'"([a-z_]+)"', code))
    assert set(statements(Dialect.SQLITE)) - used == set()


def test_events_and_points_that_are_told_are_listed() -> None:
    code = "".join(p.read_text(encoding="utf-8") for p in modules())
    told = set(
        re.findall(
            r'"((?:job|worker|foreground|schedule|store|limit|alert|approval|delivery|recorder|'
            r'training|model|automation|trial|workflow|api|thought|budget|quota|token|operation|template)\.[a-z_]+)"',
            code,
        )
    )
    no_events = {"background.started", "job.quarantined", "recorder.store", "model.safetensors"}
    assert told - no_events == set(KINDS)
    reached = {name for path in modules() for name in points_in(path)}
    assert reached == NAMES


def points_in(path: Path) -> set[str]:
    return {
        part.value
        for call in calls(path).get("points.reach", [])
        for part in ast.walk(call)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }


def test_only_the_clock_asks_for_the_time() -> None:
    asks = {"datetime.now", "datetime.utcnow", "date.today", "time.time", "time.time_ns"}
    found = {
        str(path.relative_to(SOURCE)) for path in modules() if not asks.isdisjoint(calls(path))
    }
    assert {name for name in found if not name.startswith(("demo/", "cli/"))} == {"core/clock.py"}


def test_nothing_is_executed_that_was_stored() -> None:
    bad = {"eval", "exec", "pickle.loads", "pickle.load", "marshal.loads", "yaml.load"}
    found = {str(path.relative_to(SOURCE)) for path in modules() if not bad.isdisjoint(calls(path))}
    assert found == {"sandbox/stage0.py"}  # which runs scripts, and only inside the box


def test_each_port_has_an_implementation_that_fits() -> None:
    from offhours.executors.celery import CeleryExecutor
    from offhours.executors.coroutines import AsyncExecutor
    from offhours.executors.inline import InlineExecutor
    from offhours.executors.processes import ProcessExecutor
    from offhours.executors.threads import ThreadExecutor
    from offhours.optimize.automations import MemoryAutomations
    from offhours.store.automations import SqlAutomations
    from offhours.store.sql import SqlStore

    for port, kinds in (
        (ports.Store, [SqlStore]),
        (ports.Automations, [SqlAutomations, MemoryAutomations]),
        (
            ports.Executor,
            [ThreadExecutor, AsyncExecutor, InlineExecutor, ProcessExecutor, CeleryExecutor],
        ),
    ):
        wanted = {n for n in vars(port) if not n.startswith("_")} - {"slots", "name"}
        for kind in kinds:
            assert wanted <= set(dir(kind))
