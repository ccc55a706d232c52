"""A trace from the submit to the last attempt, over the store, with the real OpenTelemetry SDK."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from tests.acceptance import process_tasks

import offhours
from offhours.core.errors import ConfigError, OptionError
from offhours.core.model import NewJob
from offhours.core.tracing import TRACE_KEY
from offhours.handles import job_dict
from offhours.recorder import InterceptorChain, workflow
from offhours.telemetry.toolspans import ToolSpans
from offhours.testing import MemoryApp, memory_app


class Spans:
    """What was made so far, by kind."""

    def __init__(self) -> None:
        self._kept = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._kept))

    def all(self) -> tuple[ReadableSpan, ...]:
        return self._kept.get_finished_spans()

    def of(self, kind: SpanKind) -> list[ReadableSpan]:
        return [span for span in self.all() if span.kind is kind]

    @property
    def sent(self) -> list[ReadableSpan]:
        return self.of(SpanKind.PRODUCER)

    @property
    def runs(self) -> list[ReadableSpan]:
        return self.of(SpanKind.CONSUMER)


@pytest.fixture
def spans() -> Iterator[Spans]:
    made = Spans()
    yield made
    made.provider.shutdown()


@pytest.fixture
def app(spans: Spans) -> MemoryApp:
    made = memory_app()
    made.trace(spans.provider)
    return made


Ids = tuple[int, int]


def ids(context: trace.SpanContext | None) -> Ids:
    """A span's trace and its own number."""
    assert context is not None
    return context.trace_id, context.span_id


def origins(span: ReadableSpan) -> list[Ids]:
    return [ids(link.context) for link in span.links]


def test_a_run_is_linked_to_its_submit(app: MemoryApp, spans: Spans) -> None:
    pack = app.task(name="pack", queue="floor")(lambda order: order)
    job = pack.submit(3)
    app.drain()
    [sent], [run] = spans.sent, spans.runs
    assert (sent.name, run.name) == ("submit pack", "process pack")
    assert origins(run) == [ids(sent.context)]
    assert run.parent is None and run.context.trace_id != sent.context.trace_id
    assert sent.attributes == {
        "messaging.system": "offhours",
        "messaging.operation.name": "submit",
        "messaging.operation.type": "send",
        "messaging.destination.name": "pack",
        "messaging.message.id": str(job.id),
        "offhours.queue": "floor",
        "offhours.priority": 50,
    }
    assert run.attributes == {
        "messaging.system": "offhours",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "pack",
        "messaging.message.id": str(job.id),
        "offhours.job.attempt": 1,
        "offhours.job.outcome": "succeeded",
        "offhours.priority": 50,
    }
    assert run.status.status_code is StatusCode.UNSET


def test_a_submit_belongs_to_the_trace_of_its_caller(app: MemoryApp, spans: Spans) -> None:
    tracer = spans.provider.get_tracer("shop")
    inner = app.task(name="inner")(lambda: None)
    outer = app.task(name="outer")(lambda: inner.submit().id)
    with tracer.start_as_current_span("GET /") as request:
        outer.submit()
    app.drain()
    by_name = {span.name: span for span in spans.all()}
    assert ids(by_name["submit outer"].parent) == ids(request.get_span_context())
    assert ids(by_name["submit inner"].parent) == ids(by_name["process outer"].context)
    assert origins(by_name["process inner"]) == [ids(by_name["submit inner"].context)]
    assert trace.get_current_span() is trace.INVALID_SPAN  # nothing is left behind


def test_each_attempt_is_a_span_and_tells_its_error(app: MemoryApp, spans: Spans) -> None:
    @app.task(name="pack", retries=1, backoff="1s")
    def pack() -> str:
        if offhours.context().attempt == 1:
            raise ConnectionError("the line is down\nat both ends")
        return "done"

    job = pack.submit()
    app.drain()
    app.clock.advance("1h")
    assert job.result() == "done"
    first, second = spans.runs
    assert origins(first) == origins(second) == [ids(spans.sent[0].context)]
    assert first.status.status_code is StatusCode.ERROR
    assert first.attributes is not None and second.attributes is not None
    assert first.attributes["error.type"] == "ConnectionError"
    [event] = first.events
    assert event.name == "exception" and event.attributes is not None
    assert event.attributes["exception.type"] == "ConnectionError"
    assert event.attributes["exception.message"] == "the line is down\nat both ends"
    assert "Traceback" in str(event.attributes["exception.stacktrace"])
    assert [span.attributes["offhours.job.attempt"] for span in (first, second)] == [1, 2]  # type: ignore[index]
    assert second.attributes["offhours.job.outcome"] == "succeeded"


