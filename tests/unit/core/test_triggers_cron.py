"""Cron expressions: the collected cases, what is refused and how, and what a message says."""

from __future__ import annotations

import json
import time as clock
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from offhours.core.errors import InputError, ScheduleError
from offhours.core.times import LATEST, to_datetime, to_micros
from offhours.core.triggers import Cron, Plan, from_dict

DATA = Path(__file__).parents[2] / "data"


def cases(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DATA / name).read_text(encoding="utf-8"))
    return found


def fires(expression: str, zone: str, after: str, n: int) -> list[str]:
    plan = Plan((Cron(expression),), zone)
    found = plan.fires(to_micros(datetime.fromisoformat(after)), n)
    return [to_datetime(fire).astimezone(ZoneInfo(zone)).isoformat() for fire in found]


@pytest.mark.parametrize("case", cases("cron_next_sample.json"), ids=lambda c: c["expr"])
def test_next_fires(case: dict[str, Any]) -> None:
    assert fires(case["expr"], case["tz"], case["after"], len(case["next"])) == case["next"]


@pytest.mark.parametrize(
    "case", cases("cron_invalid_sample.json"), ids=lambda c: f"{c['kind']} {c['expr'][:20]!a}"
)
def test_refused(case: dict[str, Any]) -> None:
    with pytest.raises(ScheduleError) as refused:
        Cron(case["expr"])
    assert refused.value.field and isinstance(refused.value, InputError)


@pytest.mark.parametrize(
    ("expression", "field", "said"),
    [
        ("0 25 * * *", "hour", "hour: expected 0-23, got '25'"),
        ("0 0 0 * *", "day of month", "expected 1-31, L, LW, 15W or L-3, got '0'"),
        ("0 0 1 FOO *", "month", "expected 1-12 or JAN-DEC, got 'FOO'"),
        ("0 0 MON * *", "day of month", "got 'MON'"),
        ("5/15 * * * *", "minute", "write 5-59/15"),
        ("* 5/4 * * *", "hour", "write 5-23/4"),
        ("*/90 * * * *", "minute", "use an interval schedule"),
        ("0 */24 * * *", "hour", "larger than the field"),
        ("*/ * * * *", "minute", "expected a step from 1 to 59, got ''"),
        ("* * * * FRI-MON", "day of week", "write FRI-6,0-MON"),
        ("* * * * SAT-SUN", "day of week", "write SAT-7"),
        ("* * * NOV-FEB *", "month", "write NOV-12,1-FEB"),
        ("0 0 L-0 * *", "day of month", "expected L-1 to L-30"),
        ("0 0 32W * *", "day of month", "got '32'"),
        ("0 0 L-3W * *", "day of month", "got 'L'"),
        ("0 0 * * L", "day of week", "expected 0L to 7L"),
        ("0 0 * * 1#6", "day of week", "expected #1 to #5"),
        ("0 0 31 2,4,6 *", "day of month", "no such date"),
        ("0 0 L-30 2 *", "day of month", "no such date"),
        ("0 0 30W 2 *", "day of month", "no such date"),
        ("0 9 * *", "cron", "got 4"),
        ("0 0 9 * * * *", "cron", "got 7"),
        ("@reboot", "alias", "start-up"),
        ("@every 5m", "alias", "stands alone"),
        ("٣ * * * *", "cron", "not a cron character"),
        ("0 9 * * *\n", "cron", "not a cron character"),
        ("? 9 * * *", "cron", "not a cron character"),
        ("*5 * * * *", "minute", "got '*5'"),
        ("*-5 * * * *", "minute", "got '*'"),
        ("5-* * * * *", "minute", "got '*'"),
        ("1,L/2 * * * *", "minute", "got 'L'"),
        ("0 0 L/2 * *", "day of month", "got 'L'"),
        ("0 0 LW/2 * *", "day of month", "got 'LW'"),
        ("0 0 * * 5L/2", "day of week", "got '5L'"),
    ],
)
def test_a_refusal_names_the_field_and_what_was_expected(
    expression: str, field: str, said: str
) -> None:
    with pytest.raises(ScheduleError) as refused:
        Cron(expression)
    assert refused.value.field == field
    assert said in str(refused.value)


@pytest.mark.parametrize("bad", [None, 5, b"* * * * *", ["*"] * 5])
def test_only_text_is_an_expression(bad: Any) -> None:
    with pytest.raises(ScheduleError, match="expected text"):
        Cron(bad)


