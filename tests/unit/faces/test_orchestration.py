"""The orchestrator: phases as jobs of a flow, with progress, partial failure, repair and resume."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import offhours
from offhours import JobState, Offhours, Orchestrator, TaskPriority, TaskStatus
from offhours.core.errors import (
    FlowNotFound,
    HandlerNotFound,
    NotStarted,
    OptionError,
    PlanError,
)
from offhours.core.flows import IfFailed
from offhours.faces.executions import Execution
from offhours.orchestrator import Need, Phase, PhaseContext, PhaseFailed, Plan
from offhours.testing import MemoryApp, memory_app


@pytest.fixture
def app() -> MemoryApp:
    return memory_app()


@pytest.fixture
def orchestrator(app: MemoryApp) -> Orchestrator:
    """One whose phases run in `drain()`, and whose handler `work` returns the phase's name."""
    made = Orchestrator(use_background_processing=True, app=app)
    made.register("work", lambda context: context.phase.name)
    return made


def plan(*phases: Phase) -> Plan:
    return Plan("do it", phases)


def statuses(execution: Execution) -> dict[str, str]:
    return {phase.name: phase.status.value for phase in execution.phases()}


def run(orchestrator: Orchestrator, *phases: Phase) -> Execution:
    execution = orchestrator.execute(plan(*phases), use_background=True)
    orchestrator.app.drain()
    return execution


DIAMOND = (
    Phase("a", "work"), Phase("b", "work", ["a"]), Phase("c", "work", ["a"]),
    Phase("d", "work", ["b", "c"]),
)  # fmt: skip


