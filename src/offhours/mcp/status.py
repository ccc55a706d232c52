"""A job as a task of the extension: its status, and how soon to ask again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_types import INTERNAL_ERROR

from offhours.core.model import Job, JobState
from offhours.core.times import SECOND, Micros, iso
from offhours.mcp.questions import open_questions

if TYPE_CHECKING:
    from offhours.app import Offhours
    from offhours.mcp.tool import LongTool

LONGEST_MESSAGE = 1000
_MILLI: Micros = SECOND // 1000
_SOONEST, _LATEST, _FOR_A_PERSON = SECOND // 2, 30 * SECOND, 5 * SECOND


def head(app: Offhours, task_id: str, job: Job) -> dict[str, Any]:
    """What is told of every task, whatever its status."""
    told = app.history(job.id)
    told_at = max(job.created_at, told[-1].at, job.finished_at or 0)
    kept = None  # as long as it takes
    if job.finished_at is not None:
        kept = (job.finished_at - job.created_at + app.settings.retention) // _MILLI
    return {
        "taskId": task_id,
        "status": _status(job),
        "statusMessage": app.why(job.id).sentence[:LONGEST_MESSAGE],
        "createdAt": iso(job.created_at),
        "lastUpdatedAt": iso(told_at),
        "ttlMs": kept,
        "pollIntervalMs": _interval(app, job) // _MILLI,
    }


def detailed(
    app: Offhours, task_id: str, job: Job, tool: LongTool | None, may_ask: bool
) -> dict[str, Any]:
    """The answer to tasks/get. Who cannot show a form is not asked: signals come otherwise, too."""
    told = head(app, task_id, job)
    match job.state:
        case JobState.HELD if told["status"] == "input_required":
            asked = open_questions(app, job) if may_ask else {}
            told["inputRequests"] = {key: question.request for key, question in asked.items()}
        case JobState.SUCCEEDED if job.result is None:
            message = f"the tool has ended, but {job.reason}"
            told |= {"status": "failed", "error": {"code": INTERNAL_ERROR, "message": message}}
        case JobState.SUCCEEDED:
            told["result"] = _shown(job, tool)
        case JobState.FAILED:
            content = [{"type": "text", "text": told["statusMessage"]}]
            told["result"] = {"content": content, "isError": True}
    return told


def _status(job: Job) -> str:
    match job.state:
        case JobState.SUCCEEDED | JobState.FAILED:
            return "completed"  # "failed" is for errors of the protocol alone
        case JobState.CANCELLED:
            return "cancelled"
        case JobState.HELD if job.code in ("signal", "approval"):
            return "input_required"
        case _:
            return "working"


def _shown(job: Job, tool: LongTool | None) -> dict[str, Any]:
    if tool is not None:
        return tool.shown(job.result)
    return {"content": [{"type": "text", "text": job.result}], "isError": False}


def _interval(app: Offhours, job: Job) -> Micros:
    """Longer for what is further back in the queue, or not due yet."""
    now = app.clock.micros()
    match job.state:
        case JobState.PENDING if job.run_at > now:
            wait = job.run_at - now
        case JobState.PENDING:
            wait = _SOONEST * (1 + app.store.situation(job, now).ahead)
        case JobState.HELD:
            wait = _FOR_A_PERSON
        case _:
            wait = 2 * _SOONEST
    return min(max(wait, _SOONEST), _LATEST)
