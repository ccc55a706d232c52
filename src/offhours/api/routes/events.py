"""`/events`, `/changes` and `/live`: what happens, as a list, by polling, and as it happens."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response, WebSocket
from pydantic import ConfigDict, Field
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope
from starlette.websockets import WebSocketDisconnect

from offhours.api.auth import Reader, TenantReader
from offhours.api.context import Here, Server
from offhours.api.live import Watcher, changes_dict, rows_of, sse_event
from offhours.api.problems import Problem
from offhours.api.routes.job_shapes import EventShape, JobRow
from offhours.api.shapes import Cursor, Limit, Moment, Page, Shape, page_of, problems, read_cursor
from offhours.core.events import KINDS, Event
from offhours.core.model import JobState
from offhours.core.ports import name_list
from offhours.views import event_dict

router = APIRouter(prefix="/api/v1", tags=["events"], responses=problems())

KEEPALIVE_SECONDS = 15.0
SEND_SECONDS = 30.0  # a client that takes nothing for so long is gone
PAGE = 1_000
_STREAM = "text/event-stream"


class Changes(Shape):
    """What has happened since a cursor: events, and the jobs they are about as they are now."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "type": "changes", "cursor": 812, "at": "2026-06-01T09:00:00.000000Z",
                    "events": [
                        {
                            "seq": 812, "at": "2026-06-01T09:00:00.000000Z",
                            "kind": "job.succeeded", "job": 42, "attempt": 1, "data": None,
                        }
                    ],
                    "jobs": [], "skipped": 0,
                }
            ]
        },
    )  # fmt: skip

    type: str = "changes"
    cursor: int = Field(description="Ask with it next time.")
    at: Moment | None
    events: list[EventShape]
    jobs: list[JobRow]
    skipped: int = Field(description="Events that are not shown because there were too many.")


Kind = Annotated[
    list[str] | None, Query(max_length=50, description="Only these kinds; may be repeated.")
]


