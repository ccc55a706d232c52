"""The reader of the event stream sees who worked while a workflow was active."""

from __future__ import annotations

import json
from itertools import count

from offhours.core.events import Event
from offhours.demo.witness import Sightings, sightings_of

JOBS = {1, 2, 3}
NEWS, QUIET = 100, 250
_seq = count(1)


def event(at: int, kind: str, job: int | None = None) -> Event:
    return Event(next(_seq), at, kind, job, 1, None)


def border(at: int, kind: str, workflow: str = "wf") -> Event:
    data = json.dumps({"workflow": workflow})
    return Event(next(_seq), at, f"foreground.{kind}", None, None, data)


def told(
    *within: Event, before: tuple[Event, ...] = (), after: tuple[Event, ...] = ()
) -> Sightings:
    events = [*before, border(1000, "entered"), *within, border(3000, "left"), *after]
    return sightings_of(events, JOBS, "wf", news=NEWS, quiet=QUIET)


def test_a_job_that_ran_and_is_quiet_stepped_aside() -> None:
    started = event(900, "job.started", 1)
    seen = told(event(1200, "job.progress", 1), before=(started,))
    assert seen.running == seen.aside == {1}
    assert (seen.entered, seen.left) == (1000, 3000)


def test_a_start_meanwhile_is_seen() -> None:
    assert told(event(1101, "job.started", 2)).started == {2}


def test_a_start_while_the_news_travels_is_told_apart() -> None:
    seen = told(event(1100, "job.started", 2))
    assert seen.at_once == {2} and not seen.started


def test_a_job_that_was_claimed_and_given_back_never_ran() -> None:
    claimed = event(990, "job.started", 1)
    seen = told(event(1005, "job.returned", 1), before=(claimed,))
    assert not seen.running and not seen.ended


def test_a_running_job_that_works_on_is_seen() -> None:
    started = event(900, "job.started", 1)
    for sign in ("job.progress", "job.succeeded", "job.failed"):
        seen = told(event(1251, sign, 1), before=(started,))
        assert seen.stirred == {1} and not seen.aside


def test_a_job_that_comes_to_its_end_at_once_neither_stepped_aside_nor_worked_on() -> None:
    started = event(900, "job.started", 1)
    seen = told(event(1020, "job.succeeded", 1), before=(started,))
    assert seen.ended == {1} and not seen.aside and not seen.stirred


def test_a_job_that_had_ended_before_did_not_run() -> None:
    seen = told(before=(event(800, "job.started", 1), event(900, "job.succeeded", 1)))
    assert not seen.running


def test_the_first_sign_of_work_after_it_is_kept() -> None:
    after = (event(3040, "job.progress", 1), event(3050, "job.started", 2))
    assert told(after=after).again == 3040


def test_other_jobs_and_other_workflows_do_not_count() -> None:
    seen = told(event(1500, "job.started", 9), border(1600, "left", "another"))
    assert seen == Sightings(entered=1000, left=3000)
