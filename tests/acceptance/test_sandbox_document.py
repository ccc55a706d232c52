"""The source document's examples of the sandbox, with only the import line changed."""

from __future__ import annotations

import asyncio
import inspect
import re
from pathlib import Path

import pytest

from offhours.core.sandbox import Sandbox
from offhours.sandbox import AutomationTester, SandboxManager

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
SCRIPT = """
def execute(params):
    # Custom automation logic
    return {'success': True}
"""


# fmt: off
async def _example(automation_script: str, test_cases: list[dict[str, object]]) -> bool:
    # Create sandbox manager
    manager = SandboxManager(
        isolation_level='full',
        timeout_seconds=30,
        max_concurrent=3
    )

    # Run test
    test = await manager.run_test(
        automation_id='auto_001',
        script=automation_script,
        language='python',
        test_params={'input': 'test_data'}
    )

    print(f"Success: {test.success}")
    print(f"Duration: {test.duration_ms}ms")
    print(f"Output: {test.output}")

    # High-level testing
    tester = AutomationTester(manager)
    tester.create_test_suite('auto_001', test_cases)
    script = automation_script
    result = await tester.run_test_suite('auto_001', script, 'python')
    assert result.success_rate == 1.0

    # Validate for deployment
    is_ready = await tester.validate_automation('auto_001', script, 'python', min_success_rate=0.9)
    manager.close()
    return is_ready
# fmt: on


def test_the_example_of_the_sandbox(capsys: pytest.CaptureFixture[str]) -> None:
    cases: list[dict[str, object]] = [{"input": {"a": 1}, "expected": {"success": True}}]
    assert asyncio.run(_example(SCRIPT, cases))
    said = capsys.readouterr().out
    assert said.startswith("Success: True\nDuration: ") and said.endswith("Output: \n")


def test_the_integration_example_finds_no_tests_where_nothing_was_observed() -> None:
    async def main() -> bool:
        sandbox = SandboxManager(isolation_level="full")
        tester = AutomationTester(sandbox)
        test_cases = tester.generate_default_tests("pattern_nobody_saw")
        tester.create_test_suite("auto_002", test_cases)
        is_ready = await tester.validate_automation("auto_002", SCRIPT, "python")
        sandbox.close()
        return is_ready

    assert asyncio.run(main()) is False


def test_the_page_runs_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    [block] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(block, "docs/sandbox.md", "exec"), {"__name__": "page"})
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("passed {'total': 6} ")
    assert (second, third) == ("b'> one\\n> two\\n'", "True")


def test_the_manager_is_what_others_were_promised() -> None:
    sandbox: Sandbox = SandboxManager()
    assert set(inspect.signature(Sandbox.run).parameters) <= set(
        inspect.signature(sandbox.run).parameters
    ) | {"self"}
