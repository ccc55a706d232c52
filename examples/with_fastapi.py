"""A shop in FastAPI: the server's own processes work, background work only when nobody asks.

cd examples
python with_fastapi.py                            one order, from end to end
uvicorn with_fastapi:host                         serve and work; the page is at /ops/
uvicorn with_fastapi:host --workers 4             the same with four processes
offhours worker with_fastapi.py                   work only
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from pydantic import BaseModel

from offhours import Offhours
from offhours.integrations.fastapi import CurrentApp, ForegroundMiddleware, lifespan, mount

jobs = Offhours(os.environ.get("SHOP_JOBS", "shop-jobs.db"))


class Order(BaseModel):
    """What somebody wants."""

    what: str


@jobs.task(retries=3)
def ship(order: Order) -> str:
    """Ship something; models are stored as they are."""
    return f"{order.what} goes by the post"


@asynccontextmanager
async def own(host: FastAPI) -> AsyncIterator[dict[str, Any]]:
    """What the shop itself has while it is open: it stays as it was."""
    yield {"carrier": "the post"}


host = FastAPI(lifespan=lifespan(jobs, own))
host.add_middleware(ForegroundMiddleware, app=jobs, exclude=["/health"])
mount(host, jobs, "/ops", token=os.environ.get("SHOP_TOKEN"))


@host.post("/orders", status_code=202)
def order(wanted: Order, shop: CurrentApp) -> dict[str, int]:
    """Take an order: it is stored when this returns."""
    return {"job": shop.submit(ship, args=(wanted,)).id}


@host.get("/orders/{number}")
async def wait(number: int, shop: CurrentApp) -> dict[str, Any]:
    """Wait for it; that blocks neither the loop nor a thread."""
    return {"result": await shop.job(number)}


@host.get("/health")
async def health(request: Request) -> dict[str, Any]:
    """Say which process this is."""
    return {"process": os.getpid(), "carrier": request.state.carrier}


def main() -> None:
    """Order something and wait until it is shipped."""
    from fastapi.testclient import TestClient

    with TestClient(host) as client:
        number = client.post("/orders", json={"what": "a hat"}).json()["job"]
        jobs.job(number).wait("20s")
        print(client.get(f"/orders/{number}").json()["result"])


if __name__ == "__main__":
    main()