@router.get(
    "/events",
    response_model=Page[EventShape],
    summary="List events, or follow them",
    responses={
        200: {
            "description": "A page of events, or with `Accept: text/event-stream` all from now on.",
            "content": {_STREAM: {"schema": {"type": "string"}}},
        }
    },
)
async def events(
    here: Here,
    who: TenantReader,
    request: Request,
    kind: Kind = None,
    after: Annotated[
        int | None, Query(ge=0, le=2**63 - 1, description="A stream begins after this `seq`.")
    ] = None,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Any:
    """A list: the newest first. A stream (`Accept: text/event-stream`): each event once, in order.

    The id of a message is its `seq`: with `Last-Event-ID` (or `after`) nothing is missed.
    """
    kinds = None if not kind else [each[:100] for each in kind]
    if _STREAM in request.headers.get("accept", ""):
        return await _stream(here, who.tenant, kinds, _start(last_event_id, after))
    if who.tenant is not None:
        raise Problem(
            403,
            "forbidden",
            "the list of events is all tenants'",
            f"follow them: Accept: {_STREAM}",
        )
    before = read_cursor(cursor, "events")
    listed = name_list(kinds) if kinds else None
    found = await asyncio.to_thread(here.app.store.lists.events, before, limit, listed)
    last = found[-1].seq if found else None
    page = page_of([event_dict(event) for event in found], limit, last, "events")
    return Response(json.dumps({**page, "total": None}), media_type="application/json")


@router.get("/changes", summary="What has happened since")
def changes(
    here: Here,
    who: TenantReader,
    cursor: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
) -> Changes:
    """For pages behind a server without sockets: ask every two seconds with the last `cursor`.

    Without one: nothing but the cursor to begin with.
    """
    store = here.app.store
    if cursor is None:
        return Changes.model_validate(changes_dict([], [], store.last_seq()))
    if who.tenant is None:
        found = store.events(cursor, PAGE)
    else:
        found = store.lists.events_of(who.tenant, cursor, PAGE)
    told = changes_dict(found, rows_of(store, found), found[-1].seq if found else cursor)
    return Changes.model_validate(told)


@router.websocket("/live")
async def live(socket: WebSocket, here: Here, who: Reader) -> None:
    """What happens, for the page: `hello` with a cursor, then `changes`; `resync` after a gap."""
    if here.hub.full:
        await socket.close(1013, "too many watch already")
        return
    watcher = await here.hub.join()
    await socket.accept()
    reading = asyncio.create_task(_hear(socket, watcher))
    try:
        await _send(socket, {"type": "hello", "cursor": here.hub.seq})
        while not watcher.closed:
            batch = await watcher.next(KEEPALIVE_SECONDS)
            if watcher.lost:
                watcher.lost = False
                await _send(socket, {"type": "resync", "cursor": here.hub.seq})
            elif batch is not None:
                await asyncio.wait_for(socket.send_text(batch.changes), SEND_SECONDS)
            elif not watcher.closed:
                await _send(socket, {"type": "alive", "cursor": here.hub.seq})
        with suppress(RuntimeError):
            await socket.close(1001)
    except (WebSocketDisconnect, TimeoutError, RuntimeError):
        pass  # it has gone
    finally:
        here.hub.leave(watcher)
        reading.cancel()


async def _hear(socket: WebSocket, watcher: Watcher) -> None:
    """Nothing is expected of a client but its end."""
    with suppress(WebSocketDisconnect, RuntimeError, KeyError):
        while True:
            await socket.receive_text()
    watcher.end()


async def _send(socket: WebSocket, message: dict[str, Any]) -> None:
    await asyncio.wait_for(socket.send_text(json.dumps(message)), SEND_SECONDS)


def _start(last_event_id: str | None, after: int | None) -> int | None:
    if last_event_id is not None and last_event_id.isascii() and last_event_id.isdigit():
        return min(int(last_event_id), 2**63 - 1)
    return after


async def _stream(
    here: Server, tenant: str | None, kinds: list[str] | None, after: int | None
) -> Response:
    if here.hub.full:
        raise Problem(
            429, "too_many", "too many follow already", "close one, or ask GET api/v1/changes",
            headers={"Retry-After": "5"},
        )  # fmt: skip
    return EventStream(here, tenant, kinds, after, await here.hub.join())


class EventStream(Response):
    """Each event once and in order, from where the client was. Who is slow reads from the store."""

    media_type = _STREAM

    def __init__(
        self,
        here: Server,
        tenant: str | None,
        kinds: list[str] | None,
        after: int | None,
        watcher: Watcher,
    ) -> None:
        super().__init__()
        self._here = here
        self._tenant = tenant
        self._kinds = kinds
        self._seq = here.hub.seq if after is None else after
        self._watcher = watcher

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"),
                   (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]  # fmt: skip
        gone = asyncio.create_task(self._gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._put(send, b"retry: 2000\n\n")
            await self._follow(send)
            with suppress(TimeoutError):
                await asyncio.wait_for(send({"type": "http.response.body", "body": b""}), 1)
        except (TimeoutError, OSError):
            pass  # it takes nothing any more
        finally:
            self._here.hub.leave(self._watcher)
            gone.cancel()

    async def _gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._watcher.end()

    async def _follow(self, send: Send) -> None:
        behind = True
        watcher = self._watcher
        while not watcher.closed:
            if behind or watcher.lost:
                watcher.lost = False
                behind = await self._catch_up(send)
                continue
            batch = await watcher.next(KEEPALIVE_SECONDS)
            if batch is None:
                if not watcher.closed:
                    await self._put(send, b": alive\n\n")
            elif batch.last <= self._seq or watcher.lost:
                continue
            elif self._tenant is not None:
                behind = True
            elif self._kinds is None and batch.events[0].seq > self._seq:
                await self._put(send, batch.sse)
                self._seq = batch.last
            else:
                await self._tell(send, batch.events)
                self._seq = batch.last

    async def _catch_up(self, send: Send) -> bool:
        """Send the next page from the store; whether there may be more."""
        search, store = self._here.app.store.lists, self._here.app.store
        if self._tenant is None:
            page = await asyncio.to_thread(store.events, self._seq, PAGE)
        else:
            page = await asyncio.to_thread(search.events_of, self._tenant, self._seq, PAGE)
        if page:
            await self._tell(send, page)
            self._seq = page[-1].seq
        return len(page) == PAGE

    async def _tell(self, send: Send, events: Any) -> None:
        data = b"".join(sse_event(event) for event in events if self._wanted(event))
        if data:
            await self._put(send, data)

    def _wanted(self, event: Event) -> bool:
        return event.seq > self._seq and (self._kinds is None or event.kind in self._kinds)

    async def _put(self, send: Send, data: bytes) -> None:
        message = {"type": "http.response.body", "body": data, "more_body": True}
        await asyncio.wait_for(send(message), SEND_SECONDS)


class KindsShape(Shape):
    """Every kind of event, and the state in which it leaves its job."""

    data: dict[str, str | None]


@router.get("/events/kinds", summary="The kinds of events")
def kinds(who: TenantReader) -> KindsShape:
    """What `kind` may be."""
    return KindsShape(data={k: None if s is None else JobState(s).value for k, s in KINDS.items()})
