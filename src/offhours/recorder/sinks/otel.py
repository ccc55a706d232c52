"""Dumps as OpenTelemetry logs; the packages are imported when a sink is made."""

from __future__ import annotations

from typing import Any

from offhours.core.errors import NotInstalled
from offhours.recorder.dumps import Dump
from offhours.recorder.sinks.loki_lines import lines


class OtelSink:
    """Emits a dump as one log record, or a long one as a header and a record for each call.

    Bodies are the lines that Loki would get, attributes its labels and `dump_id`, `seq` and so on.
    Where they go from there is the business of the OpenTelemetry SDK, which batches and retries.

    logger_provider: the application's own, instead of the global one

    Raises `NotInstalled` when OpenTelemetry is not installed.
    """

    name = "otel"

    def __init__(self, logger_provider: Any = None) -> None:
        try:
            from opentelemetry import _logs as logs
        except ImportError as error:
            raise NotInstalled("OpenTelemetry", "otel") from error
        self._logs = logs
        self._logger = logs.get_logger("offhours.recorder", logger_provider=logger_provider)

    def write(self, dump: Dump) -> None:
        numbers = self._logs.SeverityNumber
        severity = numbers.ERROR if dump.severity == "high" else numbers.WARN
        for line in lines(dump):
            record = self._logs.LogRecord(
                timestamp=line.at,
                observed_timestamp=line.at,
                severity_number=severity,
                severity_text=severity.name,
                body=line.text,
                attributes={**dump.labels, **line.attached},
            )
            self._logger.emit(record)

    def close(self) -> None:
        """The provider belongs to the application."""
