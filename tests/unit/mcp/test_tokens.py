"""Over HTTP each request has its token: what it may do, and which tasks are its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("mcp")
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.shared.exceptions import MCPError
from pydantic import AnyHttpUrl
from tests.mcp_client import TakesTasks, ask, begin

from offhours.mcp import OffhoursTasks, make_server
from offhours.testing import MemoryApp, memory_app

URL = "http://127.0.0.1:8000/mcp"
SCOPES = {"reader": ["offhours:read"], "writer": ["offhours:write"], "other": []}


class Tokens:
    """Each client's token is its name."""

    async def verify_token(self, token: str) -> AccessToken | None:
        if token not in SCOPES:
            return None
        until = int(time.time()) + 3600
        return AccessToken(
            token=token, client_id=token, scopes=SCOPES[token], expires_at=until, resource=URL
        )


class House:
    def __init__(self) -> None:
        self.app: MemoryApp = memory_app()
        self.app.task(name="add")(lambda a, b: a + b)
        tasks = OffhoursTasks(self.app)

        @tasks.tool
        def double(number: int) -> int:
            return 2 * number

        auth = AuthSettings(
            issuer_url=AnyHttpUrl("https://example.com"),
            resource_server_url=AnyHttpUrl(URL),
            validate_token_resource=True,
        )
        self.server = make_server(self.app, extensions=[tasks], auth=auth, token_verifier=Tokens())

    @asynccontextmanager
    async def served(self) -> AsyncIterator[httpx2.ASGITransport]:
        web = self.server.streamable_http_app(json_response=True)
        async with web.router.lifespan_context(web):
            yield httpx2.ASGITransport(web)


@asynccontextmanager
async def client_of(transport: httpx2.ASGITransport, name: str) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {name}"}
    async with httpx2.AsyncClient(transport=transport, headers=headers) as http:
        server: Any = streamable_http_client(URL, http_client=http)
        async with Client(server, extensions=[TakesTasks()]) as client:
            yield client


def test_who_has_the_scope_writes() -> None:
    house = House()
    call = {"task": "add", "args": [1, 2]}

    async def main() -> None:
        async with house.served() as transport:
            async with client_of(transport, "reader") as client:
                for dry_run in (True, False):
                    no = await client.call_tool("offhours_submit", {**call, "dry_run": dry_run})
                    assert no.is_error and "lacks offhours:write" in no.content[0].text
                listed = await client.call_tool("offhours_list")
                assert (
                    listed.structured_content is not None and not listed.structured_content["items"]
                )
            async with client_of(transport, "writer") as client:
                assert not (await client.call_tool("offhours_submit", call)).is_error

    asyncio.run(main())
    assert '"agent":"writer"' in (house.app.record(1).metadata or "")


def test_a_task_is_its_clients_own() -> None:
    house = House()

    async def main() -> None:
        async with house.served() as transport:
            async with client_of(transport, "writer") as client:
                handle = await begin(client, "double", {"number": 2})
                house.app.drain()
                assert (await ask(client, "get", handle.task_id))["status"] == "completed"
            async with client_of(transport, "other") as client:
                for method in ("get", "update", "cancel"):
                    with pytest.raises(MCPError, match="no such task") as refused:
                        await ask(client, method, handle.task_id, {})
                    assert refused.value.error.code == -32602

    asyncio.run(main())
