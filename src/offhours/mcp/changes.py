"""What all verbs that change something do: who may, what it would be, and in whose name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError

from offhours.core.errors import TaskNotFound, did_you_mean
from offhours.known_tasks import is_own
from offhours.mcp.caller import Caller, caller_of
from offhours.mcp.reading import known_tasks

if TYPE_CHECKING:
    from offhours.app import Offhours

WRITE_SCOPE = "offhours:write"
Change = Callable[[], dict[str, Any]]
McpContext = Context[Any, Any]


class Changes:
    """An app that is changed by callers.

    everybody: whether every client may write, or only those whose token has the scope
    """

    def __init__(self, app: Offhours, everybody: bool) -> None:
        self._app = app
        self._everybody = everybody

    def _caller(self, ctx: McpContext) -> Caller:
        """Who asks; refused when they may not write."""
        caller = caller_of(ctx.request_context)
        if not self._everybody and WRITE_SCOPE not in caller.scopes:
            raise ToolError(f"{caller.name} may only read: its token lacks {WRITE_SCOPE}")
        return caller

    def _change(self, caller: Caller, dry_run: bool, would: str, change: Change) -> dict[str, Any]:
        if dry_run:
            return {"done": False, "dry_run": True, "would": would}
        with self._app.acting_as(caller.actor, "mcp"):
            return {"done": True, "did": would, **change()}

    def _check_known(self, task: str) -> None:
        """A model may have made a name up: a job for it would wait for ever. Our own tasks are not
        for agents: what trains, and which script runs, is not theirs to say."""
        known = [name for name in known_tasks(self._app) if not is_own(name)]
        if task not in known:
            shown = ", ".join(known[:20]) or "none: no worker runs"
            near = did_you_mean(task, known)
            raise TaskNotFound(f"no worker knows a task {task!a}{near}; known: {shown}")


def metadata_of(
    caller: Caller, goal: str | None, trigger_prompt: str | None, conversation_id: str | None
) -> dict[str, Any]:
    """Why there is a job or schedule: what its caller said of that."""
    given = {"goal": goal, "trigger_prompt": trigger_prompt}
    told: dict[str, Any] = {key: text for key, text in given.items() if text is not None}
    if conversation_id is not None:
        told["origin"] = {"agent": caller.name, "conversation_id": conversation_id}
    return {**caller.metadata, **told}
