"""Bad input: each kind with its own clear error, and nothing stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import pydantic
import pytest

from offhours import Offhours
from offhours.core.errors import (
    ArgumentError,
    BatchError,
    ConfigError,
    IllegalMove,
    InputError,
    JobNotFound,
    NotStarted,
    OptionError,
    PayloadTooLarge,
    PriorityError,
    TaskError,
    TaskNotFound,
    TimeError,
)
from offhours.testing import MemoryApp, memory_app


def echo(value: Any = None, *rest: Any) -> Any:
    return value


@pytest.fixture
def app() -> Iterator[MemoryApp]:
    with memory_app() as made:
        yield made


def cyclic() -> list[Any]:
    loop: list[Any] = [1]
    loop.append({"again": loop})
    return loop


Submit = Callable[[Offhours], object]
BAD: dict[str, tuple[Submit, type[InputError], str]] = {
    "object": (lambda a: a.submit(echo, args=(object(),)), ArgumentError, "argument value: is a"),
    "nested": (lambda a: a.submit(echo, args=(1, {"k": [{1, object()}]})), ArgumentError,
               r"rest\[0\]\['k'\]\[0\]"),
    "file": (lambda a: a.submit(echo, args=(open,)), ArgumentError, "value"),
    "nan": (lambda a: a.submit(echo, args=(float("nan"),)), ArgumentError, "nan"),
    "infinity": (lambda a: a.submit(echo, kwargs={"value": [float("inf")]}), ArgumentError,
                 r"value\[0\]"),
    "nul": (lambda a: a.submit(echo, args=("a\0b",)), ArgumentError, "NUL"),
    "surrogate": (lambda a: a.submit(echo, args=("\ud800",)), ArgumentError, "surrogate"),
    "big integer": (lambda a: a.submit(echo, args=(2**63,)), ArgumentError, "64 bits"),
    "cyclic": (lambda a: a.submit(echo, args=(cyclic(),)), ArgumentError, "contains itself"),
    "keys": (lambda a: a.submit(echo, args=({1: 2},)), ArgumentError, "text keys"),
    "100 MB": (lambda a: a.submit(echo, args=("x" * 100_000_000,)), PayloadTooLarge,
               "100,000,00. bytes"),
    "unknown parameter": (lambda a: a.submit(echo, kwargs={"valeu": 1}), ArgumentError, "valeu"),
    "lambda": (lambda a: a.submit(lambda: 1), TaskError, "durable=False"),
    "method": (lambda a: a.submit([].append, args=(1,)), TaskError, "durable=False"),
    "not callable": (lambda a: a.submit(5), TaskError, "5"),  # type: ignore[arg-type]
    "negative priority": (lambda a: a.submit(echo, priority=-1), PriorityError, "-1"),
    "odd priority": (lambda a: a.submit(echo, priority=42), PriorityError, "CRITICAL=0"),
    "priority name": (lambda a: a.submit(echo, priority="urgent"), PriorityError, "urgent"),
    "priority flag": (lambda a: a.submit(echo, priority=True), PriorityError, "True"),
    "unknown option": (lambda a: a.submit(echo, prioritty=1), OptionError,  # type: ignore[call-arg]
                       'did you mean "priority"'),
    "negative delay": (lambda a: a.submit(echo, delay=-1), TimeError, "negative"),
    "nan delay": (lambda a: a.submit(echo, delay=float("nan")), TimeError, "delay"),
    "delay beyond the calendar": (lambda a: a.submit(echo, delay=1e18), TimeError, "calendar"),
    "naive time": (lambda a: a.submit(echo, at=datetime(2026, 6, 1)), TimeError,
                   "no timezone"),
    "impossible time": (lambda a: a.submit(echo, at="2026-02-30T10:00Z"), TimeError, "02-30"),
    "at and delay": (lambda a: a.submit(echo, at="2026-06-01T00:00Z", delay=1), OptionError,
                     "exclude"),
    "retries": (lambda a: a.submit(echo, retries=-1), OptionError, "retries"),
    "timeout": (lambda a: a.submit(echo, timeout=0), OptionError, "None means no limit"),
    "empty name": (lambda a: a.submit(echo, name=""), OptionError, "name"),
    "name with NUL": (lambda a: a.submit(echo, name="a\0"), OptionError, "name"),
    "metadata": (lambda a: a.submit(echo, metadata=[1]), OptionError,  # type: ignore[arg-type]
                 "mapping"),
    "metadata value": (lambda a: a.submit(echo, metadata={"k": object()}), ArgumentError,
                       r"metadata\['k'\]"),
    "on_lost": (lambda a: a.submit(echo, on_lost="maybe"), OptionError, "retry or fail"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_refused_by_name_and_nothing_stored(app: MemoryApp, case: str) -> None:
    submit, kind, words = BAD[case]
    with pytest.raises(kind, match=words) as caught:
        submit(app)
    assert type(caught.value) is kind
    assert app.jobs() == []
    assert [event for event in app.events() if event.job_id] == []


def test_one_bad_call_of_many_stores_none(app: MemoryApp) -> None:
    task = app.task(echo)
    with pytest.raises(BatchError, match=r"2: .* 64 bits"):
        task.submit_many([(1,), (2,), (2**70,)])
    assert app.jobs() == []


def test_task_options_are_checked(app: MemoryApp) -> None:
    for options, words in (
        ({"retrys": 3}, 'did you mean "retries"'),
        ({"priority": 7}, "NORMAL=50"),
        ({"backoff": "soon"}, "backoff"),
        ({"retry_on": (int,)}, "exception types"),
        ({"step_aside": "vanish"}, "cooperate, finish"),
    ):
        with pytest.raises(InputError, match=words):
            app.task(**options)(echo)  # type: ignore[call-overload]
    with pytest.raises(OptionError, match="unknown"):
        app.task(echo).options(later=True)  # type: ignore[call-arg]


def test_settings_report_all_faults_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Offhours(":memory:", thread=2, lease="soon", when_full="panic", timezone="Mars/Base")  # type: ignore[call-arg]
    faults = caught.value.faults
    assert len(faults) == 4
    assert 'did you mean "threads"' in faults[0]
    assert [fault.split(":")[0] for fault in faults] == ["thread", "lease", "when_full", "timezone"]


def test_unknown_things_are_named(app: MemoryApp) -> None:
    for ask in (app.job, app.record, app.cancel, app.why, app.retry, app.history):
        with pytest.raises(JobNotFound, match=r"no job 42 in :memory:"):
            ask(42)
    app.task(name="send_mail")(echo)
    with pytest.raises(TaskNotFound, match='did you mean "send_mail"'):
        app.submit("send_mial")


def test_final_jobs_cannot_be_steered(app: MemoryApp) -> None:
    job = app.submit(echo)
    with pytest.raises(IllegalMove, match=f"job {job.id} is pending"):
        job.retry()
    app.drain()
    with pytest.raises(IllegalMove, match=f"job {job.id} is succeeded and cannot be cancelled"):
        job.cancel()
    with pytest.raises(IllegalMove, match="succeeded"):
        app.defer(job.id, "1h")


def test_a_closed_app_says_so(app: MemoryApp) -> None:
    app.close()
    with pytest.raises(NotStarted, match="was closed"):
        app.submit(echo)


def test_another_apps_task_is_refused(app: MemoryApp) -> None:
    with memory_app() as other, pytest.raises(TaskError, match="another app"):
        app.submit(other.task(echo))


# -- the other side of the border: what can be stored comes back as it was ------------------------


@dataclass
class Point:
    x: int
    when: datetime


class Colour(Enum):
    RED = "red"


class Order(pydantic.BaseModel):
    id: UUID
    lines: list[int]


def typed(point: Point, colour: Colour, order: Order, path: Path, more: list[Point]) -> list[str]:
    return [type(v).__name__ for v in (point, colour, order, path, more[0], point.when)]


def test_typed_arguments_are_restored_by_annotation(app: MemoryApp) -> None:
    point = Point(1, datetime(2026, 6, 1, tzinfo=UTC))
    order = Order(id=UUID(int=1), lines=[1, 2])
    job = app.submit(typed, args=(point, Colour.RED, order, Path("a/b"), [point]))
    app.drain()
    assert job.result() == ["Point", "Colour", "Order", "PosixPath", "Point", "datetime"]


def test_an_object_for_a_bare_parameter_is_refused(app: MemoryApp) -> None:
    with pytest.raises(ArgumentError, match="annot"):
        app.submit(echo, args=(Point(1, datetime(2026, 6, 1, tzinfo=UTC)),))


def test_untyped_values_keep_their_type(app: MemoryApp) -> None:
    value = {
        "when": datetime(2026, 6, 1, tzinfo=UTC),
        "span": timedelta(1),
        "raw": b"\xff",
        "s": {1},
    }
    job = app.submit(echo, args=(value,))
    app.drain()
    assert job.result() == value


def test_arguments_are_copied_at_submit(app: MemoryApp) -> None:
    value = [1]
    job = app.submit(echo, args=(value,))
    value.append(2)
    app.drain()
    assert job.result() == [1]


def test_stored_json_is_plain(app: MemoryApp) -> None:
    job = app.submit(echo, args=({"a": [1, 2.5, None, True, "ü"]},))
    assert json.loads(job.record.args) == [[{"a": [1, 2.5, None, True, "ü"]}], {}]
