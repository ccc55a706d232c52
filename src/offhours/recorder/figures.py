"""The figures that people ask a recorder for."""

from __future__ import annotations

from math import isfinite
from typing import Any

from offhours.recorder.baseline import Baseline
from offhours.recorder.flight import Flight
from offhours.recorder.records import ended
from offhours.recorder.settings import Settings
from offhours.recorder.watched import Watched


def of_tool(tool: str, watched: Watched | None, settings: Settings) -> dict[str, Any]:
    """See `PerfCatcherInterceptor.get_tool_stats`."""
    usual = Baseline(2) if watched is None else watched.baseline
    limit = None if watched is None else watched.detector.limit
    known = limit is not None and isfinite(limit)
    detector = None if watched is None else watched.detector
    return {
        "tool_name": tool,
        "count": 0 if watched is None else watched.count,
        "errors": usual.errors,
        "samples": usual.samples,
        **usual.figures(),
        "variance": usual.variance,
        "threshold": settings.variance_threshold if detector is None else detector.threshold,
        "mode": settings.mode if detector is None else detector.mode,
        "limit_ms": limit * 1000 if known and limit is not None else None,
        "all_time": {
            f"p{percent}_ms": usual.all_time.quantile(percent / 100) * 1000
            for percent in (50, 95, 99)
        },
    }


def of_buffer(flight: Flight) -> dict[str, Any]:
    """See `PerfCatcherInterceptor.get_buffer_stats`."""
    calls = flight.recent()
    ends = [ended(call) for call in calls]
    return {
        "enabled": flight.switch.on,
        "buffer_size": len(calls),
        "duration_s": max(ends) - min(ends) if ends else 0.0,
        "max_requests": flight.settings.max_requests,
        "max_duration_s": flight.settings.buffer_duration,
        "tools": len(flight.examiner.tools),
        "dumps": flight.dumped,
        "suppressed": sum(flight.examiner.incidents.suppressed.values()),
        "dropped_dumps": flight.dropped(),
        "uncounted": flight.examiner.uncounted,
    }
