"""What `dumps` tells: rows of a list, and the calls of a dump on an axis of time."""

from __future__ import annotations

from collections.abc import Sequence

import click
import msgspec

from offhours.cli.text import cut, printable, width
from offhours.recorder.dumps import Dump, Request

DUMP_HEADERS = ("ID", "AT", "TOOL", "TOOK", "MEDIAN", "SEVERITY", "CALLS", "WHY")
TRACK = 32  # columns of the time axis
LONGEST_TOOL = 28


class Head(msgspec.Struct):
    """What a list tells of a dump, read without its calls."""

    dump_id: str
    trigger_timestamp: str
    triggered_by: str
    observed_ms: float
    baseline_median_ms: float
    severity: str
    reason: str
    explanation: str
    buffer_size: int


def dump_row(head: Head) -> Sequence[str]:
    """One row of a list."""
    return (
        head.dump_id,
        _moment(head.trigger_timestamp),
        head.triggered_by,
        _took(head.observed_ms),
        _took(head.baseline_median_ms),
        head.severity,
        str(head.buffer_size),
        head.explanation,
    )


def header(dump: Dump) -> list[str]:
    """What a dump is about, in lines."""
    title = f"dump {dump.dump_id}, {dump.severity}: {dump.triggered_by} took "
    title += f"{_took(dump.observed_ms)} at {_moment(dump.trigger_timestamp)}"
    told = {
        "why": f"{dump.explanation} ({dump.reason}, mode {dump.mode})",
        "median": _took(dump.baseline_median_ms),
        "mean": _took(dump.baseline_mean_ms),
        "limit": "-" if dump.limit_ms is None else _took(dump.limit_ms),
        "where": " ".join(filter(None, (dump.workflow_id, dump.step_id))),
        "calls": f"{dump.buffer_size} in {dump.covered_s:.1f} s",
        "suppressed": str(dump.suppressed or ""),
        "dropped": str(dump.dropped_dumps or ""),
    }
    lines = [f"  {key:<10}  {printable(value)}" for key, value in told.items() if value]
    return [click.style(printable(title), bold=True), *lines]


def window(dump: Dump, size: int) -> tuple[int, tuple[Request, ...]]:
    """So many calls round the one that triggered it, and how many come before them."""
    last = max(0, len(dump.requests) - size)
    first = min(last, max(0, (_trigger(dump) or 0) - size // 2))
    return first, dump.requests[first : first + size]


def _trigger(dump: Dump) -> int | None:
    """Where among its calls the one stands that a dump is about: the last that fits."""
    wanted = (dump.triggered_by, dump.observed_ms)
    for index in range(len(dump.requests) - 1, -1, -1):
        if (dump.requests[index].tool_name, dump.requests[index].execution_time_ms) == wanted:
            return index
    return None


def timeline(dump: Dump, calls: tuple[Request, ...]) -> list[str]:
    """A line for each call: when it ended before the trigger, how long it took, and when it ran."""
    if not calls:
        return []
    index = _trigger(dump)
    trigger = None if index is None else dump.requests[index]
    starts = [call.timestamp - call.execution_time_ms / 1000 for call in calls]
    start, end = min(starts), max(call.timestamp for call in calls)
    tools = [cut(printable(call.tool_name), LONGEST_TOOL) for call in calls]
    widest = max(map(width, tools))
    lines = []
    for call, began, tool in zip(calls, starts, tools, strict=True):
        line = " ".join(
            (
                ">" if call is trigger else " ",
                f"{call.timestamp - dump.trigger_unix:+9.3f} s",
                f"{_took(call.execution_time_ms):>10}",
                _bar(began - start, call.timestamp - start, end - start),
                tool + " " * (widest - width(tool)),
                printable(call.result_summary),
                printable(" ".join(filter(None, (call.workflow_id, call.step_id)))),
            )
        ).rstrip()
        lines.append(click.style(line, bold=True) if call is trigger else line)
    return lines


def _bar(began: float, ended: float, span: float) -> str:
    """When something ran, on an axis of seconds.

    >>> _bar(5, 10, 10)
    '················████████████████'
    """
    scale = TRACK / span if span > 0 else 0
    first = min(TRACK - 1, int(began * scale))
    last = max(first + 1, min(TRACK, round(ended * scale)))
    return "·" * first + "█" * (last - first) + "·" * (TRACK - last)


def _took(milliseconds: float) -> str:
    """
    >>> [_took(figure) for figure in (0.0421, 12.34, 1500.0)]
    ['0.042 ms', '12.3 ms', '1.50 s']
    """
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.2f} s"
    return f"{milliseconds:.3f} ms" if milliseconds < 1 else f"{milliseconds:.1f} ms"


def _moment(timestamp: str) -> str:
    return f"{timestamp[:10]} {timestamp[11:19]}Z"