class TestExecuting:
    def test_the_ids_are_a_list_and_stand_for_phases(self, orchestrator: Orchestrator) -> None:
        ids = orchestrator.execute(plan(*DIAMOND), use_background=True)
        assert isinstance(ids, list) and ids == ["1", "2", "3", "4"]
        assert {orchestrator.get_background_task_status(i) for i in ids} == {TaskStatus.PENDING}
        assert ids.status is TaskStatus.PENDING and ids.request == "do it"
        orchestrator.app.drain()
        assert {orchestrator.get_background_task_status(i) for i in ids} == {TaskStatus.COMPLETED}
        assert orchestrator.get_background_task_status("77") is None
        assert orchestrator.get_background_task_status("x") is None

    def test_results_reach_what_comes_later_near_and_far(self, orchestrator: Orchestrator) -> None:
        seen: dict[str, Any] = {}
        orchestrator.register("see", lambda context: seen.update(context.results))
        run(orchestrator, *DIAMOND, Phase("e", "see", ["d"]), Phase("alone", "work"))
        assert seen == {"a": "a", "b": "b", "c": "c", "d": "d"} and list(seen) == list("abcd")

    def test_foreground_and_background_give_the_same(self, orchestrator: Orchestrator) -> None:
        behind = run(orchestrator, *DIAMOND)
        here = orchestrator.execute(plan(*DIAMOND))
        assert here.status is behind.status is TaskStatus.COMPLETED
        assert here.results() == behind.results() == {n: n for n in "abcd"}
        assert here.plan == behind.plan == plan(*DIAMOND)

    def test_in_the_foreground_what_nobody_can_do_is_refused(
        self, orchestrator: Orchestrator
    ) -> None:
        with pytest.raises(HandlerNotFound, match=r"registered for: code; nothing was started"):
            orchestrator.execute("Write a parser")
        with pytest.raises(HandlerNotFound, match="mend, unknown"):
            orchestrator.execute(plan(Phase("a", "unknown"), Phase("b", "work", repair="mend")))
        assert orchestrator.executions() == []

    def test_in_the_background_it_waits_and_says_so(self, orchestrator: Orchestrator) -> None:
        execution = run(orchestrator, Phase("a", "unknown"), Phase("b", "work", ["a"]))
        first, second = execution.phases()
        assert first.why.startswith("no process that works here has the handler 'unknown'")
        assert (second.why, second.needs) == ("it waits for a", ("a",))
        orchestrator.register("unknown", lambda context: 1)
        orchestrator.app.drain()
        assert execution.status is TaskStatus.COMPLETED

    def test_without_a_background_there_is_none(self, app: MemoryApp) -> None:
        with pytest.raises(NotStarted, match="use_background_processing=True"):
            Orchestrator(app=app).execute(plan(*DIAMOND), use_background=True)

    def test_without_background_processing_it_works_while_it_waits(self) -> None:
        with Orchestrator() as orchestrator:
            threads: set[str] = set()
            meeting = threading.Barrier(2)

            @orchestrator.handler("meet")
            def meet(context: PhaseContext) -> None:
                threads.add(threading.current_thread().name)
                meeting.wait(20)

            done = orchestrator.execute(plan(Phase("a", "meet"), Phase("b", "meet")))
            assert done.status is TaskStatus.COMPLETED and len(threads) == 2
            assert not orchestrator.app.running

    def test_coroutines_are_handlers(self) -> None:
        with Orchestrator(use_background_processing=True) as orchestrator:
            meeting: list[str] = []

            @orchestrator.handler("meet")
            async def meet(context: PhaseContext) -> str:
                meeting.append(context.phase.name)
                while len(meeting) < 2:
                    await asyncio.sleep(0.001)
                return offhours.context().name or ""

            done = orchestrator.execute(plan(Phase("a", "meet"), Phase("b", "meet")))
            assert done.results() == {"a": "a", "b": "b"}

    def test_priority_timeout_and_retries_are_those_of_the_jobs(
        self, orchestrator: Orchestrator
    ) -> None:
        phase = Phase("a", "work", timeout="5m", retries=3)
        ids = orchestrator.execute(plan(phase), use_background=True, priority=TaskPriority.LOW)
        job = orchestrator.app.job(int(ids[0])).record
        assert (job.priority, job.timeout, job.max_attempts, job.name) == (90, 300_000_000, 4, "a")

    def test_a_planner_of_ones_own(self, app: MemoryApp) -> None:
        class Tea:
            def plan(self, request: str, /) -> Plan:
                return Plan(request, [Phase("boil", "work"), Phase("pour", "work", ["boil"])])

        class Wrong:
            def plan(self, request: str, /) -> Plan:
                return ["boil"]  # type: ignore[return-value]

        orchestrator = Orchestrator(app=app, planner=Tea())
        orchestrator.register("work", lambda context: context.request)
        assert orchestrator.execute("tea").results() == {"boil": "tea", "pour": "tea"}
        with pytest.raises(PlanError, match="not a Plan"):
            Orchestrator(app=app, planner=Wrong()).plan("tea")

    def test_orchestrators_on_one_app_share_their_handlers(self, app: MemoryApp) -> None:
        one, other = Orchestrator(app=app), Orchestrator(app=app)
        one.register("work", lambda context: 1)
        assert "work" in other.handlers
        with pytest.raises(OptionError, match="replace=True"):
            other.handler("work")(lambda context: 2)
        other.handler("work", replace=True)(lambda context: 2)
        assert one.execute(plan(Phase("a", "work"))).results() == {"a": 2}

    def test_executions_are_found_by_their_number(self, orchestrator: Orchestrator) -> None:
        made = [run(orchestrator, *DIAMOND) for _ in range(3)]
        flow = offhours.Flow("no phases")
        flow.step("one", len, args=("x",))
        other = orchestrator.app.submit_flow(flow)
        assert [each.id for each in orchestrator.executions()] == [m.id for m in reversed(made)]
        assert len(orchestrator.executions(limit=2)) == 2
        assert orchestrator.execution(made[0].id) == made[0]
        with pytest.raises(FlowNotFound, match="is no execution of phases"):
            orchestrator.execution(other.id)
        with pytest.raises(FlowNotFound):
            orchestrator.execution(99)


