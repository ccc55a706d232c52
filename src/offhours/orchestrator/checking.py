"""The phases that look at what was written: tests that run in a sandbox, and a review."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from offhours.core.sandbox import Sandbox
from offhours.core.times import SECOND, Duration, parse_duration
from offhours.orchestrator.files import Files, changed, files_before, files_of, is_test, listed
from offhours.orchestrator.handlers import PhaseContext, PhaseFailed

LONGEST_REPORT = 8_000

# Runs in the sandbox, beside the files.
_RUN_TESTS = """
import io, sys, unittest

def execute(params):
    sys.path.insert(0, ".")
    found, told = unittest.TestSuite(), io.StringIO()
    for name in params["modules"]:
        found.addTests(unittest.defaultTestLoader.loadTestsFromName(name))
    done = unittest.TextTestRunner(told, verbosity=2).run(found)
    bad = [(test.id(), text) for test, text in [*done.failures, *done.errors]]
    bad += [(test.id(), "it was expected to fail") for test in done.unexpectedSuccesses]
    return {"ran": done.testsRun, "skipped": len(done.skipped), "bad": bad}
"""


class SandboxTests:
    """Runs what tests were written (`unittest`) in a sandbox, beside all files that there are.

    A phase that is about a part runs the tests of that part's `code` phases, any other runs all.
    The result has `ran`, `skipped`, the test `modules` and, if something was repaired, the
    `files` as they are now. Tests that fail, and tests that there are not, are a `PhaseFailed`.

    sandbox: where they run; a function that gives it is called when it is needed first
    timeout: how long all tests of a phase may take there
    """

    def __init__(self, sandbox: Sandbox | Callable[[], Sandbox], timeout: Duration = "1m") -> None:
        self._sandbox = sandbox
        self._seconds = parse_duration(timeout, "timeout") / SECOND

    def run(self, context: PhaseContext, /) -> dict[str, Any]:
        files = files_before(context)
        modules = self._modules(context, files)
        ran = self._try(modules, files)
        mended = changed(files_of(context.results.values()), files)
        return {"modules": modules, **ran, **({"files": mended} if mended else {})}

    def _modules(self, context: PhaseContext, files: Files) -> list[str]:
        mine = files
        if context.phase.part:
            name = f"code {context.phase.part}"
            mine = files_of([context.results.get(name), *context.repairs])
        modules = sorted(
            name.removesuffix(".py").replace("/", ".") for name in mine if is_test(name)
        )
        if not modules:
            what = context.phase.part or "what was written"
            raise PhaseFailed(
                f"there are no tests of {what}: the handler that writes it returns "
                '{"files": {"test_….py": …}} with the rest'
            )
        return modules

    def _try(self, modules: list[str], files: Mapping[str, str]) -> dict[str, int]:
        box = self._sandbox if hasattr(self._sandbox, "run") else self._sandbox()
        done = box.run(
            _RUN_TESTS,
            params={"modules": modules},
            files={name: text.encode() for name, text in files.items()},
            timeout=self._seconds,
            automation_id="tests",
        )
        if not done.success or not isinstance(done.data, Mapping):
            why = done.error or f"they gave {done.data!r}"
            raise PhaseFailed(f"the tests did not run to their end: {why}\n{_tail(done.stderr)}")
        if done.data["bad"]:
            raise PhaseFailed(_report(done.data))
        if done.data["ran"] <= done.data["skipped"]:
            raise PhaseFailed(f"no test ran in {listed(modules)}")
        return {"ran": done.data["ran"], "skipped": done.data["skipped"]}


def _report(data: Mapping[str, Any]) -> str:
    names = [name for name, _ in data["bad"]]
    told = "\n".join(f"{name}\n{text}" for name, text in data["bad"])
    return f"{len(names)} of {data['ran']} tests failed: {listed(names)}\n{_tail(told)}"


def _tail(text: str) -> str:
    return text[-LONGEST_REPORT:]


class Review:
    """Reads what was written, without running it.

    What makes it a `PhaseFailed`: nothing was written; a Python file that is none; a function that
    only says that it is not implemented; a part that no `code` phase wrote a file for. The result
    has `files`, `lines` and `remarks` (things that somebody may want to look at).
    """

    def run(self, context: PhaseContext, /) -> dict[str, Any]:
        files = files_before(context)
        faults = [] if files else ["nothing was written"]
        faults += [f"no file was written for {part}" for part in _unwritten(context)]
        remarks: list[str] = []
        for name, text in sorted(files.items()):
            if name.endswith(".py"):
                _read(name, text, faults, remarks)
        if faults:
            raise PhaseFailed("; ".join(faults))
        lines = sum(len(text.splitlines()) for text in files.values())
        return {"reviewed": sorted(files), "lines": lines, "remarks": remarks}


def _unwritten(context: PhaseContext) -> list[str]:
    written = {
        name.removeprefix("code ")
        for name, result in context.results.items()
        if name.startswith("code ") and files_of([result])
    }
    design = context.results.get("design")
    modules = design.get("modules", ()) if isinstance(design, Mapping) else ()
    return [module["part"] for module in modules if module["part"] not in written]


def _read(name: str, text: str, faults: list[str], remarks: list[str]) -> None:
    try:
        tree = ast.parse(text, name)
    except (SyntaxError, ValueError) as error:
        faults.append(f"{name} is no Python: {error}")
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            where = f"{name}: {node.name}"
            if _is_unfinished(node):
                faults.append(f"{where} is not implemented")
            elif ast.get_docstring(node) is None and not is_test(name):
                remarks.append(f"{where} does not say what it does")


def _is_unfinished(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether there is nothing in it but words, `pass`, `...`, or NotImplementedError."""
    return all(
        isinstance(statement, ast.Pass)
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        or (
            isinstance(statement, ast.Raise)
            and statement.exc is not None
            and "NotImplementedError" in ast.unparse(statement.exc)
        )
        for statement in function.body
    )
