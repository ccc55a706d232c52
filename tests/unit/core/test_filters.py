"""Which jobs are meant: what is understood, and all that is wrong said at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from offhours.core.errors import FilterError
from offhours.core.filters import MOST_NAMES, parse_where, read_filter, spoken_filter
from offhours.core.lists import JobFilter
from offhours.core.times import HOUR, to_micros

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOW = to_micros(NOON)


@pytest.mark.parametrize(
    ("where", "field", "meant"),
    [
        ({"state": "failed"}, "states", ("failed",)),
        ({"priority": ["high", 50, "90"]}, "priorities", (10, 50, 90)),
        ({"schedule": "7"}, "schedule_id", 7),
        ({"ids": [3, "1", 3]}, "ids", [1, 3]),
        ({"since": "2h"}, "since", NOW - 2 * HOUR),
        ({"since": timedelta(hours=2)}, "since", NOW - 2 * HOUR),
        ({"until": "2026-06-01T10:00:00Z"}, "until", NOW - 2 * HOUR),
        ({"finished_after": NOON}, "finished_after", NOW),
    ],
)
def test_what_is_meant(where: dict[str, Any], field: str, meant: object) -> None:
    assert getattr(read_filter(where, NOW), field) == meant


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        ({"state": "faild"}, "state: expected pending.*got 'faild'; did you mean \"failed\""),
        ({"task": []}, "task: an empty list means no job at all"),
        ({"task": ""}, "task: expected text of 1 to 500"),
        ({"queue": {"a": 1}}, "queue: expected one value or a list"),
        ({"ids": range(1, MOST_NAMES + 2)}, "ids: at most 1,000 values, got 1,001"),
        ({"flow": True}, "flow: expected a whole number"),
        ({"priority": "urgent"}, "priority: .*urgent"),
        ({"since": "1h", "until": "2h"}, "until: is not after since"),
        ({"since": "yesterday", "stat": "x"}, '(?s)stat: unknown; did you mean "state".*since: '),
    ],
)
def test_what_is_wrong(where: dict[str, Any], fault: str) -> None:
    with pytest.raises(FilterError, match=fault):
        read_filter(where, NOW)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("q='no", "cannot read"),
        ("failed", "failed: expected KEY=VALUE"),
        ("state=", "expected KEY=VALUE"),
        ("flow=1 flow=2", "flow: given twice"),
    ],
)
def test_a_line_that_is_no_filter(text: str, fault: str) -> None:
    with pytest.raises(FilterError, match=fault):
        parse_where(text)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (JobFilter(), "all jobs"),
        (JobFilter(flow_id=3, text="luck"), "flow 3, text luck"),
        (JobFilter(ids=[1, 2, 3, 4, 5, 6]), "id 1 or 2 or 3 or 4 or 5 or others"),
    ],
)
def test_a_filter_is_said_to_people(wanted: JobFilter, said: str) -> None:
    assert sorted(spoken_filter(wanted).split(", ")) == sorted(said.split(", "))