def test_what_is_no_failure_is_no_error(app: MemoryApp, spans: Spans) -> None:
    @app.task(name="later")
    def later() -> None:
        raise offhours.Defer(until="1h", reason="rate limit")

    @app.task(name="stopped")
    def stopped() -> None:
        raise offhours.Cancelled

    later.submit()
    stopped.submit()
    app.drain()
    ends = [(span.attributes or {})["offhours.job.outcome"] for span in spans.runs]
    assert ends == ["deferred", "cancelled"]
    assert {span.status.status_code for span in spans.runs} == {StatusCode.UNSET}


def test_the_context_is_nobodys_metadata(app: MemoryApp) -> None:
    seen = app.task(name="seen")(lambda: offhours.context().metadata)
    job = seen.options(metadata={"who": "ann"}).submit()
    plain = seen.submit()
    app.drain()
    assert job.result() == {"who": "ann"} and plain.result() == {}
    assert job_dict(job.record)["metadata"] == {"who": "ann"}
    assert job_dict(plain.record)["metadata"] is None
    assert TRACE_KEY in json.loads(plain.record.metadata or "")
    with pytest.raises(OptionError, match="is taken by Offhours"):
        seen.options(metadata={TRACE_KEY: {}})


def test_many_jobs_of_one_call_are_one_submit(app: MemoryApp, spans: Spans) -> None:
    pack = app.task(name="pack")(lambda order: order)
    pack.submit_many([(n,) for n in range(3)])
    assert pack.submit_many([]) == []
    app.drain()
    [sent] = spans.sent
    assert (sent.attributes or {})["messaging.batch.message_count"] == 3
    assert [origins(run) for run in spans.runs] == [[ids(sent.context)]] * 3


def test_a_submit_that_is_refused_is_an_error(spans: Spans) -> None:
    app = memory_app(max_queue_size=1)
    app.trace(spans.provider)
    app.submit(len, args=("four",))
    with pytest.raises(offhours.QueueFull):
        app.submit(len, args=("four",))
    _, refused = spans.sent
    assert refused.status.status_code is StatusCode.ERROR
    assert (refused.attributes or {})["error.type"] == "QueueFull"


def test_jobs_from_before_run_without_a_link(spans: Spans) -> None:
    app = memory_app()
    app.submit(len, args=("four",))
    app.trace(spans.provider)
    for metadata in ('{"offhours:trace":7}', '{"offhours:trace":{"traceparent":"what is this"}}'):
        new = NewJob("builtins:len", '[["four"],{}]', 50, app.clock.micros(), 1, metadata=metadata)
        app.store.submit([new], app.clock.micros())
    app.drain()
    assert [span.links for span in spans.runs] == [()] * 3
    assert app.counts()["succeeded"] == 3


def test_it_can_be_turned_on_while_it_works(spans: Spans, tmp_path: Path) -> None:
    with offhours.Offhours(tmp_path / "shop.db") as app:
        app.submit(len, args=("four",)).result(timeout=20)
        app.trace(spans.provider)
        app.submit(len, args=("four",)).result(timeout=20)
    [run] = spans.runs
    assert origins(run) == [ids(spans.sent[0].context)]


def test_coroutines_keep_their_spans_apart(spans: Spans, tmp_path: Path) -> None:
    tracer = spans.provider.get_tracer("shop")
    with offhours.Offhours(tmp_path / "shop.db") as app:
        app.trace(spans.provider)
        both = asyncio.Barrier(2)

        @app.task(name="fetch")
        async def fetch(n: int) -> str:
            await both.wait()
            with tracer.start_as_current_span(f"inner {n}") as span:
                await both.wait()
                return trace.format_trace_id(span.get_span_context().trace_id)

        jobs = [fetch.submit(n) for n in range(2)]
        for job in jobs:
            job.result(timeout=20)
    runs = {int((run.attributes or {})["messaging.message.id"]): run for run in spans.runs}  # type: ignore[arg-type]
    for job in jobs:
        assert job.result() == trace.format_trace_id(runs[job.id].context.trace_id)


def test_a_run_in_another_process_has_its_span_here(spans: Spans, tmp_path: Path) -> None:
    with offhours.Offhours(tmp_path / "shop.db") as app:
        app.trace(spans.provider)
        for function in (process_tasks.pid, process_tasks.raise_key_error, process_tasks.leave):
            away = app.task(name=function.__name__, executor="process", retries=0, on_lost="fail")(
                function
            )
            away.submit(*([] if function is not process_tasks.leave else [3])).wait(timeout=30)
    good, bad, dead = [span.attributes or {} for span in spans.runs]
    assert good["offhours.job.outcome"] == "succeeded"
    assert (bad["offhours.job.outcome"], bad["error.type"]) == ("failed", "KeyError")
    assert (dead["offhours.job.outcome"], dead["error.type"]) == ("crashed", "crashed")
    assert origins(spans.runs[1]) == [ids(spans.sent[1].context)]


