"""The Tasks extension of MCP on the durable store: a long tool call becomes a job."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack, overload

from anyio.to_thread import run_sync
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding, ToolBinding
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    RequestParams,
    TextContent,
    ToolAnnotations,
)
from pydantic import ValidationError

from offhours.core.carried import attached
from offhours.core.errors import IllegalMove, NotFound, OffhoursError, TaskError
from offhours.core.model import Job
from offhours.handles import TaskHandle
from offhours.mcp.caller import (
    TASKS,
    VERSIONS,
    Caller,
    caller_of,
    need_tasks,
    takes_questions,
    takes_tasks,
)
from offhours.mcp.questions import open_questions, payload_of
from offhours.mcp.status import detailed, head
from offhours.mcp.tool import KEY, LongTool, key_of, new_id
from offhours.options import TaskOptions

if TYPE_CHECKING:
    from offhours.app import Offhours


P = ParamSpec("P")
R = TypeVar("R")


class TaskParams(RequestParams):
    """Of tasks/get and tasks/cancel."""

    task_id: str


class UpdateParams(TaskParams):
    """Of tasks/update."""

    input_responses: dict[str, dict[str, Any]]


class OffhoursTasks(Extension):
    """Tools whose calls are jobs: with retries, limits and a place in the queue, and not lost when
    the server is.

    >>> from mcp.server.mcpserver import MCPServer
    >>> from offhours.testing import memory_app
    >>> tasks = OffhoursTasks(memory_app())
    >>> @tasks.tool(retries=3, priority="low")
    ... def index(folder: str) -> int:
    ...     return len(folder)
    >>> server = MCPServer("my-agent", extensions=[tasks])

    A client that declares the extension in a request gets a handle, and asks with `tasks/get`;
    every other client waits for the result, as ever. The app must work somewhere: `with app:`
    around `server.run()`, or in workers of their own.
    """

    identifier = TASKS

    def __init__(self, app: Offhours) -> None:
        self.app = app
        self._tools: dict[str, LongTool] = {}
        self._taken = False
        self._answering = threading.Lock()

    @overload
    def tool(self, function: TaskHandle[P, R] | Callable[P, R], /) -> TaskHandle[P, R]: ...
    @overload
    def tool(
        self,
        function: None = None,
        /,
        *,
        tool_name: str | None = None,
        title: str | None = None,
        description: str | None = None,
        annotations: ToolAnnotations | None = None,
        required: bool = False,
        **options: Unpack[TaskOptions],
    ) -> Callable[[TaskHandle[P, R] | Callable[P, R]], TaskHandle[P, R]]: ...
    def tool(
        self,
        function: Callable[..., Any] | TaskHandle[..., Any] | None = None,
        /,
        *,
        tool_name: str | None = None,
        title: str | None = None,
        description: str | None = None,
        annotations: ToolAnnotations | None = None,
        required: bool = False,
        **options: Unpack[TaskOptions],
    ) -> Any:
        """Make a function, or a task that there is, a tool; the options are those of `app.task`.

        It may take an `offhours.Context`, which clients do not see. What it returns must be
        storable. Tools are taken into the server when that is made.

        required: refuse clients that do not declare the extension, instead of letting them wait
        """

        def register(function: Callable[..., Any] | TaskHandle[..., Any]) -> TaskHandle[..., Any]:
            handle = self._handle(function, options)
            name = tool_name or handle.function.__name__
            if self._taken or name in self._tools:
                when = "is registered twice" if name in self._tools else "comes after its server"
                raise TaskError(f"tool {name}: {when}; register each tool once, before MCPServer()")
            shown = {"title": title, "description": description, "annotations": annotations}
            self._tools[name] = LongTool(handle, name, required, **shown)
            return handle

        return register if function is None else register(function)

    def _handle(
        self, function: Callable[..., Any] | TaskHandle[..., Any], options: TaskOptions
    ) -> TaskHandle[..., Any]:
        if not isinstance(function, TaskHandle):
            return self.app.task(**options)(function)
        if options or function.app is not self.app:
            raise TaskError(f"{function!r} is a task of its own; give no options, and its own app")
        return function

    # -- what the server asks for -----------------------------------------------------------

    def tools(self) -> Sequence[ToolBinding]:
        """The tools; from here on there can be no more."""
        self._taken = True
        return [tool.binding() for tool in self._tools.values()]

    def methods(self) -> Sequence[MethodBinding]:
        """tasks/get, tasks/update and tasks/cancel, and no list of them."""
        return [
            MethodBinding("tasks/get", TaskParams, self._get, VERSIONS),
            MethodBinding("tasks/update", UpdateParams, self._update, VERSIONS),
            MethodBinding("tasks/cancel", TaskParams, self._cancel, VERSIONS),
        ]

    async def intercept_tool_call(
        self,
        params: CallToolRequestParams,
        ctx: ServerRequestContext[Any, Any],
        call_next: CallNext,
    ) -> HandlerResult:
        """Store a job and answer with its handle, if the client understands one."""
        tool = self._tools.get(params.name)
        if tool is not None and tool.required:
            need_tasks(ctx)
        if tool is None or not takes_tasks(ctx):
            return await call_next(ctx)
        try:
            arguments = tool.arguments(params.arguments or {})
        except ValidationError:
            return await call_next(ctx)  # it says what is wrong with them
        try:
            return await run_sync(self._begin, tool, arguments, caller_of(ctx))
        except OffhoursError as error:
            return CallToolResult(content=[TextContent(text=str(error))], is_error=True)

    # -- in threads of their own: the store may make them wait -------------------------------

    def _begin(self, tool: LongTool, arguments: dict[str, Any], caller: Caller) -> dict[str, Any]:
        task_id = new_id()
        job = tool.submit(arguments, caller, task_id)
        return {"resultType": "task", **head(self.app, task_id, job.record)}

    async def _get(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> HandlerResult:
        need_tasks(ctx)
        return await run_sync(self._tell, params.task_id, caller_of(ctx), takes_questions(ctx))

    def _tell(self, task_id: str, caller: Caller, may_ask: bool) -> dict[str, Any]:
        job = self._find(task_id, caller)
        tool = self._tools.get(attached(job.metadata, KEY)["tool"])
        return detailed(self.app, task_id, job, tool, may_ask)

    async def _update(
        self, ctx: ServerRequestContext[Any, Any], params: UpdateParams
    ) -> HandlerResult:
        need_tasks(ctx)
        await run_sync(self._answer, params, caller_of(ctx))
        return {}

    def _answer(self, params: UpdateParams, caller: Caller) -> None:
        """Hand answers on as signals. What nobody asks (any more) is passed over."""
        with self._answering, self.app.acting_as(caller.actor, "mcp"):
            job = self._find(params.task_id, caller)
            for key, question in open_questions(self.app, job).items():
                if key in params.input_responses:
                    hears, payload = payload_of(question, params.input_responses[key])
                    if hears:
                        with suppress(IllegalMove):  # it has ended meanwhile
                            self.app.signal(job.id, question.signal, payload)

    async def _cancel(
        self, ctx: ServerRequestContext[Any, Any], params: TaskParams
    ) -> HandlerResult:
        need_tasks(ctx)
        await run_sync(self._stop, params.task_id, caller_of(ctx))
        return {}

    def _stop(self, task_id: str, caller: Caller) -> None:
        job = self._find(task_id, caller)
        # What has ended has ended.
        with suppress(IllegalMove), self.app.acting_as(caller.actor, "mcp"):
            self.app.cancel(job.id, "cancelled by its client")

    def _find(self, task_id: str, caller: Caller) -> Job:
        """The job of a task, for whom it belongs to; to anyone else there is none."""
        with suppress(NotFound):
            job = self.app.job_of_key(key_of(task_id)).record
            mine = attached(job.metadata, KEY)
            if mine is not None and mine["owner"] == caller.owner:
                return job
        raise MCPError(INVALID_PARAMS, "no such task: its id is wrong, or it is kept no longer")
