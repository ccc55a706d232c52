"""One reader of the events for all who watch: each change is encoded once."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Sequence
from typing import Any

from offhours.core.errors import OffhoursError
from offhours.core.events import Event
from offhours.core.ports import Store
from offhours.core.times import iso
from offhours.views import event_dict, job_row

LOOK_SECONDS = 0.1
PAGE = 1_000
SHOWN = 200  # events, and jobs, in one message; a person cannot follow more

_log = logging.getLogger("offhours.api")


class Batch:
    """What happened between two looks, ready to be sent."""

    __slots__ = ("changes", "events", "last", "sse")

    def __init__(self, events: Sequence[Event], jobs: Sequence[dict[str, Any]]) -> None:
        self.events = events
        self.last = events[-1].seq
        self.changes = json.dumps(changes_dict(events, jobs))
        self.sse = b"".join(map(sse_event, events))


class Watcher:
    """One who watches. When more waits than it may, it is told to look anew."""

    def __init__(self, backlog: int) -> None:
        self._backlog = backlog
        self._waiting: deque[Batch] = deque()
        self._bell = asyncio.Event()
        self.lost = False
        self.closed = False

    def put(self, batch: Batch) -> None:
        if len(self._waiting) >= self._backlog:
            self._waiting.clear()
            self.lost = True
        self._waiting.append(batch)
        self._bell.set()

    def end(self) -> None:
        self.closed = True
        self._bell.set()

    async def next(self, seconds: float) -> Batch | None:
        """The next batch, or None when nothing has come for so long."""
        if not self._waiting:
            if self.closed:
                return None
            self._bell.clear()
            try:
                await asyncio.wait_for(self._bell.wait(), seconds)
            except TimeoutError:
                return None
        return self._waiting.popleft() if self._waiting else None


class Hub:
    """Reads new events while somebody watches, and hands them to all."""

    def __init__(self, store: Store, most: int, backlog: int) -> None:
        self._main = store
        self._store: Store | None = None  # connections that no other caller keeps busy
        self._most = most
        self._backlog = backlog
        self._watchers: set[Watcher] = set()
        self._task: asyncio.Task[None] | None = None
        self._beginning = asyncio.Lock()
        self._closed = False
        self.seq = 0

    @property
    def full(self) -> bool:
        """Whether nobody else may watch now."""
        return len(self._watchers) >= self._most

    @property
    def watching(self) -> int:
        """How many watch."""
        return len(self._watchers)

    async def join(self) -> Watcher:
        """Begin to watch: all that comes after `seq` will be handed over."""
        async with self._beginning:  # who comes meanwhile must not set `seq` anew
            if not self._closed and (self._task is None or self._task.done()):
                self.seq = await asyncio.to_thread(self._open)
                self._task = asyncio.create_task(self._run())
        watcher = Watcher(self._backlog)
        self._watchers.add(watcher)
        if self._closed:
            watcher.end()
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Watch no more."""
        self._watchers.discard(watcher)

    def end(self) -> None:
        """Tell all who watch that it ends."""
        for watcher in list(self._watchers):
            watcher.end()

    async def close(self) -> None:
        """End it for all, and let go of the store."""
        self._closed = True
        self.end()
        async with self._beginning:  # who comes just now may be opening the store
            if self._task is not None:
                self._task.cancel()
            if self._store is not None and self._store is not self._main:
                await asyncio.to_thread(self._store.close)
            self._store = None

    def _open(self) -> int:
        if self._store is None:
            self._store = self._main.sibling()
        return self._store.last_seq()

    async def _run(self) -> None:
        version = -1
        while self._watchers:
            try:
                version = await self._look(version)
            except OffhoursError as error:
                _log.warning("the events cannot be read now: %s", error)
            except Exception:  # those who watch would hear nothing, and not know it
                _log.exception("the events cannot be read now")
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, version: int) -> int:
        store = self._store
        assert store is not None
        now, batch = await asyncio.to_thread(self._read, store, version)
        if batch is not None:
            self.seq = batch.last
            for watcher in list(self._watchers):
                watcher.put(batch)
            await asyncio.sleep(0)
            return -1  # there may be more
        return now

    def _read(self, store: Store, version: int) -> tuple[int, Batch | None]:
        now = store.changed()
        if now == version:
            return now, None
        events = store.events(self.seq, PAGE)
        return now, Batch(events, rows_of(store, events)) if events else None


def rows_of(store: Store, events: Sequence[Event]) -> list[dict[str, Any]]:
    """The jobs of the newest of these events, as they are now."""
    ids = dict.fromkeys(e.job_id for e in reversed(events) if e.job_id is not None)
    return [job_row(job) for job in store.lists.rows(list(ids)[:SHOWN])]


def changes_dict(
    events: Sequence[Event], jobs: Sequence[dict[str, Any]], cursor: int | None = None
) -> dict[str, Any]:
    """Events and the jobs they are about; of many events only the newest."""
    shown = events[-SHOWN:]
    return {
        "type": "changes",
        "cursor": events[-1].seq if cursor is None else cursor,
        "at": iso(events[-1].at) if events else None,
        "events": [event_dict(event) for event in shown],
        "jobs": list(jobs),
        "skipped": len(events) - len(shown),
    }


def sse_event(event: Event) -> bytes:
    """An event as a message of an event stream; its number is the id to resume from."""
    data = json.dumps(event_dict(event))
    return f"id: {event.seq}\nevent: {event.kind}\ndata: {data}\n\n".encode()
