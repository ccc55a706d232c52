"""The one reader for all who watch: what it hands over, and what happens to who is slow."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from offhours.api.live import Batch, Hub, Watcher
from offhours.core.errors import Busy
from offhours.core.events import Event
from offhours.testing import MemoryApp


def batch(seq: int) -> Batch:
    return Batch([Event(seq, 1, "limit.paused", None, None, None)], [])


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))  # type: ignore[arg-type]


@asynccontextmanager
async def hub_of(app: MemoryApp, most: int = 10, backlog: int = 4) -> AsyncIterator[Hub]:
    hub = Hub(app.store, most, backlog)
    try:
        yield hub
    finally:
        await hub.close()


def test_who_is_too_slow_is_told_to_look_anew() -> None:
    async def test() -> None:
        watcher = Watcher(backlog=2)
        for seq in (1, 2, 3):
            watcher.put(batch(seq))
        assert watcher.lost
        found = await watcher.next(1)
        assert found is not None and found.last == 3
        assert await watcher.next(0.01) is None

    run(test)


def test_all_are_handed_the_same_bytes(app: MemoryApp) -> None:
    async def test() -> None:
        async with hub_of(app) as hub:
            one, two = await hub.join(), await hub.join()
            app.submit("shop:work", name="first")
            first, second = await one.next(20), await two.next(20)
            assert first is second and first is not None
            told = json.loads(first.changes)
            assert told["cursor"] == hub.seq == app.store.last_seq()
            assert told["jobs"][0]["name"] == "first"
            assert first.sse.startswith(b"id: 1\nevent: job.submitted\ndata: {")

    run(test)


def test_what_was_before_is_not_handed_over(app: MemoryApp) -> None:
    async def test() -> None:
        app.submit("shop:work")
        async with hub_of(app) as hub:
            watcher = await hub.join()
            app.pause()
            found = await watcher.next(20)
            assert found is not None
            assert [event.kind for event in found.events] == ["limit.paused"]

    run(test)


def test_nobody_reads_while_nobody_watches(app: MemoryApp) -> None:
    async def test() -> None:
        async with hub_of(app, most=1) as hub:
            watcher = await hub.join()
            assert hub.full and hub.watching == 1
            hub.leave(watcher)
            assert not hub.full
            task = hub._task
            assert task is not None
            await task  # it ends by itself
            app.submit("shop:work")
            again = await hub.join()  # and begins anew, from now on
            app.pause()
            found = await again.next(20)
            assert found is not None
            assert [event.kind for event in found.events] == ["limit.paused"]

    run(test)


def test_a_store_that_cannot_be_read_is_asked_again(app: MemoryApp, monkeypatch, caplog) -> None:
    failures = iter([True, True])
    read = app.store.events

    def events(*args: object) -> list[Event]:
        if next(failures, False):
            raise Busy("locked")
        return read(*args)  # type: ignore[arg-type]

    async def test() -> None:
        monkeypatch.setattr(app.store, "events", events)
        async with hub_of(app) as hub:
            watcher = await hub.join()
            app.submit("shop:work")
            assert await watcher.next(20) is not None

    run(test)
    assert "locked" in caplog.text


def test_who_comes_while_the_first_begins_skips_nothing_for_them(
    app: MemoryApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look at the newest event sees another one: the hub begins after the first of them."""

    async def test() -> None:
        async with hub_of(app) as hub:
            opening, newest = hub._open, iter((0, 1))

            def open_and_go_on() -> int:
                opening()
                app.submit("shop:work")
                return next(newest)

            monkeypatch.setattr(hub, "_open", open_and_go_on)
            one, two = await asyncio.gather(hub.join(), hub.join())
            for watcher in (one, two):
                found = await watcher.next(20)
                assert found is not None and found.events[0].seq == 1

    run(test)


def test_the_end_is_told_to_all(app: MemoryApp) -> None:
    async def test() -> None:
        hub = Hub(app.store, 10, 4)
        watcher = await hub.join()
        await hub.close()
        assert watcher.closed and await watcher.next(20) is None

    run(test)


def test_who_comes_while_it_closes_hears_nothing_and_leaves_nothing_open(app: MemoryApp) -> None:
    async def test() -> None:
        hub = Hub(app.store, 10, 4)
        coming = asyncio.create_task(hub.join())
        await asyncio.sleep(0)  # it opens the store now
        await hub.close()
        watcher = await coming
        assert watcher.closed and hub._store is None
        assert hub._task is None or hub._task.cancelling() or hub._task.done()
        assert (await hub.join()).closed and hub._store is None

    run(test)


def test_a_fault_that_nobody_foresaw_is_told_and_the_reader_goes_on(
    app: MemoryApp, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with hub_of(app) as hub:
            reading, faults = hub._read, [ZeroDivisionError("nobody knows why")]

            def read(*given: Any) -> Any:
                if faults:
                    raise faults.pop()
                return reading(*given)

            monkeypatch.setattr(hub, "_read", read)
            watcher = await hub.join()
            app.submit("shop:work")
            assert await watcher.next(20) is not None

    run(test)
    assert "nobody knows why" in caplog.text
