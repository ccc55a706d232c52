"""Automations: made, tested, deployed; a verdict is about one script, level and set of tests."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.unit.optimize.doubles import OpenSandbox

from offhours.core.errors import AutomationNotFound, NotTested, OptionError
from offhours.core.optimize import Case
from offhours.core.sandbox import OBSERVED
from offhours.optimize import Automation, MicroAutomationCreator, Pattern, Task
from offhours.optimize.automations import MemoryAutomations
from offhours.optimize.judging import agrees, try_out
from offhours.optimize.patterns import make_pattern
from offhours.testing import FakeClock, memory_app

START = datetime(2026, 6, 1, 9)
CHANGED = "def execute(params):\n    return {'success': True, 'steps': []}\n"


def pattern(kind: str = "copy", runs: int = 12) -> Pattern:
    lines = [
        [Task(f"{n}", kind, "", {"source": f"f{n * n * 7}.txt", "dest": "/backup"},
              START + timedelta(days=n), 1_000, True)]
        for n in range(runs)
    ]  # fmt: skip
    return make_pattern((kind,), lines, 0, START + timedelta(days=runs), 86_400)


@pytest.fixture(params=["memory", "store"])
def creator(request: pytest.FixtureRequest) -> MicroAutomationCreator:
    store = memory_app().store.automations if request.param == "store" else None
    return MicroAutomationCreator(store, clock=FakeClock(), max_automations=3)


@pytest.fixture
def automation(creator: MicroAutomationCreator) -> Automation:
    return creator.create_automation(pattern())


def judge(creator: MicroAutomationCreator, automation: Automation) -> float:
    trying = try_out(automation, OpenSandbox(), FakeClock())
    creator.judged(automation.automation_id, trying.verdict)
    return trying.verdict.rate


def test_a_pattern_has_one_automation_of_a_kind(creator: MicroAutomationCreator) -> None:
    first = creator.create_automation(pattern())
    assert creator.create_automation(pattern()).automation_id == first.automation_id
    other = creator.create_automation(pattern(), template_type="file_operation")
    assert other.automation_id != first.automation_id
    assert other.parameters == {"dest": "/backup", "destination": "/backup"}
    assert [each.template_type for each in creator.list_automations()] == [
        "routine", "file_operation",
    ]  # fmt: skip
    with pytest.raises(OptionError, match="no template"):
        creator.create_automation(pattern(), template_type="nothing")


def test_there_may_be_so_many(creator: MicroAutomationCreator) -> None:
    for kind in "abc":
        creator.create_automation(pattern(kind))
    with pytest.raises(OptionError, match="max_automations"):
        creator.create_automation(pattern("d"))


def test_those_that_are_over_displace_none_in_use() -> None:
    store = MemoryAutomations()
    creator = MicroAutomationCreator(store, clock=FakeClock(), max_automations=2)
    made = creator.create_automation(pattern())
    for n in range(1_000):
        over = made.record._replace(automation_id=f"over{n}", state="retired", created_at=0)
        store.put(over, None, 0, "automation.created")
    creator.create_automation(pattern("b"))
    assert sum(each.record.state == "draft" for each in creator.list_automations()) == 2
    with pytest.raises(OptionError, match="max_automations"):
        creator.create_automation(pattern("c"))


def test_its_tests_are_runs_that_it_did_not_learn_from(automation: Automation) -> None:
    given = [case.params["source"] for case in automation.cases]
    assert given == ["f567.txt", "f700.txt", "f847.txt"]
    assert len(OBSERVED.examples_of(automation.pattern_id)) >= 3


def test_what_was_seen_too_rarely_has_none(creator: MicroAutomationCreator) -> None:
    automation = creator.create_automation(pattern(runs=3))
    assert automation.cases == [] and judge(creator, automation) == 0.0


def test_deployed_only_after_a_verdict(
    creator: MicroAutomationCreator, automation: Automation
) -> None:
    with pytest.raises(NotTested, match="has not been tested"):
        creator.deploy(automation.automation_id)
    assert judge(creator, automation) == 1.0
    assert automation.tested and not automation.deployed
    creator.deploy(automation.automation_id)
    assert automation.deployed
    assert [each.automation_id for each in creator.list_automations(deployed_only=True)] == [
        automation.automation_id
    ]
    creator.withdraw(automation.automation_id, "enough")
    assert not automation.deployed and automation.tested


@pytest.mark.parametrize(
    "change",
    [
        {"custom_script": CHANGED},
        {"level": "partial"},
        {"language": "bash"},
        {"cases": [Case({}, None)]},
    ],
    ids=["script", "level", "language", "tests"],
)
def test_a_change_ends_the_verdict(
    creator: MicroAutomationCreator, automation: Automation, change: dict[str, object]
) -> None:
    judge(creator, automation)
    creator.deploy(automation.automation_id)
    creator.customize_automation(automation.automation_id, **change)  # type: ignore[arg-type]
    assert not automation.tested and not automation.deployed
    assert creator.list_automations(deployed_only=True) == []
    with pytest.raises(NotTested):
        creator.deploy(automation.automation_id)
    with pytest.raises(NotTested):
        automation.deployed = True


def test_a_verdict_on_what_was_before_is_refused(
    creator: MicroAutomationCreator, automation: Automation
) -> None:
    trying = try_out(automation, OpenSandbox(), FakeClock())
    creator.customize_automation(automation.automation_id, CHANGED)
    with pytest.raises(NotTested, match="changed while"):
        creator.judged(automation.automation_id, trying.verdict)


def test_a_script_that_does_something_else_fails_its_tests(
    creator: MicroAutomationCreator, automation: Automation
) -> None:
    creator.customize_automation(automation.automation_id, CHANGED)
    assert judge(creator, automation) == 0.0
    with pytest.raises(NotTested, match="0%"):
        creator.deploy(automation.automation_id)


def test_other_defaults_need_no_new_verdict(
    creator: MicroAutomationCreator, automation: Automation
) -> None:
    judge(creator, automation)
    creator.customize_automation(automation.automation_id, parameters={"source": "x"})
    assert automation.tested and automation.parameters == {"source": "x"}


def test_whoever_says_so_may_deploy_as_the_document_does(automation: Automation) -> None:
    automation.tested = True
    automation.deployed = True
    assert automation.deployed
    verdict = automation.verdict
    assert verdict is not None and verdict.by != "sandbox"


def test_what_it_saves_is_measured(creator: MicroAutomationCreator, automation: Automation) -> None:
    assert automation.success_rate == 0.0
    creator.record_run(automation.automation_id, True, 200.0, {"n": 4})
    creator.record_run(automation.automation_id, False, 100.0)
    assert (automation.runs, automation.success_rate) == (2, 0.5)
    assert automation.time_saved_ms == 800.0
    assert automation.counters == {"n": 4}


def test_one_that_is_unknown(creator: MicroAutomationCreator) -> None:
    with pytest.raises(AutomationNotFound):
        creator.get("auto_x")
    with pytest.raises(AutomationNotFound):
        creator.customize_automation("auto_x", CHANGED)


def test_what_happens_is_told() -> None:
    app = memory_app()
    creator = MicroAutomationCreator(app.store.automations, clock=app.clock)
    automation = creator.create_automation(pattern())
    judge(creator, automation)
    creator.deploy(automation.automation_id)
    creator.roll_back(automation.automation_id, "it failed")
    assert [event.kind for event in app.events()] == [
        "automation.created", "automation.judged", "automation.deployed", "automation.rolled_back",
    ]  # fmt: skip
    assert not automation.tested


def test_answers_agree_by_value_and_type() -> None:
    assert agrees({"a": 1, "more": 2}, {"a": 1})
    assert not agrees({"a": True}, {"a": 1})
    assert not agrees({"a": [1, 2]}, {"a": [1]})
    assert not agrees(None, {"a": 1})
