"""Random crontabs of Celery and cron triggers of APScheduler: ours fires alike, or says where not.

The reference is the library itself, asked as its own scheduler asks it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice, takewhile
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from celery import Celery
from celery.schedules import crontab
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.nightly import NIGHTLY

from offhours.core.times import DAY, HOUR, Micros, to_micros
from offhours.core.triggers.zones import changes
from offhours.migrate.aps import read_scheduler
from offhours.migrate.beat import Entry, brought
from offhours.migrate.foreign import Foreign

EXAMPLES = 250 if NIGHTLY else 5
NOW = to_micros(datetime(2026, 2, 10, 12, 34, 56, tzinfo=UTC))
NEXT_YEAR = NOW + 365 * DAY
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca")
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def field(low: int, high: int) -> st.SearchStrategy[str]:
    """One field, mostly plain: a star, a step, numbers, a range, a range with a step."""
    numbers = st.integers(low, high)
    ranges = st.tuples(numbers, numbers).map(sorted).map(lambda pair: f"{pair[0]}-{pair[1]}")
    steps = st.integers(2, max(2, (high - low) // 2))
    items = st.one_of(numbers.map(str), ranges)
    return st.one_of(
        st.just("*"),
        numbers.map(str),
        steps.map(lambda step: f"*/{step}"),
        st.lists(items, min_size=1, max_size=3, unique=True).map(",".join),
    )


def told_or_equal(foreign: Foreign, start: Micros) -> None:
    """From `start` on, for a while, every difference is one that `differences` tells of."""
    assert foreign.plan is not None and foreign.theirs is not None
    ours = foreign.plan.fires(start, 60)
    theirs = tuple(islice(foreign.theirs(start), 60))
    last = min([*ours[-1:], *theirs[-1:], NEXT_YEAR])
    apart = {at for at in set(ours) ^ set(theirs) if at <= last}
    told = foreign.differences(NOW)
    unsaid = {at for at in apart if not any(abs(at - each.at) <= 2 * HOUR for each in told)}
    assert not unsaid, (foreign.said, foreign.plan, sorted(unsaid)[:3])


def start(draw: Callable[..., Any], zone: str) -> Micros:
    """Any moment of the year, and often the day before the clocks change."""
    near = [change - DAY for change in changes(ZoneInfo(zone), NOW + DAY, NEXT_YEAR)]
    anywhere = st.integers(0, 364).map(lambda day: NOW + day * DAY)
    return int(draw(anywhere | st.sampled_from(near) if near else anywhere))


@pytest.mark.timeout(900)
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data(), zone=st.sampled_from(ZONES))
def test_celery(data: st.DataObject, zone: str) -> None:
    app = Celery("random", set_as_current=False)
    app.conf.timezone = zone
    draw = data.draw
    fields = [draw(field(*bounds)) for bounds in ((0, 59), (0, 23), (0, 6), (1, 31), (1, 12))]
    try:
        times = crontab(*fields)
    except ValueError:  # such as the 31st of February
        assume(False)
    foreign = brought(Entry("n", "t", times), app, NOW)
    if foreign.refused is not None:
        assert "on day" in foreign.refused
        days, weekdays = set(times.day_of_month), set(times.day_of_week)
        assert len(days) < 31 and len(weekdays) < 7 and 1 not in days and 0 not in weekdays
        return
    told_or_equal(foreign, start(data.draw, zone))


@pytest.mark.timeout(900)
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data(), zone=st.sampled_from(ZONES))
def test_apscheduler(data: st.DataObject, zone: str) -> None:
    special = st.sampled_from(["last", "2nd fri", "last sun", "5th mon", "1,last", "10,3rd tue"])
    draw = data.draw
    fields: dict[str, Any] = {
        "month": draw(field(1, 12)),
        "day": draw(st.one_of(field(1, 31), special)),
        "day_of_week": draw(st.one_of(st.just("*"), st.sampled_from(WEEK), field(0, 6))),
        "hour": draw(field(0, 23)),
        "minute": draw(field(0, 59)),
        "second": draw(st.sampled_from(["0", "0", "30", "*/20"])),
    }
    try:
        trigger = CronTrigger(**fields, timezone=zone)
    except ValueError:  # a step that is wider than its range
        assume(False)
    assume(trigger.get_next_fire_time(None, datetime(2026, 2, 10, tzinfo=UTC)) is not None)
    scheduler = BackgroundScheduler(timezone=zone)
    scheduler.add_job(nothing, trigger)
    [foreign] = read_scheduler(scheduler, NOW)
    if foreign.refused is not None:
        assert "on day" in foreign.refused or "special day" in foreign.refused
        assert fields["day_of_week"] != "*"
        return
    told_or_equal(foreign, start(data.draw, zone))


@pytest.mark.parametrize("zone", ZONES if NIGHTLY else ("Europe/Berlin",))
def test_a_whole_year_of_common_ones(zone: str) -> None:
    """Each fire of a year is the same, or among the differences that are told."""
    app = Celery("common", set_as_current=False)
    app.conf.timezone = zone
    common = ["0 9 * * 1-5", "30 2 * * *", "15 4 1 * *", "0 0 1-7 * 1", "5 1 * * 0"]
    for text in common:
        foreign = brought(Entry(text, "t", crontab.from_string(text)), app, NOW)
        assert foreign.plan is not None and foreign.theirs is not None

        theirs = set(takewhile(lambda at: at <= NEXT_YEAR, foreign.theirs(NOW)))
        ours = {at for at in foreign.plan.fires(NOW, len(theirs) + 9) if at <= NEXT_YEAR}
        assert ours ^ theirs == {each.at for each in foreign.differences(NOW)}, text
        assert len(ours & theirs) > 10


def nothing() -> None: ...