@pytest.mark.parametrize("function", [process_tasks.traced, process_tasks.traced_async])
def test_what_a_task_traces_in_its_process_belongs_to_its_run(
    spans: Spans, tmp_path: Path, function: Any
) -> None:
    with offhours.Offhours(tmp_path / "shop.db") as app:
        app.trace(spans.provider)
        away = app.task(name="away", executor="process")(function)
        found = [away.options(metadata=told).submit().result(30) for told in (None, {"who": "ann"})]
    for run, told in zip(spans.runs, found, strict=True):
        trace_id = trace.format_trace_id(run.context.trace_id)
        assert told == [trace_id, trace.format_span_id(run.context.span_id), trace_id, "False"]


def test_a_process_whose_worker_does_not_trace_has_traces_of_its_own(tmp_path: Path) -> None:
    with offhours.Offhours(tmp_path / "shop.db") as app:
        away = app.task(name="away", executor="process")(process_tasks.traced)
        trace_id, parent, told, _ = away.submit().result(timeout=30)
    assert trace_id is not None and (parent, told) == (None, None)


def test_a_task_that_drains_keeps_its_own_context(app: MemoryApp, spans: Spans) -> None:
    inner = app.task(name="inner")(lambda: offhours.context().job_id)

    @app.task(name="outer")
    def outer() -> tuple[int, int, int, str]:
        before = offhours.context().job_id
        child = inner.submit()
        told = child.result()
        span = trace.get_current_span().get_span_context()
        return before, told, offhours.context().job_id, trace.format_span_id(span.span_id)

    job = outer.submit()
    before, told, after, span_id = job.result()
    assert (before, after) == (job.id, job.id) and told != job.id
    by_name = {span.name: span for span in spans.runs}
    assert span_id == trace.format_span_id(by_name["process outer"].context.span_id)


def test_a_run_of_a_schedule_names_it_and_its_instant(app: MemoryApp, spans: Spans) -> None:
    app.task(name="pack")(lambda: None)
    schedule = app.schedule("pack", "every hour", timezone="UTC")
    app.clock.advance("1h")
    app.drain()
    [run] = spans.runs
    told = run.attributes or {}
    assert told["offhours.schedule.id"] == schedule.id
    assert told["offhours.schedule.fire_at"] == "2026-01-01T01:00:00.000000Z"
    assert run.links == ()


def test_a_broken_tracer_breaks_no_job(
    app: MemoryApp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    job = app.submit(len, args=("four",))
    monkeypatch.setattr(app._work.tracing, "_tracer", None)
    app.drain()
    assert job.result() == 4
    assert "no span could be opened" in caplog.text


def test_without_a_provider_nothing_travels() -> None:
    app = memory_app()
    app.trace()
    job = app.submit(len, args=("four",))
    app.drain()
    assert job.record.metadata is None and job.result() == 4


def test_without_the_package_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("offhours.telemetry.t")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    app = memory_app()
    assert app.submit(len, args=("four",)).result() == 4
    for ask in (app.trace, ToolSpans):
        with pytest.raises(ConfigError, match=r"offhours\[otel\]"):
            ask()


def test_working_without_traces_imports_no_opentelemetry() -> None:
    program = (
        "import sys; from offhours.testing import memory_app; app = memory_app(); "
        "app.submit(len, args=('four',)).result(); "
        "print([m for m in sys.modules if m.startswith(('opentelemetry', 'prometheus'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_tool_calls_are_spans_of_the_run(app: MemoryApp, spans: Spans) -> None:
    chain = InterceptorChain([ToolSpans(spans.provider)])

    @chain.tool
    def search(words: str) -> list[str]:
        if not words:
            raise ValueError("nothing to look for")
        return [words]

    @chain.tool
    async def fetch(url: str) -> str:
        return url

    @app.task(name="agent")
    def agent() -> str:
        with workflow("wf_1", "step_2"), pytest.raises(ValueError, match="nothing"):
            search("")
        return asyncio.run(fetch(search("a secret")[0]))

    job = agent.submit()
    app.drain()
    [run] = spans.runs
    failed, good, fetched = spans.of(SpanKind.INTERNAL)
    assert [span.name for span in (failed, good, fetched)] == [
        "execute_tool search", "execute_tool search", "execute_tool fetch",
    ]  # fmt: skip
    assert {ids(span.parent) for span in (failed, good, fetched)} == {ids(run.context)}
    assert failed.attributes == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "search",
        "gen_ai.tool.type": "function",
        "offhours.job.id": job.id,
        "offhours.workflow.id": "wf_1",
        "offhours.workflow.step": "step_2",
        "error.type": "ValueError",
    }
    assert failed.status.status_code is StatusCode.ERROR
    assert "secret" not in f"{good.to_json()}{fetched.to_json()}"


def test_all_names_are_in_the_one_table() -> None:
    folder = Path(offhours.__file__).parent
    for path in (*folder.glob("telemetry/*.py"), folder / "core" / "tracing.py"):
        if path.name != "attributes.py":
            text = path.read_text(encoding="utf-8")
            assert '"messaging.' not in text and '"gen_ai.' not in text and '"error.' not in text
