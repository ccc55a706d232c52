"""Schedules through the app: said, fired, changed, refused."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.nightly import NIGHTLY

from offhours import Offhours, TaskPriority, context
from offhours.core.errors import (
    Conflict,
    IllegalMove,
    OffhoursError,
    OptionError,
    PhraseError,
    ScheduleError,
    ScheduleNotFound,
    TaskNotFound,
)
from offhours.core.model import JobState
from offhours.core.triggers import At, Cron, Every, Plan
from offhours.schedules import ScheduleHandle, fire_dict, schedule_dict
from offhours.testing import MemoryApp, memory_app


@pytest.fixture
def app() -> MemoryApp:
    return memory_app()


@pytest.fixture
def ran(app: MemoryApp) -> list[Any]:
    calls: list[Any] = []
    app.task(name="t")(lambda *args: calls.append(args))
    app.task(name="bad")(lambda: 1 / 0)
    return calls


def pass_minutes(app: MemoryApp, n: int) -> None:
    for _ in range(n):
        app.clock.advance("1m")
        app.drain()


def codes(schedule: ScheduleHandle) -> Counter[str]:
    return Counter(fire.code for fire in schedule.fires(1000))


def test_a_phrase_fires_at_its_times_with_its_arguments(app: MemoryApp, ran: list[Any]) -> None:
    schedule = app.schedule("t", "every 5 minutes", args=(1, "two"))
    pass_minutes(app, 11)
    assert ran == [(1, "two")] * 2
    assert codes(schedule) == {"fired": 2}
    assert schedule.next_fires(2) == (
        datetime(2026, 1, 1, 0, 15, tzinfo=UTC), datetime(2026, 1, 1, 0, 20, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("when", "first"),
    [
        ("0 9 * * *", datetime(2026, 1, 1, 9, tzinfo=UTC)),
        (timedelta(minutes=45), datetime(2026, 1, 1, 0, 45, tzinfo=UTC)),
        (datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)),
        (Cron("30 1 * * *"), datetime(2026, 1, 1, 1, 30, tzinfo=UTC)),
        (Plan((Cron("0 1 * * *"),), "Asia/Tokyo"), datetime(2026, 1, 1, 16, tzinfo=UTC)),
    ],
)
def test_every_way_to_say_when(app: MemoryApp, ran: list[Any], when: Any, first: datetime) -> None:
    schedule = app.schedule("t", when)
    assert schedule.next_fires(1) == (first,)
    assert schedule.explain().fires[0] == first
    assert str(schedule.explain()).startswith(schedule.explain().sentence)


def test_its_timezone_is_the_one_given_else_the_apps_else_utc(ran: list[Any]) -> None:
    app = memory_app(timezone="Europe/Berlin")
    app.task(name="t")(print)
    assert app.schedule("t", "every day at 9am").plan.timezone == "Europe/Berlin"
    other = app.schedule("t", "every day at 9am", name="other", timezone="Asia/Tokyo")
    assert other.next_fires(1)[0].isoformat() == "2026-01-02T09:00:00+09:00"


def test_its_jobs_are_as_its_options_want_them(app: MemoryApp, ran: list[Any]) -> None:
    schedule = app.schedule(
        "t", "every minute", name="tidy", priority="low", queue="q", retries=4, timeout="5s",
        metadata={"who": "ann"}, on_lost="fail",
    )  # fmt: skip
    pass_minutes(app, 1)
    [fire] = schedule.fires()
    assert fire.job_id is not None
    job = app.record(fire.job_id)
    assert (job.name, job.priority, job.queue) == ("tidy", TaskPriority.LOW, "q")
    assert (job.max_attempts, job.timeout, job.on_lost) == (5, 5_000_000, "fail")
    assert (job.schedule_id, job.fire_at) == (schedule.id, fire.instant)
    assert app.job(job.id).record.metadata == '{"who":"ann"}'


def test_a_task_sees_the_instant_that_it_runs_for(app: MemoryApp) -> None:
    seen: list[datetime | None] = []
    task = app.task(name="look")(lambda: seen.append(context().fire_at))
    app.schedule(task, "every hour")
    app.clock.advance("90m")
    app.drain()
    task.submit().result()
    assert seen == [datetime(2026, 1, 1, 1, tzinfo=UTC), None]


# -- said again -------------------------------------------------------------------------------


def test_said_again_it_changes_nothing(app: MemoryApp, ran: list[Any]) -> None:
    first = app.schedule("t", "every 45 minutes")
    app.clock.advance("10m")
    app.schedules._declared.clear()  # another start of the program
    again = app.schedule("t", "every 45 minutes")
    assert again.id == first.id and again.record.revision == 1
    assert again.next_fires(1) == (datetime(2026, 1, 1, 0, 45, tzinfo=UTC),)


def test_said_otherwise_at_the_next_start_it_is_changed(app: MemoryApp, ran: list[Any]) -> None:
    first = app.schedule("t", "every 45 minutes", name="x")
    app.clock.advance("10m")
    app.schedules._declared.clear()
    again = app.schedule("t", "every hour", name="x", overlap="allow")
    assert again.id == first.id and (again.record.overlap, again.record.revision) == ("allow", 2)
    assert again.next_fires(1) == (datetime(2026, 1, 1, 1, tzinfo=UTC),)


def test_other_policies_leave_an_interval_where_it_is(app: MemoryApp, ran: list[Any]) -> None:
    app.schedule("t", "every 45 minutes", name="x")
    app.clock.advance("10m")
    app.schedules._declared.clear()
    again = app.schedule("t", "every 45 minutes", name="x", overlap="allow")
    assert again.next_fires(1) == (datetime(2026, 1, 1, 0, 45, tzinfo=UTC),)


def test_what_was_changed_by_hand_survives_the_next_start(app: MemoryApp, ran: list[Any]) -> None:
    schedule = app.schedule("t", "every hour")
    schedule.update("every day at 3am")
    app.schedules._declared.clear()
    assert app.schedule("t", "every hour").record.text == "every day at 3am"


def test_a_one_shot_that_has_passed_may_be_said_again(app: MemoryApp, ran: list[Any]) -> None:
    schedule = app.schedule("t", "2026-01-01 06:00")
    app.clock.advance("7h")
    app.drain()
    assert schedule.status == "ended" and len(ran) == 1
    app.schedules._declared.clear()
    assert app.schedule("t", "2026-01-01 06:00").id == schedule.id
    pass_minutes(app, 2)
    assert len(ran) == 1


def test_two_schedules_of_one_call_need_names(app: MemoryApp, ran: list[Any]) -> None:
    app.schedule("t", "every hour")
    with pytest.raises(ScheduleError, match="give each a name"):
        app.schedule("t", "every day at 9am")
    app.schedule("t", "every day at 9am", name="daily")
    app.schedule("t", "every day at 9am", args=(2,))
    assert len(list(app.schedules)) == 3


# -- steering ---------------------------------------------------------------------------------


def test_paused_it_skips_with_the_reason(app: MemoryApp, ran: list[Any]) -> None:
    schedule = app.schedule("t", "every minute", catch_up="all")
    schedule.pause("holiday")
    schedule.pause("again")
    pass_minutes(app, 3)
    assert ran == [] and schedule.next_fires() == ()
    assert schedule.why().sentence.startswith("it is paused: holiday")
    schedule.resume()
    assert [(f.code, f.reason) for f in schedule.fires()] == [("paused", "holiday")] * 3
    pass_minutes(app, 1)
    assert len(ran) == 1 and schedule.record.skipped == 3


def test_five_failures_in_a_row_disable_it_and_say_so(app: MemoryApp, ran: list[Any]) -> None:
    schedule = app.schedule("bad", "every minute")
    pass_minutes(app, 8)
    row = schedule.record
    assert (row.status, row.runs, row.failures) == ("disabled", 5, 5)
    assert "5 jobs failed in a row" in schedule.why().sentence
    assert [e.kind for e in app.events() if e.kind == "schedule.disabled"] == ["schedule.disabled"]
    schedule.resume()
    assert schedule.record.failures == 0 and codes(schedule)["disabled"] == 3
    pass_minutes(app, 1)
    assert schedule.record.runs == 6


def test_a_success_forgives_failures_and_none_means_never(app: MemoryApp) -> None:
    outcomes = iter([1, 0, 0, 1] + [0] * 20)
    app.task(name="flaky")(lambda: 1 / next(outcomes))
    schedule = app.schedule("flaky", "every minute", disable_after=3)
    pass_minutes(app, 7)
    assert schedule.status == "disabled" and schedule.record.runs == 7
    app.task(name="bad")(lambda: 1 / 0)
    never = app.schedule("bad", "every minute", disable_after=None)
    pass_minutes(app, 8)
    assert never.status == "active" and never.record.failures == 8


def test_run_now_is_beside_the_plan(app: MemoryApp, ran: list[Any]) -> None:
    schedule = app.schedule("t", "every hour", args=(7,))
    job = schedule.run_now()
    app.drain()
    assert job.status is JobState.SUCCEEDED and ran == [(7,)]
    assert codes(schedule) == {"by_hand": 1} and schedule.record.runs == 0
    assert schedule.next_fires(1) == (datetime(2026, 1, 1, 1, tzinfo=UTC),)


def test_a_paused_one_can_be_run_now(app: MemoryApp, ran: list[Any]) -> None:
    schedule = app.schedule("t", "every hour")
    schedule.pause()
    schedule.run_now().result()
    assert len(ran) == 1


def test_update_is_refused_when_somebody_else_was_faster(app: MemoryApp, ran: list[Any]) -> None:
    schedule = app.schedule("t", "every hour")
    schedule.update("every 2 hours", revision=1)
    with pytest.raises(Conflict, match="revision 2, not 1"):
        schedule.update("every 3 hours", revision=1)
    assert schedule.record.text == "every 2 hours"


def test_update_changes_what_is_given_only(app: MemoryApp, ran: list[Any]) -> None:
    schedule = app.schedule("t", "every 45 minutes", args=(1,), retries=2, jitter="10s")
    before = schedule.record
    schedule.update(overlap="allow")
    after = schedule.record
    assert after == before._replace(
        overlap="allow", revision=2, updated_at=after.updated_at, declared=before.declared
    )
    schedule.update(args=(2,), kwargs={}, name="new", timezone="Asia/Tokyo", retries=0)
    assert (schedule.record.args, schedule.name) == ("[[2],{}]", "new")
    assert schedule.plan.timezone == "Asia/Tokyo" and schedule.record.max_attempts == 1
    with pytest.raises(OptionError, match='did you mean "overlap"'):
        schedule.update(overlp="allow")
    with pytest.raises(PhraseError):
        schedule.update("every nonsense")
    with pytest.raises(Conflict, match="is that of schedule 1"):
        app.schedule("t", "every hour", name="other").update(name="new")


def test_what_is_due_when_it_is_edited_fires_as_it_was(app: MemoryApp, ran: list[Any]) -> None:
    schedule = app.schedule("t", "every hour", args=("old",))
    app.clock.advance("1h")
    schedule.update(args=("new",), when="every 2 hours")
    app.clock.advance("1h")
    app.drain()
    app.drain()
    assert ran == [("old",)] and codes(schedule) == {"fired": 1, "overlap": 1}


def test_editing_one_many_times_moves_no_other(app: MemoryApp, ran: list[Any]) -> None:
    others = [app.schedule("t", f"every {n} minutes", name=f"o{n}") for n in (7, 45, 90)]
    edited = app.schedule("t", "every hour", name="edited")
    before = [other.record for other in others]
    times = 1_000 if NIGHTLY else 100
    for n in range(times):
        edited.update(jitter=n % 30 + 1, timezone=("UTC", "Asia/Tokyo")[n % 2])
    assert [other.record for other in others] == before
    assert edited.record.revision == times + 1


def test_deleted_it_is_gone_and_its_jobs_stay(app: MemoryApp, ran: list[Any]) -> None:
    schedule = app.schedule("t", "every minute")
    pass_minutes(app, 2)
    schedule.delete()
    pass_minutes(app, 2)
    assert len(ran) == 2 and len(app.store.jobs()) == 2
    with pytest.raises(ScheduleNotFound):
        schedule.record  # noqa: B018
    assert app.schedule("t", "every minute").id != schedule.id


def test_backfill_makes_up_for_the_past_once_in_order(app: MemoryApp) -> None:
    seen: list[datetime | None] = []
    app.task(name="look")(lambda: seen.append(context().fire_at))
    schedule = app.schedule("look", "every hour", catch_up="skip")
    app.clock.advance("5h30m")
    app.drain()
    assert codes(schedule) == {"missed": 5}
    made = schedule.backfill("2026-01-01T01:00Z", "2026-01-01T04:00Z")
    assert len(made) == 4 and schedule.backfill("2026-01-01T01:00Z", "2026-01-01T04:00Z") == []
    app.drain()
    assert seen == [datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in (1, 2, 3, 4)]
    assert codes(schedule) == {"missed": 1, "backfilled": 4}
    with pytest.raises(ScheduleError, match="still to come"):
        schedule.backfill("2026-01-01T01:00Z", "2027-01-01T04:00Z")
    with pytest.raises(ScheduleError, match="before the start"):
        schedule.backfill("2026-01-01T03:00Z", "2026-01-01T01:00Z")
    app.clock.advance("2d")
    app.schedule("look", "every second", name="dense")
    with pytest.raises(ScheduleError, match="more than 10,000"):
        app.schedules.get("dense").backfill("2026-01-01T00:00Z", "2026-01-03T00:00Z")


def test_illegal_steps_say_why(app: MemoryApp, ran: list[Any]) -> None:
    schedule = app.schedule("t", "in 5 minutes")
    schedule.resume()  # nothing to do
    pass_minutes(app, 6)
    assert schedule.status == "ended" and "no fires left" in schedule.why().sentence
    for step in (schedule.pause, schedule.resume):
        with pytest.raises(IllegalMove, match="has ended"):
            step()
    schedule.update("every hour")
    assert schedule.status == "active"


# -- overlap ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overlap", "outcome", "states"),
    [
        ("skip", {"fired": 1, "overlap": 2}, ["pending"]),
        ("queue_one", {"fired": 2, "overlap": 1}, ["pending", "held"]),
        ("queue_all", {"fired": 3}, ["pending", "held", "held"]),
        ("cancel_old", {"fired": 3}, ["cancelled", "cancelled", "pending"]),
        ("allow", {"fired": 3}, ["pending"] * 3),
    ],
)
def test_fires_while_an_earlier_job_is_not_finished(
    app: MemoryApp, ran: list[Any], overlap: str, outcome: dict[str, int], states: list[str]
) -> None:
    schedule = app.schedule("t", "every minute", overlap=overlap)
    for _ in range(3):
        app.clock.advance("1m")
        app.store.schedules.settle(schedule.id, app.clock.micros())
    assert codes(schedule) == outcome
    assert [job.state for job in app.store.jobs(newest_first=False)] == states
    app.drain()
    assert len(ran) == states.count("pending") + states.count("held")


def test_a_waiting_job_is_held_with_a_reason_and_released_by_the_end_of_the_earlier(
    app: MemoryApp, ran: list[Any]
) -> None:
    schedule = app.schedule("t", "every hour", overlap="queue_all")
    first, second, third = (schedule.run_now() for _ in range(3))
    assert [job.status for job in (first, second, third)] == ["pending", "held", "held"]
    assert "an earlier job of its schedule" in second.why().sentence
    first.cancel()
    assert [job.status for job in (second, third)] == ["pending", "held"]
    app.drain()
    assert len(ran) == 2


def test_a_running_job_is_asked_to_stop_and_its_successor_waits_for_that(app: MemoryApp) -> None:
    told: list[str] = []

    @app.task(name="long", timeout=None)
    def task() -> None:
        if not told:
            app.clock.advance("1m")
            app.store.schedules.settle(1, app.clock.micros())
            told.extend(job.state for job in app.store.jobs(newest_first=False))

    schedule = app.schedule("long", "every minute", overlap="cancel_old")
    app.clock.advance("1m")
    app.drain()
    assert told == ["running", "held"]
    first, second = (app.record(fire.job_id or 0) for fire in reversed(schedule.fires()))
    assert first.cancel_at is not None and second.state is JobState.SUCCEEDED


def test_a_job_stopped_on_its_way_to_a_retry_lets_its_successor_go(app: MemoryApp) -> None:
    calls: list[int] = []

    @app.task(name="flaky", retries=3)
    def task() -> None:
        calls.append(1)
        if len(calls) == 1:
            app.clock.advance("1m")
            app.store.schedules.settle(1, app.clock.micros())
            raise ValueError("to be tried again, had nobody asked it to stop")

    schedule = app.schedule("flaky", "every minute", overlap="cancel_old")
    app.clock.advance("1m")
    app.drain()
    first, second = (app.record(fire.job_id or 0) for fire in reversed(schedule.fires()))
    assert (first.state, second.state) == ("cancelled", "succeeded")


def test_a_run_by_hand_leaves_the_record_of_a_reported_one(app: MemoryApp, ran: list[Any]) -> None:
    schedule = app.schedule("t", "every hour")
    schedule.report_run(True)
    schedule.run_now()
    assert codes(schedule) == {"reported": 1, "by_hand": 1}
    assert (schedule.record.runs, schedule.record.skipped) == (1, 0)


def test_an_expired_job_is_cancelled_and_says_so(app: MemoryApp, ran: list[Any]) -> None:
    schedule = app.schedule("t", "every hour", expires="10m")
    app.clock.advance("1h")
    app.store.schedules.settle(schedule.id, app.clock.micros())
    app.clock.advance("11m")
    app.drain()
    [fire] = schedule.fires()
    job = app.record(fire.job_id or 0)
    assert (job.state, job.code, ran) == ("cancelled", "expired", [])


def test_a_submitted_job_may_expire_too(app: MemoryApp, ran: list[Any]) -> None:
    job = app.submit("t", expires="10m")
    late = app.submit("t", expires="10m", delay="5m")
    app.clock.advance("11m")
    app.drain()
    assert (job.status, late.status, ran) == ("cancelled", "cancelled", [])


# -- unknown tasks ------------------------------------------------------------------------------


def test_a_schedule_whose_task_is_missing_is_parked_and_goes_on(tmp_path: Any) -> None:
    clock = memory_app().clock
    path = tmp_path / "jobs.db"
    with_task = Offhours(path, clock=clock, executor="inline")
    with_task.task(name="gone")(lambda: 1)
    schedule_id = with_task.schedule("gone", "every hour", catch_up="once").id
    with_task.close()
    without = Offhours(path, clock=clock, executor="inline")
    without.task(name="other")(lambda: 1)
    without.drain()
    parked = without.schedules.get(schedule_id)
    assert parked.status == "parked" and "no running worker knows" in parked.why().sentence
    with pytest.raises(IllegalMove, match="parked"):
        parked.resume()
    clock.advance("5h30m")
    without.drain()
    assert parked.fires() == []
    without.task(name="gone")(lambda: 2)
    without.drain()
    without.drain()
    assert parked.status == "active"
    assert codes(parked) == {"missed": 4, "caught_up": 1}
    without.close()


# -- refused ------------------------------------------------------------------------------------

REFUSED: list[tuple[Any, dict[str, Any], type[OffhoursError], str]] = [
    ("every dya", {}, PhraseError, '"dya"'),
    ("* " * 500_000, {}, PhraseError, "256"),
    ("every second tuesday", {}, PhraseError, "every 2 weeks on tuesday"),
    ("2020-01-01 10:00", {}, PhraseError, "passed"),
    ("30 2 31 2 *", {}, PhraseError, "no such date"),
    (datetime(2020, 1, 1, tzinfo=UTC), {}, ScheduleError, "passed"),
    (datetime(2027, 1, 1), {}, OffhoursError, "timezone"),
    (At(1), {}, ScheduleError, "no fires left"),
    (timedelta(0), {}, ScheduleError, "interval"),
    (3, {}, ScheduleError, "expected a phrase"),
    ("every hour", {"timezone": "Mars/Base"}, ScheduleError, "IANA"),
    ("every hour", {"catch_up": "maybe"}, ScheduleError, "catch_up"),
    ("every hour", {"overlap": "maybe"}, ScheduleError, "overlap"),
    ("every hour", {"jitter": -1}, OffhoursError, "jitter"),
    ("every hour", {"blackout": "25:00-3"}, ScheduleError, "blackout"),
    ("every hour", {"max_runs": 0}, OptionError, "max_runs"),
    ("every hour", {"disable_after": True}, OptionError, "disable_after"),
    ("every hour", {"name": " "}, OptionError, "name"),
    ("every hour", {"name": "a\nb"}, OptionError, "control"),
    ("every hour", {"name": "n" * 201}, OptionError, "name"),
    ("every hour", {"jiter": 3}, OptionError, 'did you mean "jitter"'),
    ("every hour", {"priority": "urgentest"}, OffhoursError, "priority"),
]


@pytest.mark.parametrize(("when", "options", "kind", "words"), REFUSED)
def test_what_cannot_be_used_is_refused_and_nothing_is_stored(
    app: MemoryApp, ran: list[Any], when: Any, options: Any, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        app.schedule("t", when, **options)
    assert list(app.schedules) == [] and list(app.events()) == []


def test_an_unknown_task_and_a_lambda_are_refused(app: MemoryApp) -> None:
    app.task(name="tidy")(print)
    with pytest.raises(TaskNotFound, match='did you mean "tidy"'):
        app.schedule("tidi", "every hour")
    with pytest.raises(OffhoursError, match="lambda"):
        app.schedule(lambda: 1, "every hour")
    with pytest.raises(OffhoursError, match="argument"):
        app.schedule("tidy", "every hour", args=(object(),))
    assert list(app.schedules) == []


# -- looked at ----------------------------------------------------------------------------------


def test_a_preview_stores_nothing(app: MemoryApp) -> None:
    told = app.schedules.preview("every day at 2:30am", timezone="Europe/Berlin")
    assert told.expressions == ("cron 30 2 * * *",) and len(told.fires) == 5
    assert "does not exist" in told.notes[0] and list(app.schedules) == []
    assert app.schedules.preview("every month on day 31 at 9am").warnings


def test_views_are_json(app: MemoryApp, ran: list[Any]) -> None:
    import json

    schedule = app.schedule("t", "every minute", blackout=["22:00-06:00", "2026-12-24"])
    pass_minutes(app, 1)
    told = json.loads(json.dumps(schedule_dict(schedule.record)))
    assert told["blackout"] == ["22:00-06:00", "2026-12-24"] and told["skipped"] == 1
    [fire] = schedule.fires()
    assert fire_dict(fire)["code"] == "blackout" and fire_dict(fire)["job"] is None
    assert json.loads(json.dumps(schedule.explain().to_dict()))["timezone"] == "UTC"


def test_a_day_of_fires_in_order(app: MemoryApp, ran: list[Any]) -> None:
    app.schedule("t", "every 6 hours", name="a")
    app.schedule("t", "every day at 1pm for 1 times", name="b")
    app.schedule("t", Every(3_600_000_000 * 9, 0), name="c", max_runs=1)
    day = app.schedules.between("2026-01-01T00:00Z", "2026-01-02T00:01Z")
    assert [s.name for _, s in day] == ["a", "c", "a", "b", "a", "a"]
    assert [at for at, _ in day] == sorted(at for at, _ in day)


def test_delays_are_kept(app: MemoryApp, ran: list[Any]) -> None:
    schedule = app.schedule("t", "every minute")
    assert schedule.delays() is None
    for late in (0, 0, 3):
        app.clock.advance(60 + late)
        app.drain()
    told = schedule.delays()
    assert told is not None
    assert (told.fires, told.mean, told.most, told.p99) == (3, 1_000_000, 3_000_000, 3_000_000)
    assert told.on_time == pytest.approx(2 / 3)
