"""The figures as text: JSON, CSV, and what Prometheus reads."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from offhours.core.errors import OptionError, did_you_mean
from offhours.monitor.series import Series

Tables = dict[str, Any]  # what `Monitor.tables` answers


def export(tables: Tables, tasks: Mapping[str, Series], form: str) -> str:
    """In the asked format; an unknown one raises `OptionError`."""
    write = FORMATS.get(form.lower()) if isinstance(form, str) else None
    if write is None:
        known = ", ".join(FORMATS)
        near = did_you_mean(str(form), list(FORMATS))
        raise OptionError(f"format: expected one of {known}, got {form!r}{near}")
    return write(tables, tasks)


def as_json(tables: Tables, tasks: Mapping[str, Series]) -> str:
    return json.dumps(tables, indent=2, ensure_ascii=False)


def as_csv(tables: Tables, tasks: Mapping[str, Series]) -> str:
    """One row a task. What a spreadsheet would take for a formula gets a quote before it."""
    rows = list(tables["tasks"].values())
    text = io.StringIO()
    names = list(rows[0]) if rows else ["task_name"]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        task = row["task_name"]
        writer.writerow(row | {"task_name": f"'{task}" if task[:1] in "=+-@\t\r" else task})
    return text.getvalue()


def as_prometheus(tables: Tables, tasks: Mapping[str, Series]) -> str:
    """The text format 0.0.4; times in seconds."""
    system = tables["system"]
    lines = [
        *_metric("offhours_task_runs_total", "counter", "Runs that ended, by task and how.",
                 _outcomes(tasks)),
        *_metric("offhours_task_seconds", "summary", "How long finished jobs ran.",
                 _durations(tasks)),
        *_metric("offhours_jobs", "gauge", "Jobs by state.", (
            ("", {"state": state}, system[f"{state}_tasks"])
            for state in ("ready", "active", "held"))),
        *_metric("offhours_workers", "gauge", "Workers alive.", [("", {}, system["workers"])]),
        *_metric("offhours_worker_slots", "gauge", "Their slots.",
                 [("", {}, system["worker_slots"])]),
        *_metric("offhours_alerts_open", "gauge", "Alerts that are not resolved.",
                 [("", {}, len(tables["alerts"]))]),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


_Sample = tuple[str, dict[str, str], float]


def _outcomes(tasks: Mapping[str, Series]) -> Iterator[_Sample]:
    for task, series in tasks.items():
        for how in ("succeeded", "failed", "retried", "deferred", "cancelled"):
            yield "", {"task": task, "outcome": how}, getattr(series.total, how)


def _durations(tasks: Mapping[str, Series]) -> Iterator[_Sample]:
    for task, series in tasks.items():
        for share in (0.5, 0.95, 0.99):
            yield "", {"task": task, "quantile": str(share)}, series.total.quantile(share)
        yield "_sum", {"task": task}, series.total.took / 1e6
        yield "_count", {"task": task}, series.total.timed


def _metric(
    name: str, kind: str, about: str, samples: Iterator[_Sample] | list[_Sample]
) -> Iterator[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} {kind}"
    for suffix, labels, value in samples:
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        yield f"{name}{suffix}{{{inside}}} {value}" if inside else f"{name}{suffix} {value}"


def _escaped(text: str) -> str:
    return re.sub(r'[\\"]', r"\\\g<0>", text).replace("\n", "\\n")


FORMATS: dict[str, Callable[[Tables, Mapping[str, Series]], str]] = {
    "json": as_json,
    "csv": as_csv,
    "prometheus": as_prometheus,
}
