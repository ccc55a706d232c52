"""`/jobs`: asked for, submitted, steered."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from offhours.api.auth import TenantOperator, TenantReader, TenantSubmitter
from offhours.api.context import Here, Server
from offhours.api.known import submittable
from offhours.api.routes.job_shapes import (
    Cancelled,
    History,
    JobId,
    JobRow,
    JobShape,
    NewJob,
    Progress,
    Question,
    Reason,
    Sent,
    Signalled,
    Until,
    WhyShape,
    job_of,
    options_of,
)
from offhours.api.shapes import (
    Page,
    page_of,
    problems,
)
from offhours.core.model import Job
from offhours.handles import job_dict
from offhours.views import event_dict, job_row

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"], responses=problems())


@router.get("", summary="List jobs")
def jobs(
    here: Here, who: TenantReader, asked: Annotated[Question, Query()]
) -> Page[JobRow] | Page[JobShape]:
    """The newest first. `q` searches; filters may be repeated: `state=failed&state=held`."""
    wanted = asked.wanted(here, who)
    search = here.app.store.lists
    found = search.jobs(
        wanted,
        after=asked.place,
        newest_first=asked.sort == "-id",
        limit=asked.limit,
        skip=asked.skip,
    )
    data = _whole(here, found) if asked.full else [job_row(job) for job in found]
    last = found[-1].id if found else None
    page = page_of(data, asked.limit, last, f"jobs{asked.sort}")
    page["total"] = search.count(wanted) if asked.count else None
    return (Page[JobShape] if asked.full else Page[JobRow]).model_validate(page)


def _whole(here: Server, found: list[Job]) -> list[dict[str, Any]]:
    """All about each, but for those that were forgotten meanwhile."""
    records = map(here.app.store.job, [job.id for job in found])
    return [job_dict(record) for record in records if record is not None]


@router.post("", status_code=201, summary="Submit a job", responses=problems(409, 507))
def submit(here: Here, who: TenantSubmitter, new: NewJob, response: Response) -> JobShape:
    """When the answer is 201 the job is stored: it survives any crash.

    The task is looked up by its name among those that the app or a live worker knows.
    """
    options: Any = options_of(who, new)
    task = submittable(here, who, new.task)
    [job] = here.app.submit_calls(task, [(tuple(new.args), new.kwargs)], options)
    record = job_of(here, who, job.id)
    response.headers["Location"] = f"jobs/{job.id}"
    return JobShape.model_validate(job_dict(record))


@router.get("/{job_id}", summary="One job", responses=problems(404))
def one_job(here: Here, who: TenantReader, job_id: JobId) -> JobShape:
    """All about a job, with its arguments, its result and its error."""
    return JobShape.model_validate(job_dict(job_of(here, who, job_id)))


@router.get("/{job_id}/why", summary="Why it stands where it stands", responses=problems(404))
def why(here: Here, who: TenantReader, job_id: JobId) -> WhyShape:
    """A sentence for a person, a word for a machine, and when that may change."""
    job_of(here, who, job_id)
    return WhyShape.model_validate(here.app.why(job_id).to_dict())


@router.get("/{job_id}/history", summary="What happened to it", responses=problems(404))
def history(here: Here, who: TenantReader, job_id: JobId) -> History:
    """Each fact from its submission on, the oldest first."""
    job_of(here, who, job_id)
    return History.model_validate({"data": [event_dict(e) for e in here.app.history(job_id)]})


@router.get("/{job_id}/progress", summary="How far it is", responses=problems(404))
def progress(here: Here, who: TenantReader, job_id: JobId) -> Progress:
    """What its task told last."""
    record = job_of(here, who, job_id)
    told = json.loads(record.progress) if record.progress else {}
    return Progress.model_validate(
        {
            "id": job_id,
            "state": record.state.value,
            **{key: told.get(key) for key in ("fraction", "message", "partial")},
        }
    )


@router.post("/{job_id}/cancel", summary="Cancel it", responses=problems(404, 409, 507))
def cancel(
    here: Here, who: TenantOperator, job_id: JobId, because: Reason | None = None
) -> Cancelled:
    """At once when nobody runs it; else its run is asked to stop."""
    job_of(here, who, job_id)
    at_once = here.app.cancel(job_id, because.reason if because else "")
    return Cancelled(id=job_id, outcome="cancelled" if at_once else "asked_to_stop")


@router.post(
    "/{job_id}/retry", status_code=201, summary="Submit it anew", responses=problems(404, 409, 507)
)
def retry(here: Here, who: TenantSubmitter, job_id: JobId, response: Response) -> JobShape:
    """A new job that does the same and names the old one. Only for a finished job."""
    job_of(here, who, job_id)
    new = here.app.retry(job_id)
    response.headers["Location"] = f"../{new.id}"
    return JobShape.model_validate(job_dict(new.record))


@router.post("/{job_id}/defer", summary="Move it to later", responses=problems(404, 409, 507))
def defer(here: Here, who: TenantOperator, job_id: JobId, to: Until) -> JobShape:
    """A pending job runs then, and not before; no attempt is spent."""
    job_of(here, who, job_id)
    here.app.defer(job_id, to.until, to.reason)
    return JobShape.model_validate(job_dict(job_of(here, who, job_id)))


@router.post("/{job_id}/signal", summary="Send it a signal", responses=problems(404, 409, 507))
def signal(here: Here, who: TenantOperator, job_id: JobId, sent: Sent) -> Signalled:
    """What `ctx.wait_for_signal` waits for; sent before it does, it is kept. Not for a finished
    job."""
    job_of(here, who, job_id)
    here.app.signal(job_id, sent.signal, sent.payload)
    return Signalled(job=job_id, signal=sent.signal)
