"""Offhours in a real FastAPI application."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from offhours import Offhours
from offhours.core.errors import NotStarted
from offhours.integrations.fastapi import (
    CurrentApp,
    ForegroundMiddleware,
    current_app,
    lifespan,
    mount,
)

TOKEN = "oh_a-token-that-nobody-guesses"
Wait = Callable[[Callable[[], bool]], None]


def double(number: int) -> int:
    return 2 * number


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Offhours]:
    made = Offhours(tmp_path / "jobs.db")
    made.task(name="double")(double)
    yield made
    made.close()


def test_it_works_while_the_server_lives_inside_of_the_users_own(app: Offhours) -> None:
    told: list[Any] = []

    @asynccontextmanager
    async def own(host: FastAPI) -> AsyncIterator[dict[str, str]]:
        told.append(app.running)
        yield {"greeting": "hello"}
        told.append(app.running)

    host = FastAPI(lifespan=lifespan(app, own))

    @host.get("/double/{number}")
    async def ask(number: int, jobs: CurrentApp, request: Request) -> dict[str, Any]:
        return {
            "result": await jobs.submit("double", args=(number,)),
            "greeting": request.state.greeting,
        }

    for _ in range(2):  # a server may be started again
        with TestClient(host) as client:
            assert client.get("/double/21").json() == {"result": 42, "greeting": "hello"}
        assert not app.running
    assert told == [True, True, True, True]


def test_it_may_submit_only(app: Offhours) -> None:
    with TestClient(FastAPI(lifespan=lifespan(app, work=False))):
        assert not app.running


def test_it_stops_when_the_users_own_fails(app: Offhours) -> None:
    @asynccontextmanager
    async def own(host: FastAPI) -> AsyncIterator[None]:
        raise RuntimeError("no luck")
        yield

    with (
        pytest.raises(RuntimeError, match="no luck"),
        TestClient(FastAPI(lifespan=lifespan(app, own))),
    ):
        pass
    assert not app.running


def test_the_dependency_says_what_is_missing_and_can_be_replaced(app: Offhours) -> None:
    host = FastAPI()

    @host.get("/")
    async def ask(jobs: CurrentApp) -> str:
        return jobs.store.name

    with pytest.raises(NotStarted, match="lifespan"):
        TestClient(host).get("/")
    host.dependency_overrides[current_app] = lambda: app
    assert TestClient(host).get("/").json() == app.store.name


def test_requests_hold_background_work_back(app: Offhours, eventually: Wait) -> None:
    host, inside = FastAPI(lifespan=lifespan(app, work=False)), threading.Event()
    go = threading.Event()

    @host.get("/shop")
    def shop() -> str:
        inside.set()
        go.wait(20)
        return "ok"

    @host.get("/healthz")
    def healthz() -> int:
        return len(app.foreground_leases())

    mount(host, app, token=TOKEN, hosts=["testserver"])
    host.add_middleware(
        ForegroundMiddleware, app=app, exclude=["/healthz"], workflow="shop", linger="1ms"
    )
    with TestClient(host) as client:
        signed = {"Authorization": f"Bearer {TOKEN}"}
        assert client.get("/ops/api/v1/overview", headers=signed).status_code == 200
        assert client.get("/healthz").json() == 0
        assert [e.kind for e in app.events() if e.kind.startswith("foreground")] == []
        asking = threading.Thread(target=client.get, args=("/shop",))
        asking.start()
        assert inside.wait(20)
        eventually(lambda: client.get("/healthz").json() == 1)
        assert app.foreground_leases()[0].workflow == "shop"
        go.set()
        asking.join()
        eventually(lambda: client.get("/healthz").json() == 0)


def test_the_page_and_its_socket_below_a_prefix(app: Offhours) -> None:
    host = FastAPI(lifespan=lifespan(app))
    mount(host, app, "/back", token=TOKEN, hosts=["testserver"])
    signed = {"Authorization": f"Bearer {TOKEN}"}
    with TestClient(host) as client:
        assert "text/html" in client.get("/back/").headers["content-type"]
        with client.websocket_connect("/back/api/v1/live", headers=signed) as socket:
            assert socket.receive_json()["type"] == "hello"
            app.submit("double", args=(4,)).result(timeout=20)
            assert socket.receive_json()["type"] == "changes"
