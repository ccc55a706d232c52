"""Suites, verdicts, and tests made of what was observed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from offhours.core.errors import InputError, NotFound, OptionError
from offhours.core.sandbox import Example, ExampleBook
from offhours.sandbox import AutomationTester, Case, SandboxManager
from offhours.testing import FakeClock

DOUBLE = "def execute(params): return {'n': params['n'] * 2}"


@pytest.fixture
def book() -> ExampleBook:
    return ExampleBook(patterns=2, examples=3)


@pytest.fixture
def tester(sandbox: SandboxManager, book: ExampleBook) -> AutomationTester:
    return AutomationTester(sandbox, examples=book, clock=FakeClock())


def cases(*pairs: tuple[Any, Any]) -> list[dict[str, Any]]:
    return [{"params": {"n": given}, "expected": {"n": expected}} for given, expected in pairs]


def ready(tester: AutomationTester, script: str = DOUBLE, **options: Any) -> bool:
    return asyncio.run(tester.validate_automation("a", script, **options))


def test_a_suite_says_what_passed_and_why_not(tester: AutomationTester) -> None:
    tester.create_test_suite("a", cases((1, 2), (2, 5), (3, 6)))
    result = asyncio.run(tester.run_test_suite("a", DOUBLE))
    assert (result.total, result.passed, result.failed) == (3, 2, 1)
    assert result.faults == ("case 2: the result is {'n': 4}, expected {'n': 5}",)


def test_every_expectation_is_looked_at(tester: AutomationTester) -> None:
    script = "print(open('in').read()); open('out', 'w').write('x')"
    good = {"files": {"in": b"hi"}, "expected_output": "hi", "expected_files": {"out": b"x"}}
    wrong = [
        {**good, "expected_output": "ho"},
        {**good, "expected_files": {"out": b"y"}},
        {**good, "expected_files": {"other": b""}},
        {**good, "expected": 1},
        {**good, "should_pass": False},
        {"params": {}},
    ]
    tester.create_test_suite("a", [good, *wrong, {"expected_success": False}])
    result = asyncio.run(tester.run_test_suite("a", script))
    assert [one.passed for one in result.results] == [True, *[False] * 6, True]


def test_results_are_compared_as_json() -> None:
    class Seen:
        success, error, output = True, "", ""

        def __init__(self, data: Any) -> None:
            self.data, self.files = data, {}

    assert Case(expected=(1, 2)).fault(Seen([1, 2])) == ""  # type: ignore[arg-type]
    assert Case(expected=1).fault(Seen(True)) != ""  # type: ignore[arg-type]
    assert Case(expected=None).fault(Seen(3)) != ""  # type: ignore[arg-type]
    assert Case().fault(Seen(3)) == ""  # type: ignore[arg-type]


def test_ready_from_so_many_successes_on(tester: AutomationTester) -> None:
    tester.create_test_suite("a", cases((1, 2), (2, 4), (3, 6), (4, 9)))
    assert not ready(tester) and ready(tester, min_success_rate=0.75)
    with pytest.raises(OptionError, match="min_success_rate"):
        ready(tester, min_success_rate=0)


def test_without_tests_nothing_is_ready(tester: AutomationTester) -> None:
    assert not ready(tester)
    tester.create_test_suite("a", [])
    assert not ready(tester)
    verdict = tester.verdict("a")
    assert verdict is not None and verdict.reasons == ("it has no tests",)
    with pytest.raises(NotFound, match="create_test_suite"):
        asyncio.run(tester.run_test_suite("b", DOUBLE))


def test_a_verdict_ends_when_script_tests_level_or_language_change(
    tester: AutomationTester,
) -> None:
    tester.create_test_suite("a", cases((1, 2)))
    assert not tester.is_ready("a", DOUBLE)
    assert ready(tester) and tester.is_ready("a", DOUBLE)
    assert not tester.is_ready("a", DOUBLE + "\n")
    assert not tester.is_ready("a", DOUBLE, "bash")
    assert not tester.is_ready("a", DOUBLE, level="partial")
    assert not tester.is_ready("b", DOUBLE)
    tester.create_test_suite("a", cases((1, 2), (2, 4)))
    assert not tester.is_ready("a", DOUBLE)
    tester.create_test_suite("a", cases((1, 2)))
    assert tester.is_ready("a", DOUBLE)
    assert not ready(tester, "def execute(params): return 1")
    assert not tester.is_ready("a", DOUBLE)  # the last verdict is about another script


def test_tests_come_from_what_was_observed(tester: AutomationTester, book: ExampleBook) -> None:
    assert tester.generate_default_tests("p") == []
    for n in range(5):
        book.record("p", Example({"n": n}, data={"n": 2 * n}))
    made = tester.generate_default_tests("p")
    assert [case.params for case in made] == [{"n": 2}, {"n": 3}, {"n": 4}]
    tester.create_test_suite("a", made)
    assert ready(tester)
    assert not ready(tester, "def execute(params): return {'n': 4}")


def test_a_pattern_may_bring_its_own_examples(tester: AutomationTester) -> None:
    class Pattern:
        pattern_id = "p"
        examples = (Example({}, {"in": b"1"}, left={"out": b"1"}),)

    case = tester.generate_default_tests(Pattern())[0]
    assert case.files == {"in": b"1"} and case.expected_files == {"out": b"1"}


def test_the_book_is_bounded_and_keeps_each_once(book: ExampleBook) -> None:
    for name in ("p", "q", "r", "r"):
        book.record(name, Example({"a": name}))
    assert book.examples_of("p") == () and len(book.examples_of("r")) == 1


def test_a_batch_of_suites(tester: AutomationTester) -> None:
    tester.create_test_suite("a", cases((1, 2)))
    tester.create_test_suite("b", [{"expected_output": "hi"}])
    results = asyncio.run(tester.run_batch({"a": (DOUBLE, "python"), "b": ("echo hi", "bash")}))
    assert {name: result.success_rate for name, result in results.items()} == {"a": 1, "b": 1}


def test_cases_that_make_no_sense(tester: AutomationTester) -> None:
    with pytest.raises(OptionError, match=r'no \'expcted\'; did you mean "expected"'):
        tester.create_test_suite("a", [{"expcted": 1}])
    with pytest.raises(OptionError, match="mapping"):
        tester.create_test_suite("a", [3])  # type: ignore[list-item]
    with pytest.raises(InputError, match="level"):
        asyncio.run(tester.validate_automation("a", DOUBLE, level="none"))
