"""A dump as Loki takes it: lines under its limits, in batches, each line known by its dump."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from offhours.recorder.dumps import Dump

LINE_LIMIT = 256 * 1024
BATCH_LIMIT = 1_000_000
CUT = 1_000


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a stream, its time in nanoseconds, and what is attached to it."""

    at: int
    text: str
    attached: Mapping[str, str]


def lines(dump: Dump, limit: int = LINE_LIMIT) -> list[Line]:
    """The documented JSON on one line when it fits; else a header, and a line for each request.

    Every line carries `dump_id` and `seq`, as fields and attached: a push that is tried again can
    store a line twice, and both are needed to count it once.
    """
    document = dump.document()
    at = _nanoseconds(dump.trigger_unix)
    whole = {**document, "seq": 0, "parts": 1}
    text = _text(whole)
    if _bytes(text) <= limit:
        return [Line(at, text, _attached(dump, 0, document))]
    requests = document.pop("requests")
    head = {**document, "seq": 0, "parts": 1 + len(requests)}
    found = [Line(at, _fitting(head, limit), _attached(dump, 0, document))]
    for seq, request in enumerate(requests, 1):
        entry = {
            "type": "perfcatcher_request",
            "dump_id": dump.dump_id,
            "seq": seq,
            **request,
        }
        moment = _nanoseconds(request["timestamp"])
        found.append(Line(moment, _fitting(entry, limit), _attached(dump, seq, request)))
    return found


def batches(found: Iterable[Line], limit: int = BATCH_LIMIT) -> Iterator[list[Line]]:
    """Lines in groups of a push each; no group is empty, for Loki refuses that."""
    group: list[Line] = []
    size = 0
    for line in found:
        # Quotes and backslashes are escaped once more inside the push's JSON.
        weight = len(line.text) + line.text.count('"') + 300
        if group and size + weight > limit:
            yield group
            group, size = [], 0
        group.append(line)
        size += weight
    if group:
        yield group


def push(group: Iterable[Line], labels: Mapping[str, str], attach: bool) -> bytes:
    """The body of a push: one stream. Times and attached values are strings, or Loki refuses."""
    values = [
        [str(line.at), line.text, dict(line.attached)] if attach else [str(line.at), line.text]
        for line in group
    ]
    return msgspec.json.encode({"streams": [{"stream": dict(labels), "values": values}]})


def stamped(group: Iterable[Line], at: int) -> list[Line]:
    """The same lines with a time that Loki takes; their own is kept as `original_ts`."""
    found = []
    for number, line in enumerate(group):
        entry = json.loads(line.text)
        entry["original_ts"] = str(line.at)
        found.append(replace(line, at=at + number, text=_text(entry)))
    return found


def _attached(dump: Dump, seq: int, source: Mapping[str, Any]) -> dict[str, str]:
    found = {"dump_id": dump.dump_id, "seq": str(seq)}
    found["tool_name"] = str(source.get("tool_name") or dump.triggered_by)
    for key in ("workflow_id", "step_id"):
        if source.get(key) is not None:
            found[key] = str(source[key])
    return found


def _fitting(entry: dict[str, Any], limit: int) -> str:
    """The entry as JSON; when it is too long its texts are cut, and it says so."""
    text = _text(entry)
    cut = CUT
    while _bytes(text) > limit and cut > 1:
        entry = {
            key: value[:cut] if isinstance(value, str) and key != "dump_id" else value
            for key, value in entry.items()
            if not isinstance(value, dict)
        }
        entry["truncated"] = True
        text = _text(entry)
        cut //= 2
    return text


def _text(entry: Mapping[str, Any]) -> str:
    return msgspec.json.encode(entry).decode()


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _nanoseconds(unix: float) -> int:
    return round(unix * 1e6) * 1000