class TestFailing:
    def fails(self, orchestrator: Orchestrator, *names: str) -> list[str]:
        """Have phases of these names fail, until they are taken out of what is returned."""
        bad = list(names)

        def work(context: PhaseContext) -> str:
            if context.phase.name in bad:
                raise PhaseFailed(f"{context.phase.name} is broken")
            return context.phase.name + "".join(context.failed.values())

        orchestrator.register("work", work, replace=True)
        return bad

    def test_what_is_done_is_kept_and_what_depends_is_told(
        self, orchestrator: Orchestrator
    ) -> None:
        self.fails(orchestrator, "b")
        execution = run(orchestrator, *DIAMOND, Phase("e", "work", ["d"]))
        assert execution.status is TaskStatus.FAILED
        assert execution.results() == {"a": "a", "c": "c"}
        told = {phase.name: phase.why for phase in execution.phases() if phase.why}
        assert told == {
            "b": "b is broken",
            "d": "not done, because b failed",
            "e": "not done, because b failed",
        }
        assert "d: cancelled: not done, because b failed" in execution.describe()
        assert execution.describe().startswith("execution 1: failed, 2 of 5 phases done")

    def test_resume_repeats_nothing_that_is_finished(self, orchestrator: Orchestrator) -> None:
        bad = self.fails(orchestrator, "b")
        execution = run(orchestrator, *DIAMOND)
        attempts = {phase.name: phase.task_id for phase in execution.phases()}
        bad.clear()
        orchestrator.resume(execution.id)
        orchestrator.app.drain()
        assert execution.status is TaskStatus.COMPLETED
        again = {phase.name: phase.task_id for phase in execution.phases()}
        assert {n for n in "abcd" if again[n] != attempts[n]} == {"b", "d"}
        assert {orchestrator.get_background_task_status(i) for i in execution} == {"completed"}

    def test_resume_where_nothing_failed_changes_nothing(self, orchestrator: Orchestrator) -> None:
        execution = run(orchestrator, *DIAMOND)
        assert orchestrator.resume(execution.id).progress.total == 4
        assert orchestrator.app.counts()["succeeded"] == 4

    def test_in_the_foreground_resume_waits_for_the_end(self, app: MemoryApp) -> None:
        orchestrator = Orchestrator(app=app)
        orchestrator.register("work", lambda context: 1)
        bad = self.fails(orchestrator, "a")
        execution = orchestrator.execute(plan(*DIAMOND))
        assert execution.status is TaskStatus.FAILED
        bad.clear()
        assert orchestrator.resume(execution.id).status is TaskStatus.COMPLETED

    def test_edges_say_what_a_failure_means(self, orchestrator: Orchestrator) -> None:
        bad = self.fails(orchestrator, "bad")
        execution = run(
            orchestrator,
            Phase("good", "work"),
            Phase("bad", "work"),
            Phase("ignores", "work", [Need("bad", IfFailed.IGNORE)]),
            Phase("catches", "work", [Need("bad", IfFailed.CATCH)]),
            Phase("idle", "work", [Need("good", IfFailed.CATCH)]),
            Phase("holds", "work", [Need("bad", IfFailed.HOLD)]),
            Phase("behind", "work", ["holds"]),
        )
        assert statuses(execution) == {
            "good": "completed", "bad": "failed", "ignores": "completed", "catches": "completed",
            "idle": "cancelled", "holds": "pending", "behind": "pending",
        }  # fmt: skip
        assert execution.results()["ignores"] == "ignoresbad is broken"
        assert execution.phase("idle").why == "not done: nothing failed that it is there for"
        assert execution.phase("holds").why == "it waits until bad was resumed and has succeeded"
        assert [phase.name for phase in execution.unfinished()] == ["bad", "holds", "behind"]
        bad.clear()
        orchestrator.resume(execution.id)
        orchestrator.app.drain()
        assert statuses(execution) == {
            "good": "completed", "bad": "completed", "ignores": "completed",
            "catches": "cancelled", "idle": "cancelled", "holds": "completed",
            "behind": "completed",
        }  # fmt: skip
        assert execution.status is TaskStatus.COMPLETED

    def test_what_is_far_before_is_waited_for_too(self, orchestrator: Orchestrator) -> None:
        self.fails(orchestrator, "bad")
        execution = run(
            orchestrator,
            Phase("slow", "unknown"),
            Phase("bad", "work"),
            Phase("needs both", "work", ["slow", "bad"]),
            Phase("goes on", "work", [Need("needs both", IfFailed.IGNORE)]),
        )
        assert execution.phase("needs both").why == "not done, because bad failed"
        assert execution.phase("goes on").why == "it waits for slow"
        orchestrator.register("unknown", lambda context: "slow")
        orchestrator.app.drain()
        assert execution.results() == {
            "slow": "slow", "goes on": "goes onbad is brokennot done, because bad failed",
        }  # fmt: skip

    def test_an_error_is_retried_and_told_to_the_next_attempt(self, app: MemoryApp) -> None:
        orchestrator = Orchestrator(use_background_processing=True, app=app)
        failures: list[str] = []

        @orchestrator.handler("flaky")
        def flaky(context: PhaseContext) -> int:
            failures.append(context.failure)
            if context.attempt < 3:
                raise ConnectionError(f"line {context.attempt} is down")
            return context.attempt

        execution = run(orchestrator, Phase("a", "flaky", retries=2))
        assert "line 1 is down" in execution.phase("a").why
        app.clock.advance("1m")
        app.drain()
        app.clock.advance("1m")
        app.drain()
        assert execution.results() == {"a": 3} and execution.phase("a").attempts == 3
        assert [f.splitlines()[-1] if f else "" for f in failures] == [
            "", "ConnectionError: line 1 is down", "ConnectionError: line 2 is down",
        ]  # fmt: skip

    def test_a_phase_that_failed_for_good_is_not_retried(self, orchestrator: Orchestrator) -> None:
        self.fails(orchestrator, "a")
        phase = run(orchestrator, Phase("a", "work", retries=5)).phase("a")
        assert (phase.status, phase.attempts, phase.why) == ("failed", 1, "a is broken")

    def test_a_result_that_cannot_be_kept_is_a_failure(self, orchestrator: Orchestrator) -> None:
        orchestrator.register("odd", lambda context: object())
        phase = run(orchestrator, Phase("a", "odd", retries=5)).phase("a")
        assert phase.status is TaskStatus.FAILED and phase.attempts == 1
        assert phase.why.startswith("the result of a phase is plain data: argument its result")

    def test_results_that_were_pruned_are_missed(self, orchestrator: Orchestrator) -> None:
        bad = self.fails(orchestrator, "c")
        execution = run(orchestrator, Phase("a", "work"), Phase("b", "work", ["a"]),
                        Phase("c", "work", ["b"]))  # fmt: skip
        store, now = orchestrator.app.store, orchestrator.app.clock.micros()
        assert store.prune(now + 1, 1, 100, now).jobs == 2  # all but the last one
        bad.clear()
        orchestrator.app.retry(int(execution[2]))
        orchestrator.app.drain()
        [left] = execution.phases()
        assert left.why == "what came before is not kept any more: b; execute it anew"


