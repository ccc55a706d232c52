"""Plans back to a sentence that reads the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from offhours.core.errors import PhraseError
from offhours.core.phrases import describe, parse
from offhours.core.times import HOUR, MINUTE, SECOND, to_micros
from offhours.core.triggers import At, Calendar, Cron, Every, Plan, Trigger, Window

NOW = datetime(2026, 6, 1, 10, tzinfo=UTC)
TEN = to_micros(NOW)


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("0 9 * * 1-5", "every weekday at 09:00"),
        ("0 0 * * 0", "every sunday at 00:00"),
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 minutes"),
        ("5-59/15 * * * *", "every 15 minutes starting at minute 5"),
        ("0 * * * *", "every hour"),
        ("15,45 * * * 0,6", "every hour at minutes 15 and 45 on weekends"),
        ("30 */2 * * *", "every 2 hours at minute 30"),
        ("0 9-17 * * *", "every hour from 09:00 to 17:00"),
        ("0 0-6,22,23 * * *", "every hour from 22:00 to 06:00"),
        ("0 0-11,13-23 * * *", "every hour except 12:00"),
        ("*/10 9-16 * * 1-5", "every 10 minutes from 09:00 to 16:59 on weekdays"),
        ("0,30 9 * * *", "every day at 09:00 and 09:30"),
        ("0 9 * * 1-4", "every monday to thursday at 09:00"),
        ("0 9 * 1-7,9-12 *", "every day except in august at 09:00"),
        ("0 9 15 1,7 *", "on the 15th of january and july at 09:00"),
        ("0 9 1,L * *", "on the 1st and last of the month at 09:00"),
        ("0 9 L-1 * *", "on the 2nd to last day of the month at 09:00"),
        ("0 9 1W * *", "on the first business day of the month at 09:00"),
        ("0 9 15W * *", "on the weekday nearest the 15th of the month at 09:00"),
        ("0 9 * * 1#1,1L", "on the first and last monday of the month at 09:00"),
        ("0 9 * */3 1#1", "every 3 months on the first monday at 09:00"),
        ("*/15 * * * * *", "every 15 seconds"),
        ("0 9 * * MON-FRI", "every weekday at 09:00 (cron 0 9 * * MON-FRI)"),
        ("0 9 * * 7", "every sunday at 09:00 (cron 0 9 * * 7)"),
        ("5 4 1 * 1", "cron 5 4 1 * 1"),
        ("*/7 3-5 * * *", "cron */7 3-5 * * *"),
        ("30 0 9 * * *", "cron 30 0 9 * * *"),
    ],
)
def test_cron_expressions(expression: str, sentence: str) -> None:
    assert describe(Cron(expression)) == sentence
    assert parse(sentence, NOW) == Plan((Cron(expression),), "UTC")


@pytest.mark.parametrize(
    ("trigger", "sentence"),
    [
        (Every(45 * MINUTE, TEN), "every 45 minutes starting 2026-06-01 10:00"),
        (Every(5 * SECOND, TEN), "every 5 seconds counted from 2026-06-01 10:00"),
        (Every(2 * HOUR, TEN), "every 2 hours counted from 2026-06-01 10:00"),
        (Every(90 * SECOND, TEN + 1), "every 90 seconds starting 2026-06-01 10:00:00.000001"),
        (
            Calendar(days=14, anchor_date=date(2026, 6, 5), at=(time(9),)),
            "every 2 weeks on friday at 09:00 starting 2026-06-05",
        ),
        (
            Calendar(days=1, anchor_date=date(2026, 6, 5)),
            "every 1 day at 00:00 counted from 2026-06-05",
        ),
        (
            Calendar(months=24, anchor_date=date(2027, 3, 5), at=(time(9), time(17, 30))),
            "every 2 years at 09:00 and 17:30 starting 2027-03-05",
        ),
        (At(TEN), "on 2026-06-01 10:00"),
        (At(TEN + 30 * SECOND), "on 2026-06-01 10:00:30"),
    ],
)
def test_anchored_triggers(trigger: Trigger, sentence: str) -> None:
    assert describe(trigger) == sentence
    before = datetime(2026, 5, 31, tzinfo=UTC)
    assert parse(sentence, before) == Plan((trigger,), "UTC")


@pytest.mark.parametrize(
    ("phrase", "sentence"),
    [
        (
            "every 10 minutes between 9am and 5pm on weekdays",
            "every 10 minutes from 09:00 to 17:00 on weekdays",
        ),
        ("every day at 9:15 and 17:45", "every day at 09:15 and 17:45"),
        (
            "mondays at 9am and fridays at 5pm in Europe/Berlin",
            "every monday at 09:00 and every friday at 17:00 in Europe/Berlin",
        ),
        (
            "every 3 weeks on mon and fri",
            "every 3 weeks on monday and friday at 00:00 starting 2026-06-01",
        ),
        (
            "daily at 9am from 2026-07-01 to 2026-07-31 for 5 times except 2026-07-04",
            "every day at 09:00 except 2026-07-04 starting 2026-07-01 until 2026-07-31 for 5 times",
        ),
        (
            "every 45 minutes between 9am and 5pm until tomorrow at noon",
            "every 45 minutes from 09:00 to 17:00 starting 2026-06-01 10:00 until 2026-06-02 12:00",
        ),
        ("tomorrow at 9am and 5pm", "on 2026-06-02 09:00 and on 2026-06-02 17:00"),
    ],
)
def test_plans(phrase: str, sentence: str) -> None:
    plan = parse(phrase, NOW)
    assert describe(plan) == sentence
    assert parse(sentence, NOW) == plan


def test_the_zone_is_named_unless_it_is_the_readers_own() -> None:
    plan = parse("every day at 9am", NOW, "Asia/Tokyo")
    assert describe(plan) == "every day at 09:00 in Asia/Tokyo"
    assert describe(plan, "Asia/Tokyo") == "every day at 09:00"
    assert parse("every day at 09:00", NOW, "Asia/Tokyo") == plan


def test_a_moment_in_a_repeated_hour_keeps_its_pass() -> None:
    for hour in (0, 1):
        moment = to_micros(datetime(2026, 10, 25, hour, 30, tzinfo=UTC))
        plan = Plan((At(moment),), "Europe/Berlin")
        assert parse(describe(plan), NOW) == plan


def test_a_wall_time_that_is_skipped_is_refused() -> None:
    with pytest.raises(PhraseError, match="skips"):
        parse("2027-03-28 02:30 in Europe/Berlin", NOW)


def test_a_schedule_too_long_to_be_said_back_is_refused() -> None:
    days = ",".join(f"2027-01-{day:02}" for day in range(1, 22))
    with pytest.raises(PhraseError, match="make it two"):
        parse(f"every day at 9am except {days}", NOW)
    longest = f"0 {','.join(['0'] * 120)} * * *"
    plan = parse(longest, NOW)
    assert plan == Plan((Cron(longest),), "UTC")
    assert parse(describe(plan), NOW) == plan


def test_windows_of_other_triggers_are_told_without_a_promise() -> None:
    plan = Plan((Cron("0 * * * *"),), "UTC", windows=(Window(time(9), time(17)),))
    assert describe(plan)
