"""kill -9 in the middle of a bulk operation: each job is done to once, and none is left out."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.nightly import NIGHTLY

from offhours import Offhours
from offhours.core.events import fold

PROGRAM = Path(__file__).with_name("bulk.py")
JOBS = 40  # six steps of seven, the last one short
KINDS = {"cancel": "job.cancelled", "retry": "job.done_again", "pause": "job.held"}
DEATHS = [("cancel", "before commit", 4), ("retry", "after bulk step", 2)]
if NIGHTLY:
    DEATHS += [
        *(("cancel", "before commit", n) for n in (1, 2, 3, 5, 6, 7, 8)),
        *(("cancel", "after bulk step", n) for n in range(1, 7)),
        *(("retry", "before commit", n) for n in range(1, 9)),
        *(("pause", "after bulk step", n) for n in range(1, 7)),
    ]


def run(database: str, verb: str, point: str = "", nth: int = 0) -> int:
    return subprocess.run(
        [sys.executable, PROGRAM, database, verb, point, str(nth)], timeout=60
    ).returncode


def prepared(database: str, verb: str) -> Offhours:
    app = Offhours(database, executor="inline")
    task = app.task(name="work", queue="many")(lambda n: n)
    task.submit_many([(n,) for n in range(JOBS)])
    if verb == "retry":
        app.drain()
    app.submit_by_name("work", args=(0,), queue="other")
    return app


@pytest.mark.parametrize(("verb", "point", "nth"), DEATHS)
def test_what_was_killed_goes_on_and_ends(
    database: str, is_sound, verb: str, point: str, nth: int
) -> None:
    app = prepared(database, verb)
    before = app.store.last_seq()
    assert run(database, verb, point, nth) == -signal.SIGKILL
    operations = app.store.access.operations()
    told = Counter(e.kind for e in app.events(before))[KINDS[verb]]
    if operations:  # else it had not even begun
        [begun] = operations
        assert begun.state == "running" and begun.done == told and told % 7 in (0, JOBS % 7)
        assert run(database, "go_on", "after bulk step", 1) == -signal.SIGKILL  # again
        app.bulk.go_on(begun.id)
        assert app.bulk.unfinished() == []
    else:
        assert told == 0 and run(database, verb) == 0
    [ended] = app.store.access.operations()
    assert (ended.state, ended.total, ended.done, ended.failed) == ("succeeded", JOBS, JOBS, 0)
    events = Counter(e.kind for e in app.events(before))
    assert events[KINDS[verb]] == JOBS and events["operation.ended"] == 1
    [last] = app.store.jobs(limit=1, newest_first=False, after=JOBS)
    assert last.queue == "other" and last.state == "pending"
    actors = {row.actor for row in app.audit(limit=500) if row.action == KINDS[verb]}
    assert actors == {"ann"}
    assert fold(app.events()) == {job.id: job.state for job in app.jobs(limit=1_000)}
    app.close()
    assert is_sound(database)
