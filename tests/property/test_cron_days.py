"""Cron's days on the plain calendar, against each rule said once more in the simplest way."""

from __future__ import annotations

import random
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import pytest
from cronsim import CronSim
from hypothesis import example, given, settings
from hypothesis import strategies as st

from offhours.core.errors import ScheduleError
from offhours.core.times import to_datetime, to_micros
from offhours.core.triggers import Calendar, Cron, Plan

Rule = tuple[str, Callable[[date], bool]]
NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def last(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def weekdays_of(day: date) -> list[date]:
    days = [day.replace(day=number) for number in range(1, last(day) + 1)]
    return [d for d in days if d.weekday() < 5]


def near(number: int) -> Callable[[date], bool]:
    def rule(day: date) -> bool:
        return number <= last(day) and day == min(
            weekdays_of(day), key=lambda d: abs(d.day - number)
        )

    return rule


def day_rules() -> st.SearchStrategy[Rule]:
    number = st.integers(1, 31)
    return st.one_of(
        number.map(lambda n: (str(n), lambda d: d.day == n)),
        number.map(lambda n: (f"{n}W", near(n))),
        st.integers(1, 30).map(lambda n: (f"L-{n}", lambda d: d.day == last(d) - n)),
        st.just(("L", lambda d: d.day == last(d))),
        st.just(("LW", lambda d: d == weekdays_of(d)[-1])),
        st.tuples(number, number).map(sorted).map(
            lambda r: (f"{r[0]}-{r[1]}", lambda d: r[0] <= d.day <= r[1])
        ),
        st.tuples(number, number, st.integers(1, 31)).map(
            lambda r: (
                f"{min(r[:2])}-{max(r[:2])}/{r[2]}",
                lambda d: d.day in range(min(r[:2]), max(r[:2]) + 1, r[2]),
            )
        ),
    )  # fmt: skip


def weekday_rules() -> st.SearchStrategy[Rule]:
    def sunday_first(day: date) -> int:
        return day.isoweekday() % 7

    number = st.integers(0, 7)
    return st.one_of(
        number.map(lambda n: (str(n), lambda d: sunday_first(d) == n % 7)),
        st.integers(0, 6).map(lambda n: (NAMES[n].title(), lambda d: sunday_first(d) == n)),
        number.map(
            lambda n: (f"{n}L", lambda d: sunday_first(d) == n % 7 and d.day > last(d) - 7)
        ),
        st.tuples(number, st.integers(1, 5)).map(
            lambda r: (
                f"{r[0]}#{r[1]}",
                lambda d: sunday_first(d) == r[0] % 7 and r[1] * 7 - 7 < d.day <= r[1] * 7,
            )
        ),
        st.tuples(number, number).map(sorted).map(
            lambda r: (f"{r[0]}-{r[1]}", lambda d: sunday_first(d) in {n % 7 for n in
                                                                      range(r[0], r[1] + 1)})
        ),
    )  # fmt: skip


def stars(high: int, first: int) -> st.SearchStrategy[Rule]:
    def rule(step: int) -> Rule:
        values = {n % 7 if first == 0 else n for n in range(first, high + 1, step)}
        return f"*/{step}", lambda d: (d.isoweekday() % 7 if first == 0 else d.day) in values

    return st.one_of(st.just(("*", lambda d: True)), st.integers(1, high).map(rule))


@settings(max_examples=250)
@given(
    st.one_of(stars(31, 1), st.lists(day_rules(), min_size=1, max_size=3)),
    st.one_of(stars(7, 0), st.lists(weekday_rules(), min_size=1, max_size=3)),
    st.sets(st.integers(1, 12), min_size=1, max_size=12),
    st.dates(date(1999, 1, 1), date(2101, 1, 1)),
)
@example([("29", lambda d: d.day == 29)], ("*", lambda d: True), {2}, date(2096, 3, 1))
def test_the_next_days_are_those_of_the_rules(
    days: Rule | list[Rule], weekdays: Rule | list[Rule], months: set[int], start: date
) -> None:
    both = isinstance(days, tuple) or isinstance(weekdays, tuple)
    days = [days] if isinstance(days, tuple) else days
    weekdays = [weekdays] if isinstance(weekdays, tuple) else weekdays

    def matches(day: date) -> bool:
        if day.month not in months:
            return False
        by_day, by_weekday = (any(holds(day) for _, holds in r) for r in (days, weekdays))
        return (by_day and by_weekday) if both else (by_day or by_weekday)

    text = (
        f"0 0 {','.join(t for t, _ in days)} {','.join(map(str, sorted(months)))} "
        f"{','.join(t for t, _ in weekdays)}"
    )
    try:
        cron = Cron(text)
    except ScheduleError:
        years = [date(2000, 1, 1) + timedelta(days=n) for n in range(366 * 28)]
        assert not any(map(matches, years)), text
        return
    fire = to_micros(datetime.combine(start, time(0), UTC)) - 1
    expected = start
    for _ in range(3):
        for _ in range(400):
            if matches(expected):
                break
            expected += timedelta(days=1)
        else:
            return
        found = cron.next_after(fire, UTC)
        assert found is not None
        fire = found
        assert to_datetime(fire).date() == expected, text
        expected += timedelta(days=1)


@settings(max_examples=600)
@given(
    st.one_of(
        st.text(alphabet="0123456789*,-/#LWlwASUNmo@ \t\n?", max_size=30),
        st.lists(st.text(alphabet="12*,-/#LW", min_size=1, max_size=6), min_size=5, max_size=6).map(
            " ".join
        ),
    )
)
@example("0 0 29 2 1#5")
@example("*/2 0 1W,L-3 * *")
def test_any_text_is_a_cron_or_a_schedule_error(text: str) -> None:
    try:
        cron = Cron(text)
    except ScheduleError:
        return
    assert Cron(cron.expression) == cron
    assert cron.next_after(0, UTC) is not None


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from(["*", "0", "*/7", "1-5", "2,4", "3-11/4", "11"]), min_size=5,
             max_size=6),
    st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)),
)  # fmt: skip
def test_in_utc_it_is_cronsim(fields: list[str], start: datetime) -> None:
    fields = [f.replace("0", "1") if place == len(fields) - 3 or place == len(fields) - 2 else f
              for place, f in enumerate(fields)]  # fmt: skip
    fields[-1] = fields[-1].replace("11", "1") if fields[-1] == "11" else fields[-1]
    if fields[-1] == "3-11/4":
        fields[-1] = "3-7/4"
    expression, start = " ".join(fields), start.replace(tzinfo=UTC)
    sim = CronSim(expression, start)
    after = to_micros(start)
    for _ in range(3):
        found = Cron(expression).next_after(after, UTC)
        assert found == to_micros(next(sim))
        after = found


