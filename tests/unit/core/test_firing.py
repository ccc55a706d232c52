"""What becomes of due instants: every policy over a table of sleeps, without a store."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from offhours.core import firing
from offhours.core.errors import ScheduleError
from offhours.core.fire_rules import Blackout, CatchUp, Overlap
from offhours.core.firing import CHUNK, GRACE, Verdict, decide, skip_all
from offhours.core.schedules import NewSchedule, Schedule, ScheduleStatus, due_at, edit, next_words
from offhours.core.times import DAY, HOUR, MINUTE, SECOND
from offhours.core.triggers import Cron, Every, Plan

START = 20_000 * DAY


def schedule(plan: Plan | None = None, **changes: Any) -> Schedule:
    plan = plan or Plan((Cron("* * * * *"),), "UTC")
    next_at = plan.next_after(START)
    values: dict[str, Any] = dict.fromkeys(Schedule._fields)
    values |= {
        "id": 1, "name": "s", "task": "t", "args": "[[],{}]", "priority": 50, "queue": "default",
        "on_lost": "retry", "plan": json.dumps(plan.to_dict()), "text": "", "catch_up": "once",
        "overlap": "skip", "jitter": 0, "revision": 1, "status": ScheduleStatus.ACTIVE,
        "next_at": next_at, "due_at": next_at, "runs": 0, "skipped": 0, "failures": 0,
        "delay_total": 0, "delay_most": 0, "on_time": 0, "created_at": START, "updated_at": START,
    }  # fmt: skip
    return Schedule(**(values | changes))


def codes(fired: firing.Firing) -> Counter[str]:
    return Counter(fire.code for fire in fired.fires)


SLEPT = {
    # policy: what became of one missed fire, and of fifty
    "skip": ({"missed": 1}, {"missed": 50}),
    "once": ({"caught_up": 1}, {"caught_up": 1, "missed": 49}),
    "all": ({"caught_up": 1}, {"caught_up": 50}),
    "all:20": ({"caught_up": 1}, {"caught_up": 20, "missed": 30}),
    "window:10m": ({"caught_up": 1}, {"caught_up": 10, "missed": 40}),
}


@pytest.mark.parametrize("policy", SLEPT)
def test_asleep_across_no_one_and_fifty_fires(policy: str) -> None:
    row = schedule(catch_up=policy)
    one, fifty = SLEPT[policy]
    assert decide(row, START + 30 * SECOND, 0, 0).fires == ()
    assert codes(decide(row, START + MINUTE + 30 * SECOND, 0, 0)) == one
    asleep = decide(row, START + 50 * MINUTE + 30 * SECOND, 0, 0)
    assert codes(asleep) == fifty
    assert [fire.instant for fire in asleep.fires] == [START + n * MINUTE for n in range(1, 51)]
    assert asleep.next_at == asleep.due_at == START + 51 * MINUTE
    assert all(fire.reason for fire in asleep.fires if fire.verdict is Verdict.SKIP)


@pytest.mark.parametrize("policy", SLEPT)
def test_a_fire_a_little_late_is_on_time_under_every_policy(policy: str) -> None:
    fired = decide(schedule(catch_up=policy), START + MINUTE + GRACE, 0, 0)
    assert codes(fired) == {"fired": 1} and fired.fires[0].delay == GRACE


def test_the_fire_on_time_makes_up_for_those_before_it() -> None:
    fired = decide(schedule(), START + 5 * MINUTE, 0, 0)
    assert [fire.code for fire in fired.fires] == ["missed"] * 4 + ["fired"]


OVERLAPS = {
    # policy: with one job that runs, and with another that waits for it already
    Overlap.SKIP: (Verdict.SKIP, Verdict.SKIP),
    Overlap.QUEUE_ONE: (Verdict.WAIT, Verdict.SKIP),
    Overlap.QUEUE_ALL: (Verdict.WAIT, Verdict.WAIT),
    Overlap.CANCEL_OLD: (Verdict.REPLACE, Verdict.REPLACE),
    Overlap.ALLOW: (Verdict.RUN, Verdict.RUN),
}


@pytest.mark.parametrize("policy", OVERLAPS)
def test_a_fire_beside_unfinished_jobs(policy: Overlap) -> None:
    row = schedule(overlap=policy)
    beside_one, beside_two = OVERLAPS[policy]
    [free] = decide(row, START + MINUTE, 0, 0).fires
    [one] = decide(row, START + MINUTE, 1, 0).fires
    [two] = decide(row, START + MINUTE, 2, 1).fires
    assert (free.verdict, one.verdict, two.verdict) == (Verdict.RUN, beside_one, beside_two)
    assert (two.code == "overlap") == (two.verdict is Verdict.SKIP)


@pytest.mark.parametrize("policy", [o for o in Overlap if o is not Overlap.ALLOW])
def test_what_is_made_up_for_in_a_row_runs_in_a_row(policy: Overlap) -> None:
    fired = decide(schedule(catch_up="all", overlap=policy), START + 5 * MINUTE, 0, 0)
    assert [f.verdict for f in fired.fires] == [Verdict.RUN] + [Verdict.WAIT] * 4


def test_queues_have_an_end() -> None:
    row = schedule(overlap="queue_all")
    [fire] = decide(row, START + MINUTE, 1001, firing.MOST_WAITING).fires
    assert fire.verdict is Verdict.SKIP and "wait already" in (fire.reason or "")


def test_blackouts_and_expiry_cannot_be_caught_up() -> None:
    row = schedule(catch_up="all", blackouts='["00:10-00:20"]', expires=30 * MINUTE, runs=0)
    fired = decide(row, START + 50 * MINUTE, 0, 0)
    assert codes(fired) == {"expired": 9 + 0, "blackout": 10, "caught_up": 30, "fired": 1}
    assert "blackout 00:10-00:20" in {fire.reason for fire in fired.fires}


def test_a_limit_of_runs_ends_the_schedule_and_nothing_is_recorded_after_it() -> None:
    fired = decide(schedule(catch_up="all", max_runs=3, runs=1), START + 50 * MINUTE, 0, 0)
    assert len(fired.fires) == 2 and fired.next_at is None and fired.due_at is None


def test_a_plan_that_counts_ends_by_its_own_count() -> None:
    plan = Plan((Every(MINUTE, START),), "UTC", count=2)
    fired = decide(schedule(plan), START + 50 * MINUTE + 30 * SECOND, 0, 0)
    assert codes(fired)["caught_up"] == 1 and fired.next_at == START + 51 * MINUTE
    last = decide(schedule(plan, runs=1, next_at=fired.next_at), START + 51 * MINUTE, 0, 0)
    assert codes(last) == {"fired": 1} and last.next_at is None


@pytest.mark.parametrize("policy", ["once", "skip", "all:7", "window:20s"])
def test_a_long_sleep_of_a_dense_schedule_is_settled_in_parts(policy: str) -> None:
    plan = Plan((Every(SECOND, START),), "UTC")
    now = START + HOUR + SECOND // 2
    row, seen, rounds = schedule(plan, catch_up=policy), [], 0
    while (row.due_at or now) < now:
        fired = decide(row, now, 0, 0)
        seen += fired.fires
        runs = sum(fire.verdict is not Verdict.SKIP for fire in fired.fires)
        row = row._replace(next_at=fired.next_at, due_at=fired.due_at, runs=row.runs + runs)
        rounds += 1
    assert rounds <= 3600 // CHUNK + 1
    assert [fire.instant for fire in seen] == [START + n * SECOND for n in range(1, 3601)]
    wanted = {"once": 0, "skip": 0, "all:7": 7, "window:20s": 19}[policy]
    assert Counter(f.code for f in seen)["caught_up"] == wanted
    assert seen[-1].code == "fired"


def test_a_schedule_that_was_not_active_skips_all_with_its_reason() -> None:
    fired = skip_all(schedule(catch_up="all"), "paused", "holiday", START + 3 * MINUTE)
    assert [(f.code, f.reason) for f in fired.fires] == [("paused", "holiday")] * 3
    assert fired.next_at == START + 4 * MINUTE


def test_jitter_moves_each_fire_by_its_own_share_and_always_by_the_same() -> None:
    row = schedule(jitter=30 * SECOND)
    moved = [due_at("s", 30 * SECOND, START + n * MINUTE) - START - n * MINUTE for n in range(100)]
    assert all(0 <= late <= 30 * SECOND for late in moved) and len(set(moved)) > 90
    due = due_at("s", 30 * SECOND, START + MINUTE)
    assert decide(row, due - 1, 0, 0).fires == ()
    [fire] = decide(row, due, 0, 0).fires
    assert fire.instant == START + MINUTE and fire.delay == 0


@pytest.mark.parametrize(
    "text",
    ["", "now and then", "all:0", "all:1001", "all:x", "window:", "window:0s", "once:2", "all:-1"],
)
def test_a_wrong_catch_up_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError, match="catch_up"):
        CatchUp.parse(text)


@pytest.mark.parametrize(
    "value", ["skip", "once", "all", "all:7", 7, "window:90s", timedelta(hours=2)]
)
def test_a_catch_up_reads_back(value: object) -> None:
    assert CatchUp.parse(str(CatchUp.parse(value))) == CatchUp.parse(value)


@pytest.mark.parametrize(
    "text",
    ["", "22:00", "22:00-22:00", "25:00-26:00", "2026-12-26..2026-12-24", "2026-13-01", "x" * 999],
)
def test_a_wrong_blackout_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError, match="blackout"):
        Blackout.parse(text)


@pytest.mark.parametrize(
    ("text", "wall", "ends"),
    [
        ("22:00-06:00", "2026-12-24T23:00", "2026-12-25T06:00"),
        ("22:00-06:00", "2026-12-24T05:59", "2026-12-24T06:00"),
        ("22:00-06:00", "2026-12-24T06:00", None),
        ("09:00-17:00", "2026-12-24T09:00", "2026-12-24T17:00"),
        ("2026-12-24..2026-12-26", "2026-12-26T23:59", "2026-12-27T00:00"),
        ("2026-12-24..2026-12-26", "2026-12-23T23:59", None),
        ("2026-12-24..2026-12-26", "2026-12-27T00:00", None),
    ],
)
def test_a_blackout_holds_until_its_end(text: str, wall: str, ends: str | None) -> None:
    blackout, moment = Blackout.parse(text), datetime.fromisoformat(wall)
    assert blackout.holds(moment) == (ends is not None)
    if ends is not None:
        assert blackout.end_after(moment) == datetime.fromisoformat(ends)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"due_at": START + 4 * MINUTE}, "in 4 min"),
        ({"due_at": START}, "due now"),
        ({"status": ScheduleStatus.PAUSED, "reason": None}, "paused"),
        ({"status": ScheduleStatus.DISABLED, "reason": "it failed"}, "disabled: it failed"),
    ],
)
def test_when_it_fires_next_in_words(changes: dict[str, Any], words: str) -> None:
    assert next_words(schedule(**changes), START) == words


def new_of(row: Schedule, **changes: Any) -> NewSchedule:
    return NewSchedule(**{name: getattr(row, name) for name in NewSchedule._fields} | changes)


def test_a_change_that_changes_nothing_is_none() -> None:
    row = schedule()
    assert edit(row, new_of(row), START, START) is None
    assert edit(row, new_of(row, priority=10), START, START) is not None


def test_a_change_that_leaves_no_fire_ends_it() -> None:
    row = schedule()
    move = edit(row, new_of(row, max_runs=1), None, START)
    assert move is not None
    assert (move.changes["status"], move.changes["due_at"]) == (ScheduleStatus.ENDED, None)


def test_of_a_window_longer_than_may_be_made_up_for_the_oldest_are_told() -> None:
    row = schedule(catch_up="window:10h", plan=Plan((Every(10 * SECOND, START),), "UTC"))
    fired = decide(row, START + 10 * HOUR, 0, 0)
    assert "missed: at most 1,000 are made up for" in {fire.reason for fire in fired.fires}
