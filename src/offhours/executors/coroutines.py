"""Runs `async def` tasks on one event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

from offhours.core.model import Claimed
from offhours.core.ports import Runner, Source

CLOSE_SECONDS = 0.5  # a coroutine that blocks the loop cannot be waited for


class AsyncExecutor:
    """Up to `slots` coroutines at once."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._loop: asyncio.AbstractEventLoop | None = None
        self._runs: set[asyncio.Task[None]] = set()
        self._thread: threading.Thread | None = None

    def start(self, source: Source, runner: Runner) -> None:
        loop = asyncio.new_event_loop()

        def pump() -> None:
            while len(self._runs) < self.slots and (job := source.try_take()) is not None:
                run = loop.create_task(self._run(source, runner, job))
                self._runs.add(run)
                run.add_done_callback(self._runs.discard)
                run.add_done_callback(lambda _: pump())

        def poke() -> None:
            with suppress(RuntimeError):  # the loop was closed
                loop.call_soon_threadsafe(pump)

        source.on_ready(poke)
        self._loop = loop
        self._thread = threading.Thread(
            target=self._serve, args=(loop,), name="offhours-async", daemon=True
        )
        self._thread.start()

    def replace_slot(self) -> bool:
        """A coroutine that hangs blocks the whole loop; another slot would not help."""
        return False

    def abandon(self) -> None:
        """Nothing to do: `close` cancels what runs."""

    def close(self) -> None:
        """Cancel what still runs and end the loop."""
        loop, self._loop = self._loop, None
        if loop is None or self._thread is None:
            return
        loop.call_soon_threadsafe(self._cancel_all, loop)
        self._thread.join(CLOSE_SECONDS)

    def _cancel_all(self, loop: asyncio.AbstractEventLoop) -> None:
        for run in self._runs:
            run.cancel()
        loop.call_soon(loop.stop)

    @staticmethod
    def _serve(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            pending = asyncio.all_tasks(loop)
            for task in pending:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        finally:
            loop.close()

    @staticmethod
    async def _run(source: Source, runner: Runner, job: Claimed) -> None:
        source.finish(job, await runner.run_async(job))