@pytest.mark.parametrize("unit", ["x", "* ", "0,", "9", "1-", "L", "#", "\u0663", "\t"])
def test_hostile_size_is_refused_at_once(unit: str) -> None:
    text = unit * 1_000_000
    before = clock.perf_counter()
    with pytest.raises(ScheduleError, match="expected at most 256") as refused:
        Cron(text)
    assert clock.perf_counter() - before < 0.05
    assert len(str(refused.value)) < 200


def test_256_characters_are_allowed_and_quick() -> None:
    text = ",".join(["0-59/7"] * 35) + " * * * *"
    assert len(text) <= 256
    before = clock.perf_counter()
    Cron(text).next_after(0, UTC)
    assert clock.perf_counter() - before < 0.05


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("@Yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        (" @weekly ", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
        ("\t0  9 * jan-mar mon,Wed ", "0 9 * JAN-MAR MON,WED"),
        ("0 0 15w * 5l", "0 0 15W * 5L"),
        ("50-50/6 * * * *", "50 * * * *"),
    ],
)
def test_the_normal_form(written: str, normal: str) -> None:
    cron = Cron(written)
    assert cron.expression == normal
    assert cron == Cron(normal) and hash(cron) == hash(Cron(normal))
    assert from_dict(cron.to_dict()) == cron


@pytest.mark.parametrize(
    ("expression", "after", "days"),
    [
        ("0 0 1W * *", "2026-08-01T00:00Z", ["08-03", "09-01", "10-01"]),
        ("0 0 31W * *", "2026-01-01T00:00Z", ["01-30", "03-31", "05-29"]),
        ("0 0 LW * *", "2026-01-01T00:00Z", ["01-30", "02-27", "03-31"]),
        ("0 0 L-2 * *", "2026-01-01T00:00Z", ["01-29", "02-26", "03-29"]),
        ("0 0 L-30 * *", "2026-01-02T00:00Z", ["03-01", "05-01", "07-01"]),
        ("0 0 15W,L * *", "2026-02-01T00:00Z", ["02-16", "02-28", "03-16"]),
        ("0 0 1W * MON", "2026-08-01T00:00Z", ["08-03", "08-10", "08-17"]),
        ("0 0 15W,*/9 * MON", "2026-08-01T00:00Z", ["08-03", "08-10", "08-14"]),
        ("0 0 */9 * MON", "2026-08-01T00:00Z", ["08-10", "09-28", "10-19"]),
        ("0 0 * * MON#5", "2026-01-01T00:00Z", ["03-30", "06-29", "08-31"]),
        ("0 0 * * 7L", "2026-01-01T00:00Z", ["01-25", "02-22", "03-29"]),
    ],
)
def test_special_days(expression: str, after: str, days: list[str]) -> None:
    assert [fire[5:10] for fire in fires(expression, "UTC", after, 3)] == days


@pytest.mark.parametrize(
    ("expression", "fixed"),
    [("0 9 * * *", True), ("0 9,*/2 * * *", True), ("*/5 9 * * *", False),
     ("0 * * * *", False), ("0 0 9 * * *", False)],
)  # fmt: skip
def test_which_jobs_are_fixed_time(expression: str, fixed: bool) -> None:
    assert Cron(expression).is_fixed_time == fixed


def test_six_fields_match_plainly_in_both_passes_and_are_not_caught_up() -> None:
    assert fires("0 30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", 3) == [
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:30:00+01:00",
        "2026-10-26T02:30:00+01:00",
    ]
    assert fires("0 30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", 1) == [
        "2026-03-30T02:30:00+02:00"
    ]


def test_a_skipped_day_is_caught_up_once() -> None:
    assert fires("0 9,12 * * *", "Pacific/Apia", "2011-12-30T08:00Z", 3) == [
        "2011-12-31T00:00:00+14:00",
        "2011-12-31T09:00:00+14:00",
        "2011-12-31T12:00:00+14:00",
    ]


def test_a_rare_date_across_a_century() -> None:
    assert fires("0 0 */28 2 MON#5", "UTC", "2072-03-01T00:00Z", 1) == ["2112-02-29T00:00:00+00:00"]


def test_there_is_an_end_of_time() -> None:
    cron = Cron("* * * * *")
    assert cron.next_after(LATEST, UTC) is None
    assert cron.next_after(10**30, UTC) is None
    assert Cron("0 0 1 1 *").next_after(LATEST - 1, ZoneInfo("Asia/Tokyo")) is None
