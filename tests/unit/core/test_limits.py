"""How many may start: the rules alone."""

from __future__ import annotations

import random
from bisect import bisect_left

import pytest

from offhours.core.errors import OffhoursError
from offhours.core.limits import APART, SLACK, Gates, Limit, Rate, Running, next_start, verdict
from offhours.core.times import HOUR, MINUTE, SECOND

NOW = 1_800_000_000 * SECOND


@pytest.mark.parametrize(
    ("text", "starts", "per"),
    [
        ("10/s", 10, SECOND),
        (" 100 / m ", 100, MINUTE),
        ("100 per minute", 100, MINUTE),
        ("1_000 per hours", 1_000, HOUR),
        ("5/30s", 5, 30 * SECOND),
        ("1/1.5h", 1, HOUR * 3 // 2),
        ("7/day", 7, 24 * HOUR),
        ("2/100ms", 2, SECOND // 10),
        ("3/2sec", 3, 2 * SECOND),
        ("1_000_000_000/s", 1_000_000_000, SECOND),
        ("1/0.001ms", 1, 1),
    ],
)
def test_a_rate_is_read(text: str, starts: int, per: int) -> None:
    assert Rate.parse(text) == (starts, per)
    assert Rate.parse(Rate(starts, per)) == (starts, per)


@pytest.mark.parametrize(
    "text", ["", "10", "/s", "0/s", "-1/s", "10/0s", "ten/s", "10/fortnight", "10/s/s", 10, None,
             "1_000_000_001/s", "9" * 400 + "/s", "9" * 5_000 + "/s", "1__0/s", "1_/s"],
)  # fmt: skip
def test_what_is_no_rate_is_refused(text: object) -> None:
    with pytest.raises(OffhoursError, match="rate"):
        Rate.parse(text)


def test_a_rate_that_is_finer_than_our_clock_lets_start_what_is_due() -> None:
    rate = Rate.parse("3_000_000/s")
    assert rate.each == 1
    assert verdict(Limit("task", "t", None, *rate), 0, NOW).room == SLACK + 1


@pytest.mark.parametrize("running", [3, 4])
def test_why_nothing_may_start_is_said(running: int) -> None:
    """More run than may when the limit was lowered meanwhile."""
    assert verdict(Limit("task", "t", 3, 10, SECOND), running, NOW) == (0, "concurrency", None)


@pytest.mark.parametrize("rate", ["10/s", "1/m", "300/s", "7/3s", "2000/s"])
@pytest.mark.parametrize("lateness", [0, 1_000, 40_000])
def test_a_rate_is_kept_by_those_who_come_late(rate: str, lateness: int) -> None:
    """Whoever comes when it opens, somewhat late: no more than the rate and what is due within
    the slack in any stretch, and on the whole not fewer."""
    chance = random.Random(1)
    wanted = Rate.parse(rate)
    limit = Limit("task", "t", None, *wanted)
    now, starts = NOW, []
    whole = 20 * wanted.per
    while now < NOW + whole:
        found = verdict(limit, 0, now)
        if found.room == 0:
            assert found.until is not None and found.until > now
            now = found.until + chance.randint(0, lateness)
            continue
        assert found.room is not None
        starts += [now] * found.room
        limit = limit._replace(next_at=next_start(limit, wanted, found.room, now))
    early = SLACK // wanted.each + 1
    for number, first in enumerate(starts):
        assert bisect_left(starts, first + wanted.per) - number <= wanted.starts + early
    assert abs(len(starts) - 20 * wanted.starts) <= early + 1


def test_a_clock_that_was_set_back_holds_nothing() -> None:
    limit = Limit("task", "t", None, 10, SECOND, next_at=NOW + HOUR)
    assert verdict(limit, 0, NOW).room == 1
    assert next_start(limit, Rate(10, SECOND), 1, NOW) == NOW + SECOND // 10


def test_a_start_is_believed_that_a_clock_ahead_of_ours_may_have_left() -> None:
    rate = Rate(10, SECOND)
    furthest = NOW + APART + 2 * rate.each
    limit = Limit("task", "t", None, *rate, next_at=furthest)
    assert verdict(limit, 0, NOW).until == furthest - SLACK
    assert verdict(limit._replace(next_at=furthest + 1), 0, NOW).room == 1


@pytest.mark.parametrize("rate", ["10/s", "1000/s"])
def test_a_claim_that_has_waited_for_the_others_starts_no_more(rate: str) -> None:
    """It looked at the clock, then waited for the write lock, while others started some."""
    wanted = Rate.parse(rate)
    limit = Limit("task", "t", None, *wanted, next_at=NOW + 10 * SECOND)
    assert verdict(limit, 0, NOW).room == 0
    assert next_start(limit, wanted, 0, NOW) == limit.next_at


def test_all_limits_of_a_job_have_to_have_room() -> None:
    limits = [
        Limit("all", "", concurrency=4),
        Limit("queue", "q", concurrency=2),
        Limit("task", "t", concurrency=1),
        Limit("task", "paused", paused_at=NOW),
    ]
    gates = Gates(limits, [Running("other", "q", 1)], NOW)
    assert not gates.admit("paused", "free")
    assert gates.admit("t", "q")
    assert not gates.admit("t", "free")
    assert not gates.admit("u", "q")
    assert gates.admit("u", "free") and gates.admit("u", "free")
    assert not gates.admit("u", "free")
    assert gates.shut("task") == {"t", "paused"} and gates.shut("queue") == {"q"}
    assert gates.shut("all") == {""}


def test_when_a_rate_opens_again() -> None:
    gates = Gates([Limit("task", "t", None, 10, SECOND)], [], NOW)
    assert gates.opens_at() is None
    assert gates.admit("t", "q") and not gates.admit("t", "q")
    assert gates.opens_at() == NOW + SECOND // 10 - SLACK
    [(limit, next_at)] = gates.advanced()
    assert (limit.name, next_at) == ("t", NOW + SECOND // 10)


def test_no_time_opens_what_its_concurrency_shuts() -> None:
    """A time that is past would make idle workers look again and again, without a pause."""
    limit = Limit("task", "t", 1, 10, SECOND, next_at=NOW - SECOND)
    assert Gates([limit], [Running("t", "q", 1)], NOW).opens_at() is None
    just_now = limit._replace(next_at=NOW + SLACK)
    assert Gates([just_now], [Running("t", "q", 1)], NOW).opens_at() is None
    gates = Gates([limit], [], NOW)
    assert gates.admit("t", "q") and not gates.admit("t", "q")
    assert gates.opens_at() == NOW + SECOND // 10 - SLACK


def test_a_key_of_which_more_run_than_may_is_full() -> None:
    """Some of its jobs allow more at once than others."""
    gates = Gates([], [], NOW, {"ann": 2})
    assert [gates.is_full(("ann", most)) for most in (1, 2, 3)] == [True, True, False]


def test_only_what_is_counted_is_made_room_for_by_an_end() -> None:
    rate, both = Limit("task", "t", None, 1, SECOND), Limit("task", "u", 1, 1, SECOND)
    assert Gates([rate], [], NOW).counted is False
    assert Gates([rate, both], [], NOW).counted is True
    assert Gates([], [], NOW, {}).counted is True