class TestRepairing:
    """A phase that fails has its work mended before the next attempt."""

    def repaired(
        self, orchestrator: Orchestrator, good: int, mend: Callable[[PhaseContext], Any]
    ) -> None:
        @orchestrator.handler("check")
        def check(context: PhaseContext) -> list[Any]:
            if len(context.repairs) < good:
                raise PhaseFailed(f"{context.results['write']} {list(context.repairs)} is bad")
            return list(context.repairs)

        orchestrator.register("mend", mend)

    PHASES = (
        Phase("write", "work"), Phase("check", "check", ["write"], retries=2, repair="mend"),
        Phase("after", "work", ["check"]),
    )  # fmt: skip

    def test_until_it_is_good(self, orchestrator: Orchestrator) -> None:
        asked: list[PhaseContext] = []

        def mend(context: PhaseContext) -> str:
            asked.append(context)
            return f"mended {len(asked)}"

        self.repaired(orchestrator, 2, mend)
        execution = run(orchestrator, *self.PHASES)
        assert execution.results()["check"] == ["mended 1", "mended 2"]
        assert execution.status is TaskStatus.COMPLETED
        assert execution.phase("check").attempts == 3
        assert [c.failure for c in asked] == ["write [] is bad", "write ['mended 1'] is bad"]
        assert all(c.repairing and c.phase.name == "check" for c in asked)

    def test_as_often_as_the_plan_says(self, orchestrator: Orchestrator) -> None:
        asked: list[str] = []
        self.repaired(orchestrator, 9, lambda context: asked.append(context.failure))
        execution = run(orchestrator, *self.PHASES)
        assert len(asked) == 2 and statuses(execution)["check"] == "failed"
        assert execution.phase("check").why == "write [None, None] is bad"
        assert execution.phase("after").why == "not done, because check failed"

    def test_what_was_repaired_is_kept_by_resume(self, orchestrator: Orchestrator) -> None:
        self.repaired(orchestrator, 4, lambda context: len(context.repairs) + 1)
        execution = run(orchestrator, *self.PHASES)
        orchestrator.resume(execution.id)
        orchestrator.app.drain()
        assert execution.results()["check"] == [1, 2, 3, 4]

    def test_a_repair_that_fails_is_the_end_of_the_phase(self, orchestrator: Orchestrator) -> None:
        def mend(context: PhaseContext) -> None:
            raise PhaseFailed("nothing helps")

        self.repaired(orchestrator, 1, mend)
        phase = run(orchestrator, *self.PHASES).phase("check")
        assert (phase.status, phase.attempts) == (TaskStatus.FAILED, 1)
        assert phase.why == "nothing helps"

    def test_who_cannot_repair_leaves_it_to_others(self, orchestrator: Orchestrator) -> None:
        self.repaired(orchestrator, 1, lambda context: "mended")
        repairing = Phase("check", "check", ["write"], retries=1, repair="elsewhere")
        execution = run(orchestrator, Phase("write", "work"), repairing)
        assert "waits for a process with 'elsewhere'" in execution.phase("check").why
        orchestrator.register("elsewhere", lambda context: "mended there")
        orchestrator.app.clock.advance("1m")
        orchestrator.app.drain()
        assert execution.results()["check"] == ["mended there"]

    @pytest.mark.parametrize("waits", ["check", "mend", "both"])
    def test_coroutines_and_functions_mend_each_other(self, app: MemoryApp, waits: str) -> None:
        orchestrator = Orchestrator(app=app)

        def check(context: PhaseContext) -> list[Any]:
            if not context.repairs:
                raise PhaseFailed("bad")
            return list(context.repairs)

        async def check_async(context: PhaseContext) -> list[Any]:
            return check(context)

        async def mend_async(context: PhaseContext) -> str:
            await asyncio.sleep(0)
            return "mended"

        orchestrator.register("work", lambda context: 1)
        orchestrator.register("check", check if waits == "mend" else check_async)
        orchestrator.register("mend", mend_async if waits != "check" else lambda context: "mended")
        assert orchestrator.execute(plan(*self.PHASES)).results()["check"] == ["mended"]


