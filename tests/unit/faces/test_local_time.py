"""Naive datetimes mean the machine's own time, summer time included."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from offhours.core.times import parse_moment, to_datetime
from offhours.faces.local_time import LOCAL, local

pytestmark = pytest.mark.skipif(not hasattr(time, "tzset"), reason="needs tzset")


@pytest.fixture(autouse=True)
def _central_europe(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("naive", "utc_hour"),
    [
        (datetime(2026, 1, 15, 12), 11),
        (datetime(2026, 7, 15, 12), 10),
        (datetime(2026, 10, 25, 2, 30), 0),
        (datetime(2026, 10, 25, 2, 30, fold=1), 1),
    ],
)
def test_a_naive_time_is_read_as_the_clock_on_the_wall_says(naive: datetime, utc_hour: int) -> None:
    moment = to_datetime(parse_moment(naive, timezone=LOCAL))
    assert moment == naive.replace(hour=utc_hour, fold=0, tzinfo=UTC)
    back = moment.astimezone(LOCAL)
    assert (back.replace(tzinfo=None), back.fold) == (naive, naive.fold)


def test_stored_moments_are_shown_in_local_time() -> None:
    shown = local(parse_moment("2026-07-15T10:00+00:00"))
    assert shown is not None
    assert (shown.hour, shown.utcoffset()) == (12, timedelta(hours=2))
    assert local(None) is None
    assert datetime(2026, 1, 1, tzinfo=LOCAL).tzname() == "CET"
    assert repr(LOCAL) == "local time"
