"""Whatever the grammar can say, and whatever a plan can hold, survives the way there and back."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhours.core.errors import PhraseError, ScheduleError
from offhours.core.phrases import describe, parse
from offhours.core.phrases.fields import canonical
from offhours.core.phrases.lexicon import (
    ADVERBS,
    DAY_GROUPS,
    MONTHS,
    PLURAL_WEEKDAYS,
    UNITS,
    WEEKDAYS,
    joined,
    ordinal,
)
from offhours.core.times import MINUTE, SECOND, to_micros
from offhours.core.triggers import At, Calendar, Cron, Every, Plan, Trigger

NOW = datetime(2026, 6, 1, 10, 7, 30, 5, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]


def listed(items: list[str], least: int = 1) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(items), min_size=least, max_size=3, unique=True).map(joined)


hours = st.integers(0, 23)
clocks = st.one_of(
    st.builds("{:02}:{:02}".format, hours, st.integers(0, 59)),
    st.builds("{}{}".format, st.integers(1, 12), st.sampled_from(["am", "pm", " p.m."])),
    st.sampled_from(["noon", "midnight", "half past 9 am", "quarter to 6pm", "7 in the morning"]),
)
times = st.lists(clocks, min_size=1, max_size=3, unique=True).map(lambda t: f"at {joined(t)}")
windows = st.builds("from {:02}:{:02} to {:02}:{:02}".format, hours, st.integers(0, 59), hours,
                    st.integers(0, 59))  # fmt: skip
ordinals = [ordinal(number) for number in range(1, 32)]
days = st.one_of(
    listed(sorted(WEEKDAYS)).map(lambda d: f"every {d}"),
    listed(sorted(PLURAL_WEEKDAYS)),
    st.sampled_from(sorted(DAY_GROUPS)).map(lambda d: f"every {d}"),
    listed([*ordinals, "last"]).map(lambda d: f"on the {d} of the month"),
    st.builds("on the {} {} of the month".format, listed(["first", "2nd", "third", "last"]),
              listed(sorted(WEEKDAYS))),
    st.builds("every {} {}".format, st.sampled_from(sorted(MONTHS)), st.integers(1, 28)),
)  # fmt: skip
months = st.one_of(
    listed(sorted(MONTHS)).map(lambda m: f"in {m}"),
    st.builds("from {} to {}".format, *[st.sampled_from(sorted(MONTHS))] * 2),
    st.just("in q3"),
)
frequencies = st.one_of(
    st.builds("every {} {}".format, st.integers(1, 400), st.sampled_from(sorted(UNITS))),
    st.sampled_from(sorted(UNITS)).map(lambda unit: f"every {unit}"),
    st.sampled_from(sorted(ADVERBS)),
    st.sampled_from(["every other week", "every 1h30m", "every 2.5 hours", "every half hour"]),
)
bounds = st.sampled_from(
    ["starting tomorrow", "until 2027-01-31", "for 12 times", "starting 2026-07-01 12:30",
     "until june 30 at noon", "except 2026-12-25 and 2026-12-26", "in Europe/Berlin", "Tokyo time",
     "except weekends", "except in august", "at minute 20", "starting at minute 7"]
)  # fmt: skip
phrases = st.builds(
    lambda parts, order: " ".join(sorted(parts, key=lambda part: order.index(parts.index(part)))),
    st.lists(st.one_of(frequencies, days, times, months, windows, bounds), min_size=1, max_size=5),
    st.permutations(range(5)),
)
two_clauses = st.builds("{} {} and {} {}".format, days, times, days, times)


def comes_back(plan: Plan, now: datetime = NOW) -> bool:
    return parse(describe(plan), now) == plan


@given(st.one_of(phrases, two_clauses), st.sampled_from(ZONES))
@settings(max_examples=166)
def test_what_is_understood_comes_back_and_what_is_refused_helps(phrase: str, zone: str) -> None:
    try:
        plan = parse(phrase, NOW, zone)
    except PhraseError as refusal:
        for suggestion in refusal.suggestions:
            parse(suggestion, NOW, zone)
    else:
        assert comes_back(plan)
        assert parse(describe(plan, zone), NOW, zone) == plan


WORDS = sorted({*WEEKDAYS, *MONTHS, *UNITS, *ADVERBS, "every", "at", "on", "the", "of", "and", ",",
                "first", "last", "second", "2nd", "5", "9am", "17:30", "noon", "from", "to", "in",
                "until", "starting", "except", "for", "times", "utc", "month", "half", "past",
                "morning", "other", "between", "a", "tomorrow", "2026-12-24", "cron",
                "*"})  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join))
@settings(max_examples=333)
def test_any_words_in_any_order(phrase: str) -> None:
    try:
        plan = parse(phrase, NOW)
    except PhraseError as refusal:
        for suggestion in refusal.suggestions:
            parse(suggestion, NOW)
    else:
        assert comes_back(plan)


@given(st.one_of(phrases, two_clauses), st.integers(0, 40), st.sampled_from(["", *WORDS]))
@settings(max_examples=300)
def test_a_word_is_never_skipped(phrase: str, place: int, extra: str) -> None:
    """A strange word anywhere is refused, whatever stands around it."""
    words = phrase.split()
    words.insert(place % (len(words) + 1), f"{extra}fnord")
    with pytest.raises(PhraseError):
        parse(" ".join(words), NOW)


@given(st.text(max_size=260))
@settings(max_examples=400)
def test_any_text_is_a_plan_or_a_refusal(text: str) -> None:
    try:
        plan = parse(text, NOW)
    except PhraseError:
        return
    else:
        assert comes_back(plan)


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.integers(1, high)
    item = st.one_of(number.map(str), span, st.builds("{}/{}".format, span, step))
    return st.one_of(
        st.just("*"),
        step.map(lambda n: f"*/{n}"),
        st.lists(item, min_size=1, max_size=4).map(",".join),
    )


days_field = st.one_of(field(1, 31), st.sampled_from(["L", "LW", "1W", "15W", "L-2", "1,L", "31"]))
weekday_field = st.one_of(
    field(0, 7), st.sampled_from(["MON-FRI", "1#1", "5L", "1#1,1L", "2#2,4#2", "5#5", "SUN", "7L"])
)
crons = st.one_of(
    st.builds("{} {} {} {} {}".format, field(0, 59), field(0, 23), days_field,
              st.one_of(st.just("*"), field(1, 12), st.just("JAN,JUL")), weekday_field),
    st.builds("{} {} {} * {}".format, field(0, 59), field(0, 23), days_field, st.just("*")),
    st.builds("{} {} * * {}".format, field(0, 59), field(0, 23), weekday_field),
    st.builds("{} {} {} * * *".format, field(0, 59), field(0, 59), field(0, 23)),
)  # fmt: skip


def valid_cron(expression: str) -> Cron | None:
    try:
        return Cron(expression)
    except ScheduleError:
        return None


@given(crons)
@settings(max_examples=166)
def test_each_cron_expression_has_a_sentence_that_reads_back(expression: str) -> None:
    cron = valid_cron(expression)
    if cron is None:
        with pytest.raises(PhraseError):
            parse(expression, NOW)
        return
    assert parse(expression, NOW) == Plan((cron,), "UTC")
    assert comes_back(Plan((cron,), "Europe/Berlin"))


@given(crons)
@settings(max_examples=166)
def test_the_canonical_spelling_means_the_same(expression: str) -> None:
    cron = valid_cron(expression)
    if cron is None:
        return
    same = Cron(canonical(cron.expression))
    assert same.is_fixed_time == cron.is_fixed_time
    for start in (datetime(2026, 1, 1), datetime(2027, 11, 30, 23, 59)):
        assert list(islice(same.walk(start), 12)) == list(islice(cron.walk(start), 12))


walls = st.builds(time, hours, st.integers(0, 59))
dates = st.dates(date(2026, 6, 2), date(2400, 1, 1))
instants = st.builds(
    lambda day, wall, extra: to_micros(datetime.combine(day, wall, UTC)) + extra,
    dates, walls, st.sampled_from([0, SECOND, 59 * SECOND, 1, 123_456]),
)  # fmt: skip
triggers: st.SearchStrategy[Trigger] = st.one_of(
    st.builds(Every, st.integers(1, 5_000_000).map(lambda n: n * SECOND), instants),
    st.builds(Every, st.integers(1, 5_000).map(lambda n: n * MINUTE), instants),
    st.builds(
        lambda days, anchor, at: Calendar(days=days, anchor_date=anchor, at=tuple(at)),
        st.integers(1, 400), dates, st.lists(walls, min_size=1, max_size=3, unique=True),
    ),
    st.builds(
        lambda months, anchor, at: Calendar(months=months, anchor_date=anchor, at=(at,)),
        st.integers(1, 400), dates, walls,
    ),
    st.builds(At, instants),
)  # fmt: skip


@given(st.lists(triggers, min_size=1, max_size=2, unique=True), st.sampled_from(ZONES))
@settings(max_examples=333)
def test_each_anchored_plan_comes_back(found: list[Trigger], zone: str) -> None:
    try:
        plan = Plan(tuple(found), zone)
    except ScheduleError:
        return
    assert comes_back(plan)


@given(
    st.sampled_from(["0 9 * * 1-5", "*/5 * * * *", "0 0 1 */2 *", "0 9 * * MON", "1 2 3 4 5"]),
    st.sampled_from(ZONES),
    st.one_of(st.none(), instants),
    st.one_of(st.none(), st.integers(1, 90_000)),
    st.one_of(st.none(), st.integers(1, 999)),
    st.lists(dates, max_size=3, unique=True).map(sorted),
)
@settings(max_examples=166)
def test_bounds_and_exceptions_come_back(
    expression: str,
    zone: str,
    start: int | None,
    length: int | None,
    count: int | None,
    gone: list[date],
) -> None:
    end = None if length is None else (start or to_micros(NOW)) + length * 3600 * SECOND
    try:
        plan = Plan((Cron(expression),), zone, start, end, count, tuple(gone))
    except ScheduleError:
        return
    if plan.next_after(to_micros(NOW)) is not None:
        assert comes_back(plan)


def test_the_same_words_mean_the_same_at_every_hour() -> None:
    plans = {parse("every weekday at 9am", NOW + timedelta(hours=hour)) for hour in range(48)}
    assert len(plans) == 1
