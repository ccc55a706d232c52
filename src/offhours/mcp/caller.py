"""Who calls: what a request tells of its client, and what its token allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import principal_components
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import CLIENT_CAPABILITIES_META_KEY, MISSING_REQUIRED_CLIENT_CAPABILITY
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from offhours.core.outcomes import clean_text

TASKS = "io.modelcontextprotocol/tasks"
VERSIONS = frozenset(MODERN_PROTOCOL_VERSIONS)
_LONGEST_NAME = 100


class Caller(NamedTuple):
    """The client of one request.

    name: as it calls itself, or as its token does; owner: whom its token stands for (None without
    one), as JSON; scopes: of its token
    """

    name: str
    owner: list[str | None] | None = None
    scopes: frozenset[str] = frozenset()

    @property
    def actor(self) -> str:
        """Its name in the audit log. Nobody but a client of MCP has one that ends so."""
        return f"{self.name} (MCP)"

    @property
    def metadata(self) -> dict[str, Any]:
        """What its jobs carry, so that it cannot decide about them."""
        return {"agent": self.name, "created_by": "agent"}


def caller_of(ctx: ServerRequestContext[Any, Any]) -> Caller:
    """Who has sent a request."""
    token = get_access_token()
    if token is not None:
        owner = list(principal_components(token))
        return Caller(_shown(token.client_id), owner, frozenset(token.scopes))
    told = ctx.session.client_params
    return Caller(_shown("" if told is None else told.client_info.name))


def takes_tasks(ctx: ServerRequestContext[Any, Any]) -> bool:
    """Whether the client said in this very request that it understands a task for an answer."""
    if ctx.protocol_version not in VERSIONS:
        return False  # what an older client says of tasks means another form of them
    extensions = _declared(ctx).get("extensions")
    return isinstance(extensions, Mapping) and TASKS in extensions


def takes_questions(ctx: ServerRequestContext[Any, Any]) -> bool:
    """Whether it said that it can show a form to somebody."""
    asks = _declared(ctx).get("elicitation")
    return isinstance(asks, Mapping) and (not asks or asks.get("form") is not None)


def _declared(ctx: ServerRequestContext[Any, Any]) -> Mapping[str, Any]:
    declared = (ctx.meta or {}).get(CLIENT_CAPABILITIES_META_KEY)
    return declared if isinstance(declared, Mapping) else {}


def need_tasks(ctx: ServerRequestContext[Any, Any]) -> None:
    """Refuse a request that has not said so."""
    if not takes_tasks(ctx):
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY,
            f"this needs a client that declares the extension {TASKS} in the request",
            {"requiredCapabilities": {"extensions": {TASKS: {}}}},
        )


def _shown(name: str) -> str:
    told = "".join(c for c in clean_text(name) if c.isprintable()).strip()[:_LONGEST_NAME]
    return told or "a client"
