"""`/deferrals`: who keeps postponing, and why."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import ConfigDict

from offhours.api.auth import Reader, TenantReader
from offhours.api.context import Here
from offhours.api.routes.job_shapes import JobId, job_of
from offhours.api.shapes import (
    Cursor,
    Limit,
    Moment,
    Page,
    Shape,
    page_of,
    problems,
    read_cursor,
)
from offhours.core.events import Event
from offhours.core.ports import name_list
from offhours.core.times import iso
from offhours.views import deferral_dict

router = APIRouter(prefix="/api/v1", tags=["deferrals"], responses=problems())

LOOKED_AT = 1_000


class DeferralShape(Shape):
    """One time that a job was put off."""

    model_config = ConfigDict(title="Deferral", extra="forbid")

    seq: int
    job: int | None
    task: str | None
    deferred_at: Moment
    deferred_until: Moment | None
    reason: str | None


class Reasons(Shape):
    """A reason, and how often it was given."""

    reason: str
    count: int


class MostDeferred(Shape):
    """A job that was put off often."""

    job: int
    task: str
    deferrals: int


class Deferrals(Page[DeferralShape]):
    """The newest first; reasons ranked, and the most deferred, of the newest 1,000."""

    reasons: list[Reasons]
    most_deferred: list[MostDeferred]


class MovedShape(Shape):
    """Once that a job was moved to later: by its task, or by a gate."""

    model_config = ConfigDict(title="Moved", extra="forbid")

    at: Moment
    until: Moment
    reason: str
    job: int | None
    gate: str | None
    thought: str | None


class OfJob(Shape):
    """Where a job was moved to, in order."""

    data: list[MovedShape]


class Times(Shape):
    """A reason, and how often it was given in that time."""

    reason: str
    times: int


class OftenShape(Shape):
    """A job or a goal, and how often it was moved to later."""

    model_config = ConfigDict(title="DeferredOften", extra="forbid")

    kind: str
    id: int
    name: str
    times: int


class SummaryShape(Shape):
    """How often work was moved to later in a time; the most common reasons; what most often."""

    model_config = ConfigDict(title="DeferralSummary", extra="forbid")

    count: int
    reasons: list[Times]
    most: list[OftenShape]


@router.get("/deferrals:summary", summary="Why work was postponed")
def summary(
    here: Here,
    who: Reader,
    period: Annotated[str, Query(max_length=64, description="How far to look back.")] = "7d",
    limit: Limit = 10,
) -> SummaryShape:
    """Of a time that has passed; `most` for as long as the job or the goal is there."""
    count, reasons, most = here.app.agents.deferrals.summary(period, limit)
    told = [{"reason": reason, "times": times} for reason, times in reasons]
    often = [each._asdict() for each in most]
    return SummaryShape.model_validate({"count": count, "reasons": told, "most": often})


@router.get("/jobs/{job_id}/deferrals", summary="Where it was moved to", responses=problems(404))
def of_job(here: Here, who: TenantReader, job_id: JobId) -> OfJob:
    """Each time that it was put off, the oldest first."""
    job_of(here, who, job_id)
    found = here.app.agents.deferrals.of_job(job_id)
    return OfJob.model_validate({"data": [deferral_dict(each) for each in found]})


@router.get("/deferrals", summary="Who keeps postponing")
def deferrals(here: Here, who: Reader, limit: Limit = 50, cursor: Cursor = None) -> Deferrals:
    """Each deferral with its reason."""
    search = here.app.store.lists
    kind = name_list(["job.deferred"])
    found = search.events(read_cursor(cursor, "deferrals"), limit, kind)
    newest = found if cursor is None and len(found) < limit else search.events(0, LOOKED_AT, kind)
    jobs = {job.id: job for job in search.rows(sorted({e.job_id or 0 for e in [*found, *newest]}))}
    reasons = Counter(e.told.get("reason") or "no reason given" for e in newest)
    data = [
        {
            "seq": event.seq,
            "job": event.job_id,
            "task": jobs[event.job_id].task if event.job_id in jobs else None,
            "deferred_at": iso(event.at),
            "deferred_until": _until(event),
            "reason": event.told.get("reason"),
        }
        for event in found
    ]
    often = sorted(jobs.values(), key=lambda job: (-job.deferrals, job.id))[:10]
    return Deferrals.model_validate(
        {
            **page_of(data, limit, found[-1].seq if found else None, "deferrals"),
            "reasons": [{"reason": r, "count": n} for r, n in reasons.most_common(10)],
            "most_deferred": [
                {"job": job.id, "task": job.task, "deferrals": job.deferrals} for job in often
            ],
        }
    )


def _until(event: Event) -> str | None:
    until = event.told.get("until")
    return iso(until) if isinstance(until, int) else None
