"""The Tasks extension, asked by a client of the SDK in memory; jobs run when the test says so."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")
from mcp import Client
from mcp.server.mcpserver import Context as McpContext
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, ElicitResult, Implementation
from pydantic import BaseModel
from tests.mcp_client import TASKS, TakesTasks, ask, begin

import offhours
from offhours.core.errors import OptionError, TaskError
from offhours.mcp import OffhoursTasks
from offhours.mcp import ask as question
from offhours.mcp.tool import key_of
from offhours.testing import MemoryApp, memory_app

INVALID, UNKNOWN_METHOD, NOT_DECLARED = -32602, -32601, -32021


async def unasked(ctx: object, params: object) -> ElicitResult:
    """By this a client declares that it can show forms; here the tests answer by hand."""
    raise AssertionError


class Place(BaseModel):
    """What pydantic checks in arguments and results."""

    folder: Path
    since: datetime


class House:
    """A server with some tools, and clients for it."""

    def __init__(self) -> None:
        self.app: MemoryApp = memory_app(retention="7d")
        self.tasks = tasks = OffhoursTasks(self.app)

        @tasks.tool(retries=1, backoff="10s")
        def stumble(ctx: offhours.Context) -> int:
            if ctx.attempt == 1:
                raise OSError("not yet")
            return ctx.attempt

        @tasks.tool(priority="low")
        def double(ctx: offhours.Context, number: int) -> dict[str, int]:
            """Twice as much."""
            return {"number": 2 * number, "attempt": ctx.attempt}

        @tasks.tool
        def visit(place: Place, depth: int = 1) -> Place:
            assert isinstance(place, Place) and isinstance(place.since, datetime)
            return place.model_copy(update={"folder": place.folder / str(depth)})

        @tasks.tool
        def fail(reason: str = "the disk is full") -> None:
            raise OSError(reason)

        @tasks.tool
        def wait_for(ctx: offhours.Context) -> str:
            return str(ctx.wait_for_signal("go"))

        @tasks.tool
        def choose() -> str:
            first = question("Which folder?", {"folder": {"type": "string"}}, name="folder")
            second = question("How many?", {"n": {"type": "integer"}}, name="n")
            return f"{first} {second}"

        @tasks.tool
        def send(ctx: offhours.Context) -> bool:
            return bool(ctx.approve("send 40 e-mails", args=["all"]))

        @tasks.tool(required=True)
        def only_as_task() -> int:
            return 1

        self.server = MCPServer("my-agent", extensions=[tasks])

        @self.server.tool()
        def quick() -> str:
            return "at once"

    def client(self, *, tasks: bool = True, **options: Any) -> Client:
        extensions = [TakesTasks()] if tasks else None
        options.setdefault("elicitation_callback", unasked)
        return Client(self.server, extensions=extensions, **options)


def talk(
    scene: Callable[[House, Client], Awaitable[None]], *, tasks: bool = True, **options: Any
) -> House:
    house = House()

    async def main() -> None:
        async with house.client(tasks=tasks, **options) as client:
            await scene(house, client)

    asyncio.run(main())
    return house


def test_fields_that_are_no_schema_are_refused_when_they_are_asked() -> None:
    with pytest.raises(OptionError, match="fields: expected a JSON schema"):
        question("Which folder?", {"folder": {"type": "strin"}})


def test_a_call_is_a_job_before_it_is_a_handle() -> None:
    async def scene(house: House, client: Client) -> None:
        handle = await begin(client, "double", {"number": "21"})  # as pydantic reads it
        [job] = house.app.jobs()
        assert house.app.job_of_key(key_of(handle.task_id)).id == job.id
        assert (job.priority, job.state, job.args) == (90, "pending", '[[],{"number":21}]')
        assert handle.status == "working" and "no worker" in (handle.status_message or "")
        assert handle.ttl_ms is None and handle.created_at == "2026-01-01T00:00:00.000000Z"
        told = await ask(client, "get", handle.task_id)
        assert told["resultType"] == "complete" and told["status"] == "working"
        house.app.clock.advance("5s")
        house.app.drain()
        told = await ask(client, "get", handle.task_id)
        assert told["status"] == "completed" and told["resultType"] == "complete"
        assert told["result"]["structuredContent"] == {"number": 42, "attempt": 1}
        assert told["result"]["isError"] is False
        assert told["lastUpdatedAt"] == "2026-01-01T00:00:05.000000Z"
        assert told["ttlMs"] == 5_000 + 7 * 86_400_000  # from its creation
        assert (await client.call_tool("quick")).content[0].text == "at once"

    talk(scene)


def test_ids_are_random_and_the_store_does_not_know_them() -> None:
    async def scene(house: House, client: Client) -> None:
        ids = {(await begin(client, "fail")).task_id for _ in range(20)}
        assert len(ids) == 20 and all(re.fullmatch(r"[\w-]{32}", each) for each in ids)  # 192 bits
        stored = "".join(str(job) for job in house.app.jobs())
        assert not any(each in stored for each in ids)

    talk(scene)


@pytest.mark.parametrize("as_task", [True, False])
def test_arguments_and_results_are_what_pydantic_makes_of_them(as_task: bool) -> None:
    place = {"folder": "notes", "since": "2026-01-01T00:00:00Z"}

    async def scene(house: House, client: Client) -> None:
        if as_task:
            handle = await begin(client, "visit", {"place": place})
            house.app.drain()
            result = (await ask(client, "get", handle.task_id))["result"]["structuredContent"]
        else:
            result = (await client.call_tool("visit", {"place": place})).structured_content
        assert result == {**place, "folder": "notes/1"}

    talk(scene, tasks=as_task)


def test_many_calls_at_once_are_a_job_each() -> None:
    async def scene(house: House, client: Client) -> None:
        calls = [begin(client, "double", {"number": n}) for n in range(30)]
        handles = await asyncio.gather(*calls)
        assert len(house.app.jobs(limit=100)) == 30
        house.app.drain()
        told = await asyncio.gather(*(ask(client, "get", each.task_id) for each in handles))
        found = [each["result"]["structuredContent"]["number"] for each in told]
        assert found == [2 * n for n in range(30)]

    talk(scene)


def test_what_could_not_be_stored_has_no_handle() -> None:
    async def scene(house: House, client: Client) -> None:
        house.app.store.close()
        result = await client.session.call_tool("double", {"number": 1}, allow_claimed=True)
        assert isinstance(result, CallToolResult) and result.is_error

    talk(scene)


def test_only_who_declares_it_in_the_request_gets_a_handle() -> None:
    async def scene(house: House, client: Client) -> None:
        house.app.clock.advance("1s")
        result = await client.call_tool("double", {"number": 4})
        assert result.structured_content == {"number": 8, "attempt": 1}
        assert len(house.app.jobs()) == 1  # it is a job all the same
        failed = await client.call_tool("fail")
        assert failed.is_error and "the disk is full" in failed.content[0].text
        with pytest.raises(MCPError) as refused:
            await client.call_tool("only_as_task")
        assert refused.value.error.code == NOT_DECLARED
        assert refused.value.error.data == {"requiredCapabilities": {"extensions": {TASKS: {}}}}

    house = talk(scene, tasks=False)

    async def not_even_with_an_id(house: House) -> None:
        async with house.client() as one, house.client(tasks=False) as other:
            handle = await begin(one, "wait_for")
            for method in ("get", "update", "cancel"):
                with pytest.raises(MCPError) as refused:
                    await ask(other, method, handle.task_id, {})
                assert refused.value.error.code == NOT_DECLARED

    asyncio.run(not_even_with_an_id(house))


def test_an_older_client_waits_and_finds_none_of_the_methods() -> None:
    async def scene(house: House, client: Client) -> None:
        assert client.protocol_version == "2025-11-25"
        result = await client.call_tool("double", {"number": 4})
        assert result.structured_content == {"number": 8, "attempt": 1}
        for method in ("get", "update", "cancel"):
            with pytest.raises(MCPError) as refused:
                await ask(client, method, "anything", {})
            assert refused.value.error.code == UNKNOWN_METHOD

    talk(scene, mode="legacy")


@pytest.mark.parametrize("method", ["list", "result"])
def test_there_is_no_list_of_tasks(method: str) -> None:
    async def scene(house: House, client: Client) -> None:
        with pytest.raises(MCPError) as refused:
            await ask(client, method, "anything")
        assert refused.value.error.code == UNKNOWN_METHOD

    talk(scene)


def test_an_id_that_is_none_is_an_error() -> None:
    async def scene(house: House, client: Client) -> None:
        other = house.app.submit(len, args=("four",), idempotency_key=key_of("guessed"))
        assert other.id == 1
        for wrong in ("1", "", "guessed", "x" * 5000, "\N{SNOWMAN}"):
            for method in ("get", "update", "cancel"):
                with pytest.raises(MCPError) as refused:
                    await ask(client, method, wrong, {})
                assert refused.value.error.code == INVALID

    talk(scene)


def test_what_fails_is_completed_with_an_error_in_it() -> None:
    async def scene(house: House, client: Client) -> None:
        handle = await begin(client, "fail")
        house.app.drain()
        told = await ask(client, "get", handle.task_id)
        assert told["status"] == "completed" and told["result"]["isError"] is True
        assert "OSError: the disk is full" in told["result"]["content"][0]["text"]
        assert "Traceback" not in str(told)

    talk(scene)


def test_wrong_arguments_are_told_at_once_and_make_no_job() -> None:
    async def scene(house: House, client: Client) -> None:
        result = await client.call_tool("double", {"number": "many"})
        assert result.is_error and "number" in result.content[0].text
        assert house.app.jobs() == []

    talk(scene)


def test_what_waits_says_for_what_and_how_soon_to_ask() -> None:
    async def scene(house: House, client: Client) -> None:
        first = await begin(client, "fail", {"reason": "x"})
        second = await begin(client, "fail")
        assert (first.poll_interval_ms, second.poll_interval_ms) == (500, 1000)  # one is ahead
        house.app.defer(1, "10m", "rate limit")
        told = await ask(client, "get", first.task_id)
        assert told["status"] == "working" and "rate limit" in told["statusMessage"]
        assert told["pollIntervalMs"] == 30_000

    talk(scene)


def test_cancelling_is_acknowledged_and_told_later() -> None:
    async def scene(house: House, client: Client) -> None:
        handle = await begin(client, "wait_for")
        house.app.drain()
        answer = await ask(client, "cancel", handle.task_id)
        assert answer["resultType"] == "complete" and "status" not in answer
        told = await ask(client, "get", handle.task_id)
        assert told["status"] == "cancelled" and "by its client" in told["statusMessage"]
        await ask(client, "cancel", handle.task_id)  # what has ended has ended

    info = Implementation(name="kay\n(command line)", version="1")
    house = talk(scene, client_info=info)
    [row] = house.app.audit()
    assert (row.actor, row.action) == ("kay(command line) (MCP)", "job.cancelled")


def test_a_signal_is_an_input_request_with_a_value() -> None:
    async def scene(house: House, client: Client) -> None:
        handle = await begin(client, "wait_for")
        house.app.drain()
        told = await ask(client, "get", handle.task_id)
        assert told["status"] == "input_required"
        [(key, request)] = told["inputRequests"].items()
        assert request["method"] == "elicitation/create"
        assert request["params"]["requestedSchema"]["required"] == ["value"]
        for ignored in ({}, {"other": {"action": "accept"}}, {key: {"action": "decline"}}):
            await ask(client, "update", handle.task_id, ignored)
            assert (await ask(client, "get", handle.task_id))["status"] == "input_required"
        for wrong in ({"action": "accept"}, {"action": "accept", "content": {}}, {"action": 3}):
            with pytest.raises(MCPError) as refused:
                await ask(client, "update", handle.task_id, {key: wrong})
            assert refused.value.error.code == INVALID
        good = {key: {"action": "accept", "content": {"value": "now"}}}
        assert "status" not in await ask(client, "update", handle.task_id, good)
        assert (await ask(client, "get", handle.task_id))["status"] == "working"
        await ask(client, "update", handle.task_id, good)  # answered already
        house.app.drain()
        told = await ask(client, "get", handle.task_id)
        assert told["result"]["structuredContent"] == {"result": "now"}

    talk(scene)


def test_questions_have_keys_of_their_own_and_may_be_declined() -> None:
    async def scene(house: House, client: Client) -> None:
        handle = await begin(client, "choose")
        house.app.drain()
        [(first, request)] = (await ask(client, "get", handle.task_id))["inputRequests"].items()
        assert request["params"]["message"] == "Which folder?"
        answer = {"action": "accept", "content": {"folder": "notes/"}}
        await ask(client, "update", handle.task_id, {first: answer})
        house.app.drain()
        [(second, request)] = (await ask(client, "get", handle.task_id))["inputRequests"].items()
        assert request["params"]["message"] == "How many?" and second != first
        await ask(client, "update", handle.task_id, {first: answer})  # not asked any more
        await ask(client, "update", handle.task_id, {second: {"action": "decline"}})
        house.app.drain()
        told = await ask(client, "get", handle.task_id)
        assert told["result"]["content"][0]["text"] == "{'folder': 'notes/'} None"

    talk(scene)


def test_an_approval_is_shown_and_cannot_be_given() -> None:
    async def scene(house: House, client: Client) -> None:
        handle = await begin(client, "send")
        house.app.drain()
        told = await ask(client, "get", handle.task_id)
        assert told["status"] == "input_required" and told["inputRequests"] == {}
        assert "send 40 e-mails" in told["statusMessage"]
        [asked] = house.app.approvals()
        yes = {"action": "accept", "content": {"value": True, "approved": True}}
        keys = (asked.step, str(asked.id), asked.digest, "approval", "signal go")
        await ask(client, "update", handle.task_id, dict.fromkeys(keys, yes))
        house.app.drain()
        assert house.app.approvals() == [asked]
        assert (await ask(client, "get", handle.task_id))["status"] == "input_required"
        with pytest.raises(offhours.OffhoursError, match="kay has asked for this"):
            house.app.approve(asked.id, by="kay")
        house.app.approve(asked.id, by="ann")
        house.app.drain()
        told = await ask(client, "get", handle.task_id)
        assert told["result"]["structuredContent"] == {"result": True}

    talk(scene, client_info=Implementation(name="kay", version="1"))


def test_a_handle_is_good_for_as_long_as_its_job_is_kept() -> None:
    async def scene(house: House, client: Client) -> None:
        quick, slow = await begin(client, "double", {"number": 1}), await begin(client, "wait_for")
        house.app.drain()
        house.app.clock.advance("30d")
        before = house.app.clock.micros() - house.app.settings.retention
        house.app.store.prune(before, 1000, 1000, house.app.clock.micros())
        assert (await ask(client, "get", slow.task_id))["status"] == "input_required"
        with pytest.raises(MCPError) as gone:
            await ask(client, "get", quick.task_id)
        assert gone.value.error.code == INVALID

    talk(scene)


def test_a_tool_that_is_retried_is_the_same_task() -> None:
    async def scene(house: House, client: Client) -> None:
        handle = await begin(client, "stumble")
        house.app.drain()
        told = await ask(client, "get", handle.task_id)
        assert told["status"] == "working" and "attempt 1 failed" in told["statusMessage"]
        left = house.app.record(1).run_at - house.app.clock.micros()
        assert told["pollIntervalMs"] == left // 1000  # when it is tried again
        house.app.clock.advance("10s")
        house.app.drain()
        told = await ask(client, "get", handle.task_id)
        assert told["result"]["structuredContent"] == {"result": 2}

    talk(scene)


def test_tools_that_could_not_come_back_are_refused() -> None:
    app = memory_app()
    tasks = OffhoursTasks(app)

    def with_request(ctx: McpContext) -> None: ...

    def one() -> None: ...

    def unresolved(path: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(TaskError, match=r"take an offhours\.Context"):
        tasks.tool(with_request)
    handle = app.task(one)
    assert tasks.tool(handle) is handle
    with pytest.raises(TaskError, match="annotations must be there"):
        tasks.tool(unresolved)
    with pytest.raises(TaskError, match="twice"):
        tasks.tool(handle)
    with pytest.raises(TaskError, match="its own app"):
        tasks.tool(memory_app().task(one))
    MCPServer("x", extensions=[tasks])
    with pytest.raises(TaskError, match="comes after its server"):
        tasks.tool(tool_name="two")(app.task(name="two")(one))


def test_who_cannot_show_a_form_is_not_asked() -> None:
    async def scene(house: House, client: Client) -> None:
        handle = await begin(client, "wait_for")
        house.app.drain()
        told = await ask(client, "get", handle.task_id)
        assert (told["status"], told["inputRequests"]) == ("input_required", {})
        assert "the signal go" in told["statusMessage"]
        house.app.signal(1, "go", 7)
        house.app.drain()
        told = await ask(client, "get", handle.task_id)
        assert told["result"]["structuredContent"] == {"result": "7"}

    talk(scene, elicitation_callback=None)
