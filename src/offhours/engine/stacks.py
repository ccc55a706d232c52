"""Where a run stands in its code now, as a traceback tells it; read while it goes on."""

from __future__ import annotations

import sys
import traceback
from asyncio import Task
from collections.abc import Iterator
from types import CoroutineType, FrameType
from typing import Any

from offhours.engine import runner
from offhours.engine.context import Context

MOST_FRAMES = 100


def stack_of(context: Context) -> str | None:
    """The frames of a run from its task on, the innermost last; None where nobody here knows.

    Without the values of variables: those may be secrets.
    """
    found: list[tuple[FrameType, int]] = []
    for frame, line in list(_frames(context))[-MOST_FRAMES:]:
        if frame.f_code.co_filename == runner.__file__:
            found.clear()  # ours, and what called it
        else:
            found.append((frame, line))
    frames = traceback.StackSummary.extract(iter(found), lookup_lines=True)
    return "".join(frames.format()).rstrip() or None


def _frames(context: Context) -> Iterator[tuple[FrameType, int]]:
    if context.running_in is None:
        return
    if isinstance(context.running_in, Task):
        frames = _awaited(context.running_in)
    else:
        frames = _called(sys._current_frames().get(context.running_in))
    for frame in frames:
        yield frame, frame.f_lineno


def _called(frame: FrameType | None) -> Iterator[FrameType]:
    stack = []
    while frame is not None:
        stack.append(frame)
        frame = frame.f_back
    return reversed(stack)


def _awaited(task: Task[Any]) -> Iterator[FrameType]:
    """The coroutines that wait for each other, from the outermost on."""
    waits: object = task.get_coro()
    while isinstance(waits, CoroutineType):
        if waits.cr_frame is not None:
            yield waits.cr_frame
        waits = waits.cr_await
