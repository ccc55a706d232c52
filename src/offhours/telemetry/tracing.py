"""Spans for OpenTelemetry: one where a job is stored, one for each attempt, linked to it.

Linked and not nested: a job may run days later, in a trace that nobody waits for any more.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from contextvars import Token
from typing import Any

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from offhours.core.model import Claimed, NewJob
from offhours.core.outcomes import (
    Crashed,
    Deferred,
    Done,
    Failed,
    HandedBack,
    Outcome,
    Stopped,
)
from offhours.core.times import iso
from offhours.core.tracing import NO_SPAN, RunSpan, carried, carry
from offhours.telemetry import attributes as names

_OUTCOMES: dict[type, str] = {
    Done: "succeeded",
    Failed: "failed",
    Deferred: "deferred",
    Stopped: "cancelled",
    HandedBack: "returned",
    Crashed: "crashed",
}
_PLAIN_FAILURES = ("error", "retry")  # codes that say less than the exception's type
_travel = TraceContextTextMapPropagator()
_log = logging.getLogger("offhours")


class OtelTracing:
    """Implements `core.tracing.Tracing` for a tracer provider; None for the global one."""

    def __init__(self, provider: trace.TracerProvider | None, version: str) -> None:
        self._tracer = trace.get_tracer("offhours", version, provider)

    def submit(
        self, pattern: NewJob, count: int, store: Callable[[NewJob], list[int]]
    ) -> list[int]:
        """Store jobs inside a producer span; an error is recorded in it and goes on."""
        if count == 0:
            return store(pattern)
        task = _short(pattern.task)
        told: dict[str, Any] = {
            names.SYSTEM: names.OFFHOURS,
            names.OPERATION: names.SUBMIT,
            names.OPERATION_TYPE: names.SEND,
            names.DESTINATION: task,
            names.QUEUE: pattern.queue,
            names.PRIORITY: pattern.priority,
        }
        if count > 1:
            told[names.BATCH] = count
        with self._tracer.start_as_current_span(
            f"{names.SUBMIT} {task}", kind=trace.SpanKind.PRODUCER, attributes=told
        ) as span:
            carrier: dict[str, str] = {}
            _travel.inject(carrier)
            if carrier:  # empty when no provider is configured
                pattern = pattern._replace(metadata=carry(pattern.metadata, carrier))
            try:
                ids = store(pattern)
            except Exception as error:
                span.set_attribute(names.ERROR_TYPE, type(error).__qualname__)
                raise
            if len(ids) == 1:
                span.set_attribute(names.MESSAGE_ID, str(ids[0]))
            return ids

    def begin(self, job: Claimed, here: bool) -> RunSpan:
        """Open a consumer span. What goes wrong in it is logged: the job matters more."""
        try:
            return self._begin(job, here)
        except Exception:
            _log.exception("job %d: no span could be opened for it", job.id)
            return NO_SPAN

    def _begin(self, job: Claimed, here: bool) -> RunSpan:
        task = _short(job.task)
        told: dict[str, Any] = {
            names.SYSTEM: names.OFFHOURS,
            names.OPERATION: names.PROCESS,
            names.OPERATION_TYPE: names.PROCESS,
            names.DESTINATION: task,
            names.MESSAGE_ID: str(job.id),
            names.ATTEMPT: job.attempt - job.returned,
            names.PRIORITY: job.priority,
        }
        if job.schedule_id is not None:
            told[names.SCHEDULE] = job.schedule_id
        if job.fire_at is not None:
            told[names.FIRE] = iso(job.fire_at)
        origin = trace.get_current_span(
            _travel.extract(carried(job.metadata), otel.Context())
        ).get_span_context()
        nowhere = otel.Context()
        span = self._tracer.start_span(
            f"{names.PROCESS} {task}",
            context=nowhere,
            kind=trace.SpanKind.CONSUMER,
            links=[trace.Link(origin)] if origin.is_valid else [],
            attributes=told,
        )
        if not span.get_span_context().is_valid:
            return NO_SPAN
        return _OtelSpan(span, trace.set_span_in_context(span, nowhere) if here else None)


class _OtelSpan(RunSpan):
    def __init__(self, span: trace.Span, context: otel.Context | None) -> None:
        self._span = span
        self.trace_id = trace.format_trace_id(span.get_span_context().trace_id)
        self._token: Token[otel.Context] | None = None
        if context is not None:
            self._token = otel.attach(context)
        else:
            carrier: dict[str, str] = {}
            _travel.inject(carrier, trace.set_span_in_context(span, otel.Context()))
            self.carrier = carrier

    def end(self, outcome: Outcome | None) -> None:
        try:
            if self._token is not None:
                otel.detach(self._token)
            with suppress(KeyError):
                self._span.set_attribute(names.OUTCOME, _OUTCOMES[type(outcome)])
            if isinstance(outcome, Failed):
                self._failed(outcome)
            elif isinstance(outcome, Crashed):
                self._span.set_attribute(names.ERROR_TYPE, "crashed")
                self._span.set_status(trace.StatusCode.ERROR, outcome.reason)
            self._span.end()
        except Exception:
            _log.exception("a span could not be ended")

    def _failed(self, failure: Failed) -> None:
        kind, message = exception_in(failure.error)
        plain = failure.code in _PLAIN_FAILURES
        self._span.set_attribute(names.ERROR_TYPE, kind if plain else failure.code)
        self._span.set_status(trace.StatusCode.ERROR, message)
        self._span.add_event(
            names.EXCEPTION,
            {
                names.EXCEPTION_TYPE: kind,
                names.EXCEPTION_MESSAGE: message,
                names.EXCEPTION_TRACE: failure.error,
            },
        )


def exception_in(text: str) -> tuple[str, str]:
    """Type and message at the end of a traceback: from other processes the text is all there is.

    >>> exception_in('Traceback:\\n  File "a.py", line 1, in f\\n    f()\\nValueError: no\\nsense')
    ('ValueError', 'no\\nsense')
    """
    lines = text.splitlines()
    frames = [n for n, line in enumerate(lines) if line.startswith('  File "')]
    rest = lines[frames[-1] + 1 :] if frames else lines
    while rest and (rest[0].startswith("  ") or not rest[0]):
        rest = rest[1:]
    found = re.match(r"([A-Za-z_][\w.<>]*)(?:: |$)", rest[0]) if rest else None
    if found is None:
        return "error", "\n".join(rest)
    return found[1], "\n".join(rest)[found.end() :]


def _short(task: str) -> str:
    """A name of which there are few: a task of one process only has a number in its own."""
    return "local:" + task.rpartition(":")[2] if task.startswith("local:") else task
