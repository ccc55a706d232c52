"""From what was seen in a housekeeping run to figures with limits."""

from __future__ import annotations

from offhours.core.times import SECOND
from offhours.demo import proof
from offhours.demo.desk import Feel
from offhours.demo.figures import Figure, Part, all_of, at_least, at_most, none_of
from offhours.demo.tour import QUIET, WORKFLOW, Seen
from offhours.demo.witness import Sightings, sightings_of

NEWS = 0.1
LATE = 1000.0
STOLEN = 5.0
# Wide on purpose, so that only we can fail it: a stranger at work on the other half of the same
# core nearly doubles every step, and takes some milliseconds from the slowest at each turn. What
# the background itself takes is told more sharply by the share of a core that all else used.
MEDIAN_TIMES = 2.0
SLOWEST_TIMES, SLOWEST_MORE = 2.0, 5.0


def parts(seen: Seen) -> list[Part]:
    """The figures of a run."""
    jobs = {job.id for handles in seen.jobs.values() for job in handles}
    told = sightings_of(
        seen.events,
        jobs,
        WORKFLOW,
        news=round(NEWS * SECOND),
        quiet=round(QUIET * SECOND),
    )
    return [_ran(seen, jobs), _waited(seen, told), _felt(seen)]


def _ran(seen: Seen, jobs: set[int]) -> Part:
    results = seen.results
    done = sum(event.kind == "job.succeeded" and event.job_id in jobs for event in seen.events)
    proven = proof.figures(
        seen.made,
        folders=results["folders"],
        bases=results["databases"],
        logs=results["logs"],
        sites=results["sites"],
    )
    return Part("What ran", [all_of("jobs done", done, len(jobs)), *proven])


def _waited(seen: Seen, told: Sightings) -> Part:
    named = [
        answer
        for answer in seen.answers
        if answer.code == "workflow" and WORKFLOW in answer.sentence
    ]
    again = (told.again - told.left) / 1000 if told.again else 60 * LATE
    notes = [f'why() of a waiting job: "{named[0]}"'] if named else []
    if told.at_once:
        notes.append(f"{len(told.at_once)} jobs started within {NEWS * 1000:.0f} ms of its begin")
    active = (told.left - told.entered) / SECOND
    return Part(
        f"What waited, and why: {WORKFLOW} was active for {active:.1f} s",
        [
            none_of("background jobs started meanwhile", len(told.started)),
            at_least("running jobs that stepped aside", len(told.aside), 1),
            none_of(f"running jobs that worked on after {QUIET * 1000:.0f} ms", len(told.stirred)),
            at_most("share of a core that all else used", 100 * seen.stolen, STOLEN, "%"),
            all_of("waiting jobs whose why() names it", len(named), len(seen.answers)),
            at_most("its end to the next background work", again, LATE, "ms"),
        ],
        notes,
    )


def _felt(seen: Seen) -> Part:
    feel = {stretch: Feel.of(steps) for stretch, steps in seen.steps.items()}
    alone = feel["before"], feel["after"]
    within, beside = feel["within"], feel["beside"]
    p50, p99 = max(f.p50 for f in alone), max(f.p99 for f in alone)
    figures: list[Figure] = [
        at_most("step p50 with the backlog waiting", within.p50, p50 * MEDIAN_TIMES, "ms", 2),
        at_most("step p99 with the backlog waiting", within.p99,
                p99 * SLOWEST_TIMES + SLOWEST_MORE, "ms", 2),
    ]  # fmt: skip
    return Part(
        f"What the foreground felt, in {within.steps} steps",
        figures,
        [
            f"alone before: p50 {alone[0].p50:.2f}, p99 {alone[0].p99:.2f} ms; "
            f"alone after: p50 {alone[1].p50:.2f}, p99 {alone[1].p99:.2f} ms",
            f"limits: the slower of these; p50 times {MEDIAN_TIMES:g}, p99 times "
            f"{SLOWEST_TIMES:g} and {SLOWEST_MORE:g} ms for what else this machine does",
            f"without a workflow, beside running jobs: p50 {beside.p50:.2f}, "
            f"p99 {beside.p99:.2f} ms in {beside.steps} steps (for comparison, no limit)",
        ],
    )
