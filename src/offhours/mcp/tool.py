"""A task of an app that is an MCP tool, too."""

from __future__ import annotations

import functools
import hashlib
import inspect
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_type_hints

import anyio
from anyio.to_thread import run_sync
from mcp.server.extension import ToolBinding
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.context_injection import find_context_parameter

from offhours.core.carried import OURS, attach
from offhours.core.errors import IllegalMove, NotFound, OffhoursError, TaskError
from offhours.core.terms import Terms
from offhours.engine.codec import load
from offhours.mcp.caller import Caller, caller_of

if TYPE_CHECKING:
    from offhours.handles import JobHandle, TaskHandle

KEY = f"{OURS}mcp"
"""What a tool's job carries: the tool, and whom it belongs to."""
_CALLER = "mcp_context"


def new_id() -> str:
    """An id for a task: 192 random bits."""
    return secrets.token_urlsafe(24)


def key_of(task_id: str) -> str:
    """The idempotency key of its job. Who reads the store does not learn the id."""
    return f"mcp:{hashlib.sha256(task_id.encode('utf-8', 'replace')).hexdigest()}"


class LongTool:
    """A tool whose calls are jobs."""

    def __init__(
        self, handle: TaskHandle[..., Any], name: str, required: bool, **shown: Any
    ) -> None:
        self.handle = handle
        self.name = name
        self.required = required
        if find_context_parameter(handle.function) is not None:
            raise TaskError(
                f"{name}: takes the context of an MCP request, which is over when its job runs; "
                "take an offhours.Context"
            )
        self._shown = {"name": name, **shown}
        self._call = self._make_call()
        self._tool = Tool.from_function(self._call, **self._shown)

    def binding(self) -> ToolBinding:
        """The tool as the server lists it."""
        return ToolBinding(self._call, kwargs=self._shown)

    def arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a call, checked; raises what pydantic does."""
        return self._tool.fn_metadata.validate_arguments(given)

    def shown(self, result: str | None) -> dict[str, Any]:
        """A stored result as the server would answer it."""
        answer = self._tool.fn_metadata.convert_result(load(result))
        return answer.model_dump(by_alias=True, mode="json", exclude_none=True)

    def submit(self, arguments: dict[str, Any], caller: Caller, task_id: str) -> JobHandle[Any]:
        """Store the job of a call. When this returns, a crash does not lose it."""
        app = self.handle.app
        with app.acting_as(caller.actor, "mcp"):
            job = app.new_job(self.handle, (), arguments, {"metadata": caller.metadata})
            mine = attach(job.metadata, KEY, {"tool": self.name, "owner": caller.owner})
            terms = Terms(once=key_of(task_id))
            new = job._replace(metadata=mine)
            [job_id] = app.store.submit([new], app.clock.micros(), app.settings.bound, terms)
        app.wake_workers()
        return app.job(job_id)

    def _make_call(self) -> Callable[..., Any]:
        """The function for clients that wait: its job is stored all the same."""

        async def call(mcp_context: Context[Any, Any], **arguments: Any) -> Any:
            caller = caller_of(mcp_context.request_context)
            try:
                job = await run_sync(self.submit, arguments, caller, new_id())
                return await self._wait(job)
            except OffhoursError as error:
                raise ToolError(str(error)) from error

        function = self.handle.function
        try:
            hints = get_type_hints(function, include_extras=True)
        except NameError as error:
            raise TaskError(
                f"{self.name}: {error}; its annotations must be there at run time"
            ) from None
        without = self.handle.task.codec.context_name
        signature = inspect.signature(function)
        kept = [p.replace(annotation=hints.get(name, p.annotation))
                for name, p in signature.parameters.items() if name != without]  # fmt: skip
        context = inspect.Parameter(_CALLER, inspect.Parameter.KEYWORD_ONLY, annotation=Context)
        returns = hints.get("return", signature.return_annotation)
        call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [*kept, context], return_annotation=returns
        )
        hints.pop(without or "", None)
        call.__annotations__ = {**hints, _CALLER: Context}
        call.__name__, call.__doc__ = self.name, inspect.getdoc(function)
        return call

    async def _wait(self, job: JobHandle[Any]) -> Any:
        """Nobody else can ask for this result: when the caller gives up, so does the job."""
        try:
            return await job
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await run_sync(functools.partial(_give_up, job))
            raise


def _give_up(job: JobHandle[Any]) -> None:
    try:
        job.cancel("its caller did not wait for it")
    except (IllegalMove, NotFound):
        return  # it has ended by itself
