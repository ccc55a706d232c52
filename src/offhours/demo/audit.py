"""Judges a ledger: what was done, lost, run twice at once, retried, and refused.

A run holds its job from its `start` to its own `end`; else until its process was killed; and when
its process stood still until its lease was given to others, until it stood still. What a stopped
process does in the user's code after it wakes is under no lease. No queue can prevent that moment;
what must hold is that its result is refused. Such runs are counted apart, as stale.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from offhours.demo.ledger import Mark

NEVER = 1 << 62
UNRECORDED = 1_000_000_000
"""Nanoseconds after its end in which a run may still be unrecorded when its process dies."""

Fates = Mapping[tuple[int, str], list[int]]


@dataclass(slots=True)
class Run:
    """One run of a job; times in nanoseconds."""

    job: int
    attempt: int
    pid: int
    start: int
    end: int | None = None
    stopped: int | None = None
    """When its process stood still, if it did so during the run."""
    stale: bool = False
    """Its lease was given to others while it stood still."""
    gone: int | None = None
    """When its process was killed, if that ended the run."""
    unrecorded: bool = False
    """It came to its end, and its process was killed or stopped so soon after that nobody knew."""

    @property
    def held_until(self) -> int:
        """The last moment at which it may have held its job."""
        if self.stale and self.stopped is not None:
            return self.stopped
        ends = self.gone if self.end is None else self.end
        return NEVER if ends is None else ends


@dataclass(slots=True)
class Verdict:
    """Jobs by their number, and runs, under what is true of them."""

    submitted: set[int] = field(default_factory=set)
    done: set[int] = field(default_factory=set)
    """The store keeps a result, and the run that gave it came to its end."""
    failed: set[int] = field(default_factory=set)
    """Not done, and the store says so."""
    waiting: set[int] = field(default_factory=set)
    """Not done, and the store still means to run them."""
    lost: set[int] = field(default_factory=set)
    """Submitted, and none of these."""
    ghosts: set[int] = field(default_factory=set)
    """Run, and never submitted."""
    overlapping: set[int] = field(default_factory=set)
    """Held by two runs at one moment."""
    retried: set[int] = field(default_factory=set)
    """Begun more than once."""
    duplicated: set[int] = field(default_factory=set)
    """Begun again after a run that had come to its end, and could have been recorded."""
    repeated: set[int] = field(default_factory=set)
    """Begun again after a run that had come to its end, unknown to anybody."""
    crashed: list[Run] = field(default_factory=list)
    """Ended by SIGKILL."""
    stale: list[Run] = field(default_factory=list)
    """Came to their end after their lease was given to others."""
    believed: list[Run] = field(default_factory=list)
    """Stale, and their result was stored."""


def judge(
    marks: Iterable[Mark],
    accepted: Mapping[int, int],
    failed: Iterable[int] = (),
    waiting: Iterable[int] = (),
) -> Verdict:
    """`accepted`: by job, the start of the run whose result the store keeps."""
    marks = list(marks)
    verdict = Verdict(submitted={mark.job for mark in marks if mark.what == "submitted"})
    by_job: dict[int, list[Run]] = defaultdict(list)
    for run in runs_of(marks):
        by_job[run.job].append(run)
    for job, runs in by_job.items():
        _judge_job(verdict, job, runs, accepted.get(job))
    verdict.ghosts = set(by_job) - verdict.submitted
    verdict.done &= verdict.submitted
    verdict.failed = set(failed) & verdict.submitted - verdict.done
    verdict.waiting = set(waiting) & verdict.submitted - verdict.done - verdict.failed
    verdict.lost = verdict.submitted - verdict.done - verdict.failed - verdict.waiting
    return verdict


def _judge_job(verdict: Verdict, job: int, runs: list[Run], accepted: int | None) -> None:
    if any(run.start == accepted and run.end is not None for run in runs):
        verdict.done.add(job)
    if len(runs) > 1:
        verdict.retried.add(job)
    if _overlap(runs):
        verdict.overlapping.add(job)
    verdict.crashed += [run for run in runs if run.gone is not None]
    whole = [run for run in runs if run.end is not None and not run.stale]
    for run in whole:
        if run.start != runs[-1].start and run.end is not None:
            (verdict.repeated if run.unrecorded else verdict.duplicated).add(job)
    stale = [run for run in runs if run.end is not None and run.stale]
    verdict.stale += stale
    verdict.believed += [run for run in stale if run.start == accepted]


def _overlap(runs: list[Run]) -> bool:
    held = 0
    for run in runs:
        if run.start < held:
            return True
        held = max(held, run.held_until)
    return False


def runs_of(marks: Iterable[Mark]) -> list[Run]:
    """The runs in the order of their start, with what happened to their processes."""
    runs: list[Run] = []
    unended: dict[tuple[int, int, int], Run] = {}
    fates: dict[tuple[int, str], list[int]] = defaultdict(list)
    for mark in sorted(marks, key=lambda mark: mark.at):
        run_key = (mark.job, mark.attempt, mark.pid)
        if mark.what == "start":
            unended[run_key] = Run(*run_key, start=mark.at)
            runs.append(unended[run_key])
        elif mark.what == "end":
            if run_key not in unended:
                raise ValueError(
                    f"job {mark.job} ended in process {mark.pid} and never began there"
                )
            unended.pop(run_key).end = mark.at
        else:
            fates[mark.pid, mark.what].append(mark.at)
    for run in runs:
        _lay_fate(run, fates)
    return runs


def _lay_fate(run: Run, fates: Fates) -> None:
    ends = NEVER if run.end is None else run.end
    run.stopped = _first(fates, run.pid, "stopped", run.start, ends)
    run.stale = _first(fates, run.pid, "disowned", run.start, ends) is not None
    if run.end is None:
        run.gone = _first(fates, run.pid, "killing", run.start, ends)
    else:
        late = run.end + UNRECORDED
        cut = [_first(fates, run.pid, what, run.end, late) for what in ("killing", "stopped")]
        run.unrecorded = cut != [None, None]


def _first(fates: Fates, pid: int, what: str, since: int, until: int) -> int | None:
    times = fates.get((pid, what), [])
    place = bisect_left(times, since)
    return times[place] if place < len(times) and times[place] < until else None
