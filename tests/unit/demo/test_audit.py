"""The judge of the kill demo's ledger finds what it is there to find, and nothing else."""

from __future__ import annotations

import pytest

from offhours.demo.audit import UNRECORDED, Verdict, judge
from offhours.demo.ledger import Mark

PID, OTHER = 100, 200


def mark(what: str, at: int, *, job: int = 0, attempt: int = 0, pid: int = PID) -> Mark:
    return Mark(job, attempt, pid, what, at)


def submitted(*jobs: int) -> list[Mark]:
    return [mark("submitted", 0, job=job) for job in jobs]


def run(job: int, start: int, end: int | None, *, attempt: int = 1, pid: int = PID) -> list[Mark]:
    marks = [mark("start", start, job=job, attempt=attempt, pid=pid)]
    if end is not None:
        marks.append(mark("end", end, job=job, attempt=attempt, pid=pid))
    return marks


def guilty(verdict: Verdict) -> set[str]:
    """The names under which the judge has found something."""
    bad = ("failed", "lost", "ghosts", "overlapping", "duplicated", "believed")
    return {name for name in bad if getattr(verdict, name)}


def test_a_clean_ledger_is_clean() -> None:
    verdict = judge([*submitted(1, 2), *run(1, 10, 20), *run(2, 21, 30)], {1: 10, 2: 21})
    assert verdict.done == {1, 2} and guilty(verdict) == set() and not verdict.retried


def test_a_job_that_never_ran_is_lost() -> None:
    verdict = judge([*submitted(1, 2), *run(1, 10, 20)], {1: 10})
    assert verdict.lost == {2} and guilty(verdict) == {"lost"}


def test_a_result_without_a_run_that_ended_is_a_lost_job() -> None:
    verdict = judge([*submitted(1), *run(1, 10, None)], {1: 10})
    assert verdict.lost == {1}


def test_a_run_that_ended_and_whose_result_was_not_kept_is_a_lost_job() -> None:
    assert judge([*submitted(1), *run(1, 10, 20)], {}).lost == {1}


def test_a_job_that_failed_and_says_so_is_not_lost() -> None:
    verdict = judge([*submitted(1), *run(1, 10, None), mark("killing", 15)], {}, [1])
    assert verdict.failed == {1} and not verdict.lost


def test_a_job_that_the_store_still_means_to_run_is_not_lost() -> None:
    verdict = judge([*submitted(1, 2), *run(1, 10, 20)], {1: 10}, waiting=[1, 2])
    assert verdict.waiting == {2} and guilty(verdict) == set()


def test_a_job_that_nobody_submitted_is_a_ghost() -> None:
    verdict = judge([*submitted(1), *run(1, 10, 20), *run(7, 30, 40)], {1: 10, 7: 30})
    assert verdict.ghosts == {7} and verdict.done == {1}


@pytest.mark.parametrize(("second", "overlaps"), [(19, True), (20, False), (25, False)])
def test_two_runs_that_ended_overlap_when_one_began_before_the_other_had_ended(
    second: int, overlaps: bool
) -> None:
    marks = [*submitted(1), *run(1, 10, 20), *run(1, second, 30, attempt=2, pid=OTHER)]
    assert bool(judge(marks, {1: second}).overlapping) is overlaps


@pytest.mark.parametrize(("second", "overlaps"), [(14, True), (16, False)])
def test_a_killed_run_holds_its_job_until_the_kill(second: int, overlaps: bool) -> None:
    marks = [
        *submitted(1), *run(1, 10, None), mark("killing", 15), mark("reaped", 17),
        *run(1, second, 30, attempt=2, pid=OTHER),
    ]  # fmt: skip
    verdict = judge(marks, {1: second})
    assert bool(verdict.overlapping) is overlaps
    assert verdict.retried == {1} and [run.start for run in verdict.crashed] == [10]


def test_a_run_that_neither_ended_nor_was_killed_holds_its_job_for_ever() -> None:
    marks = [*submitted(1), *run(1, 10, None), *run(1, 1000, 1010, attempt=2, pid=OTHER)]
    assert judge(marks, {1: 1000}).overlapping == {1}


def test_a_short_run_within_a_long_one_does_not_hide_it() -> None:
    marks = [
        *submitted(1), *run(1, 10, 100), *run(1, 20, 30, attempt=2, pid=OTHER),
        *run(1, 50, 60, attempt=3, pid=300),
    ]  # fmt: skip
    assert judge(marks, {1: 50}).overlapping == {1}


def test_a_second_run_of_a_job_known_to_be_done_is_a_duplicate() -> None:
    again = 20 + UNRECORDED
    marks = [*submitted(1), *run(1, 10, 20), *run(1, again, again + 9, attempt=2, pid=OTHER)]
    verdict = judge(marks, {1: 10})
    assert verdict.duplicated == {1} and not verdict.repeated


def test_a_kill_between_the_end_and_its_recording_excuses_a_second_run() -> None:
    marks = [
        *submitted(1), *run(1, 10, 20), mark("killing", 22), mark("reaped", 23),
        *run(1, 30, 40, attempt=2, pid=OTHER),
    ]  # fmt: skip
    verdict = judge(marks, {1: 30})
    assert verdict.repeated == {1} and guilty(verdict) == set()


def test_a_kill_long_after_excuses_nothing() -> None:
    killed = 20 + UNRECORDED
    marks = [
        *submitted(1), *run(1, 10, 20), mark("killing", killed),
        *run(1, killed + 5, killed + 9, attempt=2, pid=OTHER),
    ]  # fmt: skip
    assert judge(marks, {1: killed + 5}).duplicated == {1}


def stopped_and_woken(accepted: int, *, disowned: bool = True) -> Verdict:
    marks = [
        *submitted(1), *run(1, 10, 51), mark("stopping", 14), mark("stopped", 15),
        *([mark("disowned", 40)] if disowned else []), mark("waking", 50),
        *run(1, 45, 60, attempt=2, pid=OTHER),
    ]  # fmt: skip
    return judge(marks, {1: accepted})


def test_a_stopped_run_holds_its_job_until_it_stood_still_and_its_result_is_stale() -> None:
    verdict = stopped_and_woken(accepted=45)
    assert [run.start for run in verdict.stale] == [10]
    assert verdict.done == {1} and guilty(verdict) == set()


def test_a_stale_result_that_was_believed_is_found() -> None:
    assert guilty(stopped_and_woken(accepted=10)) == {"believed"}


def test_a_stopped_run_that_keeps_its_lease_still_holds_its_job() -> None:
    verdict = stopped_and_woken(accepted=45, disowned=False)
    assert verdict.overlapping == {1} and not verdict.stale


def test_a_run_that_begins_after_its_process_was_woken_is_judged_as_any_other() -> None:
    marks = [
        *submitted(1), mark("stopped", 5), mark("disowned", 8), mark("waking", 9),
        *run(1, 10, 20), *run(1, 15, 25, attempt=2, pid=OTHER),
    ]  # fmt: skip
    assert judge(marks, {1: 15}).overlapping == {1}


def test_an_end_without_a_start_is_refused() -> None:
    with pytest.raises(ValueError, match="job 1 ended in process 100"):
        judge([mark("end", 5, job=1, attempt=1)], {})
