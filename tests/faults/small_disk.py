"""Run as a script by the tests, on a small disk of its own: fill it while jobs run, free it.

small_disk.py DB    tells what happened as JSON
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable

import apsw

from offhours import Offhours
from offhours.core.errors import StorageFull


def wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain")
        time.sleep(0.005)


def fill(path: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(file, bytes(4096))
    except OSError:
        os.close(file)


def main() -> None:
    path = sys.argv[1]
    ballast = f"{os.path.dirname(path)}/ballast"
    app = Offhours(path, threads=2)
    runs: list[int] = []
    started, go = threading.Semaphore(0), threading.Event()

    @app.task(name="hold", retries=0)
    def hold(number: int) -> str:
        started.release()
        go.wait(30)
        runs.append(number)
        return "x" * 20_000  # its outcome needs room

    @app.task(name="quick", retries=0)
    def quick(number: int, text: str) -> int:
        runs.append(number)
        return number

    told: dict[str, object] = {}
    app.start()
    held = [hold.submit(n) for n in range(2)]
    for _ in held:
        started.acquire(timeout=30)
    acknowledged = [job.id for job in held]
    acknowledged += [quick.submit(n, "x" * 500).id for n in range(200)]
    wait(lambda: app.counts()["running"] == 2)  # what was claimed ahead is handed back
    fill(ballast)
    try:
        for n in range(10_000):
            acknowledged.append(quick.submit(n, "x" * 500).id)
    except StorageFull as error:
        told["refused"] = type(error).__name__
    go.set()
    wait(lambda: len(runs) >= 2)
    time.sleep(1)  # rounds that fail
    told["ran_while_full"] = len(runs)
    told["claimed_while_full"] = app.counts()["running"] - 2
    told["recorded_late"] = sum(job.status == "running" for job in held)
    os.unlink(ballast)
    wait(lambda: app.counts()["succeeded"] == len(acknowledged))
    told["acknowledged"] = len(acknowledged)
    app.stop()
    stored = app.store._db.read("select id from jobs")
    assert {row[0] for row in stored} == set(acknowledged)
    told["stored"] = len(stored)
    told["succeeded"] = app.counts()["succeeded"]
    told["runs"] = len(runs)
    app.close()
    connection = apsw.Connection(path)
    told["sound"] = connection.execute("pragma integrity_check").get
    connection.close()
    print(json.dumps(told))


if __name__ == "__main__":
    main()
