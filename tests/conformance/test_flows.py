"""Jobs that wait for others: what every store does when one of them ends."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import pytest
from tests.nightly import NIGHTLY

from offhours.core import states
from offhours.core.flows import Approval, ApprovalState, FlowStep, IfFailed, Recorded, Upstream
from offhours.core.model import FINAL, Claimed, JobState, NewJob, WorkerInfo
from offhours.core.outcomes import Done, Failed, Outcome, Suspended
from offhours.core.ports import ClaimOrder, Store, name_list
from offhours.core.retries import RetryPolicy
from offhours.core.times import LATEST, SECOND

NOW = 1_800_000_000 * SECOND
GROUPS = 10_000 if NIGHTLY else 25
POLICY = RetryPolicy(base=0)


def new(**changes: Any) -> NewJob:
    return NewJob("t", "[[],{}]", 50, NOW, 2)._replace(**changes)


class Floor:
    """A worker without threads: it claims, and says how each run ended."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.worker = self.hire()

    def hire(self) -> int:
        info = WorkerInfo(
            0, "w", "h", 1, "1", "", '["t"]', 4, NOW, 0, NOW, 30 * SECOND, "[]", "1", None
        )
        return self.store.add_worker(info, NOW)

    def claim(self, slots: int = 50) -> list[Claimed]:
        order = ClaimOrder(self.worker, slots, slots, name_list(["t"]))
        return list(self.store.exchange((), order, NOW).claimed)

    def end(self, job: Claimed, outcome: Outcome) -> None:
        assert not self.store.apply([states.finish(job, outcome, POLICY, NOW)], NOW)

    def crash(self) -> None:
        """The worker dies with all that it runs; another one comes."""
        [me] = [worker for worker in self.store.workers() if worker.id == self.worker]
        decide = lambda jobs: states.rescue(jobs, me.slots, NOW, "gone")
        assert self.store.bury(me, decide, NOW, "gone")
        self.worker = self.hire()

    def state(self, job_id: int) -> JobState:
        job = self.store.job(job_id)
        assert job is not None
        return job.state


@pytest.fixture
def floor(store: Store) -> Floor:
    return Floor(store)


def group(floor: Floor, size: int, policy: IfFailed) -> tuple[list[int], int]:
    steps = [FlowStep(f"part {n}", new()) for n in range(size)]
    after = [Upstream(n, policy, in_flow=True) for n in range(size)]
    *members, end = floor.store.flows.submit("group", [*steps, FlowStep("end", new(), after)], NOW)
    return members, end


def test_a_result_that_is_refused_lets_nobody_go_on(floor: Floor) -> None:
    _, end = group(floor, 1, IfFailed.CANCEL)
    [lost] = floor.claim()
    floor.crash()
    [again] = floor.claim()
    stale = states.finish(lost, Done("1"), POLICY, NOW)
    assert floor.store.apply([stale], NOW) == [stale]
    assert floor.state(end) is JobState.HELD
    floor.end(again, Done("1"))
    assert floor.state(end) is JobState.PENDING


def expected(policy: IfFailed, ends: list[JobState]) -> set[JobState]:
    good = all(state is JobState.SUCCEEDED for state in ends)
    match policy:
        case IfFailed.CANCEL:
            return {JobState.SUCCEEDED, JobState.FAILED} if good else {JobState.CANCELLED}
        case IfFailed.IGNORE:
            return {JobState.SUCCEEDED, JobState.FAILED}
        case IfFailed.HOLD:
            return {JobState.SUCCEEDED, JobState.FAILED} if good else {JobState.HELD}
        case IfFailed.CATCH:
            return {JobState.CANCELLED} if good else {JobState.SUCCEEDED, JobState.FAILED}


