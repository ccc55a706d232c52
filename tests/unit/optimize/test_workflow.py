"""Bottlenecks, advice and the next step."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from benchmarks.planted import DEFAULT, plant
from tests.nightly import NIGHTLY

from offhours.core.errors import OptionError
from offhours.optimize import (
    NextStep,
    PerformanceAnalyzer,
    PerformanceMetric,
    Task,
    WorkflowOptimizer,
)
from offhours.optimize.paths import Plan

NOW = datetime(2026, 6, 1, 12)


def metric(
    duration: float = 100.0, cpu: float = 10.0, memory: float = 10.0, success: bool = True,
    hours_ago: float = 0.0, name: str = "p",
) -> PerformanceMetric:  # fmt: skip
    at = NOW - timedelta(hours=hours_ago)
    return PerformanceMetric("m", name, at, duration, cpu, memory, success)


def analyzer(*metrics: PerformanceMetric) -> PerformanceAnalyzer:
    made = PerformanceAnalyzer()
    for each in metrics:
        made.add_metric(each)
    return made


class TestAnalyzer:
    def test_bottlenecks_are_strictly_above(self) -> None:
        at = analyzer(metric(1000, 80, 80), metric(1000.1), metric(cpu=80.1), metric(memory=81))
        assert [each.kind for each in at.bottlenecks()] == ["duration", "cpu", "memory"]
        assert at.get_process_statistics("p")["bottleneck_count"] == 3

    def test_statistics(self) -> None:
        stats = analyzer(metric(100), metric(300, success=False), metric(9_999, hours_ago=30))
        found = stats.get_process_statistics("p", hours=24)
        assert (found["total_executions"], found["success_rate"]) == (2, 0.5)
        assert (found["avg_duration_ms"], found["max_duration_ms"]) == (200, 300)

    def test_of_what_never_ran_all_is_zero(self) -> None:
        found = PerformanceAnalyzer().get_process_statistics("nothing")
        assert (found["total_executions"], found["success_rate"]) == (0, 1.0)

    def test_slow_processes_the_slowest_first(self) -> None:
        slow = analyzer(
            metric(2_000), metric(5_000, name="q"), metric(9_000, name="r"), metric(2_001, name="s")
        ).identify_slow_processes(threshold_ms=2_000)
        assert [each["process_name"] for each in slow] == ["r", "q", "s"]

    def test_five_thousand_are_kept(self) -> None:
        assert len(analyzer(*[metric()] * 5_010).metrics()) == 5_000


STEPS = {"load": 100.0, "left": 400.0, "right": 300.0, "join": 50.0}
AFTER = {"left": ("load",), "right": ("load",), "join": ("left", "right")}


def flow(parallel: bool, runs: int = 6, **changes: float) -> PerformanceAnalyzer:
    made = PerformanceAnalyzer()
    for n in range(runs):
        begins = NOW + timedelta(hours=n)
        left_ends = begins + timedelta(milliseconds=500)
        starts = {
            "load": begins,
            "left": begins + timedelta(milliseconds=100),
            "right": begins + timedelta(milliseconds=100) if parallel else left_ends,
            "join": begins + timedelta(milliseconds=500 if parallel else 800),
        }
        for step, duration in STEPS.items():
            made.add_metric(
                PerformanceMetric(
                    f"{n}{step}", "flow", starts[step], duration, 5, 5, True, step=step,
                    run_id=str(n), after=AFTER.get(step, ()),
                    wait_ms=changes.get("wait", 0.0), timeout_ms=changes.get("timeout"),
                )
            )  # fmt: skip
    return made


class TestWorkflow:
    def test_the_critical_path_and_what_may_wait(self) -> None:
        analysis = WorkflowOptimizer(flow(True)).analyze_workflow("flow")
        assert analysis["critical_path"] == ["load", "left", "join"]
        assert analysis["critical_path_ms"] == 550
        assert analysis["slack_ms"]["right"] == 100

    def test_what_if(self) -> None:
        optimizer = WorkflowOptimizer(flow(True))
        assert optimizer.what_if("flow", "left", 0.5)["saved_ms"] == 100
        assert optimizer.what_if("flow", "right", 0.5)["saved_ms"] == 0
        with pytest.raises(OptionError, match="no step"):
            optimizer.what_if("flow", "nothing", 0.5)

    def test_steps_that_could_run_at_the_same_time(self) -> None:
        def said(parallel: bool) -> str:
            found = WorkflowOptimizer(flow(parallel)).suggest_workflow_improvements("flow")
            return "\n".join(map(str, found))

        assert "Run left and right at the same time" in said(False)
        assert "550 ms instead of 850 ms" in said(False)
        assert "at the same time" not in said(True)

    def test_waits_and_time_outs(self) -> None:
        found = WorkflowOptimizer(flow(True, 25, wait=900, timeout=60_000))
        suggestions = found.suggest_workflow_improvements("flow")
        assert sum("wait less" in str(each) for each in suggestions) == 4
        limits = {each.step: each.changes["timeout"] for each in suggestions if each.applicable}
        assert limits == pytest.approx({"load": 0.3, "left": 1.2, "right": 0.9, "join": 0.15})

    def test_the_score_is_between_nothing_and_all(self) -> None:
        good = WorkflowOptimizer(analyzer(metric())).analyze_workflow("p")
        bad = WorkflowOptimizer(analyzer(metric(99_999, 100, 100, False))).analyze_workflow("p")
        assert (good["optimization_score"], bad["optimization_score"]) == (0, 1)
        assert good["suggestions"] == []
        assert WorkflowOptimizer(analyzer()).analyze_workflow("p")["optimization_score"] == 0

    def test_time_outs_of_what_never_succeeded_are_left_alone(self) -> None:
        made = PerformanceAnalyzer()
        for n in range(25):
            made.add_metric(PerformanceMetric(f"{n}", "p", NOW, 10, 5, 5, False, timeout_ms=60_000))
        found = WorkflowOptimizer(made).suggest_workflow_improvements("p")
        assert not any(each.applicable for each in found)

    def test_many_ways_between_two_steps_are_not_walked_one_by_one(self) -> None:
        after = {f"{side}{n}": [f"a{n - 1}", f"b{n - 1}"] for n in range(1, 60) for side in "ab"}
        plan = Plan(dict.fromkeys(["a0", "b0", *after], 1.0), after)
        assert plan.independent("a59", "b59")
        assert not plan.independent("a0", "b59")

    def test_a_circle_is_an_error(self) -> None:
        with pytest.raises(OptionError, match="wait for each other"):
            Plan({"a": 1, "b": 1}, {"a": ["b"], "b": ["a"]}).makespan()


class TestNextStep:
    def test_it_is_kept_only_if_it_beats_the_baseline(self) -> None:
        noise = plant(DEFAULT._replace(share=0.0001 if NIGHTLY else 0.001), 2_000, 3)
        assert NextStep.learn(noise.tasks) is None
        simple = [Task(str(n), "ab"[n % 2], "", {}, NOW, 1, True) for n in range(200)]
        assert NextStep.learn(simple) is None, "what was last says it all"

    def test_it_learns_what_the_last_task_alone_does_not_say(self) -> None:
        tasks = [Task(str(n), "abacad"[n % 6], "", {}, NOW, 1, True) for n in range(300)]
        learnt = NextStep.learn(tasks)
        assert learnt is not None
        assert learnt.judgement.right > learnt.judgement.baseline + 0.2
        assert learnt.predict(["c", "a"])[0][0] == "d"
        assert sum(share for _, share in learnt.predict(["c", "a"], 9)) <= 1.0001

    def test_too_little_is_nothing(self) -> None:
        assert NextStep.learn([]) is None
