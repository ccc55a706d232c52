"""Run as a script by the crash tests: works on, or submits to, a database until it is killed.

program.py work DB LEDGER POINT NTH    die at the NTH time that POINT is reached ("" : never)
program.py submit DB LEDGER POINT NTH  the same, submitting from eight threads
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

from offhours import Offhours
from offhours.core import points

JOBS_PER_THREAD = 40
SHORT_LEASE = "1.2s"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Bomb:
    """Kills this process at the n-th time that a point is reached."""

    def __init__(self, point: str, nth: int) -> None:
        self.point = point
        self.left = nth
        self.lock = threading.Lock()

    def __call__(self, name: str) -> None:
        if name == self.point:
            with self.lock:
                self.left -= 1
                if self.left == 0:
                    die()


class Ledger:
    """Lines in a file outside of the database, each written by one call."""

    def __init__(self, path: str) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, *words: object) -> None:
        line = " ".join(str(word) for word in (*words, os.getpid(), time.monotonic_ns()))
        os.write(self.file, f"{line}\n".encode())


def work(app: Offhours, ledger: Ledger, bomb: Bomb) -> None:
    from offhours import context

    @app.task(name="work", retries=0)
    def task(number: int) -> int:
        here = context()
        ledger.write("start", here.job_id, here._job.attempt)
        bomb("in task")
        time.sleep(0.0005)
        ledger.write("end", here.job_id, here._job.attempt)
        return number

    with app:
        while not Path(sys.argv[3] + ".stop").exists():
            time.sleep(0.01)


def submit(app: Offhours, ledger: Ledger) -> None:
    def some(thread: int) -> None:
        for n in range(JOBS_PER_THREAD):
            number = thread * JOBS_PER_THREAD + n
            job = app.submit_by_name("work", args=(number,))
            ledger.write("stored", job.id, number)

    threads = [threading.Thread(target=some, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    verb, database, ledger_path, point, nth = sys.argv[1:6]
    bomb = Bomb(point, int(nth))
    points.on_reach = bomb
    app = Offhours(database, lease=SHORT_LEASE, threads=3)
    ledger = Ledger(ledger_path)
    if verb == "work":
        work(app, ledger, bomb)
    else:
        submit(app, ledger)
        app.close()


if __name__ == "__main__":
    main()
