"""Intervals, calendar intervals, one-shots, and the plan that bounds and merges them."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from offhours.core.errors import ScheduleError
from offhours.core.times import DAY, HOUR, LATEST, MINUTE, SECOND, to_datetime, to_micros
from offhours.core.triggers import (
    At,
    Calendar,
    Cron,
    Every,
    Plan,
    Window,
    dst_notes,
    from_dict,
    warnings,
)

BERLIN = "Europe/Berlin"


def at(text: str) -> int:
    return to_micros(datetime.fromisoformat(text))


def told(plan: Plan, after: str, n: int) -> list[str]:
    return [
        to_datetime(fire).astimezone(plan.zone).strftime("%m-%d %H:%M")
        for fire in plan.fires(at(after), n)
    ]


def test_every_counts_real_time_from_its_anchor() -> None:
    every = Every(45 * MINUTE, at("2026-03-29T00:00Z"))
    assert every.next_after(0, UTC) == every.anchor
    assert every.next_after(every.anchor - 1, UTC) == every.anchor
    assert every.next_after(every.anchor, UTC) == every.anchor + 45 * MINUTE
    assert every.next_after(every.anchor + 45 * MINUTE - 1, UTC) == every.anchor + 45 * MINUTE
    assert every.next_after(LATEST, UTC) is None
    day = Plan((Every(DAY, at("2026-03-28T09:00+01:00")),), BERLIN)
    assert told(day, "2026-03-28T00:00Z", 3) == ["03-28 09:00", "03-29 10:00", "03-30 10:00"]


@pytest.mark.parametrize("interval", [0, -1, True, 1.5, None, "5", LATEST + 1])
def test_an_interval_is_a_positive_length(interval: Any) -> None:
    with pytest.raises(ScheduleError, match="interval"):
        Every(interval, 0)


def test_a_number_too_long_to_print_is_refused_too() -> None:
    with pytest.raises(ScheduleError, match="a very large int"):
        Every(10**5000, 0)


def test_a_calendar_interval_keeps_the_wall_clock() -> None:
    other_day = Calendar(days=2, anchor_date=date(2026, 3, 27), at=(time(18), time(2, 30)))
    assert told(Plan((other_day,), BERLIN), "2026-03-27T12:00Z", 5) == [
        "03-27 18:00", "03-29 03:00", "03-29 18:00", "03-31 02:30", "03-31 18:00",
    ]  # fmt: skip
    autumn = Calendar(days=1, anchor_date=date(2026, 10, 24), at=(time(2, 30),))
    fires = Plan((autumn,), BERLIN).fires(at("2026-10-24T12:00Z"), 2)
    assert fires == (at("2026-10-25T02:30+02:00"), at("2026-10-26T02:30+01:00"))


def test_a_calendar_interval_does_not_start_before_its_anchor() -> None:
    fortnightly = Plan((Calendar(days=14, anchor_date=date(2026, 6, 1)),), "UTC")
    assert told(fortnightly, "1980-01-01T00:00Z", 3) == [
        "06-01 00:00",
        "06-15 00:00",
        "06-29 00:00",
    ]


def test_a_short_month_uses_its_last_day_and_the_next_the_real_one() -> None:
    monthly = Plan((Calendar(months=1, anchor_date=date(2027, 12, 31)),), "UTC")
    assert told(monthly, "2027-12-01T00:00Z", 5) == [
        "12-31 00:00", "01-31 00:00", "02-29 00:00", "03-31 00:00", "04-30 00:00",
    ]  # fmt: skip
    yearly = Plan((Calendar(months=12, anchor_date=date(2028, 2, 29)),), "UTC")
    assert [str(to_datetime(f).date()) for f in yearly.fires(0, 5)] == [
        "2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"days": 1, "months": 1},
        {"days": -1},
        {"days": True},
        {"months": 10**9},
        {"days": 1, "at": ()},
        {"days": 1, "at": (time(9, tzinfo=UTC),)},
        {"days": 1, "at": ("09:00",)},
        {"days": 1, "anchor_date": datetime(2026, 1, 1)},
        {"days": 1, "anchor_date": "2026-01-01"},
    ],
)
def test_a_wrong_calendar_interval_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ScheduleError):
        Calendar(**bad)


def test_calendar_times_are_a_set_in_order() -> None:
    assert Calendar(days=1, at=(time(9), time(7), time(9))) == Calendar(
        days=1, at=(time(7), time(9))
    )
    assert Calendar(days=1).next_after(LATEST, UTC) is None
    assert Calendar(days=100_000, anchor_date=date(9990, 1, 1)).next_after(LATEST - 1, UTC) is None


def test_once() -> None:
    once = Plan((At(at("2026-06-01T10:00Z")),), "UTC")
    assert once.fires(0, 5) == (at("2026-06-01T10:00Z"),)
    with pytest.raises(ScheduleError):
        At(-1)


def test_a_plan_merges_its_triggers_and_one_instant_counts_once() -> None:
    plan = Plan((Cron("*/10 9-16 * * 1-5"), Cron("0 17 * * 1-5"), Cron("0 9,17 * * *")), "UTC")
    assert told(plan, "2026-06-01T16:45Z", 4) == [
        "06-01 16:50", "06-01 17:00", "06-02 09:00", "06-02 09:10",
    ]  # fmt: skip


def test_start_and_end_may_fire() -> None:
    plan = Plan(
        (Cron("0 * * * *"),), "UTC", start=at("2026-06-01T10:00Z"), end=at("2026-06-01T12:00Z")
    )
    assert told(plan, "2020-01-01T00:00Z", 9) == ["06-01 10:00", "06-01 11:00", "06-01 12:00"]
    assert plan.next_after(at("2026-06-01T12:00Z")) is None


def test_count_is_what_is_left() -> None:
    plan = Plan((Cron("@daily"),), "UTC", count=3)
    assert len(plan.fires(0, 10)) == 3
    assert len(plan.fires(0, 10, fired=2)) == 1
    assert plan.next_after(0, fired=3) is None


def test_excepted_dates_are_local() -> None:
    plan = Plan((Cron("30 0,23 * * *"),), "Pacific/Auckland", except_dates=(date(2026, 12, 25),))
    assert told(plan, "2026-12-24T00:00Z", 3) == ["12-24 23:30", "12-26 00:30", "12-26 23:30"]


def test_excepted_dates_hold_when_midnight_is_skipped_or_repeated() -> None:
    cairo = Plan((Cron("* * * * *"),), "Africa/Cairo", except_dates=(date(2026, 4, 23),))
    assert told(cairo, "2026-04-22T21:58Z", 2) == ["04-22 23:59", "04-24 01:00"]
    havana = Plan((Cron("*/30 * * * *"),), "America/Havana", except_dates=(date(2025, 11, 1),))
    assert told(havana, "2025-11-01T00:00-04:00", 4) == [
        "11-02 00:00", "11-02 00:30", "11-02 00:00", "11-02 00:30",
    ]  # fmt: skip


def test_windows_have_both_ends_and_may_wrap_midnight() -> None:
    plan = Plan((Every(HOUR, 0),), "UTC", windows=(Window(time(22), time(1)),))
    assert told(plan, "2026-06-01T12:00Z", 5) == [
        "06-01 22:00", "06-01 23:00", "06-02 00:00", "06-02 01:00", "06-02 22:00",
    ]  # fmt: skip
    windows = (Window(time(9), time(9, 30)), Window(time(12, 10), time(12, 45)))
    two = Plan((Cron("*/30 * * * *"),), "UTC", windows=windows)
    assert told(two, "2026-06-01T09:00Z", 3) == ["06-01 09:30", "06-01 12:30", "06-02 09:00"]


def test_windows_are_those_of_the_wall_clock_in_both_passes() -> None:
    plan = Plan((Cron("*/30 * * * *"),), BERLIN, windows=(Window(time(1, 45), time(2, 15)),))
    fires = plan.fires(at("2026-10-24T12:00Z"), 3)
    assert fires[:2] == (at("2026-10-25T02:00+02:00"), at("2026-10-25T02:00+01:00"))
    assert fires[2] == at("2026-10-26T02:00+01:00")


def test_a_dense_plan_jumps_to_its_window() -> None:
    plan = Plan((Cron("* * * * * *"), Every(1, 0)), "UTC", windows=(Window(time(9), time(10)),))
    assert plan.next_after(at("2026-06-01T10:00Z")) == at("2026-06-02T09:00Z")


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"triggers": ()}, "at least one"),
        ({"triggers": ("0 9 * * *",)}, "at least one"),
        ({"triggers": (At(5),) * 65}, "at most 64"),
        ({"timezone": "America/Newyork"}, 'did you mean "America/New_York"'),
        ({"timezone": "berlin"}, 'did you mean "Europe/Berlin"'),
        ({"timezone": "utc"}, 'did you mean "UTC"'),
        ({"timezone": "../../etc/passwd"}, "not an IANA name"),
        ({"timezone": "America"}, "not an IANA name"),
        ({"timezone": ""}, "not an IANA name"),
        ({"timezone": "x" * 1_000_000}, "not an IANA name"),
        ({"timezone": None}, "not an IANA name"),
        ({"count": 0}, "count"),
        ({"count": 1.5}, "count"),
        ({"start": "now"}, "start"),
        ({"start": 5, "end": 4}, "before the start"),
        ({"start": at("2026-06-01T09:00:01Z"), "end": at("2026-06-02T08:59Z")}, "never fire"),
        ({"triggers": (At(5),), "start": 6}, "never fire"),
        ({"windows": (Window(time(10), time(11)),)}, "never fire"),
        ({"triggers": (At(0),), "except_dates": (date(1970, 1, 1),)}, "never fire"),
        ({"windows": ((time(1), time(2)),)}, "Window"),
        ({"except_dates": ("2026-12-25",)}, "a date"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(bad: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"triggers": (Cron("0 9 * * *"),), "timezone": "UTC"}
    with pytest.raises(ScheduleError) as refused:
        Plan(**(given | bad))
    assert said in str(refused.value)
    assert len(str(refused.value)) < 250


def test_a_window_of_no_length_is_refused() -> None:
    with pytest.raises(ScheduleError, match="starts and ends at 09:00"):
        Window(time(9), time(9))


def test_everything_is_a_frozen_value() -> None:
    every = Every(HOUR, 0)
    with pytest.raises(FrozenInstanceError):
        every.interval = 5  # type: ignore[misc]
    assert len({every, Every(HOUR, 0), At(0), At(0)}) == 2


@pytest.mark.parametrize(
    "trigger",
    [
        Cron("*/5 * * * *"),
        Every(90 * SECOND, at("2026-06-01T10:00Z")),
        Calendar(days=14, anchor_date=date(2026, 6, 1), at=(time(9, 30), time(17))),
        Calendar(months=5, anchor_date=date(2026, 1, 31)),
        At(at("2026-06-01T10:00Z")),
    ],
)
def test_triggers_and_plans_survive_json(trigger: Any) -> None:
    assert from_dict(json.loads(json.dumps(trigger.to_dict()))) == trigger
    plan = Plan(
        (trigger,), BERLIN, start=0, end=LATEST, count=2,
        except_dates=(date(2026, 12, 25),), windows=(Window(time(0), time(23, 59)),),
    )  # fmt: skip
    assert Plan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


@pytest.mark.parametrize(
    "stored",
    [{}, {"type": "moon"}, {"type": "cron"}, None,
     {"type": "calendar", "days": 1, "anchor_date": 5},
     {"type": "calendar", "days": 1, "anchor_date": "2026-13-01", "at": []}, [], {"type": []}],
)  # fmt: skip
def test_what_cannot_be_read_back_is_a_schedule_error(stored: Any) -> None:
    with pytest.raises(ScheduleError):
        from_dict(stored)
    with pytest.raises(ScheduleError):
        Plan.from_dict({"triggers": [stored], "timezone": "UTC"})
    with pytest.raises(ScheduleError):
        Plan.from_dict(stored)


@pytest.mark.parametrize(
    ("trigger", "said"),
    [
        (Cron("0 9 31 * *"), "not every month has day 31"),
        (Cron("0 9 1,30,31 * *"), "not every month has day 30 or 31"),
        (Cron("0 9 29 2 *"), "not every month has day 29"),
        (Cron("0 9 * * FRI#5"), "not every month has a fifth Friday"),
        (Cron("0 9 * * 7#5"), "not every month has a fifth Sunday"),
        (Calendar(months=1, anchor_date=date(2026, 1, 31)), "runs on the last day"),
        (Cron("*/10 * * * * *"), "more often than once a minute: every 10 s"),
        (Cron("*/10 * 9 * * *"), "more often than once a minute"),
        (Every(5 * SECOND, 0), "every 5.0 s"),
    ],
)
def test_warnings(trigger: Any, said: str) -> None:
    found = warnings(Plan((trigger,), "UTC"), at("2026-06-01T10:00Z"))
    assert len(found) == 1 and said in found[0]


@pytest.mark.parametrize(
    "trigger",
    [Cron("0 9 28-31 * *"), Cron("0 9 31 1,3,5 *"), Cron("0 9 L * *"), Cron("* * * * *"),
     Cron("0 9 * * 1#4"), Calendar(months=1, anchor_date=date(2026, 1, 28)),
     Every(MINUTE, 0), At(5)],
)  # fmt: skip
def test_no_warnings(trigger: Any) -> None:
    assert warnings(Plan((trigger,), "UTC"), 0) == ()


@pytest.mark.parametrize(
    ("trigger", "notes"),
    [
        (Cron("30 2 * * *"), ("on 29 March 2026 02:30 does not exist: runs at 03:00",
                              "on 25 October 2026 02:30 comes twice: runs the first time")),
        (Cron("*/15 2 * * *"), ("on 29 March 2026 02:00, 02:15 and so on do not exist: left out",
                                "on 25 October 2026 02:00, 02:15 and so on come twice: "
                                "runs both times")),
        (Cron("0 */2 * * *"), ("on 29 March 2026 02:00 does not exist: left out",
                               "on 25 October 2026 02:00 comes twice: runs both times")),
        (Calendar(days=1, anchor_date=date(2026, 1, 1), at=(time(2), time(2, 30))),
         ("on 29 March 2026 02:00 and 02:30 do not exist: runs at 03:00",
          "on 25 October 2026 02:00 and 02:30 come twice: runs the first time")),
        (Cron("0 9 * * *"), ()),
        (Cron("*/5 * * * *"), ()),
        (Cron("30 2 * * MON"), ()),
        (Every(HOUR, 0), ()),
    ],
)  # fmt: skip
def test_dst_notes(trigger: Any, notes: tuple[str, ...]) -> None:
    now = at("2026-02-01T00:00Z")
    assert dst_notes(Plan((trigger,), BERLIN), now) == notes
    assert dst_notes(Plan((trigger,), BERLIN), now, count=1) == notes[:1]
    assert dst_notes(Plan((trigger,), "UTC"), now) == ()


def test_dst_notes_keep_to_the_bounds() -> None:
    now, cron = at("2026-02-01T00:00Z"), Cron("30 2 * * *")
    spring, autumn = date(2026, 3, 29), date(2026, 10, 25)
    assert dst_notes(Plan((cron,), BERLIN, except_dates=(spring, autumn)), now) == ()
    assert len(dst_notes(Plan((cron,), BERLIN, end=at("2026-06-01T00:00Z")), now)) == 1
    assert len(dst_notes(Plan((cron,), BERLIN, start=at("2026-06-01T00:00Z")), now)) == 1
    night = Plan((cron,), BERLIN, windows=(Window(time(2), time(2, 45)),))
    assert dst_notes(night, now)[0] == "on 29 March 2026 02:30 does not exist: left out"


def test_the_zone_is_there() -> None:
    assert Plan((At(5),), BERLIN).zone == ZoneInfo(BERLIN)
