"""English to plans: every phrase of the sample, the documents' examples, and the conventions."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from offhours.core.errors import PhraseError
from offhours.core.phrases import describe, parse
from offhours.core.times import SECOND, to_datetime, to_micros
from offhours.core.triggers import At, Calendar, Cron, Every, Plan, Window

NOW = datetime(2026, 6, 1, 10, tzinfo=UTC)
SAMPLE = json.loads(
    (Path(__file__).parents[2] / "data" / "phrases_sample.json").read_text(encoding="utf-8")
)
STARTS = [datetime(2026, 1, 1), datetime(2027, 12, 30, 23, 59, 59)]


def of_kind(*kinds: str) -> list[Any]:
    return [pytest.param(s, id=s["text"][:60]) for s in SAMPLE if s["kind"] in kinds]


def meaning(expression: str) -> list[datetime]:
    """The first fires from two dates: what an expression says, whatever its spelling."""
    cron = Cron(expression)
    return [wall for start in STARTS for wall in islice(cron.walk(start), 40)]


def expressions(phrase: str) -> list[str]:
    plan = parse(phrase, NOW)
    assert all(isinstance(trigger, Cron) for trigger in plan.triggers), plan
    return [trigger.expression for trigger in plan.triggers if isinstance(trigger, Cron)]


def expression(phrase: str) -> str:
    (only,) = expressions(phrase)
    return only


def refused(phrase: str) -> PhraseError:
    with pytest.raises(PhraseError) as refusal:
        parse(phrase, NOW)
    for suggestion in refusal.value.suggestions:
        parse(suggestion, NOW)
    return refusal.value


@pytest.mark.parametrize("sample", of_kind("cron"))
def test_a_phrase_is_the_cron_expression_of_the_sample(sample: dict[str, Any]) -> None:
    try:
        plan = parse(sample["text"], NOW)
    except PhraseError:
        assert sample.get("or_reject")
        return
    assert meaning(expression(sample["text"])) == meaning(sample["cron"])
    assert plan.timezone == sample.get("tz", "UTC")
    assert plan.count == sample.get("count")


@pytest.mark.parametrize("sample", of_kind("crons"))
def test_a_phrase_is_several_expressions(sample: dict[str, Any]) -> None:
    found = sorted(meaning(each) for each in expressions(sample["text"]))
    right = [sample["crons"], *sample.get("accept", [])]
    assert found in [sorted(meaning(each) for each in crons) for crons in right]


@pytest.mark.parametrize("sample", of_kind("interval"))
def test_a_phrase_is_an_interval(sample: dict[str, Any]) -> None:
    try:
        triggers = parse(sample["text"], NOW).triggers
    except PhraseError:
        assert sample.get("or_reject")
        return
    first = triggers[0]
    if isinstance(first, Cron):
        assert meaning(first.expression) == meaning(sample["accept_cron"])
    elif isinstance(first, Every):
        assert first.interval == sample["seconds"] * SECOND
        assert first.anchor == to_micros(NOW)
    else:
        assert [rule(trigger) for trigger in triggers] == rules(sample["rrule"])


def rule(trigger: object) -> tuple[int, int, str]:
    assert isinstance(trigger, Calendar)
    assert trigger.anchor_date >= NOW.date()
    return trigger.days, trigger.months, f"{trigger.anchor_date:%a}"[:2].upper()


def rules(rrule: str) -> list[tuple[int, int, str]]:
    parts = dict(part.split("=") for part in rrule.split(";"))
    count = int(parts.get("INTERVAL", "1"))
    days = {"DAILY": count, "WEEKLY": 7 * count}.get(parts["FREQ"], 0)
    months = {"MONTHLY": count, "YEARLY": 12 * count}.get(parts["FREQ"], 0)
    return [(days, months, day) for day in parts.get("BYDAY", f"{NOW:%a}"[:2].upper()).split(",")]


@pytest.mark.parametrize("sample", of_kind("once"))
def test_a_phrase_is_one_moment(sample: dict[str, Any]) -> None:
    (only,) = parse(sample["text"], NOW).triggers
    assert isinstance(only, At)
    wanted = NOW + timedelta(seconds=sample.get("delta_s", 0))
    if "local" in sample:
        wanted = datetime.fromisoformat(sample["local"]).replace(tzinfo=UTC)
    assert to_datetime(only.moment) == wanted


@pytest.mark.parametrize("sample", of_kind("ask"))
def test_an_ambiguous_phrase_is_refused_with_choices(sample: dict[str, Any]) -> None:
    assert len(set(refused(sample["text"]).suggestions)) >= 2


@pytest.mark.parametrize("sample", of_kind("reject"))
def test_a_phrase_that_means_nothing_is_refused(sample: dict[str, Any]) -> None:
    assert refused(sample["text"]).reason


@pytest.mark.parametrize("sample", of_kind("cron", "crons", "interval", "once"))
def test_each_phrase_of_the_sample_comes_back(sample: dict[str, Any]) -> None:
    try:
        plan = parse(sample["text"], NOW)
    except PhraseError:
        return
    assert parse(describe(plan), NOW) == plan


@pytest.mark.parametrize(
    ("phrase", "cron"),
    [
        ("every 5 minutes", "*/5 * * * *"),
        ("every hour", "0 * * * *"),
        ("every day at 2pm", "0 14 * * *"),
        ("every sunday at noon", "0 12 * * 0"),
        ("every monday at midnight", "0 0 * * 1"),
        ("every week", "0 0 * * 0"),
        ("every month", "0 0 1 * *"),
        ("every 2 minutes", "*/2 * * * *"),
        ("every sunday at 9am", "0 9 * * 0"),
        ("every weekday at 9am", "0 9 * * 1-5"),
        ("0 2 * * *", "0 2 * * *"),
        ("0 9 * * MON-FRI", "0 9 * * MON-FRI"),
        ("@weekly", "0 0 * * 0"),
    ],
)
def test_the_documents_examples(phrase: str, cron: str) -> None:
    assert expression(phrase) == cron


@pytest.mark.parametrize(
    ("phrase", "cron"),
    [
        ("every quarter", "0 0 1 */3 *"),
        ("every 60 minutes", "0 * * * *"),
        ("every 24 hours", "0 0 * * *"),
        ("every half hour", "*/30 * * * *"),
        ("every other hour", "0 */2 * * *"),
        ("every 10th minute", "*/10 * * * *"),
        ("every day at 10, 12 and 17", "0 10,12,17 * * *"),
        ("every day at 1730", "30 17 * * *"),
        ("every day at 18h30", "30 18 * * *"),
        ("every day at 9.30am", "30 9 * * *"),
        ("every day at half past nine in the morning", "30 9 * * *"),
        ("every day at 10 minutes to 5pm", "50 16 * * *"),
        ("every day at 12 at night", "0 0 * * *"),
        ("every friday night at 11", "0 23 * * 5"),
        ("at 5 and 35 past the hour", "5,35 * * * *"),
        ("half past every hour", "30 * * * *"),
        ("every 2 hours on the hour", "0 */2 * * *"),
        ("every hour at :15", "15 * * * *"),
        ("every fri-mon", "0 0 * * 0,1,5,6"),
        ("every monday and every friday at 5pm", "0 17 * * 1,5"),
        ("every 15th of january and july", "0 0 15 1,7 *"),
        ("every 2nd friday of the month", "0 0 * * 5#2"),
        ("2nd,third mon,wed of march 17:00", "0 17 * 3 1#2,1#3,3#2,3#3"),
        ("first and last monday of the month", "0 0 * * 1#1,1L"),
        ("every year on the 1st friday", "0 0 * 1 5#1"),
        ("first business day of the month at 9am", "0 9 1W * *"),
        ("last weekday of the month", "0 0 LW * *"),
        ("the weekday nearest the 15th", "0 0 15W * *"),
        ("3 days before the end of the month", "0 0 L-3 * *"),
        ("second-to-last day of the month", "0 0 L-1 * *"),
        ("last day of the quarter at 5pm", "0 17 L 3,6,9,12 *"),
        ("every day in q1 at noon", "0 12 * 1-3 *"),
        ("every weekday from november to february at noon", "0 12 * 1,2,11,12 1-5"),
        ("every 2 hours from 9am to 5pm", "0 9,11,13,15,17 * * *"),
        ("every hour from 9:30 to 17:00", "30 9-16 * * *"),
        ("every minute from 8:00am to 8:59am", "* 8 * * *"),
        ("every hour at minute 15 from 9am to 5pm", "15 9-16 * * *"),
        ("every 15 minutes starting at minute 5", "5-59/15 * * * *"),
        ("every day except the 1st", "0 0 2-31 * *"),
        ("every month except august", "0 0 1 1-7,9-12 *"),
        ("every weekday but not on friday at noon", "0 12 * * 1-4"),
        ("every 5 minutes except weekends", "*/5 * * * 1-5"),
        ("every second", "* * * * * *"),
        ("EVERY DAY AT 5 PM.", "0 17 * * *"),
    ],
)
def test_the_forms_of_the_grammar(phrase: str, cron: str) -> None:
    assert expression(phrase) == cron


def test_the_order_of_the_parts_makes_no_difference() -> None:
    orders = ["every friday at 5pm in march", "in march at 5pm every friday",
              "at 5pm in march every friday", "every friday in march, at 5pm"]  # fmt: skip
    assert {expression(phrase) for phrase in orders} == {"0 17 * 3 5"}


def test_a_window_that_starts_beside_the_grid_counts_from_its_start() -> None:
    found = expressions("every 30 minutes from 9:15 to 10:15")
    assert [wall.time() for wall in meaning(found[0])[:2]] == [time(9, 15), time(9, 45)]
    assert found == ["15,45 9 * * *", "15 10 * * *"]


@pytest.mark.parametrize(
    ("phrase", "seconds"),
    [("every 90 minutes", 5400), ("every 1.5 hours", 5400), ("every 36 hours", 129_600),
     ("every 1 hour and 15 minutes", 4500), ("every 2 and a half hours", 9000)],
)  # fmt: skip
def test_what_divides_nothing_is_an_anchored_interval(phrase: str, seconds: int) -> None:
    assert parse(phrase, NOW).triggers == (Every(seconds * SECOND, to_micros(NOW)),)


def test_an_interval_starts_where_it_is_told_to() -> None:
    nine = to_micros(datetime(2026, 6, 2, 9, tzinfo=UTC))
    for phrase in ("starting 2026-06-02 09:00", "starting tomorrow at 9am", "starting at 9am"):
        assert parse(f"every 45 minutes {phrase}", NOW).triggers == (Every(2700 * SECOND, nine),)
    assert parse("every 4 hours starting 2026-06-02 09:00", NOW).triggers == (
        Every(14_400 * SECOND, nine),
    )
    on_the_grid = parse("every 3 hours starting 2026-06-02 09:00", NOW)
    assert on_the_grid == Plan((Cron("0 */3 * * *"),), "UTC", start=nine)


def test_an_interval_keeps_to_its_hours() -> None:
    plan = parse("every 45 minutes between 9am and 5pm", NOW)
    assert plan.windows == (Window(time(9), time(17)),)


def test_calendar_intervals_keep_wall_clock_times() -> None:
    assert parse("every other friday at 9am and 5pm", NOW).triggers == (
        Calendar(days=14, anchor_date=date(2026, 6, 5), at=(time(9), time(17))),
    )
    assert parse("every 2 years on march 5", NOW).triggers == (
        Calendar(months=24, anchor_date=date(2027, 3, 5)),
    )


def test_weekdays_of_an_interval_lie_in_the_same_week() -> None:
    starting = "every 2 weeks on monday and friday starting"
    wednesday = parse(f"{starting} 2026-07-01", NOW).triggers
    assert [t.anchor_date for t in wednesday if isinstance(t, Calendar)] == [
        date(2026, 7, 3),
        date(2026, 7, 13),
    ]


def test_bounds_stand_beside_the_expression() -> None:
    plan = parse("daily at 9am from 2026-07-01 to 2026-07-31 for 5 times", NOW)
    assert plan.start == to_micros(datetime(2026, 7, 1, tzinfo=UTC))
    assert plan.end == to_micros(datetime(2026, 8, 1, tzinfo=UTC)) - 1
    assert plan.count == 5
    assert parse("daily at 10am for 3 days", NOW).fires(to_micros(NOW), 9)[3:] == ()


def test_excepted_dates_are_kept() -> None:
    plan = parse("every day at 9am except 2026-12-25 and 2026-12-26", NOW)
    assert plan.except_dates == (date(2026, 12, 25), date(2026, 12, 26))


@pytest.mark.parametrize(
    ("phrase", "zone"),
    [
        ("every day at 9am in Tokyo", "Asia/Tokyo"),
        ("every day at 9am new york time", "America/New_York"),
        ("every day at 9am europe/berlin", "Europe/Berlin"),
        ("every day at 9am GMT", "UTC"),
        ("every day at 9am", "Africa/Cairo"),
    ],
)
def test_zones(phrase: str, zone: str) -> None:
    assert parse(phrase, NOW, "Africa/Cairo").timezone == zone


@pytest.mark.parametrize(
    ("phrase", "local"),
    [
        ("in 90 seconds", "2026-06-01T10:01:30"),
        ("half an hour from now", "2026-06-01T10:30"),
        ("in 2 weeks at 9am", "2026-06-15T09:00"),
        ("tomorrow at noon", "2026-06-02T12:00"),
        ("tonight at 8", "2026-06-01T20:00"),
        ("the day after tomorrow at 9am", "2026-06-03T09:00"),
        ("december 24, 2026 at 6pm", "2026-12-24T18:00"),
        ("24 december 2026 18:00", "2026-12-24T18:00"),
        ("2026-12-24T18:00+02:00", "2026-12-24T16:00"),
        ("2026-12-24T18:00:30Z", "2026-12-24T18:00:30"),
    ],
)
def test_single_moments(phrase: str, local: str) -> None:
    (only,) = parse(phrase, NOW).triggers
    assert isinstance(only, At)
    assert to_datetime(only.moment).replace(tzinfo=None) == datetime.fromisoformat(local)


def test_a_local_day_is_the_day_of_the_zone_in_the_phrase() -> None:
    late = datetime(2026, 6, 1, 20, tzinfo=UTC)
    (only,) = parse("tomorrow at 9am in Asia/Tokyo", late).triggers
    assert isinstance(only, At)
    assert to_datetime(only.moment) == datetime(2026, 6, 3, 0, tzinfo=UTC)


def test_a_naive_now_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        parse("every day", datetime(2026, 6, 1))
