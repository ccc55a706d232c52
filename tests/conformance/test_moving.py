"""What is taken from one database goes on in another, of either kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from offhours import Flow, Offhours
from offhours.core.moving import KINDS
from offhours.moving import read
from offhours.testing import FakeClock


class House:
    """An app with something of everything, on a store of its own."""

    def __init__(self, address: str, clock: FakeClock) -> None:
        self.clock = clock
        self.done: list[int] = []
        self.app = Offhours(address, clock=clock, executor="inline")
        self.app.task(name="t:add")(self._add)
        self.app.task(name="t:boom")(self._boom)
        self.app.agent("scout")  # from now on it fires goals

    def _add(self, n: int) -> int:
        self.done.append(n)
        return n

    def _boom(self) -> None:
        raise ValueError("no")

    def fill(self) -> None:
        app = self.app
        app.submit("t:add", args=(1,), name="done")
        app.submit("t:boom", name="failed")
        app.drain()
        app.submit("t:add", args=(2,), name="waits", unique="two", tenant="acme")
        app.submit("t:add", args=(3,), delay="1h", idempotency_key="once")
        flow = Flow("report")
        first = flow.step("first", "t:boom", retries=0)
        flow.step("second", "t:add", args=(4,), after=[first])
        flow.step("third", "t:add", args=(5,), delay="2h")
        app.submit_flow(flow)
        nine = app.schedule("t:add", "every day at 9am", args=(6,), name="nine")
        app.schedule("t:add", "every hour", args=(7,), name="hourly").pause("not now")
        nine.run_now()
        app.limit(queue="mail", concurrency=2, rate="10/s")
        app.budget(usd=5, per="day")
        agent = app.agent("scout")
        agent.schedule("Look.", "every day at 7am", name="papers", goal="Know")
        agent.think("Remember the milk.", key="milk")
        app.pause(queue="slow", reason="by hand")
        app.quota("acme", active=100)
        app.templates.create("sum", "t:add", args=[1])
        app.templates.update("sum", args=[2])

    def state(self) -> dict[str, Any]:
        """All that a person sees of it, without numbers."""
        app, agent = self.app, self.app.agent("scout")
        return {
            "jobs": sorted(
                (job.task, job.args, str(job.state), job.run_at, job.name or "", job.tenant or "")
                for job in app.jobs(limit=100)
            ),
            "schedules": sorted(
                (s.record.name, s.record.plan, s.record.status, s.record.next_at or 0)
                for s in app.schedules
            ),
            "limits": app.limits(),
            "budgets": [(state.budget, state.spent.amounts) for state in app.agents.budgets()],
            "quotas": app.agents.quotas(),
            "goals": [(g.record.task_id, g.status, g.record.next_at) for g in agent.goals()],
            "thoughts": [(t.prompt, t.state) for t in agent.inbox(None)],
            "templates": [(t.name, t.version, t.body) for t in app.templates.list()],
            "flows": [(f.name, f.status) for f in app.flows()],
        }


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def old(clock: FakeClock) -> Iterator[House]:
    made = House(":memory:", clock)
    made.fill()
    yield made
    made.app.close()


@pytest.fixture
def new(place: str, clock: FakeClock) -> Iterator[House]:
    made = House(place, clock)
    yield made
    made.app.close()


def test_everything_stands_there_as_it_stood_here(old: House, new: House) -> None:
    lines = list(old.app.moving.export(finished=True).lines)
    moved = new.app.moving.bring(read(lines))
    assert moved.kept == {} and moved.new["job"] == len(old.app.jobs(limit=100))
    assert new.state() == old.state()
    assert [row.action for row in new.app.audit(limit=500)][-3:] == [
        row.action for row in old.app.audit(limit=500)
    ][-3:]


def test_the_work_goes_on_and_each_job_runs_once(old: House, new: House) -> None:
    new.app.moving.bring(read(old.app.moving.export().lines))
    assert new.app.job_of_key("once").record.args == "[[3],{}]"
    new.app.drain()
    assert sorted(new.done) == [2, 6]
    new.clock.advance("3h")
    new.app.drain()
    assert sorted(new.done) == [2, 3, 5, 6]
    new.clock.advance("1d")
    new.app.drain()
    assert sorted(new.done) == [2, 3, 5, 6, 6]
    assert [thought.prompt for thought in new.app.agent("scout").inbox()] == [
        "Look.", "Remember the milk.",
    ]  # fmt: skip
    assert {flow.status for flow in new.app.flows()} == {"failed"}


def test_imported_again_it_changes_nothing_also_when_the_work_is_done(
    old: House, new: House
) -> None:
    lines = list(old.app.moving.export(finished=True).lines)
    new.app.moving.bring(read(lines))
    new.clock.advance("3h")
    new.app.drain()
    thoughts = new.app.agent("scout").take()
    assert [thought.acknowledge() for thought in thoughts] == [True]
    before, seq = new.state(), new.app.store.last_seq()
    again = new.app.moving.bring(read(lines))
    assert again.new == {} and again.kept["job"] > 5
    assert (new.state(), new.app.store.last_seq()) == (before, seq)


def test_what_waits_for_one_that_has_run_here_goes_on(old: House, new: House) -> None:
    first = old.app.submit("t:add", args=(11,))
    new.app.moving.bring(read(old.app.moving.export().lines))
    new.app.drain()
    old.app.submit("t:add", args=(12,), after=[first])
    new.app.moving.bring(read(old.app.moving.export().lines))
    new.app.drain()
    assert [n for n in new.done if n > 10] == [11, 12]


def test_what_waits_for_one_that_stays_there_goes_on(old: House, new: House) -> None:
    handler = old.app.submit_by_name("offhours.handle:scout", delay="1h")
    old.app.submit("t:add", args=(12,), after=[handler])
    new.app.moving.bring(read(old.app.moving.export().lines))
    new.app.drain()
    assert 12 in new.done


def test_a_dry_run_counts_and_stores_nothing(old: House, new: House) -> None:
    lines = list(old.app.moving.export().lines)
    empty = new.state()
    would = new.app.moving.bring(read(lines), dry_run=True)
    assert new.state() == empty and new.app.store.last_seq() == 0
    assert new.app.moving.bring(read(lines)) == would


def test_what_is_here_under_a_name_stays(old: House, new: House) -> None:
    new.app.schedule("t:add", "every monday at 8am", args=(8,), name="nine")
    new.app.limit(queue="mail", concurrency=9)
    new.app.submit("t:add", args=(9,), unique="two")
    moved = new.app.moving.bring(read(old.app.moving.export().lines))
    assert (moved.kept["schedule"], moved.kept["limit"], moved.kept["job"]) == (1, 1, 1)
    assert new.app.schedules.get("nine").explain().sentence == "every monday at 08:00"
    assert [limit.concurrency for limit in new.app.limits() if limit.name == "mail"] == [9]
    made = [job for job in new.app.jobs(limit=100) if job.args == "[[6],{}]"]
    assert [job.schedule_id for job in made] == [new.app.schedules.get("nine").id]


def test_versions_of_a_template_come_all_or_none(old: House, new: House) -> None:
    new.app.templates.create("sum", "t:add", args=[9])
    moved = new.app.moving.bring(read(old.app.moving.export().lines))
    assert moved.kept["template"] == 2
    assert [t.version for t in new.app.templates.versions("sum")] == [1]


def test_numbers_are_new_and_still_fit_together(old: House, new: House) -> None:
    new.app.submit("t:add", args=(0,))
    old.app.drain()
    old.clock.advance("1d")
    old.app.drain()
    retried = old.app.retry(old.app.jobs(state="failed", limit=1)[0].id)
    new.app.moving.bring(read(old.app.moving.export(finished=True).lines))
    here = [job for job in new.app.jobs(limit=100) if job.retry_of is not None]
    assert len(here) == 1 and here[0].id != retried.id
    assert new.app.record(here[0].retry_of or 0).state == "failed"
    nine = new.app.schedules.get("nine").record
    assert new.app.record(nine.last_job or 0).args == "[[6],{}]"


def test_what_comes_back_home_is_known(old: House) -> None:
    before = old.state()
    assert old.app.moving.bring(read(old.app.moving.export(finished=True).lines)).new == {}
    assert old.state() == before


def test_a_job_that_runs_is_taken_as_one_that_waits(old: House, new: House) -> None:
    taken: list[Any] = []
    old.app.task(name="t:take")(lambda: taken.append(old.app.moving.export()))
    job = old.app.submit("t:take", priority="critical")
    old.app.drain()
    assert taken[0].running > 0
    new.app.moving.bring(read(taken[0].lines))
    [here] = [found for found in new.app.jobs(limit=100) if found.task == "t:take"]
    assert (here.state, here.attempts, job.record.attempts) == ("pending", 0, 1)


def test_what_lives_in_one_process_stays_there(old: House) -> None:
    count = old.app.moving.export().counts["job"]
    old.app.submit(lambda: None, durable=False)
    assert old.app.moving.export().counts["job"] == count


def test_who_imports_is_in_the_audit_log(old: House, new: House) -> None:
    with new.app.acting_as("ann"):
        new.app.moving.bring(read(old.app.moving.export(audit=False).lines))
    [row] = new.app.audit()
    assert (row.actor, row.action) == ("ann", "store.imported")


# What stays behind, and why it may.
STAYS = {
    "jobs": {"owner", "worker", "ready", "told", "line"},  # of a process, or made anew
    "limits": {"next_at"},
    "model_versions": {"cycle_id"},
    "model_moves": {"id", "cycle_id"},
    "approvals": {"id"},
    "signals": {"id"},
    "goal_deferrals": {"id"},
}
STAYS_WHOLE = {
    "events", "workers", "foreground", "meta", "imported", "readers", "deliveries", "alerts",
    "dumps", "dump_heads", "artefacts", "cycles", "cycle_steps", "feedback", "automations",
    "trials", "artifacts", "artifact_tags", "artifact_vectors", "nodes", "edges", "reservations",
    "tokens", "replies", "operations",
}  # fmt: skip


def test_no_table_and_no_column_is_forgotten(old: House) -> None:
    """Who adds one says here, or in `KINDS`, whether it goes along."""
    kinds = {kind.table: set(kind.columns) for kind in KINDS}
    with old.app.transaction() as tx:
        tables = [
            name
            for (name,) in tx.execute("select name from sqlite_schema where type = 'table'")
            if not name.startswith(("sqlite_", "artifact_words"))
        ]
        for table in tables:
            if table not in STAYS_WHOLE:
                found = {row[1] for row in tx.execute(f"pragma table_info({table})")}
                assert found - kinds[table] == STAYS.get(table, set()), table
    assert set(tables) == set(kinds) | STAYS_WHOLE
