"""From the aftermath of a kill run to figures with limits."""

from __future__ import annotations

from offhours.demo.audit import Run, Verdict, judge, runs_of
from offhours.demo.figures import Figure, Part, all_of, at_least, at_most, none_of
from offhours.demo.killing import Aftermath, accepted

LATEST_RESCUE = 5.0


def parts(after: Aftermath, jobs: int, workers: int) -> list[Part]:
    """The figures of a run."""
    failed = {job.id for job in after.jobs if job.state in ("failed", "cancelled")}
    waiting = {job.id for job in after.jobs if not job.state.final}
    verdict = judge(after.marks, accepted(after.jobs), failed, waiting)
    return [_ledger(after, verdict, jobs), _deeds(after, verdict, workers)]


def _ledger(after: Aftermath, verdict: Verdict, jobs: int) -> Part:
    codes = sorted({job.code or "" for job in after.jobs if job.id in verdict.failed})
    notes = [f"failed with: {', '.join(codes)}"] if codes else []
    if verdict.waiting or after.fallen:
        notes.append(f"the workers' last words: {after.last_words}")
    return Part(
        "The ledger, kept outside the database",
        [
            all_of("done: a run came to its end, its result is kept", len(verdict.done), jobs),
            none_of("lost", len(verdict.lost)),
            none_of("failed, and say so", len(verdict.failed)),
            none_of("still waiting when time was up", len(verdict.waiting)),
            none_of("run twice at once", len(verdict.overlapping)),
            none_of("run again though known to be done", len(verdict.duplicated)),
            none_of("run without being submitted", len(verdict.ghosts)),
            all_of("files that pass SQLite's integrity check", int(after.sound), 1),
        ],
        [
            *notes,
            "twice at once: one run began while another held the job; a killed one holds it until",
            "the kill, a stopped one until it stood still (see stale results)",
        ],
    )


def _deeds(after: Aftermath, verdict: Verdict, workers: int) -> Part:
    refused = len(verdict.stale) - len(verdict.believed)
    told = sum(event.kind == "job.result_refused" for event in after.events)
    woken = max((_tail(run, after) for run in verdict.stale), default=0.0)
    return Part(
        "What was done to its workers",
        [
            at_least("processes killed", after.kills, 1),
            at_least("runs cut off by a kill", len(verdict.crashed), 1),
            at_least("jobs retried", len(verdict.retried), 1),
            at_most("a kill to the job's next run, slowest", _slowest(after), LATEST_RESCUE, "s"),
            _any("done, but killed before it was known", len(verdict.repeated)),
            all_of("stale results refused", refused, len(verdict.stale)),
            none_of("workers that ended by themselves", after.fallen),
            all_of("workers that ended in good order when asked", after.orderly, workers),
        ],
        [
            "stale: its process stood still until its lease was given to others, woke, and came to",
            f"the end of its run, {woken:.1f} ms later at most, under no lease; events tell {told}",
        ],
    )


def _any(name: str, value: int) -> Figure:
    return Figure(name, value, f"{value:,}", "any: at least once", True)


def _slowest(after: Aftermath) -> float:
    """The longest time, in seconds, from a kill to the next run of the job that it hit."""
    runs = runs_of(after.marks)
    waits = [0]
    for run in runs:
        if run.gone is not None:
            later = [r.start for r in runs if r.job == run.job and r.start > run.start]
            waits.append(min(later, default=after.marks[-1].at) - run.gone)
    return max(waits) / 1e9


def _tail(run: Run, after: Aftermath) -> float:
    """How long, in milliseconds, a run went on after its process was woken."""
    woken = [m.at for m in after.marks if m.what == "waking" and m.pid == run.pid]
    last = max((at for at in woken if run.end is not None and at < run.end), default=None)
    return 0.0 if last is None or run.end is None else (run.end - last) / 1e6
