"""Run as a script by the tests: a worker that keeps a ledger outside of the database.

worker.py DB LEDGER OPTIONS    OPTIONS: JSON; those of `Offhours`, and "host": pretend to be there
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from offhours import Offhours, context
from offhours.engine import lifeline


def main() -> int:
    database, ledger_path, text = sys.argv[1:4]
    options = json.loads(text)
    host = options.pop("host", None)
    if host is not None:
        lifeline.host_identity.cache_clear()
        for module in ("lifeline", "worker"):
            sys.modules[f"offhours.engine.{module}"].host_identity = lambda: host
    app = Offhours(database, **options)
    ledger = ledger_path

    def write(word: str) -> None:
        here = context()
        line = f"{word} {here.job_id} {here._job.attempt} {os.getpid()} {time.monotonic_ns()}\n"
        file = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(file, line.encode())
        os.close(file)

    @app.task(name="work", retries=0)
    def work(number: int) -> int:
        write("start")
        write("end")
        return number

    @app.task(name="nap", retries=0)
    def nap(seconds: float) -> int:
        write("start")
        time.sleep(seconds)
        write("end")
        return context()._job.attempt

    @app.task(name="wait_for", retries=0, timeout=None)
    def wait_for(path: str) -> int:
        """Run until a file is there."""
        write("start")
        while not Path(path).exists():
            time.sleep(0.002)
        write("end")
        return context()._job.attempt

    os.write(1, b"ready\n")
    return app.run()


if __name__ == "__main__":
    sys.exit(main())
