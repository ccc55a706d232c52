"""Agents at the door: a client of the MCP SDK, and a server that is another process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError
from mcp_types import Implementation
from tests.conftest import Until
from tests.mcp_client import TakesTasks, ask, begin, wait

from offhours import JobState, Offhours

OFFHOURS = (sys.executable, "-m", "offhours")
SERVER = """
    import os, sys, time
    from pathlib import Path
    from mcp.server.mcpserver import MCPServer
    from offhours import Context, Offhours
    from offhours.mcp import OffhoursTasks

    app = Offhours(sys.argv[1])
    tasks = OffhoursTasks(app)
    folder = Path(sys.argv[1]).parent


    @tasks.tool
    def index(ctx: Context, name: str) -> dict[str, str]:
        \"\"\"Slow: it ends when there is a file that says so.\"\"\"
        (folder / "pids").open("a").write(f"{os.getpid()}\\n")
        while not (folder / "go").exists():
            ctx.checkpoint()
            time.sleep(0.005)
        return {"indexed": name}


    if __name__ == "__main__":
        server = MCPServer("my-agent", extensions=[tasks], log_level="ERROR")
        with app:
            server.run()
"""


class House:
    """A folder with a server program and its database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.db = folder / "jobs.db"
        self.program = folder / "program.py"
        self.program.write_text(textwrap.dedent(SERVER))

    def client(self, *, tasks: bool = True) -> Client:
        command = [str(self.program), str(self.db)]
        server = StdioServerParameters(command=sys.executable, args=command)
        return Client(server, extensions=[TakesTasks()] if tasks else None)

    def verbs(self, *options: str) -> Client:
        """A client of `offhours mcp`."""
        command = [*OFFHOURS[1:], "mcp", "--quiet", "--db", str(self.db), *options]
        server = StdioServerParameters(command=OFFHOURS[0], args=command)
        return Client(server, client_info=Implementation(name="kay", version="1"))

    def pids(self) -> list[int]:
        file = self.folder / "pids"
        return [int(line) for line in file.read_text().split()] if file.exists() else []


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def run(scene: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(scene())


async def begun(house: House, runs: int) -> None:
    for _ in range(12_000):
        if len(house.pids()) >= runs:
            return
        await asyncio.sleep(0.005)
    raise AssertionError("waited in vain")


def test_a_long_call_outlives_the_server_that_took_it(house: House) -> None:
    async def scene() -> None:
        async with house.client() as client:
            handle = await begin(client, "index", {"name": "notes"})
            await begun(house, 1)
            assert (await ask(client, "get", handle.task_id))["status"] == "working"
            os.kill(house.pids()[0], signal.SIGKILL)
            with pytest.raises(MCPError):
                await ask(client, "get", handle.task_id)
        async with house.client() as client:  # another process, and the same handle
            await begun(house, 2)
            assert (await ask(client, "get", handle.task_id))["status"] == "working"
            (house.folder / "go").touch()
            told = await wait(client, handle.task_id)
        assert told["status"] == "completed"
        assert told["result"]["structuredContent"] == {"indexed": "notes"}
        first, second = house.pids()
        assert first != second

    run(scene)


def test_a_client_that_takes_no_tasks_waits_or_gives_up(house: House, until: Until) -> None:
    async def scene() -> None:
        async with house.client(tasks=False) as client:
            call = asyncio.create_task(client.call_tool("index", {"name": "notes"}))
            await begun(house, 1)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            app = Offhours(str(house.db))
            job = app.job(1)
            await asyncio.to_thread(until, lambda: job.status is JobState.CANCELLED, 60)
            assert job.record.reason == "its caller did not wait for it"
            (house.folder / "go").touch()
            result = await client.call_tool("index", {"name": "notes"})
            assert result.structured_content == {"indexed": "notes"}
            app.close()

    run(scene)


def test_an_agent_submits_and_a_worker_works(house: House, until: Until) -> None:
    (house.folder / "go").touch()
    Offhours(str(house.db)).close()
    command = [*OFFHOURS, "worker", "program.py", "--quiet"]
    program = house.program.read_text().replace("sys.argv[1]", repr(str(house.db)))
    house.program.write_text(program)
    worker = subprocess.Popen(command, cwd=house.folder)

    async def scene() -> None:
        app = Offhours(str(house.db))
        await asyncio.to_thread(until, app.workers, 60)
        async with house.verbs("--write") as client:
            call = {"task": "program:index", "args": ["notes"], "goal": "tidy up"}
            tried = await client.call_tool("offhours_submit", {**call, "dry_run": True})
            assert tried.structured_content == {
                "done": False, "dry_run": True, "would": "store a job for program:index",
            }  # fmt: skip
            assert app.jobs() == []
            done: Any = (await client.call_tool("offhours_submit", call)).structured_content
            job = app.job(done["job"])
            assert await asyncio.to_thread(job.result, "60s") == {"indexed": "notes"}
            told: Any = (await client.call_tool("offhours_get", {"id": job.id})).structured_content
            assert told["state"] == "succeeded" and '"notes"' in told["result"]["quoted"]
            assert '"agent": "kay"' in told["metadata"]["quoted"]
            await client.call_tool("offhours_pause", {"task": "program:index", "reason": "enough"})
            assert (app.audit()[0].actor, app.audit()[0].action) == ("kay (MCP)", "limit.paused")
        app.close()

    try:
        run(scene)
    finally:
        worker.terminate()
        worker.wait(20)
