"""The client's side of the Tasks extension: a call goes on where it is, and its result comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, TypeVar

import anyio
from mcp import ClientSession
from mcp.client import ClientRequestContext
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    CallToolResult,
    ErrorData,
    InputRequest,
    InputRequests,
    Request,
    RequestParams,
    Result,
    TextContent,
)

from offhours.mcp.caller import TASKS

R = TypeVar("R", bound=Result)

_POLL_MS = 1000


class Handle(Result):
    """What a server answers instead of a result."""

    result_type: Literal["task"] = "task"
    task_id: str
    poll_interval_ms: int | None = None


class _Params(RequestParams):
    task_id: str
    input_responses: dict[str, Any] | None = None


class _Request(Request[_Params, str]):
    name_param: ClassVar[str | None] = "taskId"
    method: str
    params: _Params


class _State(Result):
    status: str
    status_message: str | None = None
    poll_interval_ms: int | None = None
    input_requests: InputRequests | None = None
    result: dict[str, Any] | None = None
    error: ErrorData | None = None


class TasksClient(ClientExtension):
    """Has a client of the SDK take tasks: `call_tool` polls, asks its callbacks what the tool asks,
    and returns the result. Any server of the extension will do.

    on_begin: is called with the id of each task; who stores it can `follow` it after a crash

    >>> from mcp import Client
    >>> from mcp.server.mcpserver import MCPServer
    >>> client = Client(MCPServer("notes"), extensions=[TasksClient()])
    """

    identifier = TASKS

    def __init__(self, on_begin: Callable[[str], object] | None = None) -> None:
        self._on_begin = on_begin

    def claims(self) -> Sequence[ResultClaim[Any]]:
        """What `call_tool` may be answered with, and who sees to it."""
        return [ResultClaim(result_type="task", model=Handle, resolve=self._resolve)]

    async def _resolve(self, handle: Handle, ctx: ClaimContext) -> CallToolResult:
        if self._on_begin is not None:
            self._on_begin(handle.task_id)
        return await follow(ctx.session, handle.task_id)


async def follow(session: ClientSession, task_id: str) -> CallToolResult:
    """The result of a task, however long that takes. Stopped, it leaves the task as it is.

    One that was cancelled is a result with `is_error`; what the server cannot do is an `MCPError`.
    """
    answered: set[str] = set()
    while True:
        told = await _send(session, "tasks/get", task_id, _State)
        match told.status:
            case "completed":
                return CallToolResult.model_validate(told.result, by_name=False)
            case "cancelled":
                text = told.status_message or "it was cancelled"
                return CallToolResult(content=[TextContent(text=text)], is_error=True)
            case "failed":
                wrong = ErrorData(code=INTERNAL_ERROR, message="it failed, and nothing says why")
                raise MCPError.from_error_data(told.error or wrong)
        for key, request in (told.input_requests or {}).items():
            if key not in answered:
                answered.add(key)
                answer = await _answer(session, key, request)
                await _send(session, "tasks/update", task_id, Result, {key: answer})
        await anyio.sleep((told.poll_interval_ms or _POLL_MS) / 1000)


async def cancel(session: ClientSession, task_id: str) -> None:
    """Ask for the end of a task. It ends when it notices, if it has not ended before."""
    await _send(session, "tasks/cancel", task_id, Result)


async def _answer(session: ClientSession, key: str, request: InputRequest) -> dict[str, Any]:
    meta = request.params.meta if request.params else None
    context = ClientRequestContext(session=session, request_id=key, meta=meta)
    answer = await session.dispatch_input_request(context, request)
    if isinstance(answer, ErrorData):
        return {"action": "decline"}
    return answer.model_dump(by_alias=True, mode="json", exclude_none=True)


async def _send(
    session: ClientSession, method: str, task_id: str, kind: type[R], answers: Any = None
) -> R:
    params = _Params(task_id=task_id, input_responses=answers)
    return await session.send_request(_Request(method=method, params=params), kind)