@pytest.mark.timeout(900)
def test_groups_of_any_size_resolve_once(floor: Floor) -> None:
    """With failures, retries, crashes and cancels at random."""
    chance = random.Random(20261121)
    for number in range(GROUPS):
        size = chance.choice((1, 2, 3, 5, 8, chance.randint(1, 200)))
        policy = chance.choice(list(IfFailed))
        trouble = chance.choice((0.0, 0.0, 0.02, 0.3))
        members, end = group(floor, size, policy)
        assert floor.state(end) is JobState.HELD
        while claimed := floor.claim():
            for job in claimed:
                if job.id == end:
                    assert all(floor.state(member) in FINAL for member in members)
            if chance.random() < trouble:
                floor.crash()
                continue
            if chance.random() < trouble:
                waiting = floor.store.job(chance.choice([*members, end]))
                assert waiting is not None
                if waiting.state in (JobState.PENDING, JobState.HELD):
                    floor.store.apply([states.cancel(waiting)], NOW)
            for job in claimed:
                fails = chance.random() < trouble
                floor.end(job, Failed("error", "no", chance.random() < 0.5) if fails else Done("1"))
        ends = [floor.state(member) for member in members]
        found = floor.state(end)
        allowed = expected(policy, ends) | {JobState.CANCELLED}
        assert found in (expected(policy, ends) if trouble == 0.0 else allowed), (number, policy)
        kinds = Counter(event.kind for event in floor.store.history(end))
        assert kinds["job.held"] == 1 and kinds["job.released"] <= 1
        finals = kinds["job.succeeded"] + kinds["job.failed"] + kinds["job.cancelled"]
        assert finals == (0 if found is JobState.HELD else 1)


def test_what_is_waited_for_may_have_ended_before(floor: Floor) -> None:
    [good] = floor.store.submit([new()], NOW)
    floor.end(floor.claim()[0], Done("7"))
    [waiting] = floor.store.flows.submit(None, [FlowStep(None, new(), [Upstream(good)])], NOW)
    assert floor.state(waiting) is JobState.PENDING
    assert floor.store.flows.results(waiting) == [(good, None, "7")]
    [bad] = floor.store.submit([new(max_attempts=1)], NOW)
    for job in floor.claim():
        floor.end(job, Failed("error", "no") if job.id == bad else Done("1"))
    [fallen] = floor.store.flows.submit(None, [FlowStep(None, new(), [Upstream(bad)])], NOW)
    assert floor.state(fallen) is JobState.CANCELLED


def test_one_released_may_be_claimed_in_the_same_round(floor: Floor) -> None:
    first, second = floor.store.flows.submit(
        "two", [FlowStep("a", new()), FlowStep("b", new(), [Upstream(0, in_flow=True)])], NOW
    )
    [job] = floor.claim()
    assert job.id == first
    order = ClaimOrder(floor.worker, 5, 5, name_list(["t"]))
    answer = floor.store.exchange([states.finish(job, Done("1"), POLICY, NOW)], order, NOW)
    assert [claimed.id for claimed in answer.claimed] == [second]


def test_a_flow_tells_its_steps_edges_and_jobs(floor: Floor) -> None:
    members, end = group(floor, 2, IfFailed.IGNORE)
    found = floor.store.flows.flow_of(end)
    assert found is not None and found[1] == "end"
    flow = floor.store.flows.flow(found[0])
    assert flow is not None and (flow.name, flow.created_at) == ("group", NOW)
    assert floor.store.flows.flows() == [flow] and floor.store.flows.flows(before=flow.id) == []
    assert [m.step for m in floor.store.flows.members(flow.id)] == ["part 0", "part 1", "end"]
    edges = floor.store.flows.edges(flow.id)
    assert [(e.upstream, e.downstream, e.if_failed) for e in edges] == [
        (member, end, "ignore") for member in members
    ]


def test_steps_belong_to_the_attempt_that_holds_the_job(floor: Floor) -> None:
    floor.store.submit([new()], NOW)
    [job] = floor.claim()
    flows = floor.store.flows
    assert flows.record(job.id, job.attempt, Recorded("a", "1", None), NOW)
    assert flows.record(job.id, job.attempt, Recorded("b", None, NOW + 5, "go"), NOW)
    assert not flows.record(job.id, job.attempt + 1, Recorded("c", "1", None), NOW)
    assert flows.record(job.id, job.attempt, Recorded("b", "2", NOW + 5, "go"), NOW)
    assert flows.steps(job.id) == [Recorded("a", "1", None), Recorded("b", "2", NOW + 5, "go")]
    floor.crash()
    assert not flows.record(job.id, job.attempt, Recorded("d", "1", None), NOW)


