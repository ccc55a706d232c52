"""The API over HTTP: answers a second beside the same calls in Python, and what watching costs.

    python benchmarks/api.py [--seconds 5] [--pages 20] [--events 1000]

A server in one process, its clients in another. `cpu` is the share of one core that the server's
process takes while pages watch and events are told at that rate; `behind` is how long after it was
told an event reaches a page.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
from websockets.sync.client import connect

from offhours import Offhours
from offhours.api import ApiServer, Limits

TOKEN = "oh_benchmark_token_of_this_run"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
CLIENTS = 4
NEW = json.dumps({"task": "shop:work", "args": [1]}).encode()


def serve(db: str, pipe: Connection) -> None:
    """Serve until told to end."""
    app = Offhours(db)
    app.task(name="shop:work")(_work)
    with ApiServer(app, token=TOKEN, limits=Limits(rate=1e9, burst=10**9)) as server:
        server.wait()
        pipe.send(server.port)
        pipe.recv()
    app.close()


def _work(n: int) -> int:
    return n


def throughput(port: int, method: str, path: str, body: bytes | None, seconds: float) -> float:
    """Answers a second, from a few clients that keep their connections."""
    counts: list[int] = []

    def ask() -> None:
        connection = HTTPConnection("127.0.0.1", port)
        end, count = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            connection.request(method, path, body, HEADERS)
            answer = connection.getresponse()
            answer.read()
            assert answer.status < 300, answer.status
            count += 1
        counts.append(count)

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def in_python(call: Callable[[], object], seconds: float) -> float:
    """The same, without the network."""
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        call()
        count += 1
    return count / seconds


def watch(port: int, pages: int, rate: int, seconds: float, app: Offhours, pid: int) -> None:
    """Let pages watch while events are told."""
    behind: list[float] = []
    stop = threading.Event()

    def page() -> None:
        address = f"ws://127.0.0.1:{port}/api/v1/live"
        with connect(address, additional_headers=HEADERS, compression=None) as socket:
            while not stop.is_set():
                try:
                    message = json.loads(socket.recv(1))
                except TimeoutError:
                    continue
                told = message.get("events") or ()
                behind.extend(
                    time.time() - e["data"]["n"] for e in told[-1:] if e["kind"] == "job.progress"
                )

    threads = [threading.Thread(target=page) for _ in range(pages)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    server = psutil.Process(pid)
    before, begun = server.cpu_times(), time.monotonic()
    told = 0
    while (passed := time.monotonic() - begun) < seconds:
        for _ in range(round(passed * rate) - told):
            app.store.tell(app.clock.micros(), "job.progress", 1, 1, n=time.time())
            told += 1
        time.sleep(0.005)
    after, took = server.cpu_times(), time.monotonic() - begun
    stop.set()
    for thread in threads:
        thread.join()
    cpu = (after.user + after.system - before.user - before.system) / took
    behind.sort()
    p50, worst = behind[len(behind) // 2], behind[-1]
    print(f"{pages} pages, {told / took:,.0f} events/s: cpu {cpu:.1%}, "
          f"behind {p50 * 1000:.0f} ms in the middle, {worst * 1000:.0f} ms at most")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--events", type=int, default=1_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        db = str(Path(folder) / "jobs.db")
        app = Offhours(db)
        app.task(name="shop:work")(_work)
        for n in range(1_000):
            app.submit("shop:work", args=(n,))
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        server = context.Process(target=serve, args=(db, there))
        server.start()
        assert server.pid is not None
        port = here.recv()
        process = psutil.Process(server.pid)
        memory = process.memory_info
        calls: list[tuple[str, str, bytes | None, Callable[[], object]]] = [
            ("GET", "/healthz", None, lambda: None),
            ("GET", "/api/v1/jobs/1", None, lambda: app.record(1)),
            ("GET", "/api/v1/jobs?limit=50", None, lambda: app.jobs(limit=50)),
            ("GET", "/api/v1/overview", None, app.counts),
            ("POST", "/api/v1/jobs", NEW, lambda: app.submit("shop:work", args=(1,))),
        ]
        for method, path, body, call in calls:
            throughput(port, method, path, body, 0.5)
            first, busy = memory().rss, sum(process.cpu_times()[:2])
            rate = throughput(port, method, path, body, chosen.seconds)
            grown = (memory().rss - first) / 1e6
            each = (sum(process.cpu_times()[:2]) - busy) / (rate * chosen.seconds) * 1000
            python = in_python(call, 1)
            cost = f"{rate:8,.0f}/s ({each:.2f} ms of CPU), in Python {python:10,.0f}/s"
            print(f"{method:4} {path:24} {cost}, memory {first / 1e6:.0f} MB {grown:+.1f}")
        watch(port, chosen.pages, chosen.events, chosen.seconds * 2, app, server.pid)
        here.send("end")
        server.join()
        app.close()


if __name__ == "__main__":
    main()
