"""`/deferrals`: who keeps postponing, and why."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from fastapi import APIRouter
from pydantic import ConfigDict

from offhours.api.auth import Reader
from offhours.api.context import Here
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
from offhours.core.ports import name_list
from offhours.core.times import iso

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


@router.get("/deferrals", summary="Who keeps postponing")
def deferrals(here: Here, who: Reader, limit: Limit = 50, cursor: Cursor = None) -> Deferrals:
    """Each deferral with its reason."""
    search = here.app.store.lists
    kind = name_list(["job.deferred"])
    found = search.events(read_cursor(cursor, "deferrals"), limit, kind)
    newest = found if cursor is None and len(found) < limit else search.events(0, LOOKED_AT, kind)
    jobs = {job.id: job for job in search.rows(sorted({e.job_id or 0 for e in [*found, *newest]}))}
    reasons = Counter(_told(e.data).get("reason") or "no reason given" for e in newest)
    data = [
        {
            "seq": event.seq,
            "job": event.job_id,
            "task": jobs[event.job_id].task if event.job_id in jobs else None,
            "deferred_at": iso(event.at),
            "deferred_until": _until(event.data),
            "reason": _told(event.data).get("reason"),
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


def _told(data: str | None) -> dict[str, Any]:
    told = json.loads(data) if data else {}
    return told if isinstance(told, dict) else {}


def _until(data: str | None) -> str | None:
    until = _told(data).get("until")
    return iso(until) if isinstance(until, int) else None
