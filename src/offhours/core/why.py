"""Why a job stands where it stands: one sentence, with the time at which that may change."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from offhours.core.admission import BackgroundLimits, background_room
from offhours.core.firing import blackout_at
from offhours.core.flows import IfFailed
from offhours.core.limits import Limit, Scope, running_by_subject, subjects_of, verdict
from offhours.core.model import FINAL, MAX_CRASHES, Job, JobState
from offhours.core.ports import Situation
from offhours.core.schedules import Schedule, ScheduleStatus
from offhours.core.states import NO_HANDLER, PAUSED, WAITS
from offhours.core.times import DAY, LATEST, Micros, iso, spoken


@dataclass(frozen=True, slots=True)
class Why:
    """`code` for machines, `sentence` for people, `until` when it may change (microseconds)."""

    code: str
    sentence: str
    until: Micros | None = None

    def __str__(self) -> str:
        return self.sentence

    def to_dict(self) -> dict[str, str | None]:
        until = iso(self.until)
        return {"code": self.code, "sentence": self.sentence, "until": until}


def why(
    job: Job,
    around: Situation,
    limits: BackgroundLimits,
    now: Micros,
    known_here: Collection[str] = (),
) -> Why:
    """The answer for any job in any state. `known_here` are tasks that this process runs."""
    match job.state:
        case JobState.PENDING:
            return _pending(job, around, limits, now, known_here)
        case JobState.HELD:
            return _held(job, around, now)
        case JobState.RUNNING:
            return _running(job, around, now)
        case _:
            return _final(job, now)


def why_schedule(schedule: Schedule, now: Micros) -> Why:
    """When a schedule fires next, or why it does not."""
    skips = f"; {schedule.skipped} of its fires were skipped so far" if schedule.skipped else ""
    match schedule.status:
        case ScheduleStatus.ACTIVE:
            assert schedule.due_at is not None
            left = schedule.due_at - now
            when = _at(schedule.due_at, now)
            if left > 0:
                over = blackout_at(schedule)
                what = f"its next instant is {when}" if over else f"it fires next at {when}"
                but = f", which the blackout {over.text} skips" if over else ""
                sentence = f"{what} (in {spoken(left)}){but}{skips}"
                return Why("active", sentence, schedule.due_at)
            return Why(
                "due",
                f"it is due since {when}; it fires when a worker runs{skips}",
                schedule.due_at,
            )
        case ScheduleStatus.PARKED:
            again = "it goes on by itself when a worker that does is started"
            return Why("parked", f"{schedule.reason}; {again}")
        case ScheduleStatus.ENDED:
            return Why("ended", f"it has ended: {schedule.reason}")
        case _:
            again = f"let it go on with: offhours schedule resume {schedule.id}"
            return Why(schedule.status, f"it is {schedule.status}: {schedule.reason}; {again}")


def _pending(
    job: Job,
    around: Situation,
    limits: BackgroundLimits,
    now: Micros,
    known_here: Collection[str],
) -> Why:
    if job.run_at > now:
        return _later(job, now)
    known = set(known_here)
    for worker in around.workers:
        known.update(json.loads(worker.tasks))
    if not around.workers:
        return Why(
            "no_worker", "no worker is running on this store; start one: offhours worker FILE.py"
        )
    if job.task not in known:
        return Why(
            "no_handler", f"no running worker knows the task {job.task}; it waits for one that does"
        )
    limited = _limited(job, around, now) or _keyed(job, around)
    if limited is not None:
        return limited
    if job.background:
        held = _background_held(around, limits, now)
        if held is not None:
            return held
    jobs = "1 job is" if around.ahead == 1 else f"{around.ahead} jobs are"
    if around.ahead:
        return Why("behind", f"{jobs} ahead of it; {around.running} run now")
    return Why("next", f"it is next; {around.running} run now and a free worker takes it")


def _later(job: Job, now: Micros) -> Why:
    when = f"at {_at(job.run_at, now)} (in {spoken(job.run_at - now)})"
    match job.code:
        case "deferred":
            because = f": {job.reason}" if job.reason else ""
            return Why("deferred", f"it deferred itself{because}; it runs {when}", job.run_at)
        case "asleep":
            return Why("asleep", f"it sleeps; it goes on {when}", job.run_at)
        case "gate":
            sentence = f"a gate holds it, {job.reason}; the gate is asked again {when}"
            return Why("gate", sentence, job.run_at)
        case None | "worker_lost" | "crashed":
            return Why("not_due", f"it is not due yet; it runs {when}", job.run_at)
        case _:
            most = job.max_attempts
            left = "" if most is None else f", {most - job.spent} of {most} attempts left"
            return Why(
                "retry",
                f"attempt {job.attempts} failed ({_last_line(job.error)}); "
                f"it is tried again {when}{left}",
                job.run_at,
            )


def _background_held(around: Situation, limits: BackgroundLimits, now: Micros) -> Why | None:
    room = background_room(
        limits, around.leases, around.running_background, around.last_background_start, now
    )
    if room.slots != 0:
        return None
    match room.reason:
        case "workflow":
            names = ", ".join(sorted({lease.workflow for lease in around.leases}))
            assert room.until is not None
            sentence = (
                f"background work waits while the foreground workflow {names} is active; "
                f"its lease ends at {_at(room.until, now)} unless it is renewed"
            )
            return Why("workflow", sentence, room.until)
        case "throttled":
            assert room.until is not None
            sentence = (
                f"background starts are {spoken(limits.throttle)} apart; "
                f"the next may be at {_at(room.until, now)}"
            )
            return Why("throttled", sentence, room.until)
        case _:
            sentence = (
                f"{around.running_background} background jobs run, as many as allowed at once"
            )
            return Why("limit", sentence)


def _limited(job: Job, around: Situation, now: Micros) -> Why | None:
    """The limit that lets it not start now."""
    running = running_by_subject(around.running_of)
    wanted = subjects_of(job.task, job.queue)
    shut = []
    for limit in around.limits:
        if limit.subject in wanted:
            found = verdict(limit, running.get(limit.subject, 0), now)
            if found.room == 0:
                # A time is told only if nothing else holds it, and then the latest one.
                shut.append((found.until is None, limit.paused_at is not None, found.until, limit))
    if not shut:
        return None
    *_, until, limit = max(shut, key=lambda entry: (*entry[:2], entry[2] or 0))
    what, option = _named(limit)
    if limit.paused_at is not None:
        because = f": {limit.reason}" if limit.reason else ""
        return Why(
            "paused",
            f"{what} is paused since {_at(limit.paused_at, now)}{because}; "
            f"let it go on with: offhours resume {option}",
        )
    if until is None:
        run = running.get(limit.subject, 0)
        jobs = "1 job runs" if run == 1 else f"{run} jobs run"
        return Why("concurrency", f"{jobs} of {what}, as many as may at once (offhours limit)")
    return Why("rate", f"{what} may start {limit.rate}; the next at {_at(until, now)}", until)


def _keyed(job: Job, around: Situation) -> Why | None:
    """The jobs of its concurrency key that run."""
    run = around.running_of_key
    if job.per_key is None or run < job.per_key:
        return None
    jobs = "1 job runs" if run == 1 else f"{run} jobs run"
    sentence = f"{jobs} of the concurrency key {job.concurrency_key}, as many as may at once"
    return Why("concurrency_key", sentence)


def _named(limit: Limit) -> tuple[str, str]:
    """What is limited, in words and as the command line says it."""
    if limit.scope == Scope.ALL:
        return "all work", "--all"
    return f"the {limit.scope} {limit.name}", f"--{limit.scope} {shlex.quote(limit.name)}"


def _held(job: Job, around: Situation, now: Micros) -> Why:
    if job.reason == WAITS:
        return _waits(around.upstream)
    if job.code in ("signal", "approval"):
        until = None if job.run_at >= LATEST else job.run_at
        end = "" if until is None else f", until {_at(until, now)}"
        verb = "signal" if job.code == "signal" else "approvals"
        return Why(job.code, f"{job.reason}{end}; see: offhours {verb}", until)
    if job.code == PAUSED:
        because = f": {job.reason}" if job.reason else ""
        again = f"let it go on with: offhours resume --where ids={job.id}"
        return Why("paused", f"it was paused by hand{because}; {again}")
    if job.reason == NO_HANDLER:
        return Why(
            "no_handler",
            f"no running worker knows the task {job.task}; "
            "it goes on by itself when a worker that does is started",
        )
    return Why("held", f"it is held: {job.reason}")


def _waits(upstream: Sequence[tuple[int, str, str]]) -> Why:
    """For which jobs it waits: number, state and policy of each that has not ended well."""
    left = [entry for entry in upstream if entry[1] not in FINAL]
    failed = [entry[0] for entry in upstream if entry[1] in FINAL and entry[2] == IfFailed.HOLD]
    if failed:
        numbers = ", ".join(map(str, failed[:5]))
        return Why(
            "waits", f"it waits until job {numbers}, which failed, is done again: offhours retry"
        )
    shown = ", ".join(f"{number} ({state})" for number, state, _ in left[:5])
    more = f" and {len(left) - 5} more" if len(left) > 5 else ""
    what = "job" if len(left) == 1 else f"{len(left)} jobs:"
    return Why("waits", f"it waits for {what} {shown}{more}")


def _running(job: Job, around: Situation, now: Micros) -> Why:
    assert job.started_at is not None
    worker = next((w for w in around.workers if w.id == job.worker), None)
    where = worker.label if worker else f"worker {job.worker}"
    progress = _progress(job)
    ends = ""
    until = None
    if worker is not None:
        until = worker.beat_at + worker.lease
        ends = f"; its lease is renewed, now until {_at(until, now)}"
    stop = "; it was asked to stop" if job.cancel_at is not None else ""
    sentence = (
        f"it runs on {where} since {_at(job.started_at, now)} "
        f"({spoken(max(0, now - job.started_at))}), attempt {job.attempts}{progress}{stop}{ends}"
    )
    return Why("cancelling" if stop else "running", sentence, until)


def _progress(job: Job) -> str:
    if not job.progress:
        return ""
    told = json.loads(job.progress)
    share = f", {told['fraction']:.0%}" if told.get("fraction") is not None else ""
    return share + (f" ({told['message']})" if told.get("message") else "")


def _final(job: Job, now: Micros) -> Why:
    assert job.finished_at is not None
    when = f"at {_at(job.finished_at, now)}"
    match job.state, job.code:
        case JobState.SUCCEEDED, _:
            took = spoken(max(0, job.finished_at - (job.started_at or job.finished_at)))
            note = f"; {job.reason}" if job.reason else ""
            return Why("succeeded", f"it succeeded {when} after {took}{note}")
        case JobState.CANCELLED, _:
            note = f": {job.reason}" if job.reason else ""
            return Why("cancelled", f"it was cancelled {when}{note}")
        case _, "quarantined":
            return Why(
                "quarantined",
                f"it was running each of the {MAX_CRASHES} times that its process died, last "
                f"{when}, and is not tried again; submit it anew with: offhours retry",
            )
        case _:
            attempts = "1 attempt" if job.attempts == 1 else f"{job.attempts} attempts"
            return Why(
                job.code or "failed",
                f"it failed {when} after {attempts}: {_last_line(job.error)}",
            )


def _last_line(error: str | None) -> str:
    lines = (error or "").strip().splitlines()
    return lines[-1][:200] if lines else "no message"


def _at(moment: Micros, now: Micros) -> str:
    text = iso(moment)
    near = abs(moment - now) < DAY // 2
    return f"{text[11:19]} UTC" if near else f"{text[:10]} {text[11:16]} UTC"
