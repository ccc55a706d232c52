"""What requests cost when they hold background work back: `python benchmarks/web.py`.

The same FastAPI application with and without `ForegroundMiddleware`, and Flask with and without
`foreground`, asked in this process without a network: a server adds the same to both. What is
told is processor time of the thread that answers. They take turns in short rounds; the first
figure is the best round, the second the median. Fails when the middleware costs more than 10 µs.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from fastapi import FastAPI
from flask import Flask

import machine
import report
from offhours import Offhours
from offhours.integrations.fastapi import ForegroundMiddleware
from offhours.integrations.flask import OffhoursFlask

ROUNDS, REQUESTS, LIMIT = 40, 500, 10.0


def fastapi(app: Offhours | None) -> Callable[[], float]:
    host = FastAPI()
    host.get("/")(_nothing)
    if app is not None:
        host.add_middleware(ForegroundMiddleware, app=app)
    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [],
        "http_version": "1.1", "scheme": "http", "root_path": "", "state": {},
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None: ...

    async def requests() -> float:
        began = time.thread_time()
        for _ in range(REQUESTS):
            await host(dict(scope), receive, send)
        return (time.thread_time() - began) / REQUESTS * 1e6

    return lambda: asyncio.run(requests())


def flask(app: Offhours | None) -> Callable[[], float]:
    made = Flask(__name__)
    made.get("/")(dict)
    if app is not None:
        made.config["OFFHOURS"] = {"foreground": True}
        OffhoursFlask(made, app)
    client = made.test_client()
    with client:
        environ = client.get("/").request.environ

    def requests() -> float:
        began = time.thread_time()
        for _ in range(REQUESTS):
            list(made.wsgi_app(dict(environ), lambda status, headers, error=None: print))
        return (time.thread_time() - began) / REQUESTS * 1e6

    return requests


async def _nothing() -> dict[str, str]:
    return {}


def main() -> int:
    folder = tempfile.TemporaryDirectory()
    app = Offhours(Path(folder.name) / "jobs.db")
    contenders = {
        "FastAPI": fastapi(None), "FastAPI, requests in front": fastapi(app),
        "Flask": flask(None), "Flask, requests in front": flask(app),
    }  # fmt: skip
    times: dict[str, list[float]] = {label: [] for label in contenders}
    for _ in range(ROUNDS):
        for label, requests in contenders.items():
            times[label].append(requests())
    rows = [["contender", "best, µs a request", "median", "requests/s", "added by the best, µs"]]
    for label, took in times.items():
        best, bare = min(took), min(times[label.partition(",")[0]])
        figures = (best, median(took), 1e6 / best, best - bare)
        rows.append([label, *map(report.number, figures)])
    print(f"{machine.description()}\n\n{report.markdown(rows)}")
    entered = [e for e in app.events() if e.kind == "foreground.entered"]
    asked = 2 * ROUNDS * REQUESTS
    print(f"{len(entered)} leases written for {asked:,} requests")
    app.close()
    folder.cleanup()
    added = min(times["FastAPI, requests in front"]) - min(times["FastAPI"])
    return int(added > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
