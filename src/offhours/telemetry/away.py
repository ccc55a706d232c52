"""In a process that runs attempts for a worker: what they trace belongs to the worker's span."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from offhours.core.model import Claimed, NewJob
from offhours.core.outcomes import Outcome
from offhours.core.tracing import NO_SPAN, RUN_KEY, RunSpan, carried


class AwayTracing:
    """Implements `core.tracing.Tracing` where the span of an attempt is another process's.

    OpenTelemetry is not imported before an attempt comes that is traced.
    """

    def submit(
        self, pattern: NewJob, count: int, store: Callable[[NewJob], list[int]]
    ) -> list[int]:
        return store(pattern)

    def begin(self, job: Claimed, here: bool) -> RunSpan:
        """Make the span that came with the attempt the current one."""
        carrier = carried(job.metadata, RUN_KEY)
        if not carrier or not here:
            return NO_SPAN
        try:
            from opentelemetry import context, trace
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ImportError:
            return NO_SPAN  # the worker has it, and this machine does not
        found = TraceContextTextMapPropagator().extract(carrier, context.Context())
        span = trace.get_current_span(found).get_span_context()
        if not span.is_valid:
            return NO_SPAN
        return _Attached(trace.format_trace_id(span.trace_id), context.attach(found))


class _Attached(RunSpan):
    def __init__(self, trace_id: str, token: Any) -> None:
        self.trace_id = trace_id
        self._token = token

    def end(self, outcome: Outcome | None) -> None:
        from opentelemetry import context

        with suppress(Exception):  # the attempt matters more
            context.detach(self._token)
