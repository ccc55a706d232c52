"""`TasksClient`: `call_tool` as ever, and behind it a job, questions and a handle."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

pytest.importorskip("mcp")
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp_types import ElicitRequestFormParams, ElicitResult

import offhours
from offhours.mcp import OffhoursTasks, TasksClient, cancel, follow
from offhours.mcp import ask as question


class House:
    def __init__(self) -> None:
        self.app = offhours.Offhours(":memory:")
        self.begun: list[str] = []
        self.asked: list[str] = []
        tasks = OffhoursTasks(self.app)

        @tasks.tool
        def greet() -> str:
            answer = question("Who are you?", {"name": {"type": "string"}})
            return f"hello {answer['name']}" if answer else "hello"

        @tasks.tool
        def wait(ctx: offhours.Context) -> None:
            ctx.wait_for_signal("never")

        @tasks.tool
        def fail() -> None:
            raise OSError("the disk is full")

        self.server = MCPServer("my-agent", extensions=[tasks])

    def client(self, action: str = "accept") -> Client:
        async def shown(ctx: object, params: ElicitRequestFormParams) -> ElicitResult:
            self.asked.append(params.message)
            content = {"name": "Ann"} if action == "accept" else None
            return ElicitResult(action=action, content=content)  # type: ignore[arg-type]

        follower = TasksClient(on_begin=self.begun.append)
        return Client(self.server, extensions=[follower], elicitation_callback=shown)  # type: ignore[arg-type]


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    for name in ("_SOONEST", "_LATEST", "_FOR_A_PERSON"):  # tests need not be patient
        monkeypatch.setattr(f"offhours.mcp.status.{name}", 5_000)
    made = House()
    with made.app:
        yield made
    made.app.close()


def talk(house: House, scene: Callable[[Client], Awaitable[None]], action: str = "accept") -> None:
    async def main() -> None:
        async with house.client(action) as client:
            await asyncio.wait_for(scene(client), 60)

    asyncio.run(main())


@pytest.mark.parametrize(("action", "said"), [("accept", "hello Ann"), ("decline", "hello")])
def test_what_the_tool_asks_is_asked_once(house: House, action: str, said: str) -> None:
    async def scene(client: Client) -> None:
        result = await client.call_tool("greet")
        assert result.structured_content == {"result": said}
        assert house.asked == ["Who are you?"]
        [task] = house.begun
        assert (await follow(client.session, task)).structured_content == {"result": said}

    talk(house, scene, action)


def test_what_fails_and_what_is_cancelled_are_errors_for_the_model(house: House) -> None:
    async def scene(client: Client) -> None:
        failed = await client.call_tool("fail")
        assert failed.is_error and "the disk is full" in failed.content[0].text  # type: ignore[union-attr]
        call = asyncio.create_task(client.call_tool("wait"))
        while len(house.begun) < 2:
            await asyncio.sleep(0.002)
        await cancel(client.session, house.begun[1])
        assert (await call).is_error

    talk(house, scene, "decline")


def test_who_stops_waiting_does_not_stop_the_task(house: House) -> None:
    async def scene(client: Client) -> None:
        call = asyncio.create_task(client.call_tool("wait"))
        while not house.begun:
            await asyncio.sleep(0.002)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        house.app.signal(1, "never")
        assert not (await follow(client.session, house.begun[0])).is_error

    talk(house, scene, "decline")
