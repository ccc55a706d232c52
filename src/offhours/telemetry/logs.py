"""Log records as JSON lines, each with what it belongs to."""

from __future__ import annotations

import json
import logging

from offhours.core.here import Correlation, correlation
from offhours.core.times import iso


class JobFilter(logging.Filter):
    """Adds `job`, `attempt`, `task`, `worker`, `workflow` and `trace_id` to every record (None
    outside of a job), for formats like `%(job)s`. It lets all records pass.

    Put it on a handler: it then sees the records of every logger, also of your own. What a call
    has said itself in `extra` stays.

    >>> record = logging.makeLogRecord({"msg": "hello"})
    >>> JobFilter().filter(record), record.job
    (True, None)
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add what is missing."""
        for name, value in zip(Correlation._fields, correlation(), strict=True):
            record.__dict__.setdefault(name, value)
        return True


class JsonLines(logging.Formatter):
    """One JSON object a line: `at` (RFC 3339, UTC), `level`, `logger`, `message`, what the record
    belongs to, and the traceback as `error`. What is None is left out.

    On a handler that formats in another thread (`QueueHandler`), use `JobFilter` as well.

    >>> record = logging.LogRecord("shop", logging.INFO, "", 0, "packed %d", (3,), None)
    >>> record.created, record.job = 0.5, 7
    >>> json.loads(JsonLines().format(record)) == {
    ...     "at": "1970-01-01T00:00:00.500000Z", "level": "info", "logger": "shop",
    ...     "message": "packed 3", "job": 7,
    ... }
    True
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        found: dict[str, object] = {
            "at": iso(round(record.created * 1_000_000)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in correlation()._asdict().items():
            told = getattr(record, name, value)
            if told is not None:
                found[name] = told
        if record.exc_info:
            found["error"] = record.exc_text or self.formatException(record.exc_info)
        return json.dumps(found, default=str)
