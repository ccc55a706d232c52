"""Flows, and what a run does once, as their users meet them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import offhours
from offhours import After, Context, Flow, JobState, Offhours
from offhours.core.errors import (
    ApprovalNotFound,
    FlowNotFound,
    IllegalMove,
    LeaseLost,
    OptionError,
    QueueFull,
    SignalTimeout,
    TaskError,
)
from offhours.core.flows import Recorded
from offhours.testing import MemoryApp, memory_app

DONE = JobState.SUCCEEDED


def note(words: list[str], word: str, fails: bool = False) -> str:
    words.append(word)
    if fails:
        raise ValueError(word)
    return word.upper()


class House:
    """An app whose task notes what runs; a word in `bad` fails."""

    def __init__(self) -> None:
        self.app: MemoryApp = memory_app()
        self.ran: list[str] = []
        self.bad: set[str] = set()

        @self.app.task(name="note")
        def noted(word: str) -> str:
            return note(self.ran, word, word in self.bad)

        self.task = noted


@pytest.fixture
def house() -> House:
    return House()


def diamond(house: House) -> Flow:
    flow = Flow("diamond")
    flow.step("top", house.task, args=("top",))
    flow.step("left", house.task, args=("left",), after=["top"])
    flow.step("right", house.task, args=("right",), after=["top"])
    flow.step("end", house.task, args=("end",), after=["left", "right"])
    return flow


class TestOrder:
    def test_each_step_runs_when_all_before_it_have_ended(self, house: House) -> None:
        run = house.app.submit_flow(diamond(house))
        assert run.status == "pending" and run.progress.fraction == 0
        assert house.app.drain() == 4
        assert house.ran[0] == "top" and house.ran[3] == "end" and len(house.ran) == 4
        assert run.status == "succeeded" and run.progress.done == 4
        assert run.results() == {w: w.upper() for w in ("top", "left", "right", "end")}
        assert run.wait() == "succeeded" and run.name == "diamond"

    def test_steps_may_be_named_before_they_are_there(self, house: House) -> None:
        flow = Flow("backwards")
        flow.step("b", house.task, args=("b",), after=["a"])
        flow.step("a", house.task, args=("a",))
        house.app.submit_flow(flow)
        house.app.drain()
        assert house.ran == ["a", "b"]

    def test_a_chain_is_a_line(self, house: House) -> None:
        flow = Flow("line")
        for word in "cab":
            flow.step(word, house.task, args=(word,))
        flow.chain("c", "b", "a")
        house.app.submit_flow(flow)
        house.app.drain()
        assert house.ran == ["c", "b", "a"]

    def test_a_cycle_is_refused_by_name_and_nothing_is_stored(self, house: House) -> None:
        flow = Flow("round")
        for word, before in (("a", "c"), ("b", "a"), ("c", "b")):
            flow.step(word, house.task, args=(word,), after=[before])
        with pytest.raises(OptionError, match="a waits for c waits for b waits for a"):
            house.app.submit_flow(flow)
        assert house.app.jobs() == []

    def test_what_is_wrong_with_a_flow_is_said(self, house: House) -> None:
        flow = Flow("faults")
        with pytest.raises(OptionError, match="has no step"):
            house.app.submit_flow(flow)
        flow.step("first", house.task, args=("x",))
        with pytest.raises(OptionError, match="already"):
            flow.step("first", house.task)
        with pytest.raises(OptionError, match="unique: not for a step"):
            flow.step("other", house.task, unique="x")
        with pytest.raises(OptionError, match="if_failed: expected cancel, ignore, hold, catch"):
            flow.step("other", house.task, after=[After("first", "explode")])
        flow.step("second", house.task, args=("y",), after=["frist"])
        with pytest.raises(OptionError, match=r"'frist', no step of this flow.*first"):
            house.app.submit_flow(flow)
        with pytest.raises(FlowNotFound):
            house.app.flow(7)

    def test_one_job_may_wait_for_others_without_a_flow(self, house: House) -> None:
        first = house.task.submit("first")
        second = house.task.options(after=[first]).submit("second")
        assert second.status is JobState.HELD
        assert f"it waits for job {first.id} (pending)" in str(second.why())
        house.app.drain()
        third = house.task.options(after=[first, second.id]).submit("third")
        assert third.result() == "THIRD" and house.ran == ["first", "second", "third"]

    def test_a_step_reads_what_those_before_it_returned(self, house: House) -> None:
        flow = Flow("sum")
        flow.group("part", house.task, [("a",), ("b",)])

        @house.app.task(name="join")
        def join() -> Any:
            return offhours.context().results()

        flow.step("whole", join, after=["part 1", "part 2"])
        run = house.app.submit_flow(flow)
        house.app.drain()
        assert run.job("whole").result() == {"part 1": "A", "part 2": "B"}


class TestFailures:
    def test_a_failure_cancels_what_waits_and_what_waits_for_that(self, house: House) -> None:
        house.bad = {"left"}
        run = house.app.submit_flow(diamond(house))
        house.app.drain()
        assert run.status == "failed" and "end" not in house.ran
        end = run.job("end")
        assert end.status is JobState.CANCELLED
        assert f"job {run.job('left').id}, which it waits for, has failed" in str(end.why())

    def test_a_long_chain_falls_without_a_deep_stack(self, house: House) -> None:
        flow = Flow("long")
        house.bad = {"0"}
        for number in range(1_500):
            flow.step(str(number), house.task, args=(str(number),))
        flow.chain(*map(str, range(1_500)))
        run = house.app.submit_flow(flow)
        house.app.drain()
        assert run.progress.states == {"failed": 1, "cancelled": 1_499}

    def test_ignore_runs_all_the_same(self, house: House) -> None:
        house.bad = {"a"}
        flow = Flow("tolerant")
        flow.step("a", house.task, args=("a",))
        flow.step("b", house.task, args=("b",), after=["a"], if_failed="ignore")
        run = house.app.submit_flow(flow)
        house.app.drain()
        assert house.ran == ["a", "b"] and run.status == "failed"

    @pytest.mark.parametrize("fails", [True, False])
    def test_catch_runs_only_when_something_failed(self, house: House, fails: bool) -> None:
        flow = Flow("careful")
        parts = flow.group("part", house.task, [("a",), ("b",), ("c",)])
        flow.step("sorry", house.task, args=("sorry",), after=parts, if_failed="catch")
        flow.step("done", house.task, args=("done",), after=parts)
        house.bad = {"b"} if fails else set()
        run = house.app.submit_flow(flow)
        house.app.drain()
        assert ("sorry" in house.ran, "done" in house.ran) == (fails, not fails)
        assert run.status == ("failed" if fails else "succeeded")

    def test_hold_waits_until_the_failed_one_was_done_again(self, house: House) -> None:
        house.bad = {"a"}
        first = house.task.submit("a")
        second = house.task.options(after=[After(first, if_failed="hold")]).submit("b")
        house.app.drain()
        assert second.status is JobState.HELD
        assert f"until job {first.id}, which failed, is done again" in str(second.why())
        house.bad = set()
        again = first.retry()
        house.app.drain()
        assert again.status is second.status is DONE and house.ran == ["a", "a", "b"]

    def test_retry_does_again_what_failed_and_what_fell_with_it(self, house: House) -> None:
        house.bad = {"left"}
        run = house.app.submit_flow(diamond(house))
        house.app.drain()
        house.bad = set()
        assert len(run.retry()) == 2
        house.app.drain()
        assert run.status == "succeeded"
        assert house.ran == ["top", "left", "right", "left", "end"]
        with pytest.raises(IllegalMove, match="no step that failed"):
            run.retry()

    def test_restart_does_a_step_and_all_behind_it_again(self, house: House) -> None:
        run = house.app.submit_flow(diamond(house))
        house.app.drain()
        old = run.job("end").id
        run.restart("right")
        house.app.drain()
        assert house.ran == ["top", "left", "right", "end", "right", "end"]
        assert run.status == "succeeded" and run.job("end").record.retry_of == old

    def test_cancel_lets_nothing_go_on(self, house: House) -> None:
        run = house.app.submit_flow(diamond(house))
        assert run.cancel("no more") == 4 and run.status == "cancelled"
        assert house.app.drain() == 0


def test_jobs_that_a_run_submits_are_its_children() -> None:
    app = memory_app()
    child = app.task(name="child")(lambda: 1)
    parent = app.task(name="parent")(lambda: child.submit().id).submit()
    app.drain()
    assert [job.id for job in parent.children()] == [parent.result()]
    assert app.job(parent.result()).record.parent_id == parent.id


class TestSteps:
    def test_what_was_done_is_not_done_again(self) -> None:
        app = memory_app()
        done: list[str] = []

        def pair(number: int) -> tuple[int, str]:
            done.append(str(number))
            return number, "x"

        @app.task(name="work", retries=5, backoff=0)
        def work(ctx: Context) -> list[Any]:
            found = [ctx.step(f"step {n}", pair, n) for n in (1, 2)]
            if ctx.attempt < 3:
                raise OSError("again")
            return found

        assert work.submit().result() == [[1, "x"], [2, "x"]]
        assert done == ["1", "2"]

    def test_a_failed_job_goes_on_where_it_failed_or_from_a_step(self) -> None:
        app = memory_app()
        done: list[str] = []
        bad = {"c"}

        def part(word: str) -> None:
            done.append(word)
            if word in bad:
                raise ValueError(word)

        @app.task(name="work")
        def work(ctx: Context) -> None:
            for word in "abcd":
                ctx.step(word, part, word)

        job = work.submit()
        app.drain()
        assert done == ["a", "b", "c"]
        bad.clear()
        again = job.retry()
        app.drain()
        assert done[3:] == ["c", "d"] and again.status is DONE
        again.retry(from_step="b")
        app.drain()
        assert done[5:] == ["b", "c", "d"]
        again.retry()
        app.drain()
        assert done[8:] == ["a", "b", "c", "d"]
        with pytest.raises(IllegalMove, match="no step 'z'"):
            again.retry(from_step="z")

    def test_a_step_that_fails_is_done_again(self) -> None:
        app = memory_app()
        tries: list[int] = []

        def shaky() -> int:
            tries.append(1)
            if len(tries) < 3:
                raise OSError("no")
            return 7

        @app.task(name="work", retries=5, backoff=0)
        def work(ctx: Context) -> int:
            return ctx.step("shaky", shaky)

        assert work.submit().result() == 7 and len(tries) == 3

    def test_coroutines_have_steps(self) -> None:
        app = memory_app()
        done: list[int] = []

        async def fetch(number: int) -> int:
            await asyncio.sleep(0)
            done.append(number)
            return number * 2

        @app.task(name="work", retries=1, backoff=0)
        async def work(ctx: Context) -> int:
            found = await ctx.step("fetch", fetch, 21)
            if ctx.attempt == 1:
                raise OSError
            return found

        assert work.submit().result() == 42 and done == [21]

    def test_a_name_twice_in_a_run_is_refused(self) -> None:
        app = memory_app()

        @app.task(name="work")
        def work(ctx: Context) -> None:
            for _ in range(2):
                ctx.step("same", int)

        job = work.submit()
        app.drain()
        assert "names tell steps apart" in (job.record.error or "")

    def test_a_run_that_lost_its_job_records_nothing(self) -> None:
        app = memory_app()
        seen: list[BaseException] = []

        @app.task(name="work")
        def work(ctx: Context) -> None:
            if not seen:  # it is declared dead
                app.store.remove_worker(app.workers()[0].id, app.clock.micros())
            try:
                ctx.step("late", int)
            except LeaseLost as error:
                seen.append(error)

        job = work.submit()
        app.drain()
        assert len(seen) == 1 and job.status is DONE
        assert [event.attempt for event in job.history() if event.kind == "job.step"] == [2]

    def test_a_step_outside_of_a_store_is_a_clear_error(self) -> None:
        from offhours.core.errors import NotStarted

        with pytest.raises(NotStarted, match="no task is running"):
            offhours.context()

    def test_a_bad_name_is_refused(self) -> None:
        app = memory_app()

        @app.task(name="work")
        def work(ctx: Context) -> None:
            ctx.step("", int)

        job = work.submit()
        app.drain()
        assert TaskError.__name__ in (job.record.error or "")


class TestSleep:
    def test_a_long_sleep_ends_the_run_and_goes_on_later(self) -> None:
        app = memory_app()
        done: list[str] = []

        @app.task(name="nap")
        def nap(ctx: Context) -> str:
            ctx.step("before", done.append, "before")
            ctx.sleep("2h")
            ctx.step("after", done.append, "after")
            return "awake"

        job = nap.submit()
        app.drain()
        assert job.status is JobState.PENDING and done == ["before"]
        assert job.why().code == "asleep" and "at 02:00:00" in str(job.why())
        assert (job.record.attempts, job.record.deferrals) == (0, 0)
        app.clock.advance("119m")
        app.drain()
        assert done == ["before"]
        app.clock.advance("1m")
        app.drain()
        assert job.result() == "awake" and done == ["before", "after"]
        assert job.record.attempts == 1

    def test_two_sleeps_are_two(self) -> None:
        app = memory_app()

        @app.task(name="nap")
        def nap(ctx: Context) -> None:
            ctx.sleep("1h")
            ctx.sleep("1h")

        job = nap.submit()
        for _ in range(2):
            app.drain()
            assert job.status is JobState.PENDING
            app.clock.advance("1h")
        app.drain()
        assert job.status is DONE


class TestSignals:
    def wait(self, app: Offhours, timeout: str | None = None) -> Any:
        @app.task(name="wait")
        def wait(ctx: Context) -> Any:
            return [ctx.wait_for_signal("go", timeout), ctx.wait_for_signal("go", timeout)]

        return wait.submit()

    def test_it_is_held_until_they_come(self) -> None:
        app = memory_app()
        job = self.wait(app)
        app.drain()
        assert job.status is JobState.HELD and job.why().code == "signal"
        job.signal("other")
        app.drain()
        assert job.status is JobState.HELD
        job.signal("go", {"n": 1})
        app.drain()
        assert job.status is JobState.HELD
        job.signal("go", 2)
        assert job.result() == [{"n": 1}, 2]
        with pytest.raises(IllegalMove, match="hears no signal"):
            job.signal("go")

    def test_those_that_came_before_are_there(self) -> None:
        app = memory_app()
        job = self.wait(app)
        app.signal(job.id, "go", 1)
        app.signal(job.id, "go", 2)
        assert job.result() == [1, 2]

    def test_too_late_is_an_error_of_its_own(self) -> None:
        app = memory_app()
        job = self.wait(app, "10m")
        app.drain()
        assert "until 00:10:00" in str(job.why())
        app.clock.advance("10m")
        app.drain()
        assert job.status is JobState.FAILED and SignalTimeout.__name__ in (job.record.error or "")


class TestApprovals:
    def ask(self, app: Offhours, arguments: list[Any], **options: Any) -> Any:
        @app.task(name="mail", retries=3, backoff=0)
        def mail(ctx: Context) -> list[Any]:
            answer = ctx.approve("send the mails", args=list(arguments), **options)
            return [bool(answer), answer.by, answer.note]

        return mail.options(metadata={"agent": "kay"}).submit()

    def test_a_person_decides_once(self) -> None:
        app = memory_app()
        job = self.ask(app, ["ann"])
        app.drain()
        [asked] = app.approvals()
        assert (asked.question, json.loads(asked.args or "")) == ("send the mails", ["ann"])
        assert job.status is JobState.HELD and job.why().code == "approval"
        app.approve(asked.id, by="bob", note="fine", digest=asked.digest)
        assert job.result() == [True, "bob", "fine"]
        for decide in (app.approve, app.deny):
            with pytest.raises(IllegalMove, match="decided"):
                decide(asked.id, by="bob")
        assert app.approvals() == [] and app.approvals(None)[0].decided_by == "bob"

    def test_no_is_an_answer(self) -> None:
        app = memory_app()
        job = self.ask(app, ["ann"])
        app.drain()
        app.deny(app.approvals()[0].id, by="bob")
        assert job.result() == [False, "bob", None]

    def test_nobody_in_time_means_no(self) -> None:
        app = memory_app()
        job = self.ask(app, ["ann"], timeout="4h")
        app.drain()
        [asked] = app.approvals()
        app.clock.advance("4h")
        with pytest.raises(IllegalMove, match="too old"):
            app.approve(asked.id, by="bob")
        assert job.result()[0] is False
        assert app.approvals(None)[0].state == "expired"

    def test_nobody_in_time_may_be_an_error(self) -> None:
        app = memory_app()
        job = self.ask(app, ["ann"], timeout="4h", on_timeout="fail")
        app.drain()
        app.clock.advance("4h")
        app.drain()
        assert "nobody decided in time" in (job.record.error or "")

    def test_what_was_decided_about_other_arguments_is_void(self) -> None:
        app, arguments = memory_app(), ["ann"]
        job = self.ask(app, arguments)
        app.drain()
        [first] = app.approvals()
        arguments.append("everybody")
        app.approve(first.id, by="bob")
        app.drain()
        assert job.status is JobState.HELD
        [second] = app.approvals()
        assert second.id != first.id and second.digest != first.digest
        with pytest.raises(IllegalMove, match="something else than was seen"):
            app.approve(second.id, by="bob", digest=first.digest)
        app.deny(second.id, by="bob")
        assert job.result()[0] is False

    def test_neither_a_task_nor_the_agent_that_asks_decides(self) -> None:
        app = memory_app()
        self.ask(app, ["ann"])
        app.drain()
        [asked] = app.approvals()
        with pytest.raises(IllegalMove, match="kay has asked for this"):
            app.approve(asked.id, by="kay")
        forger = app.task(name="forge")(lambda: app.approve(asked.id, by="bob")).submit()
        app.drain()
        assert "a task cannot decide" in (forger.record.error or "")
        assert app.approvals() == [asked]
        with pytest.raises(ApprovalNotFound):
            app.approve(99, by="bob")

    def test_a_record_of_that_name_is_no_approval(self) -> None:
        app = memory_app()
        job = self.ask(app, ["ann"])
        app.drain()
        app.store.flows.record(job.id, 1, Recorded("approval send the mails", "true", None), 0)
        app.drain()
        assert job.status is JobState.HELD


class TestAfterARepair:
    """A failed step was done again by itself: what follows stands on the new job."""

    def chain(self, house: House, if_failed: str) -> offhours.FlowHandle:
        flow = Flow("chain")
        flow.step("one", house.task, args=("one",))
        flow.step("two", house.task, args=("two",), after=["one"])
        flow.step("three", house.task, args=("three",), after=["two"], if_failed=if_failed)
        return house.app.submit_flow(flow)

    def test_what_was_cancelled_with_it_can_be_done_again(self, house: House) -> None:
        house.bad.add("two")
        run = self.chain(house, "cancel")
        house.app.drain()
        house.bad.clear()
        run.job("two").retry()
        house.app.drain()
        run.retry()
        house.app.drain()
        assert run.status == "succeeded" and house.ran == ["one", "two", "two", "three"]

    def test_of_two_retries_at_once_one_is_refused(self, house: House) -> None:
        house.bad.add("two")
        run = self.chain(house, "cancel")
        house.app.drain()
        house.bad.clear()
        old = run.job("two").id
        run.retry()
        with pytest.raises(IllegalMove, match=f"job {old} is being done again already, as job"):
            house.app.retry(old)
        house.app.drain()
        assert house.ran == ["one", "two", "two", "three"]

    def test_a_restart_goes_through_it(self, house: House) -> None:
        house.bad.add("two")
        run = self.chain(house, "hold")
        house.app.drain()
        house.bad.clear()
        run.job("two").retry()
        house.app.drain()
        assert run.status == "succeeded"
        house.ran.clear()
        run.restart("one")
        house.app.drain()
        assert house.ran == ["one", "two", "three"]

    def test_what_was_begun_behind_a_step_is_no_base_for_a_restart(self) -> None:
        app = memory_app()

        @app.task
        def first() -> None: ...

        @app.task
        def sleeper(ctx: Context) -> None:
            ctx.sleep("1h")

        flow = Flow("slow")
        flow.step("first", first)
        flow.step("sleeper", sleeper, after=["first"])
        run = app.submit_flow(flow)
        app.drain()
        with pytest.raises(IllegalMove, match="job 2 is pending"):
            run.restart("first")

    def test_recorded_steps_are_kept_by_a_flow_s_retry(self) -> None:
        app, paid, bad = memory_app(), list[int](), [True]

        @app.task
        def pay(ctx: Context) -> None:
            ctx.step("charge", paid.append, 1)
            if bad:
                raise ValueError("after it")

        flow = Flow("pay")
        flow.step("pay", pay)
        run = app.submit_flow(flow)
        app.drain()
        bad.clear()
        run.retry()
        app.drain()
        assert run.status == "succeeded" and paid == [1]
        run.restart("pay")
        app.drain()
        assert paid == [1, 1]


def test_a_catch_that_had_nothing_to_do_is_no_failure(house: House) -> None:
    flow = Flow("quiet")
    flow.step("work", house.task, args=("work",))
    flow.step("sorry", house.task, args=("sorry",), after=["work"], if_failed="catch")
    flow.step("log", house.task, args=("log",), after=["sorry"])
    flow.step("held", house.task, args=("held",), after=["sorry"], if_failed="hold")
    flow.step("page", house.task, args=("page",), after=["sorry"], if_failed="catch")
    run = house.app.submit_flow(flow)
    house.app.drain()
    assert house.ran == ["work"] and run.status == "succeeded"
    late = house.task.options(after=[After(run.job("sorry"), "catch")]).submit("late")
    house.app.drain()
    assert late.status is JobState.CANCELLED


@pytest.mark.parametrize("how", ["defer", "signal"])
def test_a_cancel_stops_a_run_that_would_come_back(how: str) -> None:
    app = memory_app()

    @app.task
    def stubborn(ctx: Context) -> None:
        app.cancel(ctx.job_id)
        if how == "defer":
            raise offhours.Defer("1h")
        ctx.wait_for_signal("go")

    @app.task
    def behind() -> None: ...

    job = stubborn.submit()
    waits = behind.options(after=[After(job, "ignore")]).submit()
    app.drain()
    assert job.status is JobState.CANCELLED and waits.status is DONE


class TestWaits:
    def test_an_old_question_does_not_wake_the_job(self) -> None:
        app, runs = memory_app(), list[int]()

        @app.task
        def remove(ctx: Context) -> None:
            runs.append(1)
            assert len(runs) < 5
            ctx.approve(f"remove {len(runs)} files")

        job = remove.submit()
        app.drain()
        app.approve(app.approvals()[0].id, by="ann")
        app.drain()
        assert len(runs) == 2 and job.status is JobState.HELD
        assert app.approvals()[0].question == "remove 2 files"

    def test_an_old_signal_does_not_wake_the_job(self) -> None:
        app, runs = memory_app(), list[int]()

        @app.task
        def listen(ctx: Context) -> Any:
            runs.append(1)
            assert len(runs) < 5
            return ctx.wait_for_signal("a" if len(runs) == 1 else "b")

        job = listen.submit()
        app.drain()
        app.signal(job.id, "a")
        app.drain()
        assert len(runs) == 2 and job.status is JobState.HELD
        app.signal(job.id, "b", 7)
        assert job.result() == 7

    def test_what_came_too_late_once_is_too_late_ever_after(self) -> None:
        app, heard = memory_app(), list[str]()

        @app.task
        def listen(ctx: Context) -> None:
            try:
                ctx.wait_for_signal("go", timeout="1m")
                heard.append("came")
            except SignalTimeout:
                heard.append("late")
            ctx.sleep("1h")

        job = listen.submit()
        app.drain()
        app.clock.advance(61)
        app.drain()
        app.signal(job.id, "go")
        app.clock.advance(3600)
        app.drain()
        assert heard == ["late", "late"] and job.status is DONE

    def test_a_run_that_catches_its_end_ends_all_the_same(self) -> None:
        app, done = memory_app(), list[str]()

        @app.task
        def greedy(ctx: Context, more: bool) -> None:
            try:
                ctx.approve("publish")
            except BaseException:
                done.append("caught")
            if more:
                ctx.step("publish", done.append, "published")

        jobs = [greedy.submit(more) for more in (True, False)]
        app.drain()
        assert done == ["caught", "caught"]
        assert [job.status for job in jobs] == [JobState.HELD, JobState.HELD]

    def test_a_wait_in_a_task_group(self) -> None:
        app = memory_app()

        @app.task
        async def grouped(ctx: Context) -> int:
            async def wait() -> int:
                found: int = ctx.wait_for_signal("go")
                return found

            async with asyncio.TaskGroup() as group:
                waiting = group.create_task(wait())
            return waiting.result()

        job = grouped.submit()
        app.drain()
        assert job.status is JobState.HELD
        app.signal(job.id, "go", 3)
        assert job.result() == 3

    def test_nobody_is_asked_for_a_job_that_has_ended(self) -> None:
        app = memory_app()

        @app.task
        def ask(ctx: Context) -> None:
            ctx.approve("go on")

        job = ask.submit()
        app.drain()
        [asked] = app.approvals()
        job.cancel()
        assert app.approvals() == [] and app.approvals(None) == [asked]
        with pytest.raises(IllegalMove, match="is cancelled"):
            app.approve(asked.id, by="ann")

    def test_an_agent_is_known_however_it_writes_its_name(self) -> None:
        app = memory_app()

        @app.task
        def ask(ctx: Context) -> None:
            ctx.approve("go on")

        ask.options(metadata={"agent": "kay"}).submit()
        app.drain()
        for name in ("kay ", "Kay"):
            with pytest.raises(IllegalMove, match="cannot decide"):
                app.approve(1, by=name)


class TestKeysOfBegunJobs:
    def test_new_arguments_do_not_meet_old_steps(self) -> None:
        app, out = memory_app(), list[tuple[str, str]]()

        @app.task
        def fetch(ctx: Context, url: str) -> None:
            page = ctx.step("fetch", "page of {}".format, url)
            ctx.sleep("1h")
            out.append((url, page))

        fetch.options(unique="page").submit("old")
        app.drain()
        for url in ("newer", "new"):
            fetch.options(unique="page", on_conflict="replace").submit(url)
        for _ in range(2):
            app.clock.advance(3601)
            app.drain()
        assert out == [("old", "page of old"), ("new", "page of new")]

    def test_the_retry_of_one_that_stood_behind_has_the_key(self) -> None:
        app = memory_app()

        @app.task
        def work(number: int) -> None:
            if number == 1:
                work.options(unique="k", on_conflict="replace").submit(2)
            if number == 2:
                raise ValueError("two")

        work.options(unique="k").submit(1)
        app.drain()
        third = work.options(unique="k", delay="1h").submit(3)
        assert app.retry(2).id == third.id

    @pytest.mark.parametrize("option", [{"on_conflict": "reject"}, {"idempotency_key": "k"}])
    def test_a_step_of_a_flow_has_none(self, house: House, option: Any) -> None:
        with pytest.raises(OptionError, match="not for a step of a flow"):
            Flow("f").step("one", house.task, args=("one",), **option)


def test_a_step_that_was_retried_twice_holds_nobody_for_ever(house: House) -> None:
    house.bad.add("first")
    flow = Flow("twice")
    flow.step("first", house.task, args=("first",))
    flow.step("second", house.task, args=("second",), after=["first"], if_failed="hold")
    run = house.app.submit_flow(flow)
    house.app.drain()
    failed = run.job("first")
    failed.retry()
    house.app.drain()
    house.bad.clear()
    failed.retry()  # the one that failed first, not its retry
    house.app.drain()
    assert run.status == "succeeded" and house.ran[-1] == "second"


class TestPruning:
    def prune(self, app: MemoryApp, keep: int = 1000) -> None:
        app.clock.advance(10)
        now = app.clock.micros()
        app.store.prune(0 if keep < 1000 else now, keep, 1000, now)

    def test_a_result_stays_while_somebody_waits_for_it(self) -> None:
        app, got = memory_app(), list[Any]()

        @app.task
        def five() -> int:
            return 5

        @app.task
        def show(ctx: Context) -> None:
            got.append(ctx.results())

        job = five.submit()
        show.options(after=[job], delay="1h").submit()
        app.drain()
        self.prune(app)
        app.clock.advance(3600)
        app.drain()
        assert got == [{job.id: 5}]

    def test_a_flow_without_steps_is_gone(self, house: House) -> None:
        house.bad.add("one")
        flow = Flow("short")
        flow.step("one", house.task, args=("one",))
        run = house.app.submit_flow(flow)
        house.task.submit("other")
        house.app.drain()
        self.prune(house.app)
        assert house.app.flows() == []
        with pytest.raises(FlowNotFound):
            run.record  # noqa: B018

    def test_a_key_makes_a_job_anew_when_its_own_is_gone(self, house: House) -> None:
        first = house.task.options(idempotency_key="k").submit("one")
        house.app.drain()
        house.task.submit("other")
        house.app.drain()
        self.prune(house.app, keep=1)
        again = house.task.options(idempotency_key="k").submit("two")
        assert again.id != first.id and house.app.job_of_key("k").id == again.id


def test_a_short_sleep_of_a_coroutine_leaves_the_loop_to_others() -> None:
    app, runs = memory_app(), list[int]()

    @app.task
    async def nap(ctx: Context) -> None:
        runs.append(1)
        ctx.sleep("1s")

    job = nap.submit()
    app.drain()
    assert job.why().code == "asleep"
    app.clock.advance(1)
    app.drain()
    assert job.status is DONE and len(runs) == 2


def test_what_sleeps_has_begun_and_expires_no_more() -> None:
    app = memory_app()
    ends: list[str] = []

    @app.task
    def sleeper(ctx: Context) -> None:
        ctx.sleep("2h")
        ends.append(ctx.wait_for_signal("go"))

    job = sleeper.options(expires="1h").submit()
    app.drain()
    app.clock.advance("3h")
    app.drain()
    assert job.status == "held"
    app.clock.advance("3h")
    app.signal(job.id, "go", "on")
    app.drain()
    assert (job.status, ends) == ("succeeded", ["on"])


def test_a_flow_keeps_to_the_bound_of_the_queue() -> None:
    app = memory_app(max_queue_size=2)
    task = app.task(name="t")(lambda: None)
    flow = Flow("wide")
    flow.group("part", task, [()] * 3)
    with pytest.raises(QueueFull):
        app.submit_flow(flow)
    assert app.jobs() == [] and app.flows() == []
    first = task.submit()
    behind = [task.options(after=[first]).submit() for _ in range(3)]  # they wait, and need no room
    app.drain()
    assert {job.status for job in behind} == {"succeeded"}


def test_an_approval_that_nobody_takes_any_more_wakes_nobody() -> None:
    app = memory_app()
    runs: list[int] = []

    @app.task(max_deferrals=None)
    def asks(ctx: Context) -> None:
        runs.append(1)
        if len(runs) < 3:
            ctx.approve("a", args=1)
        ctx.approve("a", args=2)

    job = asks.submit()
    for _ in range(2):
        app.drain()
        [question] = app.approvals()
        app.approve(question.id, by="ann")
    assert app.drain() == 1
    assert job.status == "held"
    assert app.drain() == 0
    assert len(runs) == 3
    [question] = app.approvals()
    app.approve(question.id, by="ann")
    app.drain()
    assert job.status == "succeeded"