@settings(max_examples=150)
@given(
    st.integers(1, 40),
    st.booleans(),
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.integers(-400, 4000),
)
def test_calendar_intervals_keep_their_step(
    n: int, by_days: bool, anchor: date, shift: int
) -> None:
    calendar = Calendar(n if by_days else 0, 0 if by_days else n, anchor)
    after = datetime.combine(anchor + timedelta(days=shift), time(0), UTC)
    fire = calendar.next_after(to_micros(after), UTC)
    assert fire is not None
    day = to_datetime(fire).date()
    assert day >= anchor and to_datetime(fire) > after
    if by_days:
        assert (day - anchor).days % n == 0
        assert fire - to_micros(after) <= 86_400_000_000 * n or shift < 0
    else:
        assert ((day.year - anchor.year) * 12 + day.month - anchor.month) % n == 0
        assert day.day == min(anchor.day, last(day))


@pytest.mark.parametrize("seed", range(20))
def test_plans_survive_storage(seed: int) -> None:
    rng = random.Random(seed)
    plan = Plan(
        (
            Cron(rng.choice(["@daily", "*/5 9-17 * * MON-FRI", "0 0 L-3 * 5L"])),
            Calendar(
                days=rng.randint(1, 9), anchor_date=date(2026, 1, 31), at=(time(9, 30), time(7))
            ),
        ),
        rng.choice(["UTC", "Europe/Berlin"]),
        start=rng.choice([None, 1_770_000_000_000_000]),
        count=rng.choice([None, 5]),
        except_dates=rng.choice([(), (date(2026, 12, 25),)]),
    )
    assert Plan.from_dict(plan.to_dict()) == plan
    assert hash(Plan.from_dict(plan.to_dict())) == hash(plan)
