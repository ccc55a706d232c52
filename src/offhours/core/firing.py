"""Which instants of a schedule are due, and what becomes of each: pure, and nothing is forgotten.

Every instant of the plan ends as a job or as a skip with its reason. The store calls `decide`
inside the transaction that records its answer, so any number of processes may try.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from offhours.core.fire_rules import MOST_CAUGHT_UP, Blackout, CatchUp, Overlap
from offhours.core.schedules import Schedule, due_at, runs_left
from offhours.core.times import SECOND, Micros, iso_second, spoken
from offhours.core.triggers import Plan
from offhours.core.triggers.zones import instant as wall_instant
from offhours.core.triggers.zones import local

GRACE: Micros = 10 * SECOND
ON_TIME: Micros = SECOND
CHUNK = 500
MOST_LISTED = 10_000
MOST_WAITING = MOST_CAUGHT_UP


class Verdict(StrEnum):
    """run: a job now; wait: a job that waits for the earlier one; replace: cancel the earlier one,
    then as wait; skip: no job."""

    RUN = "run"
    WAIT = "wait"
    REPLACE = "replace"
    SKIP = "skip"


class Fire(NamedTuple):
    """What becomes of one instant."""

    instant: Micros
    verdict: Verdict
    code: str
    reason: str | None
    delay: Micros


class Firing(NamedTuple):
    """What becomes of all due instants, and when the schedule is looked at again."""

    fires: tuple[Fire, ...]
    next_at: Micros | None
    due_at: Micros | None


@lru_cache(maxsize=4096)
def plan_of(text: str) -> Plan:
    """The plan that a schedule stores as JSON."""
    return Plan.from_dict(json.loads(text))


@lru_cache(maxsize=256)
def blackouts_of(text: str | None) -> tuple[Blackout, ...]:
    """The blackouts that a schedule stores as a JSON list."""
    return () if text is None else tuple(Blackout.parse(item) for item in json.loads(text))


def first_fire(plan: Plan, max_runs: int | None, runs: int, after: Micros) -> Micros | None:
    """The next instant after a moment, if there are runs left."""
    if max_runs is not None and runs >= max_runs:
        return None
    return plan.next_after(after, runs)


def decide(schedule: Schedule, now: Micros, busy: int, waiting: int) -> Firing:
    """What becomes of the instants that are due.

    `busy` jobs of the schedule are not finished, `waiting` of them wait for an earlier one. After
    a long sleep of a dense schedule only the oldest part is judged; the rest is due at once.
    """
    plan = plan_of(schedule.plan)
    catch_up = CatchUp.parse(schedule.catch_up)
    instants, following = _due(schedule, plan, catch_up.most, now)
    if following is not None and _due_at(schedule, following) <= now:
        later = _open_from(schedule, plan, following, catch_up.most, now)
        if later == catch_up.most:
            return _leave_behind(schedule, plan, instants, catch_up, now)
        catch_up = catch_up._replace(most=catch_up.most - later)
    fires = _judged(schedule, plan, instants, catch_up, now)
    left = runs_left(schedule, plan.count)
    fires, runs = _overlapping(schedule, fires, catch_up, busy, waiting, left)
    if left is not None and runs >= left:
        following = None
    return Firing(
        tuple(fires), following, None if following is None else _due_at(schedule, following)
    )


def skip_all(schedule: Schedule, code: str, reason: str, now: Micros) -> Firing:
    """Skip what is due or still in its jitter, whatever the policies say."""
    plan = plan_of(schedule.plan)
    instants, following = _due(schedule._replace(jitter=0), plan, 0, now)
    fires = [_skip(schedule, instant, code, reason, now) for instant in instants]
    if following is not None and following <= now and _about(instants, now) > MOST_LISTED:
        next_at = plan.next_after(now, schedule.runs)
        fires.append(_stretch(schedule, following, next_at or now, code, reason, instants, now))
        following = next_at
    due = None if following is None else _due_at(schedule, following)
    return Firing(tuple(fires), following, due)


def _leave_behind(
    schedule: Schedule, plan: Plan, instants: list[Micros], catch_up: CatchUp, now: Micros
) -> Firing:
    """The oldest of many missed instants; those that may be made up for are still to come."""
    keep = catch_up.most
    oldest, following = instants[:-keep], instants[-keep]
    fires = [_lost(schedule, plan, instant, catch_up, now) for instant in oldest]
    if _about(instants, now) > MOST_LISTED:
        back = MOST_LISTED * (instants[-1] - instants[0]) // len(instants)
        while len(plan.fires(now - back, keep)) < keep and now - back > following:
            back *= 4
        resume = plan.next_after(max(now - back, following), schedule.runs)
        if resume is not None and resume > following:
            lost = _lost(schedule, plan, following, catch_up, now)
            reason = lost.reason or ""
            fires.append(_stretch(schedule, following, resume, lost.code, reason, instants, now))
            following = resume
    return Firing(tuple(fires), following, _due_at(schedule, following))


def _about(instants: Sequence[Micros], now: Micros) -> int:
    """About how many more there are until now, by how close these ones are."""
    gap = (instants[-1] - instants[0]) // max(1, len(instants) - 1)
    return (now - instants[-1]) // max(1, gap)


def _stretch(
    schedule: Schedule,
    start: Micros,
    end: Micros,
    code: str,
    reason: str,
    like: Sequence[Micros],
    now: Micros,
) -> Fire:
    """One skip that stands for more instants than anybody would read, from `start` to `end`."""
    count = _about([*like[-2:]], end)
    reason = f"{reason}; so did all before {iso_second(end)}, about {count:,}"
    return _skip(schedule, start, code, reason, now)


def _due_at(schedule: Schedule, instant: Micros) -> Micros:
    return due_at(schedule.name, schedule.jitter, instant)


def _due(
    schedule: Schedule, plan: Plan, keep: int, now: Micros
) -> tuple[list[Micros], Micros | None]:
    """The due instants, at most so many, and the one that follows them."""
    found: list[Micros] = []
    instant = schedule.next_at
    while instant is not None and len(found) < keep + CHUNK and _due_at(schedule, instant) <= now:
        found.append(instant)
        instant = plan.next_after(instant, schedule.runs)
    return found, instant


def _open_from(
    schedule: Schedule, plan: Plan, instant: Micros | None, most: int, now: Micros
) -> int:
    """How many due instants from this one on lie in no blackout, counted up to `most`."""
    blackouts = blackouts_of(schedule.blackouts)
    found = 0
    while blackouts and found < most:
        if instant is None or _due_at(schedule, instant) > now:
            return found
        wall = local(instant, plan.zone)
        ends = [blackout.end_after(wall) for blackout in blackouts if blackout.holds(wall)]
        found += not ends
        after = max([instant, *(wall_instant(end, plan.zone) - 1 for end in ends)])
        instant = plan.next_after(after, schedule.runs)
    return most


def _skip(schedule: Schedule, instant: Micros, code: str, reason: str, now: Micros) -> Fire:
    return Fire(instant, Verdict.SKIP, code, reason, max(0, now - _due_at(schedule, instant)))


def _run(schedule: Schedule, instant: Micros, code: str, now: Micros) -> Fire:
    return Fire(instant, Verdict.RUN, code, None, max(0, now - _due_at(schedule, instant)))


def blackout_at(schedule: Schedule) -> Blackout | None:
    """The blackout that skips the next instant."""
    if schedule.next_at is None or schedule.blackouts is None:
        return None
    return _blackout(schedule, plan_of(schedule.plan), schedule.next_at)


def _blackout(schedule: Schedule, plan: Plan, instant: Micros) -> Blackout | None:
    if schedule.blackouts is None:
        return None
    wall = local(instant, plan.zone)
    return next((each for each in blackouts_of(schedule.blackouts) if each.holds(wall)), None)


def _barred(schedule: Schedule, plan: Plan, instant: Micros, now: Micros) -> Fire | None:
    """A skip that no catching up changes."""
    blackout = _blackout(schedule, plan, instant)
    if blackout is not None:
        return _skip(schedule, instant, "blackout", f"blackout {blackout.text}", now)
    late = now - _due_at(schedule, instant)
    if schedule.expires is not None and late > schedule.expires:
        reason = f"expired: {spoken(late)} late, at most {spoken(schedule.expires)} is allowed"
        return _skip(schedule, instant, "expired", reason, now)
    return None


def _lost(schedule: Schedule, plan: Plan, instant: Micros, policy: CatchUp, now: Micros) -> Fire:
    """An instant so old that the policy has no use for it."""
    match policy.policy:
        case "once":
            reason = "missed: a later fire makes up for it"
        case "all":
            reason = f"missed: only the latest {policy.most} are made up for"
        case "window" if now - instant > policy.window:
            reason = f"missed by more than {spoken(policy.window)}"
        case "window":
            reason = f"missed: at most {policy.most:,} are made up for"
        case _:
            reason = "missed: no worker was there"
    barred = _barred(schedule, plan, instant, now)
    return barred or _skip(schedule, instant, "missed", reason, now)


def _judged(
    schedule: Schedule, plan: Plan, instants: Sequence[Micros], policy: CatchUp, now: Micros
) -> list[Fire]:
    """Blackouts, expiry and catching up. What is hardly late is on time, not missed.

    Where of several only one could run at once, that is the latest.
    """
    judged = {instant: _barred(schedule, plan, instant, now) for instant in instants}
    open_ = [instant for instant, barred in judged.items() if barred is None]
    on_time = [instant for instant in open_ if now - _due_at(schedule, instant) <= GRACE]
    if schedule.overlap not in (Overlap.ALLOW, Overlap.QUEUE_ALL):
        on_time = on_time[-1:]
    missed = open_[: len(open_) - len(on_time)]
    match policy.policy:
        case "once":
            made_up = set() if on_time else set(missed[-1:])
        case "all":
            made_up = set(missed[-policy.most :])
        case "window":
            made_up = {m for m in missed[-policy.most :] if now - m <= policy.window}
        case _:
            made_up = set()
    for instant in missed:
        if instant in made_up:
            judged[instant] = _run(schedule, instant, "caught_up", now)
        elif policy.policy == "once":
            reason = f"missed: the fire of {iso_second(open_[-1])} makes up for it"
            judged[instant] = _skip(schedule, instant, "missed", reason, now)
        else:
            judged[instant] = _lost(schedule, plan, instant, policy, now)
    for instant in on_time:
        judged[instant] = _run(schedule, instant, "fired", now)
    return [fire for fire in judged.values() if fire is not None]


def _overlapping(
    schedule: Schedule,
    fires: Sequence[Fire],
    catch_up: CatchUp,
    busy: int,
    waiting: int,
    left: int | None,
) -> tuple[list[Fire], int]:
    """The overlap policy and the limit of runs. What is made up for in a row queues up."""
    judged: list[Fire] = []
    overlap = Overlap(schedule.overlap)
    in_a_row = catch_up.policy in ("all", "window") and any(f.code == "caught_up" for f in fires)
    runs = 0
    for fire in fires:
        if left is not None and runs >= left:
            break  # it has ended: these are no fires any more
        if fire.verdict is Verdict.RUN and busy and overlap is not Overlap.ALLOW:
            fire = _beside(fire, Overlap.QUEUE_ALL if in_a_row else overlap, waiting)
            waiting += fire.verdict is not Verdict.SKIP
        if fire.verdict is not Verdict.SKIP:
            runs += 1
            busy += 1
        judged.append(fire)
    return judged, runs


def _beside(fire: Fire, overlap: Overlap, waiting: int) -> Fire:
    """A fire while an earlier job is not finished."""
    match overlap:
        case Overlap.CANCEL_OLD:
            return fire._replace(verdict=Verdict.REPLACE)
        case Overlap.QUEUE_ONE if waiting == 0:
            return fire._replace(verdict=Verdict.WAIT)
        case Overlap.QUEUE_ALL if waiting < MOST_WAITING:
            return fire._replace(verdict=Verdict.WAIT)
        case Overlap.SKIP:
            reason = "overlap: an earlier job is not finished"
        case Overlap.QUEUE_ONE:
            reason = "overlap: one job waits for the earlier one already"
        case _:
            reason = f"overlap: {MOST_WAITING:,} jobs wait already"
    return fire._replace(verdict=Verdict.SKIP, code="overlap", reason=reason)
