"""`/schedules`: previewed, made, changed, looked at."""

from __future__ import annotations

import json
from typing import Annotated, Any, cast

from fastapi import APIRouter, Query, Response

from offhours.api.auth import Admin, Operator, Reader
from offhours.api.context import Here, Server
from offhours.api.known import task_of
from offhours.api.problems import Problem
from offhours.api.routes.job_shapes import JobShape, Reason, WhyShape
from offhours.api.routes.operations import OperationShape
from offhours.api.routes.schedule_shapes import (
    Asked,
    Bound,
    CalendarList,
    Changes,
    ComingList,
    DelaysShape,
    Explained,
    FireShape,
    Missing,
    MostFires,
    NewSchedule,
    ScheduleId,
    ScheduleShape,
    StatusName,
    Window,
)
from offhours.api.shapes import (
    Cursor,
    Limit,
    Page,
    page_of,
    problems,
    read_cursor,
)
from offhours.api.versions import ANY, IfMatch, check_match, other_version
from offhours.core.errors import Conflict
from offhours.core.firing import plan_of
from offhours.core.phrases import describe
from offhours.core.schedules import Schedule
from offhours.core.times import parse_moment, to_datetime
from offhours.core.why import why_schedule
from offhours.handles import job_dict
from offhours.schedules import (
    ScheduleHandle,
    ScheduleOptions,
    delays_dict,
    schedule_dict,
)
from offhours.views import operation_dict

router = APIRouter(prefix="/api/v1/schedules", tags=["schedules"], responses=problems())

Wanted = Annotated[str | None, Query(max_length=500, pattern=r"^[^\x00]*$")]


@router.get("", summary="List schedules")
def schedules(
    here: Here,
    who: Reader,
    status: StatusName | None = None,
    task: Wanted = None,
    name: Wanted = None,
    results: Annotated[int, Query(ge=0, le=50, description="Latest fires of each.")] = 5,
    limit: Limit = 50,
    cursor: Cursor = None,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="Instead of a cursor.")] = 0,
) -> Page[ScheduleShape]:
    """By their number, each with what became of its latest fires; of a name there is one."""
    after = after or read_cursor(cursor, "schedules")
    if name is not None:
        named = here.app.store.schedules.named(name)
        found = [] if named is None else [named]
    else:
        found = here.app.schedules.page(status=status, task=task, after=after, limit=limit)
    data = [_row(here, schedule, results) for schedule in found]
    page = page_of(data, limit, found[-1].id if found else None, "schedules")
    return Page[ScheduleShape].model_validate(page)


@router.post(":preview", summary="What a phrase would mean")
def preview(here: Here, who: Reader, asked: Asked) -> Explained:
    """The sentence read back, the cron expression and the next five fires. Nothing is stored.

    What is ambiguous or not understood is a problem with `choices`, each of which can be taken.
    """
    told = here.app.schedules.preview(asked.when, timezone=asked.timezone)
    return Explained.model_validate(told.to_dict())


@router.get(":coming", summary="What fires next")
def coming(
    here: Here,
    who: Reader,
    minutes: Annotated[int, Query(ge=1, le=60 * 24 * 31)] = 60,
    limit: Limit = 50,
) -> ComingList:
    """The fires of all active schedules in the next minutes."""
    return ComingList.model_validate({"data": here.app.schedules.coming(60 * minutes, limit)})


@router.get(":calendar", summary="What fires in a time, and what fired")
def calendar(
    here: Here, who: Reader, start: Bound, end: Bound, limit: MostFires = 1_000
) -> CalendarList:
    """Of all schedules, in order: what became of each instant, then those that are to come, whose
    `code` is `coming`. Blackouts and overlaps may still skip some."""
    found = here.app.schedules.calendar(start, end, limit)
    return CalendarList.model_validate({"data": found})


@router.post("", status_code=201, summary="Make a schedule", responses=problems(409, 507))
def create(here: Here, who: Admin, new: NewSchedule, response: Response) -> ScheduleShape:
    """A name that is taken is a conflict."""
    task = task_of(here, new.task)
    options = cast(ScheduleOptions, new.said())
    handle = here.app.schedules.add(
        task, new.when, new.args, new.kwargs, options, replace_existing=False, redeclare=True
    )
    response.headers["Location"] = f"schedules/{handle.id}"
    return schedule_answer(here, handle, response)


@router.get("/{schedule_id}", summary="One schedule", responses=problems(404))
def one_schedule(
    here: Here, who: Reader, schedule_id: ScheduleId, response: Response
) -> ScheduleShape:
    """With how late its jobs were made. Its ETag goes into `If-Match` of a change."""
    handle = here.app.schedules.get(schedule_id)
    late = handle.delays()
    answer = schedule_answer(here, handle, response)
    answer.delays = None if late is None else DelaysShape.model_validate(delays_dict(late))
    return answer


@router.patch("/{schedule_id}", summary="Change it", responses=problems(404, 409, 412, 428, 507))
def change(
    here: Here,
    who: Admin,
    schedule_id: ScheduleId,
    changes: Changes,
    response: Response,
    if_match: IfMatch = None,
) -> ScheduleShape:
    """What is given is changed, unless somebody has changed it since you looked."""
    handle = _matched(here, schedule_id, if_match)
    given = {
        key: getattr(changes, key) for key in ("args", "kwargs") if key in changes.model_fields_set
    }
    if given:
        old_args, old_kwargs = json.loads(handle.record.args)
        given = {"args": given.get("args", old_args), "kwargs": given.get("kwargs", old_kwargs)}
    revision = None if if_match == ANY else handle.record.revision
    try:
        handle.update(changes.when, revision=revision, **changes.said(), **given)
    except Conflict as conflict:
        if "revision" in str(conflict):
            raise _changed(handle) from None
        raise
    return schedule_answer(here, handle, response)


