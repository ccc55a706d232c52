"""Tasks that any executor can run, one in another process too: nothing is shared but files."""

from __future__ import annotations

import asyncio
from functools import wraps
from pathlib import Path
from typing import Any

from offhours import Context, Defer, Retry, context


def join(*words: str, end: str = "") -> dict[str, Any]:
    return {"text": " ".join(words) + end}


def nothing() -> None: ...


def explode() -> None:
    raise ValueError("the fuse was wet")


def flaky() -> int:
    if context().attempt < 3:
        raise ConnectionError("not yet")
    return context().attempt


def wrong() -> None:
    raise KeyError("k")


def patient() -> str:
    if context().attempt == 1:
        raise Retry(after=0, reason="the server is busy")
    return "done"


def later(path: str) -> str:
    with open(path, "a") as file:
        file.write("x")
    if Path(path).stat().st_size < 4:
        raise Defer(until=0, reason="rate limit")
    return "now"


def lost() -> None:
    raise Defer(until="whenever")


def leave() -> None:
    raise SystemExit("bye")


def interrupt() -> None:
    raise KeyboardInterrupt


def stay() -> int:
    return 1


class Liar(Exception):
    def __str__(self) -> str:
        raise RuntimeError("you will never know")


def lie() -> None:
    raise Liar


def odd_text() -> None:
    raise ValueError("nul \0 and \ud800")


def huge() -> None:
    raise ValueError("x" * 10_000_000)


def fall(n: int) -> int:
    return fall(n + 1)


def produce() -> Any:
    return {1, 2, object()}


def steps(ctx: Context) -> None:
    for n in range(5):
        ctx.progress(n / 4, f"step {n}", partial=[n])


def who() -> dict[str, Any]:
    here = context()
    return {"id": here.job_id, "key": here.idempotency_key, "meta": here.metadata}


def stop() -> None:
    context().request_cancel()
    context().checkpoint()


def slow() -> None:
    while True:
        context().checkpoint()


def double(n: int) -> int:
    return 2 * n


def _coroutine(function: Any) -> Any:
    @wraps(function)
    async def run(*args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        return function(*args, **kwargs)

    run.__qualname__ = f"{function.__name__}_async"
    return run


SYNC = {
    name: thing
    for name, thing in list(globals().items())
    if getattr(thing, "__module__", None) == __name__ and not isinstance(thing, type)
}
SYNC.pop("_coroutine")
ASYNC = {name: _coroutine(function) for name, function in SYNC.items()}
globals().update({f"{name}_async": function for name, function in ASYNC.items()})
