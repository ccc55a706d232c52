"""A worker process of the kill demo: `python -m offhours.demo.killable STORE`."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from offhours.app import Offhours
from offhours.demo.ledger import Pen
from offhours.engine.context import current_context
from offhours.handles import TaskHandle

LEASE = "2s"


def nap(seconds: float, ledger: Path) -> int:
    """Sleep, and tell the ledger before and after; the result names the run that gave it."""
    context = current_context()
    job, attempt = context.job_id, context.attempt
    with Pen(ledger) as pen:
        started = pen.write("start", job=job, attempt=attempt)
        time.sleep(seconds)
        pen.write("end", job=job, attempt=attempt)
    return started


def open_app(store: Path) -> tuple[Offhours, TaskHandle[[float, Path], int]]:
    """The app and its task, for workers and submitter. One run at a time, and a short lease."""
    app = Offhours(store, threads=1, lease=LEASE)
    return app, app.task(name="nap")(nap)


def end_with_parent() -> None:
    """Leave when the other end of our standard input is gone: nobody would stop us any more."""
    os.read(0, 1)
    os._exit(1)


def main() -> int:
    threading.Thread(target=end_with_parent, daemon=True).start()
    app, _ = open_app(Path(sys.argv[1]))
    return app.run()


if __name__ == "__main__":
    raise SystemExit(main())
