"""Dumps reach the real OpenTelemetry SDK."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from offhours.core.errors import ConfigError
from offhours.recorder.sinks.otel import OtelSink


def test_a_dump_is_a_log_record(bench: Any) -> None:
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

    kept = InMemoryLogRecordExporter()
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(kept))
    b = bench()
    b.usual("search")
    dump = b.slow("search", 900)
    OtelSink(provider).write(dump)
    [found] = kept.get_finished_logs()
    record = found.log_record
    assert json.loads(record.body)["dump_id"] == dump.dump_id
    assert record.severity_text == "ERROR"
    assert record.attributes["triggered_by"] == "search"
    assert record.attributes["seq"] == "0"
    provider.shutdown()


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ConfigError, match=r"offhours\[otel\]"):
        OtelSink()
