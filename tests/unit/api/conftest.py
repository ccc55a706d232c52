"""An app in memory whose time stands still, and clients of its API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from offhours.api import Limits, make_app
from offhours.api.tokens import digest_of
from offhours.core.access import NewToken
from offhours.core.outcomes import Defer
from offhours.testing import MemoryApp, memory_app

TOKEN = "oh_the-token-of-the-server-itself"
BASE = "http://localhost"


@pytest.fixture
def app() -> Iterator[MemoryApp]:
    made = memory_app()

    @made.task(name="shop:work")
    def work(how: Any = "succeed", seconds: float = 0) -> Any:
        made.clock.advance(seconds)
        if how == "fail":
            raise ValueError("no luck")
        if how == "defer":
            raise Defer(until="1h", reason="later")
        return how

    yield made
    made.close()


Client = Callable[..., TestClient]


@pytest.fixture
def client_of(app: MemoryApp) -> Client:
    """A client with a token of some scope and tenant."""

    def make(scope: str = "admin", tenant: str | None = None, **options: Any) -> TestClient:
        token = f"oh_{scope}_{tenant}"
        digest = digest_of(token)
        if app.store.access.token(digest, app.clock.micros()) is None:
            kept = NewToken(digest, f"{scope} of {tenant}", scope, tenant)
            app.store.access.add_token(kept, app.clock.micros())
        headers = {"authorization": f"Bearer {token}"}
        made = make_app(app, token=TOKEN, **options)
        return TestClient(made, base_url=BASE, headers=headers)

    return make


@pytest.fixture
def client(app: MemoryApp) -> TestClient:
    """A client with the server's own token."""
    made = make_app(app, token=TOKEN)
    return TestClient(made, base_url=BASE, headers={"authorization": f"Bearer {TOKEN}"})


@pytest.fixture
def stranger(app: MemoryApp) -> TestClient:
    """A client without a token."""
    return TestClient(make_app(app, token=TOKEN, limits=Limits(bad_tokens=5)), base_url=BASE)