@router.delete(
    "/{schedule_id}", status_code=204, summary="Take it away",
    responses=problems(404, 412, 428, 507),
)  # fmt: skip
def delete(here: Here, who: Admin, schedule_id: ScheduleId, if_match: IfMatch = None) -> None:
    """With the record of its fires. Its jobs stay."""
    _matched(here, schedule_id, if_match).delete()


@router.post("/{schedule_id}/pause", summary="Fire no more", responses=problems(404, 409, 507))
def pause(
    here: Here, who: Operator, schedule_id: ScheduleId, response: Response,
    because: Reason | None = None,
) -> ScheduleShape:  # fmt: skip
    """What is due meanwhile will be recorded as skipped."""
    handle = here.app.schedules.get(schedule_id)
    handle.pause(because.reason if because else "")
    return schedule_answer(here, handle, response)


@router.post("/{schedule_id}/resume", summary="Fire again", responses=problems(404, 409, 507))
def resume(here: Here, who: Operator, schedule_id: ScheduleId, response: Response) -> ScheduleShape:
    """A paused or disabled schedule fires again, from now on."""
    handle = here.app.schedules.get(schedule_id)
    handle.resume()
    return schedule_answer(here, handle, response)


@router.post(
    "/{schedule_id}/run", status_code=201, summary="Run it now", responses=problems(404, 409, 507)
)
def run(here: Here, who: Operator, schedule_id: ScheduleId, response: Response) -> JobShape:
    """A job at once, beside the plan."""
    made = here.app.schedules.get(schedule_id).run_now()
    response.headers["Location"] = f"../../jobs/{made.id}"
    return JobShape.model_validate(job_dict(made.record))


@router.get("/{schedule_id}/explain", summary="In words and figures", responses=problems(404))
def explain(here: Here, who: Reader, schedule_id: ScheduleId) -> Explained:
    """The sentence, the expressions and the next five fires."""
    return Explained.model_validate(here.app.schedules.get(schedule_id).explain().to_dict())


@router.get("/{schedule_id}/why", summary="When it fires, or why not", responses=problems(404))
def why(here: Here, who: Reader, schedule_id: ScheduleId) -> WhyShape:
    """A sentence for a person, a word for a machine."""
    return WhyShape.model_validate(here.app.schedules.get(schedule_id).why().to_dict())


@router.get("/{schedule_id}/fires", summary="What became of its fires", responses=problems(404))
def fires(
    here: Here, who: Reader, schedule_id: ScheduleId, limit: Limit = 50, cursor: Cursor = None
) -> Page[FireShape]:
    """Each instant once: with its job, or with the reason why it was skipped. Newest first."""
    schedule = here.app.schedules.record(schedule_id)
    place = read_cursor(cursor, f"fires{schedule_id}")
    before = to_datetime(min(place, _LATEST)) if place else None
    found = here.app.schedules.results(schedule, limit, before)
    last = parse_moment(found[-1]["instant"]) if found else None
    page = page_of(found, limit, last, f"fires{schedule_id}")
    return Page[FireShape].model_validate(page)


_LATEST = 253_370_764_800_000_000  # the year 9999


@router.post(
    "/{schedule_id}/backfill",
    response_model=Missing,
    summary="Make up for what has no job",
    responses={
        **problems(404, 409, 507),
        202: {"model": OperationShape, "description": "It has begun."},
    },
)
def backfill(here: Here, who: Admin, schedule_id: ScheduleId, window: Window) -> Any:
    """First the instants are counted; with `confirm` jobs are made for them, as an operation whose
    result tells their numbers."""
    handle = here.app.schedules.get(schedule_id)
    missing = handle.missing(window.start, window.end)
    if window.confirm is None:
        first = [each.isoformat() for each in missing[: window.tell]]
        return Missing(count=len(missing), first=first)
    if window.confirm != len(missing):
        raise Problem(
            409, "count_changed", f"{len(missing)} instants have no job now, not {window.confirm}",
            "look at them again and confirm the new count", count=len(missing),
        )  # fmt: skip

    def act(_: object) -> list[int]:
        return [job.id for job in handle.backfill(window.start, window.end)]

    operation = here.operations.begin("schedules.backfill", who.name, None, [schedule_id], act)
    return Response(
        json.dumps(operation_dict(operation)), 202,
        {"Location": f"../../operations/{operation.id}"}, "application/json",
    )  # fmt: skip


def schedule_answer(here: Server, handle: ScheduleHandle, response: Response) -> ScheduleShape:
    """A schedule, with the ETag of its version."""
    schedule = handle.record
    response.headers["ETag"] = etag(schedule)
    return ScheduleShape.model_validate(_row(here, schedule, 20))


def _row(here: Server, schedule: Schedule, results: int) -> dict[str, Any]:
    plan = plan_of(schedule.plan)
    return {
        **schedule_dict(schedule),
        "sentence": describe(plan, plan.timezone),
        "why": why_schedule(schedule, here.now()).to_dict(),
        "results": here.app.schedules.results(schedule, results),
    }


def etag(schedule: Schedule) -> str:
    """What changes whenever somebody changes the schedule by hand."""
    return f'"{schedule.id}.{schedule.revision}"'


def _matched(here: Server, schedule_id: int, if_match: str | None) -> ScheduleHandle:
    handle = here.app.schedules.get(schedule_id)
    check_match(if_match, etag(handle.record), f"schedule {schedule_id}")
    return handle


def _changed(handle: ScheduleHandle) -> Problem:
    return other_version(etag(handle.record), f"schedule {handle.id}")
