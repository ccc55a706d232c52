"""The optimization engine's document, example by example."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from tests.acceptance.documents.conftest import Example
from tests.acceptance.documents.source import Document

import offhours.optimize
import offhours.sandbox
from offhours.optimize import OptimizationEngine, OptimizationSettings
from offhours.sources.configuration import read

DOCUMENT = Document("3-optimization-engine.md")
ELSEWHERE = {"Testing": "names the test files of another repository"}


def test_each_block_is_run_or_has_a_reason() -> None:
    DOCUMENT.accounts_for(ELSEWHERE)


@DOCUMENT.runs("1. Optimization Engine (`optimization_engine.py`)")
def test_engine(example: Example, capsys: pytest.CaptureFixture[str]) -> None:
    done = example.run()
    assert capsys.readouterr().out == "Patterns detected: 0\nAutomations created: 0\n"
    assert done.report["tasks_recorded"] == done.report["metrics_recorded"] == 1
    assert done.report["bottlenecks"] == 1, "2500 ms is more than 1000"
    assert done.engine.settings.optimization_cycle_minutes == 5
    example.wait(done.engine.stop())


@DOCUMENT.runs("2. Repetitive Task Identifier")
def test_identifier(example: Example, capsys: pytest.CaptureFixture[str]) -> None:
    [pattern] = example.run().patterns
    told = capsys.readouterr().out
    assert "Pattern: file_copy\nOccurrences: 12\nAutomation potential: 0." in told
    parts = pattern.potential
    assert parts.frequency <= 0.4 and parts.saving <= 0.3 and parts.recency <= 0.3
    total = parts.frequency + parts.saving + parts.recency
    assert pattern.automation_potential == pytest.approx(total)


@DOCUMENT.runs("3. Micro-Automation Creator")
def test_creator(example: Example) -> None:
    done = example.run()
    assert done.automations == [], "nobody has tested it"
    assert done.automation.script == done.custom_script
    assert done.automation.pattern_id == done.pattern.pattern_id
    templates = DOCUMENT.section("3. Micro-Automation Creator")
    assert len(re.findall(r"^\d\. \*\*", templates, re.MULTILINE)) == 4
    for kind in ("file_operation", "data_processing", "api_call", "workflow_sequence"):
        assert done.creator.create_automation(done.pattern, template_type=kind).script


@DOCUMENT.runs("4. Performance Analyzer")
def test_analyzer(example: Example, capsys: pytest.CaptureFixture[str]) -> None:
    done = example.run()
    assert capsys.readouterr().out.endswith(
        "Success rate: 100.0%\nAvg duration: 2500.00ms\nBottlenecks: 1\n"
    )
    assert [slow["process_name"] for slow in done.slow_processes] == ["data_processing"]


@DOCUMENT.runs("5. Workflow Optimizer")
def test_workflow_optimizer(example: Example, capsys: pytest.CaptureFixture[str]) -> None:
    done = example.run()
    told = capsys.readouterr().out
    assert 0 < done.analysis["optimization_score"] <= 1
    assert "Optimization score: 0." in told
    assert "\n- Reduce the execution time of data_pipeline" in told
    assert {suggestion.area for suggestion in done.suggestions} == {
        "reliability", "performance", "resources",
    }  # fmt: skip


@DOCUMENT.runs("6. Automation Sandbox (`automation_sandbox.py`)")
def test_sandbox(example: Example, capsys: pytest.CaptureFixture[str]) -> None:
    done = example.run()
    said = capsys.readouterr().out
    assert said.startswith("Success: True\nDuration: ")
    assert done.test.data == {"got": "test_data"}
    assert done.result.success_rate == 1.0
    assert done.is_ready is True
    done.manager.close()


@DOCUMENT.runs("Configuration")
def test_configuration(example: Example) -> None:
    text = example.text()
    path = Path("config") / "optimization_config.yaml"
    path.parent.mkdir()
    path.write_text(text, "utf-8")
    given = [one for one in read(environment={}) if one.given]
    assert len(given) == 17 and all(one.value == one.key.default for one in given)
    path.write_text(text.replace("min_occurrences: 3", "min_occurrences: 5"), "utf-8")
    for engine in (OptimizationEngine(), OptimizationEngine(path)):
        assert engine.settings == OptimizationSettings(min_occurrences=5)
        assert engine.task_identifier.min_occurrences == 5


@DOCUMENT.runs("Architecture")
def test_each_class_that_is_drawn_is_there(example: Example) -> None:
    drawn = set(re.findall(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b", example.text())) - {"AppleScript"}
    assert len(drawn) == 7
    here = {*offhours.optimize.__all__, *offhours.sandbox.__all__}
    assert drawn <= here


@DOCUMENT.runs("Integration Example")
def test_integration(example: Example, capsys: pytest.CaptureFixture[str]) -> None:
    """What our own engine tests and deploys by itself is left to the example."""
    Path("offhours.toml").write_text(
        "[automation_creation]\nauto_deploy_threshold = 1.0\n[sandbox]\nenabled = false\n", "utf-8"
    )
    asyncio.run(example.run().main())
    assert re.fullmatch(
        r"Found 1 automation opportunities\nDeployed automation: auto_\w+\n",
        capsys.readouterr().out,
    )


def test_what_nobody_has_tested_is_not_ready() -> None:
    async def validated() -> bool:
        with offhours.sandbox.SandboxManager(isolation_level="full") as sandbox:
            tester = offhours.sandbox.AutomationTester(sandbox)
            cases = tester.generate_default_tests("pattern_nobody_saw")
            tester.create_test_suite("auto_002", cases)
            return await tester.validate_automation("auto_002", "print('hello')", "python")

    assert asyncio.run(validated()) is False
