"""The verbs that only look: list, get, why, explain_schedule."""

from __future__ import annotations

import functools
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal, ParamSpec, TypeVar

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from offhours.core.errors import OffhoursError, OptionError
from offhours.core.flows import Approval
from offhours.core.limits import Limit
from offhours.core.model import Job, JobState
from offhours.core.schedules import Schedule, ScheduleStatus
from offhours.core.times import iso
from offhours.handles import job_dict
from offhours.known_tasks import is_local, served_tasks
from offhours.mcp.quoting import MOST, NOTE, USUAL, quoted, short
from offhours.schedules.views import schedule_dict

if TYPE_CHECKING:
    from offhours.app import Offhours

P = ParamSpec("P")
R = TypeVar("R")
E = TypeVar("E", bound=StrEnum)

Kind = Literal["job", "schedule"]
Listed = Literal["jobs", "schedules", "tasks", "limits", "approvals"]
Rows = Annotated[int, Field(ge=1, le=100)]
Page = Annotated[int, Field(ge=0, le=2**62)]
_BY_OTHERS = ("name", "reason", "metadata", "progress", "arguments", "result", "error", "text")


def telling(function: Callable[P, R]) -> Callable[P, R]:
    """What Offhours refuses is told to the model, which can do better then."""

    @functools.wraps(function)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except OffhoursError as error:
            raise ToolError(str(error)) from error

    return told


class Reading:
    """The tools that change nothing."""

    def __init__(self, app: Offhours) -> None:
        self._app = app

    @telling
    def offhours_list(
        self,
        what: Listed = "jobs",
        state: str | None = None,
        task: str | None = None,
        after: Page = 0,
        limit: Rows = 20,
    ) -> dict[str, Any]:
        """List jobs (newest first), schedules, tasks that can be submitted, limits and pauses, or
        the approvals that people are asked for.

        state: of jobs (pending, held, running, succeeded, failed, cancelled) or of schedules
        task: only those of this task
        after: for the next page: the `next` of the page before
        """
        match what:
            case "jobs":
                jobs = self._app.jobs(
                    state=_one_of(JobState, state), task=task, after=after, limit=limit
                )
                return _page([_job_row(job) for job in jobs], limit)
            case "schedules":
                status = _one_of(ScheduleStatus, state)
                page = self._app.schedules.page(status=status, task=task, after=after, limit=limit)
                return _page([_schedule_row(schedule) for schedule in page], limit)
            case "tasks":
                return {"items": known_tasks(self._app)}
            case "limits":
                return {"items": [_limit_row(each) for each in self._app.limits()]}
            case "approvals":
                asked = self._app.approvals(limit=limit)
                return {"items": [_approval_row(each) for each in asked], "note": NOTE}

    @telling
    def offhours_get(
        self,
        id: Page,  # noqa: A002  (the name that models expect)
        kind: Kind = "job",
        offset: Page = 0,
        characters: Annotated[int, Field(ge=1, le=MOST)] = USUAL,
    ) -> dict[str, Any]:
        """All about one job or schedule: of a job its state, result, error and progress.

        offset, characters: which part of a long result, error or argument to show
        """
        if kind == "job":
            told = job_dict(self._app.record(id))
        else:
            told = schedule_dict(self._app.schedules.record(id))
        for field in _BY_OTHERS:
            if field in told:
                told[field] = quoted(told[field], offset, characters)
        return {**told, "note": NOTE}

    @telling
    def offhours_why(self, id: Page, kind: Kind = "job") -> dict[str, Any]:  # noqa: A002
        """Why a job or a schedule stands where it stands, and until when, in one sentence."""
        handle = self._app.job(id) if kind == "job" else self._app.schedules.get(id)
        told = handle.why().to_dict()
        return {**told, "sentence": short(told["sentence"]), "note": NOTE}

    @telling
    def offhours_explain_schedule(self, when: str, timezone: str | None = None) -> dict[str, Any]:
        """What a schedule would mean: a sentence, cron, and the next five fires. Stores nothing.

        when: English ("every weekday at 9am", "last friday of the month at 17:00") or cron
        timezone: an IANA name, such as Europe/Berlin
        """
        return self._app.schedules.preview(when, timezone=timezone).to_dict()


def known_tasks(app: Offhours) -> list[str]:
    """The names of the tasks that this process or a worker knows."""
    return sorted(served_tasks(app).keys() | {n for n in app.registry.names() if not is_local(n)})


def _one_of(kind: type[E], state: str | None) -> E | None:
    if state is None or state in list(kind):
        return None if state is None else kind(state)
    raise OptionError(f"state: expected one of {', '.join(kind)}, got {state!a}")


def _page(rows: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    following = rows[-1]["id"] if len(rows) == limit else None
    return {"items": rows, "next": following, "note": NOTE}


def _job_row(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "task": job.task,
        "name": short(job.name),
        "state": job.state.value,
        "queue": job.queue,
        "run_at": iso(job.run_at),
        "finished_at": iso(job.finished_at),
        "attempts": job.attempts,
        "code": job.code,
        "reason": short(job.reason),
    }


def _schedule_row(schedule: Schedule) -> dict[str, Any]:
    return {
        "id": schedule.id,
        "name": short(schedule.name),
        "task": schedule.task,
        "when": short(schedule.text),
        "status": schedule.status.value,
        "next_at": iso(schedule.next_at),
        "reason": short(schedule.reason),
    }


def _limit_row(limit: Limit) -> dict[str, Any]:
    return {
        "scope": limit.scope,
        "name": limit.name,
        "concurrency": limit.concurrency,
        "rate": None if limit.rate is None else str(limit.rate),
        "paused_at": iso(limit.paused_at),
        "reason": short(limit.reason),
    }


def _approval_row(asked: Approval) -> dict[str, Any]:
    return {
        "id": asked.id,
        "job": asked.job_id,
        "question": quoted(asked.question),
        "arguments": quoted(asked.args),
        "asked_at": iso(asked.asked_at),
        "until": iso(asked.until),
        "decided_by": "a person, with: offhours approvals",
    }
