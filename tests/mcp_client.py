"""The client's side of the Tasks extension, which the SDK leaves to others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from mcp import Client
from mcp.client.extension import ClientExtension, ResultClaim
from mcp_types import CallToolResult, Request, RequestParams, Result
from pydantic import ConfigDict

TASKS = "io.modelcontextprotocol/tasks"


class TaskHandle(Result):
    """What a call is answered with; the fields are those that the extension demands."""

    result_type: Literal["task"] = "task"
    task_id: str
    status: str
    status_message: str | None = None
    created_at: str
    last_updated_at: str
    ttl_ms: int | None
    poll_interval_ms: int | None = None


class TakesTasks(ClientExtension):
    """Declares the extension; what follows is asked by hand."""

    identifier = TASKS

    def claims(self) -> Sequence[ResultClaim[Any]]:
        async def resolve(handle: TaskHandle, ctx: Any) -> CallToolResult:
            raise AssertionError("the tests ask by hand")

        return [ResultClaim(result_type="task", model=TaskHandle, resolve=resolve)]


class State(Result):
    """The answer to tasks/*, whatever is in it."""

    model_config = ConfigDict(**{**Result.model_config, "extra": "allow"})


class TaskParams(RequestParams):
    task_id: str
    input_responses: dict[str, Any] | None = None


class TaskRequest(Request[TaskParams, str]):
    name_param: ClassVar[str | None] = "taskId"
    method: str
    params: TaskParams


async def begin(client: Client, tool: str, arguments: dict[str, Any] | None = None) -> TaskHandle:
    """Call a tool that answers with a handle."""
    found = await client.session.call_tool(tool, arguments or {}, allow_claimed=True)
    assert isinstance(found, TaskHandle), found
    return found


async def ask(
    client: Client, method: str, task_id: str, answers: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Send tasks/`method`."""
    given = None if answers is None else dict(answers)
    params = TaskParams(task_id=task_id, input_responses=given)
    request = TaskRequest(method=f"tasks/{method}", params=params)
    return (await client.session.send_request(request, State)).model_dump(by_alias=True)


async def wait(client: Client, task_id: str, *statuses: str, seconds: float = 60) -> dict[str, Any]:
    """Ask until the task has one of these statuses."""
    deadline = time.monotonic() + seconds
    while True:
        told = await ask(client, "get", task_id)
        if told["status"] in (statuses or ("completed", "failed", "cancelled")):
            return told
        assert time.monotonic() < deadline, told
        await asyncio.sleep(0.01)
