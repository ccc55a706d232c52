"""A process that fails jobs and tells of it: DATABASE PORT, and `hang` to never settle."""

from __future__ import annotations

import sys
import threading
import time

from offhours import Offhours
from offhours.notify import Route, Rule, Webhook
from offhours.store.notices import SqlNotices


def hook(port: int) -> Webhook:
    return Webhook(
        f"http://127.0.0.1:{port}/hook", http=True, ports=[port], networks=["127.0.0.0/8"],
        deadline=5,
    )  # fmt: skip


def fail(number: int) -> None:
    raise ValueError(f"no disk {number}")


def main(database: str, port: str, *options: str) -> None:
    app = Offhours(database)
    app.notify(Route(hook(int(port)), Rule(on="job.failed"), wait="0.2s", every="0.2s"))
    app.task(name="fail")(fail)
    if "hang" in options:

        def never(self: SqlNotices, *args: object, **more: object) -> bool:
            print("sent", flush=True)
            threading.Event().wait()
            return False

        SqlNotices.settle = never  # type: ignore[method-assign]
    with app:
        print("ready", flush=True)
        while sys.stdin.read(1):
            time.sleep(0.01)


if __name__ == "__main__":
    main(*sys.argv[1:])