class TestSteering:
    def test_cancel_keeps_what_is_done(self, orchestrator: Orchestrator, app: MemoryApp) -> None:
        orchestrator.register("last", lambda context: orchestrator.cancel(1, "Ann has had enough"))
        execution = run(orchestrator, Phase("a", "work"), Phase("b", "last", ["a"]),
                        Phase("c", "work", ["b"]))  # fmt: skip
        assert execution.status is TaskStatus.CANCELLED
        assert execution.results()["a"] == "a"
        assert execution.phase("c").why == "Ann has had enough"
        assert execution.cancel() == 0

    def test_progress_and_messages(self, app: MemoryApp) -> None:
        orchestrator = Orchestrator(use_background_processing=True, app=app)
        seen: list[str] = []

        @orchestrator.handler("slow")
        def slow(context: PhaseContext) -> None:
            offhours.context().progress(0.5, "half way")
            execution = orchestrator.execution(1)
            phase = execution.phase("a")
            seen.append(f"{phase.status} {phase.fraction} {phase.message}")
            seen.append(f"{execution.status} {execution.progress.done}/{execution.progress.total}")

        run(orchestrator, Phase("a", "slow"), Phase("b", "slow", ["a"]))
        assert seen[:2] == ["running 0.5 half way", "running 0/2"]

    def test_a_phase_that_there_is_not(self, orchestrator: Orchestrator) -> None:
        execution = run(orchestrator, *DIAMOND, Phase("design", "work"))
        with pytest.raises(OptionError, match=r'no phase \'desin\'; did you mean "design"'):
            execution.phase("desin")


def test_it_goes_on_in_another_process_of_the_same_file(tmp_path: Path) -> None:
    """What is in the store is the plan and the results; a new orchestrator needs no more."""
    database = str(tmp_path / "work.db")
    with Orchestrator(True, database=database) as first:
        first.register("one", lambda context: "first")
        execution = first.execute(
            plan(Phase("a", "one"), Phase("b", "two", ["a"])), use_background=True
        )
        assert first.app.wait_for(int(execution[0]), 20).state is JobState.SUCCEEDED
    first.app.close()
    with Orchestrator(True, database=database) as second:
        second.register("two", lambda context: f"{context.results['a']}, then second")
        [found] = second.executions()
        assert found.wait(20) is TaskStatus.COMPLETED
        assert found.results() == {"a": "first", "b": "first, then second"}
        assert found.plan == plan(Phase("a", "one"), Phase("b", "two", ["a"]))
    second.app.close()


def test_the_same_on_each_database(database: str) -> None:
    app = Offhours(database, executor="inline")
    orchestrator = Orchestrator(app=app)
    bad = ["b"]

    @orchestrator.handler("work")
    def work(context: PhaseContext) -> list[str]:
        if context.phase.name in bad:
            raise PhaseFailed("broken")
        return [*context.results, context.phase.name]

    execution = orchestrator.execute(plan(*DIAMOND))
    assert statuses(execution) == {"a": "completed", "b": "failed", "c": "completed",
                                   "d": "cancelled"}  # fmt: skip
    bad.clear()
    assert orchestrator.resume(execution.id).results()["d"] == list("abcd")
    app.close()
