"""What Celery workers run in the tests. They import this file, and no test."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from celery import Celery

from offhours import Context, Defer, Offhours, context
from offhours.celery import adopt, celery_app_of

old = Celery("old", set_as_current=False)


@old.task(name="old.add")  # type: ignore[untyped-decorator]
def old_add(a: int, b: int = 1) -> int:
    return a + b


@old.task(name="old.bound", bind=True)  # type: ignore[untyped-decorator]
def old_bound(self: Any, a: int) -> str:
    return f"{self.name} {a}"


def note(log: str, *words: object) -> None:
    """One line, in one write: whoever dies, dies before it or after it."""
    line = " ".join(map(str, (*words, os.getpid(), time.monotonic()))) + "\n"
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, line.encode())
    os.close(descriptor)


def work(log: str, seconds: float = 0.0) -> int:
    """Leaves a trace for as long as it runs."""
    ctx: Context = context()
    words = (ctx.job_id, ctx._job.attempt)
    until = time.monotonic() + seconds
    note(log, "start", *words)
    while time.monotonic() < until:
        time.sleep(0.02)
        note(log, "tick", *words)
    note(log, "end", *words)
    return ctx.job_id


def echo(value: Any) -> Any:
    context().progress(0.5, "half way", partial=[1])
    return value


def current_span() -> tuple[str, str, dict[str, Any]]:
    from opentelemetry import trace

    span = trace.get_current_span().get_span_context()
    return f"{span.trace_id:032x}", f"{span.span_id:016x}", context().metadata


def fail(text: str) -> None:
    raise ValueError(text)


def later_once(seen: str) -> str:
    if not Path(seen).exists():
        Path(seen).touch()
        raise Defer("0.1s", "not yet")
    return "now"


def deaf(log: str) -> None:
    """Never looks whether it should stop."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    work(log, 60)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def register(app: Offhours) -> None:
    """The same tasks on both sides."""
    for function in (echo, current_span, fail, later_once, deaf, die):
        app.task(executor="celery")(function)
    app.task(executor="celery", priority="low", name="low")(work)
    app.task(executor="celery")(work)
    adopt(app, old, "old.add")
    adopt(app, old, "old.bound")


if "CELERY_TEST_PREFIX" in os.environ:
    app = Offhours(
        os.environ.get("OFFHOURS_DB", ":memory:"),
        broker_prefix=os.environ["CELERY_TEST_PREFIX"],
        kill_grace=0.6,
    )
    register(app)
    celery_app = celery_app_of(app)
    if os.environ["CELERY_BROKER_URL"].startswith("redis"):
        celery_app.conf.broker_transport_options["visibility_timeout"] = 1
