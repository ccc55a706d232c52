"""What tasks do to their process. The children of a worker import this file, and no test."""

from __future__ import annotations

import asyncio
import ctypes
import faulthandler
import itertools
import logging
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from offhours import Context, Defer, Retry, context

LEFT: list[Any] = []


def pid(*args: object) -> int:
    return os.getpid()


def fall_by_segfault() -> None:
    print("the last words", file=sys.stderr)
    ctypes.string_at(0)


def fall_by_abort() -> None:
    os.abort()


def fall_by_stack_overflow() -> None:
    faulthandler._stack_overflow()  # type: ignore[attr-defined]


def leave(code: int) -> None:
    os._exit(code)


def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def close_everything() -> None:
    os.closerange(3, 1000)


def talk_nonsense() -> None:
    for descriptor in range(3, 1000):
        try:
            os.write(descriptor, b"\0\0\0\4nope")
        except OSError:
            continue
    time.sleep(60)


def fall_until(path: str, times: int) -> int:
    """Crash so many times, then work."""
    with open(path, "a") as file:
        file.write("x")
    fallen = os.path.getsize(path)
    if fallen <= times:
        os._exit(9)
    return fallen


def eat_memory() -> None:
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (now + 100_000_000, hard))
    LEFT.append(bytearray(1_000_000_000))


def grow(size: int) -> int:
    LEFT.append(bytearray(size))
    return os.getpid()


def spin(path: str) -> None:
    """Ask for nothing, and do not listen either."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(path).write_text(str(os.getpid()))
    while True:
        pass


def hold_the_gil(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    sum(itertools.repeat(0))  # a loop in C that never looks up


def sleep(path: str, seconds: float = 60) -> None:
    Path(path).write_text(str(os.getpid()))
    time.sleep(seconds)


async def sleep_async(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    await asyncio.sleep(60)


def work_until_told(path: str) -> str:
    """Runs until a file is there; a checkpoint now and then."""
    Path(f"{path}.pid").write_text(str(os.getpid()))
    while not os.path.exists(path):
        context().checkpoint()
        time.sleep(0.002)
    return "told"


def count_until_told(path: str) -> int:
    """The same without a checkpoint, with a sign of life."""
    Path(f"{path}.pid").write_text(str(os.getpid()))
    turns = 0
    while not os.path.exists(path):
        turns += 1
        Path(f"{path}.turns").write_text(str(turns))
        time.sleep(0.002)
    return turns


def with_a_child(path: str) -> None:
    child = subprocess.Popen(["sleep", "60"])
    Path(f"{path}.tmp").write_text(f"{os.getpid()} {child.pid}")
    os.rename(f"{path}.tmp", path)
    time.sleep(60)


def leave_a_child() -> list[int]:
    child = subprocess.Popen(["sleep", "60"])
    LEFT.append(child)
    return [os.getpid(), child.pid]


def leave_a_thread() -> int:
    threading.Thread(target=time.sleep, args=(60,)).start()
    return os.getpid()


def leave_a_mess(path: str) -> int:
    os.chdir(path)
    os.environ["OFFHOURS_MESS"] = "1"
    os.environ.pop("PATH", None)
    os.umask(0o777)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, lambda number, frame: None)
    signal.setitimer(signal.ITIMER_REAL, 1000)
    return os.getpid()


def surroundings() -> dict[str, Any]:
    mask = os.umask(0)
    os.umask(mask)
    return {
        "pid": os.getpid(),
        "directory": os.getcwd(),
        "mess": os.environ.get("OFFHOURS_MESS"),
        "path": os.environ.get("PATH"),
        "mask": mask,
        "usr1": signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL,
        "term": signal.getsignal(signal.SIGTERM) not in (signal.SIG_IGN, signal.SIG_DFL),
        "timer": signal.getitimer(signal.ITIMER_REAL)[0],
    }


def niceness(*args: object) -> dict[str, int]:
    return {
        "pid": os.getpid(),
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "class": os.sched_getscheduler(0),
    }


class Odd(Exception):
    def __init__(self) -> None:
        super().__init__("odd")
        self.lock = threading.Lock()

    def __reduce__(self) -> Any:
        raise TypeError("not to be pickled")


def raise_odd() -> None:
    raise Odd


def raise_huge() -> None:
    raise ValueError("x" * 10_000_000)


def raise_exit() -> None:
    sys.exit(3)


def raise_key_error() -> None:
    raise KeyError("k")


def log_something() -> None:
    logging.getLogger("shop").warning("the till is %s", "open")


def flaky() -> int:
    if context().attempt < 3:
        raise Retry(after=0, reason="not yet")
    return context().attempt


def defer_once(path: str) -> str:
    if not os.path.exists(path):
        Path(path).write_text("seen")
        raise Defer(until=0, reason="later")
    return "now"


def tell(ctx: Context) -> None:
    for n in range(5):
        ctx.progress(n / 4, f"step {n}", partial=[n])


def spend(tokens: int) -> None:
    context().spend(tokens=tokens)


class RateLimitError(Exception):
    def __init__(self, retry_after: float) -> None:
        super().__init__("slow down")
        self.retry_after = retry_after


def be_rate_limited(seconds: float) -> None:
    raise RateLimitError(seconds)


def traced() -> list[str | None]:
    """What a task traces itself: its span's trace and parent, and the trace that logs are told."""
    from opentelemetry.sdk.trace import TracerProvider

    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("task")
    with tracer.start_as_current_span("inner") as span:
        made = span.get_span_context()
        parent = getattr(span, "parent", None)
    return [
        f"{made.trace_id:032x}",
        None if parent is None else f"{parent.span_id:016x}",
        context().trace_id,
        str("offhours:run" in context().metadata),
    ]


async def traced_async() -> list[str | None]:
    return traced()
