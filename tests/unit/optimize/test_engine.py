"""The engine: from what was recorded to what runs by itself, and back when it does worse."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.optimize.doubles import OpenSandbox

from offhours.core.errors import ConfigError, JobFailed, NotTested, OptionError
from offhours.core.model import JobState
from offhours.optimize import (
    Automation,
    OptimizationEngine,
    OptimizationSettings,
    PerformanceMetric,
    Task,
)
from offhours.testing import MemoryApp, memory_app

DAYS = 16
CUSTOMERS = [
    "anna",
    "bela",
    "cora",
    "dina",
    "emma",
    "fern",
    "gina",
    "hana",
    "ivy",
    "june",
    "kate",
    "lena",
    "mia",
    "nora",
    "opal",
    "pia",
]


class Office:
    """An engine with the routine of an office in it: a report is fetched, then filed by date."""

    def __init__(self, **config: Any) -> None:
        self.app: MemoryApp = memory_app(timezone=UTC)
        self.sandbox = OpenSandbox()
        self.engine = OptimizationEngine(config, app=self.app, sandbox=self.sandbox)
        self.filed: list[tuple[str, str]] = []
        self.broken: str | None = None
        self.slow: Callable[[], None] = lambda: None

        @self.engine.handler("fetch")
        def fetch(customer: str) -> str:
            self.slow()
            self.app.clock.advance("10ms")
            if self.broken:
                raise OSError(self.broken)
            return customer

        @self.engine.handler("file")
        def file(path: str, owner: str) -> None:
            self.filed.append((path, owner))

    def record_weeks(self) -> None:
        for day in range(DAYS):
            at = self.app.clock.now() - timedelta(days=DAYS - day)
            who = CUSTOMERS[day]
            path = f"/reports/{at:%Y-%m-%d}/{who}.pdf"
            for n, (kind, values) in enumerate(
                [("fetch", {"customer": who}), ("file", {"path": path, "owner": who})]
            ):
                moment = at + timedelta(minutes=n)
                self.engine.record_task(
                    Task(f"{day}-{n}", kind, "", values, moment, 20_000.0 + 900 * (day % 3), True)
                )

    def deployed(self) -> Automation:
        self.record_weeks()
        self.engine.run_cycle()
        [automation] = self.engine.automation_creator.list_automations(deployed_only=True)
        return automation

    def run(self, automation: Automation, customer: str = "zoe") -> Any:
        job = self.engine.run_automation(automation.automation_id, {"customer": customer})
        self.app.drain()
        return job.result()

    def kinds(self) -> list[str]:
        return [e.kind for e in self.app.events() if e.kind.startswith(("automation", "trial"))]


def office(**config: Any) -> Office:
    return Office(**{"repetitive_task_detection": {"automation_threshold": 0.5}, **config})


def test_what_repeats_is_made_tested_and_deployed() -> None:
    here = office()
    automation = here.deployed()
    assert automation.task_type == "fetch -> file"
    assert len(here.sandbox.runs) == len(automation.cases) == 4
    assert here.kinds() == [
        "automation.created", "automation.judged", "automation.deployed", "trial.started",
    ]  # fmt: skip
    report = here.engine.get_optimization_report()
    assert (report["automations_created"], report["automations_deployed"]) == (1, 1)
    assert report["routines"][0]["inputs"] == ["customer"]
    here.engine.run_cycle()
    assert len(here.kinds()) == 4, "nothing is made or tested twice"


def test_a_deployed_automation_does_the_work() -> None:
    here = office()
    automation = here.deployed()
    answer = here.run(automation)
    today = f"{here.app.clock.now():%Y-%m-%d}"
    assert here.filed == [(f"/reports/{today}/zoe.pdf", "zoe")]
    assert answer["results"] == ["zoe", None]
    assert automation.runs == 1 and automation.success_rate == 1.0
    [metric] = here.engine.performance_analyzer.metrics(automation.automation_id)
    assert (metric.cpu_usage, metric.duration_ms, metric.success) == (50.0, 500.0, True)
    assert automation.time_saved_ms == pytest.approx(automation.record.by_hand_ms - 10)


def test_hostile_parameters_do_nothing_but_travel() -> None:
    here = office()
    automation = here.deployed()
    hostile = "'); __import__('os').abort() #"
    here.run(automation, hostile)
    assert here.filed[0][1] == hostile
    for wrong in (5, None, ["x"], {"a": 1}):
        job = here.engine.run_automation(automation.automation_id, {"customer": wrong})
        here.app.drain()
        with pytest.raises(JobFailed, match="customer"):
            job.result()
    assert len(here.filed) == 1


def test_it_runs_by_a_schedule() -> None:
    here = office()
    automation = here.deployed()
    schedule = here.engine.schedule_automation(
        automation.automation_id, "every day at 9am", {"customer": "ann"}
    )
    assert schedule.explain().sentence == "every day at 09:00"
    here.app.clock.advance("1d")
    here.app.drain()
    assert [owner for _, owner in here.filed] == ["ann"]


def test_when_the_world_breaks_it_is_rolled_back() -> None:
    here = office()
    automation = here.deployed()
    for _ in range(30):
        here.run(automation)
    here.broken = "the server has moved"
    failures = 0
    while automation.deployed:
        with pytest.raises(JobFailed):
            here.run(automation)
        failures += 1
        assert failures <= 30
    assert here.kinds().count("automation.rolled_back") == 1
    [told] = [e for e in here.app.events() if e.kind == "automation.rolled_back"]
    assert "worse" in json.loads(told.data or "")["reason"]
    with pytest.raises(JobFailed, match="not deployed"):
        here.run(automation)
    here.broken = None
    here.engine.run_cycle()
    assert not automation.deployed, "it does not come back by itself"


def test_when_it_becomes_slower_it_is_rolled_back() -> None:
    here = office()
    automation = here.deployed()
    for _ in range(60):
        here.run(automation)
    here.slow = lambda: here.app.clock.advance("10ms")
    runs = 0
    while automation.deployed:
        here.run(automation)
        runs += 1
        assert runs <= 200
    assert "automation.rolled_back" in here.kinds()


def test_what_was_changed_does_not_run() -> None:
    here = office()
    automation = here.deployed()
    here.engine.automation_creator.customize_automation(
        automation.automation_id, "def execute(params): return {'steps': []}"
    )
    with pytest.raises(JobFailed, match="not deployed"):
        here.run(automation)


def test_a_script_that_fails_its_tests_is_refused_with_the_reason() -> None:
    here = office()
    here.sandbox.broken = True
    here.record_weeks()
    here.engine.run_cycle()
    report = here.engine.get_optimization_report()
    assert report["automations_deployed"] == 0
    assert list(report["automations_refused"].values()) == ["it passed 0% of 4 tests"]


def test_without_the_sandbox_nothing_is_deployed_by_itself() -> None:
    here = office(sandbox={"enabled": False})
    here.record_weeks()
    here.engine.run_cycle()
    assert here.sandbox.runs == []
    [reason] = here.engine.get_optimization_report()["automations_refused"].values()
    assert "switched off" in reason


def test_cycles_are_background_jobs_that_wait_for_workflows() -> None:
    here = office()
    here.record_weeks()
    job = here.engine._cycle_task.submit()
    with here.app.foreground("wf_1"):
        here.app.drain()
        assert job.status is JobState.PENDING and "wf_1" in job.why().sentence
    here.app.drain()
    assert job.result()["deployed"] == 1


def test_a_cycle_comes_every_five_minutes() -> None:
    here = office()
    asyncio.run(here.engine.start())
    here.app.drain()
    for _ in range(3):
        here.app.clock.advance("5m")
        here.app.drain()
    assert here.engine.get_optimization_report()["cycles"] == 4
    asyncio.run(here.engine.stop())
    here.app.clock.advance("5m")
    here.app.drain()
    assert here.engine.get_optimization_report()["cycles"] == 4
    asyncio.run(here.engine.start())
    here.app.drain()
    here.app.clock.advance("5m")
    here.app.drain()
    assert here.engine.get_optimization_report()["cycles"] == 6
    asyncio.run(here.engine.stop())


def test_two_automations_are_compared_and_the_better_one_stays() -> None:
    here = office()
    automation = here.deployed()
    creator = here.engine.automation_creator
    pattern = here.engine.findings.routines[0]
    other = creator.create_automation(pattern, template_type="workflow_sequence")
    creator.customize_automation(other.automation_id, automation.script, cases=automation.cases)
    with pytest.raises(NotTested):
        here.engine.compare(automation.automation_id, other.automation_id)
    other.tested = True
    trial = here.engine.compare(automation.automation_id, other.automation_id)
    with pytest.raises(OptionError, match="in a trial"):
        here.engine.compare(automation.automation_id, other.automation_id)
    for _ in range(20):
        here.run(automation)
    assert automation.runs == other.runs == 10
    found = here.engine.trial(trial)
    assert found is not None and found.pairs == 10


def test_jobs_of_the_app_are_learnt_from() -> None:
    here = office()

    @here.app.task(name="resize")
    def resize(image: str, width: int = 0) -> None: ...

    for n in range(5):
        resize.submit(f"{n}.png", width=100)
    here.app.drain()
    assert here.engine.follow_jobs() == 5
    [task, *_] = here.engine.task_identifier.history
    assert (task.task_type, dict(task.parameters)) == ("resize", {"image": "0.png", "width": 100})
    assert len(here.engine.performance_analyzer.metrics("resize")) == 5
    assert here.engine.follow_jobs() == 0


def test_a_workflow_whose_steps_contradict_each_other_spoils_no_cycle() -> None:
    here = office()
    for n in range(6):
        for step, other in (("a", "b"), ("b", "a")):
            here.engine.record_performance(
                PerformanceMetric(
                    f"{n}{step}", "circle", here.app.clock.now(), 10, 5, 5, True, step=step,
                    run_id=str(n), after=(other,) if n % 2 else (),
                )
            )  # fmt: skip
    assert here.deployed().task_type == "fetch -> file"


def test_a_suggestion_is_applied_by_one_call() -> None:
    from offhours.optimize import PerformanceMetric

    here = office()

    @here.app.task(name="etl", retries=3)
    def etl() -> None: ...

    for n in range(40):
        here.engine.record_performance(
            PerformanceMetric(f"m{n}", "etl", datetime(2026, 6, 1), 50, 1, 1, n % 2 == 0,
                              attempt=1 + n % 2)
        )  # fmt: skip
    found = here.engine.workflow_optimizer.suggest_workflow_improvements("etl")
    [suggestion] = [each for each in found if each.applicable]
    assert suggestion.changes == {"retries": 0} and "of 20 retries 0 succeeded" in str(suggestion)
    here.engine.apply(suggestion)
    assert here.app.registry.get("etl").retries == 0
    [refused] = [each for each in found if not each.applicable]
    with pytest.raises(OptionError, match="a person"):
        here.engine.apply(refused)


def test_what_was_deployed_is_there_after_a_restart(tmp_path: Any) -> None:
    path = tmp_path / "jobs.db"
    first = OptimizationEngine({}, database=path, sandbox=OpenSandbox())
    here = office()
    here.engine = first
    here.record_weeks()
    found = first.run_cycle()
    assert len(found.deployed) == 1
    first.app.stop()
    second = OptimizationEngine({}, database=path, sandbox=OpenSandbox())
    [automation] = second.automation_creator.list_automations(deployed_only=True)
    assert automation.automation_id == found.deployed[0]
    assert second.trial(f"guard {automation.automation_id}") is not None
    second.app.stop()


def test_all_wrong_settings_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        OptimizationSettings.of(
            {"sandbox": {"isolation_level": "none"}, "automation_creation": {"max": 1}, "x": {}}
        )
    assert len(refused.value.faults) == 3