def test_a_signal_between_the_look_and_the_hold_is_not_lost(floor: Floor) -> None:
    [job_id] = floor.store.submit([new()], NOW)
    [job] = floor.claim()
    flows, approvals = floor.store.flows, floor.store.approvals
    flows.record(job_id, job.attempt, Recorded("signal go", None, LATEST, "go"), NOW)
    stored = floor.store.job(job_id)
    assert stored is not None
    approvals.signal(stored, "go", '"now"', NOW)
    floor.end(job, Suspended("signal", "it waits for the signal go", LATEST, held=True))
    assert floor.state(job_id) is JobState.PENDING
    [again] = floor.claim()
    found = approvals.first_signal(job_id, "go")
    assert found is not None and found[1] == '"now"'
    assert flows.record(job_id, again.attempt, Recorded("signal go", found[1], None), NOW, found[0])
    assert approvals.first_signal(job_id, "go") is None


def ask(floor: Floor, job: Claimed, until: int | None = None) -> Approval:
    flows, approvals = floor.store.flows, floor.store.approvals
    flows.record(job.id, job.attempt, Recorded("approval q", None, LATEST), NOW)
    asked = (0, job.id, "approval q", "q", "[1]", "digest", NOW, until, "waiting", None, None, None)
    approvals.ask(Approval(*asked), NOW)
    found = approvals.approval_of(job.id, "approval q")
    assert found is not None
    return found


def test_a_decision_is_made_once_and_lets_the_job_go_on(floor: Floor) -> None:
    [job_id] = floor.store.submit([new()], NOW)
    [job] = floor.claim()
    asked = ask(floor, job)
    floor.end(job, Suspended("approval", "it waits for an approval: q", LATEST, held=True))
    assert floor.state(job_id) is JobState.HELD
    approvals = floor.store.approvals
    other = asked._replace(digest="another")
    assert not approvals.decide(other, ApprovalState.APPROVED, "ann", None, NOW)
    assert approvals.decide(asked, ApprovalState.APPROVED, "ann", "fine", NOW)
    assert not approvals.decide(asked, ApprovalState.DENIED, "bob", None, NOW)
    assert floor.state(job_id) is JobState.PENDING
    found = approvals.approval(asked.id)
    assert found is not None and (found.state, found.decided_by) == ("approved", "ann")
    told = [
        json.loads(e.data or "{}") for e in floor.store.events() if e.kind.startswith("approval")
    ]
    assert [(t["approval"], t["digest"]) for t in told] == [(asked.id, "digest")] * 2


def test_waits_end_at_their_time(floor: Floor) -> None:
    [job_id] = floor.store.submit([new()], NOW)
    [job] = floor.claim()
    floor.end(job, Suspended("signal", "it waits", NOW + 10, held=True))
    assert floor.store.approvals.awaiting(NOW + 9) == []
    [found] = floor.store.approvals.awaiting(NOW + 10)
    assert found.id == job_id
    assert not floor.store.apply([states.wake(found, NOW + 10)], NOW + 10)
    assert floor.state(job_id) is JobState.PENDING


def test_what_belongs_to_a_pruned_job_goes_with_it(floor: Floor) -> None:
    members, end = group(floor, 3, IfFailed.CANCEL)
    while claimed := floor.claim():
        for job in claimed:
            floor.store.flows.record(job.id, job.attempt, Recorded("s", "1", None), NOW)
            floor.end(job, Done("1"))
    floor.store.submit([new()], NOW)  # the newest row is never pruned
    floor.store.prune(NOW + 1, 0, 100, NOW + 1)
    flows = floor.store.flows
    assert floor.store.job(end) is None
    assert (
        flows.flow_of(end) is None and flows.upstream(end) == [] and flows.steps(members[0]) == []
    )
