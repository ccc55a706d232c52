"""The API over HTTP: answers a second beside the same calls in Python, and what watching costs.

    python benchmarks/api.py [--seconds 5] [--pages 20] [--events 1000]

A server in one process, its clients in another: `wrk` if it is installed, else a few threads, which
cost more than it. `cpu` is the share of one core that the server's process takes while pages watch
and events are told at that rate; `behind` is how long after it was told an event reaches a page.
At the end one honest client asks while others send wrong tokens, or begin requests and never end
them.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
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
SLOW = 400
WRONG = 10_000
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
    """Answers a second, to a few clients that keep their connections."""
    if shutil.which("wrk"):
        return by_wrk(port, method, path, body, seconds)
    return by_threads(port, method, path, body, seconds)


def by_wrk(port: int, method: str, path: str, body: bytes | None, seconds: float) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f'wrk.method = "{method}"\n')
        if body is not None:
            script.write(f"wrk.body = [[{body.decode()}]]\n")
        for name, value in HEADERS.items():
            script.write(f'wrk.headers["{name}"] = "{value}"\n')
        script.flush()
        address = f"http://127.0.0.1:{port}{path}"
        lasts = f"-d{max(round(seconds), 1)}s"
        told = subprocess.run(
            ["wrk", "-t1", f"-c{CLIENTS}", lasts, "-s", script.name, address],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    assert "Non-2xx" not in told, told
    found = re.search(r"Requests/sec:\s+([\d.]+)", told)
    assert found is not None, told
    return float(found[1])


def by_threads(port: int, method: str, path: str, body: bytes | None, seconds: float) -> float:
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


def beside(port: int, seconds: float, pid: int) -> None:
    """One honest client, alone, and while others misbehave."""
    server = psutil.Process(pid)
    for name, others in (
        ("alone", nobody),
        (f"{WRONG:,} wrong tokens", wrong_tokens),
        (f"{SLOW} requests that never end", slow_requests),
    ):
        first = server.memory_info().rss
        with others(port) as told:
            taken = sorted(latencies(port, seconds))
            end = told()
        grown = (server.memory_info().rss - first) / 1e6
        p50, p99 = taken[len(taken) // 2], taken[len(taken) * 99 // 100]
        print(f"GET /api/v1/jobs/1, {name:28} p50 {p50:6.2f} ms, p99 {p99:6.2f} ms, "
              f"memory {grown:+.1f} MB{end}")  # fmt: skip


def latencies(port: int, seconds: float) -> list[float]:
    """What answers take in milliseconds, a hundred requests a second; every one must be 200."""
    taken = []
    with closing(HTTPConnection("127.0.0.1", port)) as connection:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begun = time.perf_counter()
            connection.request("GET", "/api/v1/jobs/1", None, HEADERS)
            answer = connection.getresponse()
            answer.read()
            taken.append((time.perf_counter() - begun) * 1000)
            assert answer.status == 200, answer.status
            time.sleep(0.01)
    return taken


@contextmanager
def nobody(port: int) -> Iterator[Callable[[], str]]:
    yield str


@contextmanager
def wrong_tokens(port: int) -> Iterator[Callable[[], str]]:
    answered: dict[int, int] = {}

    def guess() -> None:
        with closing(HTTPConnection("127.0.0.1", port)) as connection:
            for number in range(WRONG):
                wrong = {"Authorization": f"Bearer oh_wrong_{number}"}
                connection.request("GET", "/api/v1/jobs/1", None, wrong)
                answer = connection.getresponse()
                answer.read()
                answered[answer.status] = answered.get(answer.status, 0) + 1

    guesser = threading.Thread(target=guess)
    guesser.start()

    def told() -> str:
        guesser.join()
        return "".join(f"; {count:,} x {status}" for status, count in sorted(answered.items()))

    yield told


@contextmanager
def slow_requests(port: int) -> Iterator[Callable[[], str]]:
    opened = []
    for _ in range(SLOW):
        one = socket.create_connection(("127.0.0.1", port), timeout=5)
        one.sendall(b"GET /api/v1/jobs/1 HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        opened.append(one)
    try:
        yield lambda: f"; {sum(map(cut_off, opened))} of them cut off"
    finally:
        for one in opened:
            one.close()


def cut_off(one: socket.socket) -> bool:
    """Whether the server ended this connection, within the time that it gives a request."""
    one.settimeout(Limits().head_seconds + 5)
    try:
        while one.recv(4096):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


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
        beside(port, chosen.seconds, server.pid)
        here.send("end")
        server.join()
        app.close()


if __name__ == "__main__":
    main()
