"""Goals, thoughts, deferrals, budgets and quotas: what every store does with them."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from offhours.core import schedules
from offhours.core.agents import Deferral, Goal, NewGoal, NewThought, StoredThought, ThoughtState
from offhours.core.budgets import Amounts, Spent, StoredBudget
from offhours.core.errors import QuotaExceeded
from offhours.core.model import NewJob
from offhours.core.ports import ClaimOrder, Store, name_list
from offhours.core.quotas import Quota, Usage
from offhours.core.schedules import NewSchedule
from offhours.core.states import reschedule
from offhours.core.times import DAY, SECOND
from offhours.core.triggers import At, Plan

NOW = 1_800_000_000 * SECOND
TEN = StoredBudget("agent", "kay", 10, None, None, None, DAY, "defer", None)


def goal(store: Store, task_id: str = "g1", **changes: Any) -> Goal:
    plan = Plan((At(NOW + SECOND),), "UTC")
    schedule = NewSchedule(
        f"goal {task_id}", "t", "[[],{}]", 50, 1, "default", None, None, "retry",
        json.dumps(plan.to_dict()), "once",
    )  # fmt: skip
    new = NewGoal(task_id, "kay", None, "a name", "a goal", "a prompt", None, "code", None)
    made = store.agents.add_goal(new._replace(**changes), schedule, NOW + SECOND, NOW)
    assert made is not None
    return made


def job(**changes: Any) -> NewJob:
    return NewJob("t", "[[],{}]", 50, NOW, 1)._replace(**changes)


def handle(thought: StoredThought, task: str) -> NewJob:
    return job(task=task, args=f"[[{thought.id}],{{}}]", unique_key=f"thought {thought.id}")


def thought(key: str = "k", **changes: Any) -> NewThought:
    return NewThought(key, "kay", "a prompt", visible_at=NOW)._replace(**changes)


def claim(store: Store, slots: int = 1) -> int:
    from offhours.core.model import WorkerInfo

    worker = store.add_worker(
        WorkerInfo(0, "w", "h", 1, "s", "", "[]", slots, NOW, 0, NOW, DAY), NOW
    )
    order = ClaimOrder(worker, slots, slots, name_list(["t"]), sure=True)
    return len(store.exchange([], order, NOW).claimed)


def kinds(store: Store) -> list[str]:
    return [event.kind for event in store.events()]


def test_a_goal_is_stored_with_its_schedule(store: Store) -> None:
    table = store.agents
    first, second = goal(store), goal(store, "g2", agent="joe", cron="* * * * *")
    assert (first.status, first.runs, first.open_jobs, first.deferrals) == ("PENDING", 0, 0, 0)
    assert table.goal(first.schedule_id) == first and table.goal_of_task("g2") == second
    assert table.goals() == [first, second] and table.goals("joe") == [second]
    assert table.goals(after=first.schedule_id) == [second]
    assert (first.thread, first.delivery) == (None, None)
    third = goal(store, "g3", thread="c9", delivery="none")
    assert (third.thread, third.delivery) == ("c9", "none")
    assert table.goal(99) is None and table.goal_of_task("g4") is None
    assert table.tallies()["goals.created"] == 3
    old = store.schedules.get(first.schedule_id)
    assert old is not None
    new = NewGoal("g1", "kay", None, "n", "", "p", None, "code", None)
    same = NewSchedule(**{field: getattr(old, field) for field in NewSchedule._fields})
    assert table.add_goal(new, same, NOW, NOW) is None


def test_goals_are_counted_by_how_they_stand(store: Store) -> None:
    assert store.agents.goal_counts() == []
    made = [goal(store, f"g{n}", cron="* * * * *" if n % 2 else None) for n in range(5)]
    ended = store.schedules.get(made[0].schedule_id)
    fired = store.schedules.get(made[1].schedule_id)
    assert ended is not None and fired is not None
    store.schedules.change(schedules.end(ended, "it has no fires left", NOW), NOW)
    store.schedules.report_run(fired.id, True, None, NOW)
    store.agents.cancel_goal(made[2], None, NOW)
    store.schedules.change(schedules.disable(
        store.schedules.get(made[3].schedule_id) or ended, "no", NOW), NOW)  # fmt: skip
    told = {(count.status, count.recurring): count.goals for count in store.agents.goal_counts()}
    seen: dict[Any, int] = {}
    for each in store.agents.goals():
        seen[each.status, each.recurring] = seen.get((each.status, each.recurring), 0) + 1
    assert told == seen and len({status for status, _ in told}) == 5
    assert store.agents.size() == 5 * len("a promptA goala name")


def test_what_is_a_tenants_is_told_to_it_alone(store: Store) -> None:
    agents = store.agents
    ours, other = goal(store, "ours", tenant="acme"), goal(store, "other")
    [number] = store.submit([job(tenant="acme")], NOW)

    def leave(key: str, **of: Any) -> int:
        return agents.deliver(NewThought(key, "kay", key, **of), no_handler, NOW).thought.id

    of_goal = leave("a", schedule_id=ours.schedule_id)
    of_job = leave("b", job_id=number)
    nobodys = leave("c", schedule_id=other.schedule_id)
    assert [each.task_id for each in agents.goals(tenant="acme")] == ["ours"]
    assert len(agents.goals()) == 2 and agents.goals(tenant="none") == []
    assert agents.goal_of_task("other", "acme") is None
    assert agents.goal_of_task("ours", "acme") == ours
    assert [each.id for each in agents.thoughts(tenant="acme")] == [of_job, of_goal]
    assert len(agents.thoughts()) == 3
    assert agents.thought(nobodys, "acme") is None
    assert agents.thought(of_job, "acme") == agents.thought(of_job)


def no_handler(thought: StoredThought, task: str) -> NewJob:
    raise AssertionError(f"nobody handles {thought.id} by {task}")


def test_a_goal_is_deferred_and_cancelled_once(store: Store) -> None:
    table, made = store.agents, goal(store)
    schedule = store.schedules.get(made.schedule_id)
    assert schedule is not None
    move = schedules.defer(schedule, NOW + DAY, "busy", NOW)
    deferral = Deferral(NOW, NOW + DAY, "busy", None, None, "t1", '{"a":1}')
    assert table.defer_goal(made, move, deferral, NOW)
    assert not table.defer_goal(made, move, deferral, NOW)  # it was changed meanwhile
    assert table.deferrals_of_goal(made.schedule_id) == [deferral]
    found = table.goal(made.schedule_id)
    assert found is not None and (found.next_at, found.deferrals) == (NOW + DAY, 1)
    schedule = store.schedules.get(made.schedule_id)
    assert schedule is not None
    assert table.cancel_goal(found, schedules.end(schedule, "enough", NOW), NOW)
    assert not table.cancel_goal(found, None, NOW)
    ended = table.goal(made.schedule_id)
    assert ended is not None and ended.status == "CANCELLED" and ended.next_at is None
    assert "schedule.deferred" in kinds(store) and "schedule.ended" in kinds(store)


def test_the_ledger_reads_what_was_told(store: Store) -> None:
    made = goal(store)
    first, second = store.submit([job(name="j"), job(schedule_id=made.schedule_id)], NOW)
    for number, times in ((first, 2), (second, 1)):
        for n in range(times):
            found = store.job(number)
            assert found is not None
            store.apply([reschedule(found, NOW + DAY + n, "busy")], NOW + n)
    table = store.agents
    assert [each.until for each in table.deferrals_of_job(first)] == [NOW + DAY, NOW + DAY + 1]
    assert table.reasons(NOW) == [("busy", 3)] and table.reasons(NOW + 2) == []
    assert (table.deferrals_since(NOW), table.deferrals_since(NOW + 1)) == (3, 1)
    often = [(each.kind, each.id, each.name, each.times) for each in table.deferred_often()]
    assert often == [
        ("job", first, "j", 2), ("goal", made.schedule_id, "a name", 1), ("job", second, "t", 1)
    ]  # fmt: skip
    [of_goal] = table.deferrals_of_goal(made.schedule_id)
    assert (of_goal.job_id, of_goal.reason) == (second, "busy")


def test_a_thought_is_left_once_and_taken_by_one(store: Store) -> None:
    table = store.agents
    left = table.deliver(thought(expires_at=NOW + DAY), handle, NOW)
    assert left.new and left.job_id is None
    again = table.deliver(thought(prompt="another"), handle, NOW)
    assert not again.new and again.thought == left.thought
    table.deliver(thought("later", visible_at=NOW + 5), handle, NOW)
    assert table.next_thought("kay", NOW) == NOW and table.next_thought("joe", NOW) is None
    [taken] = table.take("kay", NOW + 10, 9, NOW)
    assert (taken.key, taken.taken, taken.visible_at) == ("k", 1, NOW + 10)
    assert table.take("kay", NOW + 10, 9, NOW) == []
    assert [each.key for each in table.take("kay", NOW + 20, 9, NOW + 10)] == ["later", "k"]
    assert table.acknowledge(taken, "done", NOW) and not table.acknowledge(taken, None, NOW)
    found = table.thought(taken.id)
    assert found is not None and (found.state, found.answer) == ("acknowledged", "done")
    assert [each.key for each in table.thoughts("kay", ThoughtState.WAITING)] == ["later"]
    assert [each.key for each in table.thoughts(None, None, None, 1)] == ["later"]
    assert [each.key for each in table.thoughts(before=taken.id + 1)] == ["k"]
    assert kinds(store) == ["thought.created", "thought.created", "thought.acknowledged"]


def test_many_takers_take_each_thought_once(store: Store) -> None:
    for n in range(20):
        store.agents.deliver(thought(str(n)), handle, NOW)
    taken: list[str] = []

    def take() -> None:
        while found := store.agents.take("kay", NOW + DAY, 3, NOW):
            taken.extend(each.key for each in found)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(taken, key=int) == [str(n) for n in range(20)]


def test_a_thought_is_snoozed_and_expires(store: Store) -> None:
    table = store.agents
    left = table.deliver(thought(expires_at=NOW + DAY), handle, NOW).thought
    assert table.snooze(left, NOW + 50, NOW) and table.next_thought("kay", NOW) == NOW + 50
    assert table.expire(NOW + DAY - 1) == 0 and table.expire(NOW + DAY) == 1
    assert not table.snooze(left, NOW, NOW) and table.next_thought("kay", NOW) is None
    assert kinds(store)[1:] == ["thought.snoozed", "thought.expired"]


def test_a_handlers_job_is_stored_with_the_thought(store: Store) -> None:
    table = store.agents
    table.deliver(thought("early"), handle, NOW)
    assert table.set_handler("kay", "t", handle, NOW) == 1
    assert table.set_handler("kay", "t", handle, NOW) == 0
    left = table.deliver(thought(), handle, NOW)
    assert left.job_id is not None and table.take("kay", NOW, 9, NOW) == []
    assert [found.task for found in store.jobs()] == ["t", "t"]
    from offhours.core.states import cancel

    for found in store.jobs():
        store.apply([cancel(found)], NOW)
    assert len(table.take("kay", NOW + 1, 9, NOW)) == 2


def test_what_is_spent_counts_in_its_span_of_time(store: Store) -> None:
    table = store.budgets
    table.set(TEN, NOW)
    table.set(TEN._replace(name="joe", reserve=json.dumps(Amounts(tokens=3))), NOW)
    table.set(TEN._replace(tokens=20), NOW)
    assert [(each.name, each.tokens) for each in table.all()] == [("joe", 10), ("kay", 20)]
    assert table.drop("agent", "kay", NOW) and not table.drop("agent", "kay", NOW)
    assert kinds(store)[-4:] == ["budget.set"] * 3 + ["budget.lifted"]
    [number] = store.submit([job()], NOW)
    assert table.spend([TEN], Amounts(tokens=10, usd=5), number, 1, NOW) == []
    [breach] = table.spend([TEN], Amounts(tokens=1), number, 1, NOW)
    assert (breach.figure, breach.limit, breach.until) == (11, 10, TEN.refills_at(NOW))
    assert table.spent(TEN, NOW) == Spent(Amounts(11, 5), 0)
    assert table.spent(TEN, NOW + DAY) == Spent(Amounts(), 0)
    told = [json.loads(e.data or "") for e in store.events() if e.kind == "job.spent"]
    assert told == [{"tokens": 10, "usd": 5}, {"tokens": 1}]


def test_what_is_reserved_counts_while_the_run_goes_on(store: Store) -> None:
    table, careful = store.budgets, TEN._replace(reserve=json.dumps(Amounts(tokens=6)))
    first, second = store.submit([job(), job()], NOW)
    assert claim(store, 2) == 2
    assert table.reserve(careful, first, 1, NOW) is None
    assert table.reserve(careful, first, 1, NOW) is None  # it does not stand in its own way
    refused = table.reserve(careful, second, 1, NOW)
    assert refused is not None and not refused.spent
    assert table.spent(careful, NOW) == Spent(Amounts(), 0, Amounts(tokens=6), 1)
    table.settle([careful], first, 1, 7 * SECOND, NOW)
    assert table.spent(careful, NOW) == Spent(Amounts(seconds=7 * SECOND), 1)
    assert table.reserve(careful, second, 1, NOW) is None
    assert table.reserve(careful, second, 2, NOW) is None  # of an attempt that does not run
    assert table.spent(careful, NOW).reserved.tokens == 6
    store.prune(NOW, 1_000, 1_000, NOW)
    assert table.spent(careful, NOW).reserved.tokens == 6


def test_what_never_refills_is_not_forgotten(store: Store) -> None:
    table, ever = store.budgets, TEN._replace(per=None)
    [number] = store.submit([job()], NOW)
    table.spend([TEN, ever], Amounts(tokens=4), number, 1, NOW)
    store.prune(NOW + 30 * DAY, 1_000, 1_000, NOW + 30 * DAY)
    assert table.spent(ever, NOW).amounts.tokens == 4
    assert table.spent(TEN, NOW).amounts.tokens == 0


def test_quotas_hold_inside_the_transaction(store: Store) -> None:
    table = store.budgets
    table.set_quota(Quota("tenant", "acme", active=3), NOW)
    table.set_quota(Quota("agent", "kay", cron=0, memory=1_000), NOW)
    assert table.quotas() == [
        Quota("agent", "kay", cron=0, memory=1_000), Quota("tenant", "acme", active=3)
    ]  # fmt: skip
    mine = job(tenant="acme")
    store.submit_alike(mine, ["[[],{}]"] * 2, NOW)
    with pytest.raises(QuotaExceeded, match="this would be number 4"):
        store.submit([mine, mine], NOW)
    with pytest.raises(QuotaExceeded):
        store.submit_alike(mine, ["[[],{}]"] * 2, NOW)
    store.submit([mine], NOW)
    assert table.usage("tenant", "acme") == Usage(3, 0, 21)
    with pytest.raises(QuotaExceeded, match="may have 0 recurring tasks"):
        goal(store, cron="* * * * *")
    assert store.schedules.page() == [] and store.agents.goals() == []
    goal(store)
    with store.transaction() as tx, pytest.raises(QuotaExceeded):
        store.submit_on(tx, [mine], NOW)
    assert len(store.jobs()) == 3
    table.set_quota(Quota("tenant", "acme"), NOW)
    store.submit([mine], NOW)


def test_threads_that_submit_at_once_stay_within_a_quota(store: Store) -> None:
    store.budgets.set_quota(Quota("tenant", "acme", active=5), NOW)
    refused: list[Exception] = []

    def submit() -> None:
        for _ in range(4):
            try:
                store.submit([job(tenant="acme")], NOW)
            except QuotaExceeded as error:
                refused.append(error)

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(store.jobs()) == 5 and len(refused) == 11


def test_executions_of_goals_are_counted(store: Store) -> None:
    made = goal(store)
    assert store.agents.executions(0).total == 0
    schedule = store.schedules.get(made.schedule_id)
    assert schedule is not None
    store.schedules.run_now(schedule, [NOW], "by_hand", NOW)
    found = store.agents.executions(NOW)
    assert (found.total, found.succeeded, found.failed, found.most_delay) == (1, 0, 0, 0)
    assert store.agents.executions(NOW, recurring=True).total == 0
    assert store.agents.executions(NOW, recurring=False).total == 1
