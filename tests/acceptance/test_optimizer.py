"""The optimization document's own examples, run as they stand: only their import lines changed."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from offhours.optimize import (
    MicroAutomationCreator,
    OptimizationEngine,
    OptimizationSettings,
    PerformanceAnalyzer,
    PerformanceMetric,
    RepetitiveTaskIdentifier,
    Task,
)

DOCUMENT = Path(__file__).parents[2].parent / "shared" / "sources" / "3-optimization-engine.md"

pytestmark = pytest.mark.skipif(
    not DOCUMENT.is_file(), reason=f"the source document is not at {DOCUMENT}"
)
PACKAGES = {"optimization_engine": "offhours.optimize", "automation_sandbox": "offhours.sandbox"}


def example(heading: str, language: str = "python") -> str:
    """The first block of code below a heading, its imports made ours."""
    text = DOCUMENT.read_text(encoding="utf-8")
    found = re.search(rf"^#+ .*{re.escape(heading)}.*$", text, re.MULTILINE)
    assert found, f"no heading {heading!r}"
    block = re.search(rf"^```{language}\n(.*?)^```", text[found.end() :], re.MULTILINE | re.DOTALL)
    assert block, f"no example below {heading!r}"
    for theirs, ours in PACKAGES.items():
        block = re.compile(r"(.*)", re.DOTALL).match(block[1].replace(theirs, ours))
        assert block
    return block[1]


def run(code: str, **names: Any) -> SimpleNamespace:
    """Run an example, awaits and all, with the names that its document leaves open."""
    space = {"__name__": "document_example", **names}
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    waiting = eval(compile(code, "<example>", "exec", flags=flags), space)
    if inspect.iscoroutine(waiting):
        asyncio.run(waiting)
    return SimpleNamespace(**space)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def copies(count: int = 12, minutes: float = 5) -> Iterator[Task]:
    now = datetime.now()
    for n in range(count):
        at = now - timedelta(minutes=minutes * (count - n))
        parameters = {"source": f"/etc/config{n * n}", "dest": "/backup/config"}
        yield Task(f"task_{n}", "file_copy", "Copy a file", parameters, at, 4_500.0, True)


def metric(duration: float = 2_500, success: bool = True) -> PerformanceMetric:
    return PerformanceMetric("m", "data_processing", datetime.now(), duration, 75.0, 60.0, success)


def test_engine(capsys: pytest.CaptureFixture[str]) -> None:
    done = run(example("1. Optimization Engine"))
    assert capsys.readouterr().out == "Patterns detected: 0\nAutomations created: 0\n"
    assert done.report["tasks_recorded"] == done.report["metrics_recorded"] == 1
    assert done.report["bottlenecks"] == 1
    asyncio.run(done.engine.stop())


def test_identifier(capsys: pytest.CaptureFixture[str]) -> None:
    run(example("2. Repetitive Task Identifier"), tasks=list(copies()))
    told = capsys.readouterr().out
    assert "Pattern: file_copy\nOccurrences: 12\nAutomation potential: 0.9" in told


def test_creator() -> None:
    identifier = RepetitiveTaskIdentifier()
    identifier.add_tasks(copies())
    [pattern] = identifier.identify_repetitive_patterns()
    done = run(example("3. Micro-Automation Creator"), pattern=pattern)
    assert isinstance(done.creator, MicroAutomationCreator)
    assert done.automations == [], "nobody has tested it"
    assert done.automation.script == done.custom_script
    assert done.automation.pattern_id == pattern.pattern_id


def test_analyzer(capsys: pytest.CaptureFixture[str]) -> None:
    done = run(example("4. Performance Analyzer"), metric=metric())
    assert capsys.readouterr().out == (
        "Success rate: 100.0%\nAvg duration: 2500.00ms\nBottlenecks: 1\n"
    )
    assert [slow["process_name"] for slow in done.slow_processes] == ["data_processing"]


def test_workflow_optimizer(capsys: pytest.CaptureFixture[str]) -> None:
    analyzer = PerformanceAnalyzer()
    for n in range(10):
        analyzer.add_metric(
            PerformanceMetric("m", "data_pipeline", datetime.now(), 9_000, 85.0, 60.0, n > 2)
        )
    done = run(example("5. Workflow Optimizer"), performance_analyzer=analyzer)
    told = capsys.readouterr().out
    assert 0 < done.analysis["optimization_score"] <= 1
    assert "Optimization score: 0." in told
    assert "\n- Reduce the execution time of data_pipeline" in told
    assert {suggestion.area for suggestion in done.suggestions} == {
        "reliability", "performance", "resources",
    }  # fmt: skip


def test_sandbox(capsys: pytest.CaptureFixture[str]) -> None:
    script = "def execute(params):\n    return {'got': params['input']}\n"
    cases = [{"params": {"input": "a"}, "expected": {"got": "a"}}]
    done = run(
        example("6. Automation Sandbox"),
        automation_script=script, script=script, test_cases=cases,
    )  # fmt: skip
    assert "Success: True" in capsys.readouterr().out
    assert done.result.success_rate == 1.0
    assert done.is_ready is True


def test_configuration(tmp_path: Path) -> None:
    text = example("Configuration", "yaml")
    (tmp_path / "config").mkdir()
    path = tmp_path / "config" / "optimization_config.yaml"
    path.write_text(text.replace("min_occurrences: 3", "min_occurrences: 5"), "utf-8")
    for engine in (OptimizationEngine(), OptimizationEngine(path)):
        assert engine.settings == OptimizationSettings(min_occurrences=5)
        assert engine.task_identifier.min_occurrences == 5


def test_integration(capsys: pytest.CaptureFixture[str]) -> None:
    """Its `main`, with what is recorded where its comment says so."""
    code = example("Integration Example")
    code = code.replace(
        "    # Record tasks and metrics as they occur\n",
        "    for task in recorded:\n        engine.record_task(task)\n    engine.run_cycle()\n",
    )
    # It deploys itself what passes here: leave that to the document.
    code = code.replace("OptimizationEngine()", "OptimizationEngine(settings)")
    settings = {
        "automation_creation": {"auto_deploy_threshold": 1.0},
        "sandbox": {"enabled": False},
    }
    space = run(code, recorded=list(copies(20)), settings=settings)
    asyncio.run(space.main())
    assert re.fullmatch(
        r"Found 1 automation opportunities\nDeployed automation: auto_\w+\n",
        capsys.readouterr().out,
    )
