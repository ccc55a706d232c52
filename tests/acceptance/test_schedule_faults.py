"""Faults of schedules: fires lost in silence, work held up, words taken for something else."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from offhours import JobState, Offhours
from offhours.core.errors import OptionError, PhraseError, ScheduleError
from offhours.core.model import WorkerInfo
from offhours.core.phrases import describe, parse
from offhours.core.ports import ClaimOrder, name_list
from offhours.core.schedules import ScheduleMove, ScheduleStatus
from offhours.core.times import DAY, MINUTE, parse_moment, to_datetime, to_micros
from offhours.schedules import ScheduleHandle
from offhours.testing import MemoryApp, memory_app


def noop(*args: object) -> None: ...


@pytest.mark.parametrize(
    "blackout",
    ["2026-12", "12-13", "22:00Z-06:00", "22:00+01:00-06:00", "22-06", 123, True, b"22:00-06:00",
     ["2026-12-24"] * 401],
)  # fmt: skip
def test_a_blackout_that_is_not_clear_is_refused(blackout: object) -> None:
    with pytest.raises(ScheduleError, match="blackout"):
        memory_app().schedule(noop, "every hour", blackout=blackout)  # type: ignore[arg-type]


def test_a_schedule_that_cannot_be_fired_stops_nobody_else() -> None:
    """Its zone may be unknown on this machine, its row may be of another release."""
    app = memory_app()
    broken = app.schedule(noop, "every minute", name="broken")
    whole = app.schedule(noop, "every minute", name="whole")
    found = broken.record
    changes = {"plan": found.plan.replace('"UTC"', '"Mars/Olympus"')}
    move = ScheduleMove(found.id, found.revision, found.next_at, "", changes, {})
    assert app.store.schedules.change(move, app.clock.micros())
    job = app.submit(noop)
    app.clock.advance("1m")
    app.drain()
    assert job.status is JobState.SUCCEEDED
    assert whole.record.runs == 1
    assert broken.status is ScheduleStatus.DISABLED
    assert "Mars/Olympus" in (broken.record.reason or "")
    assert any(event.kind == "schedule.disabled" for event in app.events())


def in_its_jitter() -> tuple[MemoryApp, ScheduleHandle]:
    """A schedule whose instant has come and whose jitter is not over."""
    app = memory_app()
    handle = app.schedule(noop, "every day at 12:00", name="slow", jitter="10h")
    found = handle.record
    assert found.next_at is not None and found.due_at is not None
    app.clock.jump(to_datetime((found.next_at + found.due_at) // 2))
    return app, handle


@pytest.mark.parametrize("change", [{"max_runs": 9}, {"name": "other"}, {"jitter": "9h"}])
def test_a_change_of_something_else_keeps_a_fire_in_its_jitter(change: dict[str, Any]) -> None:
    app, handle = in_its_jitter()
    instant = handle.record.next_at
    handle.update(**change)
    assert handle.record.next_at == instant
    app.clock.advance("10h")
    app.drain()
    assert [fire.instant for fire in handle.fires() if fire.job_id] == [instant]


def test_an_instant_in_its_jitter_is_not_forgotten() -> None:
    _, changed = in_its_jitter()
    changed.update("every day at 13:00")
    _, resumed = in_its_jitter()
    resumed.pause("holiday")
    resumed.resume()
    assert [fire.code for fire in changed.fires()] == ["changed"]
    assert [fire.code for fire in resumed.fires()] == ["paused"]


@pytest.mark.parametrize("when", [None, "every 2 hours"])
def test_what_a_pause_skips_is_told_also_after_a_change(when: str | None) -> None:
    app = memory_app()
    handle = app.schedule(noop, "every hour", name="hourly")
    handle.pause("holiday")
    app.clock.advance("5h")
    handle.update(when, max_runs=100)
    handle.resume()
    assert [fire.reason for fire in handle.fires()] == ["holiday"] * 5
    assert handle.record.skipped == 5


@pytest.mark.parametrize(
    ("catch_up", "made"), [("once", 1), ("all:20", 20), ("all:700", 599), ("skip", 0)]
)
def test_a_long_blackout_at_the_end_of_a_sleep_hides_no_missed_fire(
    catch_up: str, made: int
) -> None:
    app = memory_app(timezone="UTC")
    app.clock.jump("2026-01-01T12:00+00:00")
    handle = app.schedule(noop, "every minute", catch_up=catch_up, blackout="22:00-06:00")
    app.clock.jump("2026-01-02T05:59+00:00")
    app.drain()
    codes = Counter(fire.code for fire in handle.fires(2_000))
    assert codes == Counter(caught_up=made, missed=599 - made, blackout=480)
    caught = [fire.instant for fire in handle.fires(2_000) if fire.job_id]
    latest = parse_moment("2026-01-01T21:59+00:00")
    assert caught == [latest - n * MINUTE for n in range(made)]


@pytest.mark.parametrize("catch_up", ["skip", "once", "all"])
def test_a_short_delay_of_a_dense_schedule_misses_nothing(catch_up: str) -> None:
    app = memory_app()
    handle = app.schedule(noop, "every second", catch_up=catch_up, overlap="allow")
    app.clock.advance("4s")
    app.drain()
    assert [fire.code for fire in handle.fires()] == ["fired"] * 4


def test_fires_that_would_overtake_each_other_are_refused() -> None:
    app = memory_app()
    with pytest.raises(ScheduleError, match="jitter: 1 h is longer than the 5 min between"):
        app.schedule(noop, "every 5 minutes", jitter="1h")
    handle = app.schedule(noop, "every 2 hours", jitter="1h")
    with pytest.raises(ScheduleError, match="jitter"):
        handle.update("every 5 minutes")
    with pytest.raises(ScheduleError, match="jitter"):
        handle.update(jitter="3h")


@pytest.mark.parametrize("length", [timedelta(microseconds=1), timedelta(milliseconds=99)])
def test_a_flood_of_fires_is_refused(length: timedelta) -> None:
    with pytest.raises(ScheduleError, match="at least 100 ms"):
        memory_app().schedule(noop, length)


def test_many_dense_schedules_after_a_sleep_hold_the_store_for_moments_only() -> None:
    app = memory_app()
    for name in "abcdefghij":
        app.schedule(noop, "every second", name=name)
    me = WorkerInfo(0, "w", "h", 1, "1", "", "[]", 1, 0, 0, 0, DAY)
    worker = app.store.add_worker(me, app.clock.micros())
    app.clock.advance("1d")
    order = ClaimOrder(worker=worker, slots=1, free=1, tasks=name_list([]))
    answer = app.store.exchange([], order, app.clock.micros())
    assert 500 <= sum(handle.record.skipped for handle in app.schedules) <= 1_010
    assert answer.next_fire is not None and answer.next_fire <= app.clock.micros()


def test_a_worker_that_stops_does_not_spin_on_what_is_due() -> None:
    app = memory_app()
    app.schedule(noop, "every second")
    worker = app._work.make_worker("")
    worker.start(threads=False)
    app.clock.advance("1h")
    now = app.clock.micros()
    for station in worker._stations:
        station.dispatcher.draining = True
        assert station.dispatcher.tick(now) > now
    worker.stop(0)


def test_a_fire_that_is_made_up_for_by_hand_is_no_longer_counted_as_skipped() -> None:
    app = memory_app()
    handle = app.schedule(noop, "every hour")
    start = app.clock.now()
    handle.pause("holiday")
    app.clock.advance("5h")
    handle.resume()
    assert handle.record.skipped == 5
    assert len(handle.backfill(start, app.clock.now() - timedelta(hours=2))) == 4
    assert handle.record.skipped == sum(fire.job_id is None for fire in handle.fires()) == 2


def test_a_late_fire_expires_with_its_instant() -> None:
    app = memory_app()
    handle = app.schedule(noop, "every day at 09:00", expires="1h")
    app.clock.jump("2026-01-01T09:59+00:00")
    app.store.schedules.settle(handle.id, app.clock.micros())
    [fire] = handle.fires()
    assert fire.job_id is not None
    assert app.job(fire.job_id).record.expires_at == parse_moment("2026-01-01T10:00+00:00")


@pytest.mark.parametrize("zone", ["localtime", "posixrules", "Factory", "right/UTC", "posix/UTC"])
def test_a_zone_that_is_another_on_each_machine_is_refused(zone: str) -> None:
    with pytest.raises(ScheduleError, match="timezone"):
        memory_app().schedule(noop, "every day at 9am", timezone=zone)


def test_why_does_not_promise_a_fire_that_a_blackout_skips() -> None:
    app = memory_app()
    handle = app.schedule(noop, "every day at 23:00", blackout="22:00-06:00")
    assert "its next instant is" in str(handle.why())
    assert "which the blackout 22:00-06:00 skips" in str(handle.why())
    handle.update(blackout=[])
    assert "it fires next at" in str(handle.why())


NOW = datetime(2026, 6, 1, 10, tzinfo=UTC)  # a monday


@pytest.mark.parametrize(
    ("phrase", "fires"),
    [
        ("every 3 months starting february 1", ["2027-02-01T00", "2027-05-01T00"]),
        ("every month starting 2026-08-15", ["2026-08-15T00", "2026-09-15T00"]),
        ("quarterly starting 2026-08-15", ["2026-08-15T00", "2026-11-15T00"]),
        ("weekly at 9am starting tomorrow", ["2026-06-02T09", "2026-06-09T09"]),
        ("every week starting wednesday", ["2026-06-03T00", "2026-06-10T00"]),
        ("every year starting 2026-08-15", ["2026-08-15T00", "2027-08-15T00"]),
        ("every week on friday starting tomorrow", ["2026-06-05T00", "2026-06-12T00"]),
        ("tonight at 2am", ["2026-06-02T02"]),
        ("tonight at midnight", ["2026-06-02T00"]),
        ("every monday at 1 at night", ["2026-06-08T01", "2026-06-15T01"]),
    ],
)
def test_a_phrase_means_what_a_person_means(phrase: str, fires: list[str]) -> None:
    plan = parse(phrase, NOW)
    found = [to_datetime(fire) for fire in plan.fires(to_micros(NOW), 2)]
    assert [f"{fire:%Y-%m-%dT%H}" for fire in found] == fires
    assert parse(describe(plan, "UTC"), NOW) == plan


@pytest.mark.parametrize(
    ("phrase", "suggestion"),
    [
        ("every day starting tomorrow at 9am", "every day at 09:00 starting tomorrow at 9am"),
        ("every weekday until june 10 at 5pm", "every weekday at 17:00 until june 10 at 5pm"),
        ("every friday night at 1am", "every saturday at 01:00"),
        ("every friday night at 12", "every friday at 00:00"),
        ("tomorrow night at 1", "on 2026-06-03 at 01:00"),
        (
            "every 3 months on the 15th starting 2026-08-15",
            "cron 0 0 15 2,5,8,11 * starting 2026-08-15",
        ),
    ],
)
def test_a_phrase_of_two_meanings_is_asked_about(phrase: str, suggestion: str) -> None:
    with pytest.raises(PhraseError) as asked:
        parse(phrase, NOW)
    assert suggestion in asked.value.suggestions
    assert len(asked.value.suggestions) == 2


def test_letters_that_changed_places_are_seen_through() -> None:
    with pytest.raises(PhraseError) as asked:
        parse("every dya at 9am", NOW)
    assert "every day at 9am" in asked.value.suggestions


def test_mo_is_no_month() -> None:
    with pytest.raises(PhraseError):
        parse("every mo at 9am", NOW)


@pytest.mark.parametrize("expires", [0, timedelta(days=40_000)])
def test_a_lifetime_of_nothing_or_of_ages_is_refused(expires: object) -> None:
    with pytest.raises(OptionError, match="expires"):
        memory_app().schedule(noop, "every day", expires=expires)  # type: ignore[arg-type]


def test_after_a_phrase_that_was_refused_the_right_one_is_taken(tmp_path: Path) -> None:
    with Offhours(tmp_path / "a.db") as before:
        before.schedule(noop, "every day", name="daily")
    with Offhours(tmp_path / "a.db") as app:
        with pytest.raises(PhraseError):
            app.schedule(noop, "every dya", name="daily")
        assert app.schedule(noop, "every hour", name="daily").record.text == "every hour"


def test_more_missed_fires_than_anybody_reads_are_told_in_one_row() -> None:
    app = memory_app()
    handle = app.schedule(noop, "every second", catch_up="all:3")
    app.clock.advance("30d")
    app.drain()
    assert handle.record.runs == 4  # three missed ones and the one of this very second
    assert handle.record.next_at == app.clock.micros() + 1_000_000
    fires = handle.fires(100_000)
    assert len(fires) < 20_000
    stretch = next(fire for fire in fires if "so did all before" in (fire.reason or ""))
    told = int((stretch.reason or "").rsplit(" ", 1)[1].replace(",", ""))
    assert told == pytest.approx(30 * 86_400 - len(fires), rel=0.01)


def test_what_a_pause_skipped_is_told_in_one_row_too() -> None:
    app = memory_app()
    handle = app.schedule(noop, "every second")
    handle.pause("holiday")
    app.clock.advance("30d")
    handle.resume()
    assert handle.record.next_at == app.clock.micros() + 1_000_000
    assert any("so did all before" in (fire.reason or "") for fire in handle.fires(100_000))


def test_jobs_that_wait_for_one_that_failed_end_with_their_schedule() -> None:
    app = memory_app()

    @app.task(retries=0)
    def broken() -> None:
        raise ValueError("no")

    handle = app.schedule(broken, "every minute", overlap="queue_all", disable_after=2,
                          catch_up="all")  # fmt: skip
    app.clock.advance("10m")
    app.drain()
    assert handle.status is ScheduleStatus.DISABLED
    states = Counter(job.state for job in app.jobs())
    assert states == {JobState.FAILED: 2, JobState.CANCELLED: 8}


def test_a_backfill_makes_up_for_what_is_recorded_only() -> None:
    app = memory_app()
    handle = app.schedule(noop, "every day at 12:00", name="daily")
    app.clock.advance("100d")
    now = to_datetime(app.clock.micros())
    with pytest.raises(ScheduleError, match="retention"):
        handle.backfill(now - timedelta(days=99), now)
    handle.backfill(now - timedelta(days=3), now)
    codes = [fire.code for fire in handle.fires(3)]  # what was due is fired first, then backfilled
    assert codes == ["caught_up", "backfilled", "backfilled"]


def test_a_new_zone_is_in_the_sentence() -> None:
    app = memory_app()
    handle = app.schedule(noop, "every day at 12:00 in Europe/Berlin", name="daily")
    handle.update(timezone="Asia/Tokyo")
    assert "Berlin" not in handle.record.text
    again = parse(handle.record.text, app.clock.now(), "Asia/Tokyo")
    assert again.timezone == "Asia/Tokyo"


@pytest.mark.parametrize("call", [{"args": 5}, {"args": "notes"}, {"kwargs": [1]}])
def test_arguments_that_are_none_are_refused(call: dict[str, Any]) -> None:
    app = memory_app()
    (name,) = call
    with pytest.raises(OptionError, match=name):
        app.schedule(noop, "every day", **call)
    handle = app.schedule(noop, "every day")
    with pytest.raises(OptionError, match=name):
        handle.update(**call)
