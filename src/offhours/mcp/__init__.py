"""Offhours for agents: the verbs as MCP tools, and both sides of the Tasks extension.

Needs mcp: `pip install "offhours[mcp]"`.
"""

from __future__ import annotations

from offhours.core.errors import NotInstalled

try:
    from offhours.mcp.client import TasksClient as TasksClient
    from offhours.mcp.client import cancel as cancel
    from offhours.mcp.client import follow as follow
    from offhours.mcp.questions import ask as ask
    from offhours.mcp.server import make_server as make_server
    from offhours.mcp.tasks import OffhoursTasks as OffhoursTasks
except ImportError as error:
    if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types"):
        raise
    raise NotInstalled("MCP", "mcp") from error

__all__ = ["OffhoursTasks", "TasksClient", "ask", "cancel", "follow", "make_server"]
