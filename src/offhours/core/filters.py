"""Which jobs are meant, in words: one language for Python, REST and the command line."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import timedelta, tzinfo
from typing import Any, TypedDict, TypeVar

from offhours.core.errors import FilterError, InputError, OptionError, did_you_mean
from offhours.core.lists import JobFilter
from offhours.core.model import JobState, TaskPriority
from offhours.core.times import Duration, Micros, Moment, parse_duration, parse_moment

T = TypeVar("T")

MOST_NAMES = 1_000
_LONGEST = 500
_SPAN = re.compile(r"[0-9.]+ ?(ms|[smhdw])", re.IGNORECASE)


class Where(TypedDict, total=False):
    """Which jobs are meant: those to which all of it applies. One of several values is enough.

    ids: their numbers
    state: "pending", "held", "running", "succeeded", "failed", "cancelled"
    task, queue, tenant: by name; priority: by name or number
    tag: one of their tags, which are the list `tags` of their metadata
    schedule, flow: the number of the schedule that made them, or of the flow that they belong to
    q: text in their name, task, arguments, metadata, reason or error, in either case
    since, until: when they were submitted, the end not included: a moment, or how long ago ("2h")
    finished_after, finished_before: when they ended, likewise
    """

    ids: int | Collection[int]
    state: JobState | str | Collection[JobState | str]
    task: str | Collection[str]
    queue: str | Collection[str]
    priority: TaskPriority | int | str | Collection[TaskPriority | int | str]
    tag: str | Collection[str]
    tenant: str | None
    schedule: int | None
    flow: int | None
    q: str | None
    since: Moment | timedelta | None
    until: Moment | timedelta | None
    finished_after: Moment | timedelta | None
    finished_before: Moment | timedelta | None


NAMES = tuple(Where.__annotations__)


def read_filter(where: Mapping[str, Any], now: Micros, timezone: tzinfo | None = None) -> JobFilter:
    """The filter that was meant; `FilterError` tells all that is wrong with it.

    >>> read_filter({"state": "failed", "task": ["shop:mail", "shop:sms"]}, 0).tasks
    ('shop:mail', 'shop:sms')
    >>> read_filter({"stat": "failed", "flow": "x"}, 0)
    Traceback (most recent call last):
      ...
    offhours.core.errors.FilterError: stat: unknown; did you mean "state"?; flow: expected a whole \
number from 1 on, got 'x'
    """
    faults: dict[str, str] = {}
    for name in where:
        if name not in NAMES:
            faults[name] = f"unknown{did_you_mean(name, NAMES) or '; known: ' + ', '.join(NAMES)}"

    def read(name: str, reader: Callable[[Any], T], otherwise: T) -> T:
        value = where.get(name)
        if value is None:
            return otherwise
        try:
            return reader(value)
        except InputError as error:
            faults[name] = str(error).removeprefix(f"{name}: ")
            return otherwise

    def moment(value: Any) -> Micros | None:
        return _moment(value, now, timezone)

    found = JobFilter(
        states=read("state", lambda value: _several(value, _state), ()),
        tasks=read("task", lambda value: _several(value, _text), ()),
        queues=read("queue", lambda value: _several(value, _text), ()),
        priorities=read("priority", lambda value: _several(value, _priority), ()),
        tenant=read("tenant", _text, None),
        schedule_id=read("schedule", _number, None),
        text=read("q", _text, None),
        since=read("since", moment, None),
        until=read("until", moment, None),
        finished_after=read("finished_after", moment, None),
        finished_before=read("finished_before", moment, None),
        tags=read("tag", lambda value: _several(value, _text), ()),
        flow_id=read("flow", _number, None),
        ids=read("ids", _numbers, None),
    )
    if found.since is not None and found.until is not None and found.until <= found.since:
        faults["until"] = "is not after since"
    if faults:
        raise FilterError(faults)
    return found


def parse_where(text: str) -> dict[str, Any]:
    """A filter as one line: `key=value` words, a value with spaces in quotes, a key repeatable.

    >>> parse_where("state=failed state=cancelled q='no luck' since=2h")
    {'state': ['failed', 'cancelled'], 'q': 'no luck', 'since': '2h'}
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise FilterError({"": f"cannot read {text[:64]!r}: {error}"}) from None
    found: dict[str, list[str]] = {}
    faults: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals and value):
            faults[word[:64]] = "expected KEY=VALUE, such as state=failed"
        found.setdefault(name, []).append(value)
    for name, values in found.items():
        if len(values) > 1 and name in ("tenant", "schedule", "flow", "q", "since", "until"):
            faults[name] = "given twice; it can have one value"
    if faults:
        raise FilterError(faults)
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


def spoken_filter(wanted: JobFilter) -> str:
    """What a filter leaves in, for people.

    >>> spoken_filter(JobFilter(states=["failed"], tasks=["a", "b"]))
    'state failed, task a or b'
    """
    told = [
        f"{name.removesuffix('_id').removesuffix('s')} {_or(value)}"
        for name, value in wanted._asdict().items()
        if value not in (None, ()) and value != []
    ]
    return ", ".join(told) or "all jobs"


def _or(value: Any) -> str:
    if isinstance(value, str | int):
        return str(value)
    some = [str(each) for each in value[:5]]
    return " or ".join([*some, "others"] if len(value) > 5 else some)


def _several(value: Any, reader: Callable[[Any], T]) -> tuple[T, ...]:
    values: Iterable[Any] = [value] if isinstance(value, str | int) else value
    if not isinstance(values, Iterable) or isinstance(values, bytes | Mapping):
        raise OptionError(f"expected one value or a list of them, got {value!r}")
    found = tuple(dict.fromkeys(reader(each) for each in values))
    if not found:
        raise OptionError("an empty list means no job at all; leave it out to mean all")
    if len(found) > MOST_NAMES:
        raise OptionError(f"at most {MOST_NAMES:,} values, got {len(found):,}")
    return found


def _numbers(value: Any) -> Sequence[int] | None:
    return sorted(_several(value, _number))


def _state(value: Any) -> str:
    names = [state.value for state in JobState]
    if value not in names:
        near = did_you_mean(str(value), names)
        raise OptionError(f"expected {', '.join(names)}, got {value!r}{near}")
    return str(JobState(value).value)


def _priority(value: Any) -> int:
    number = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 5
    return TaskPriority.parse(int(value) if number else value).value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or "\0" in value:
        raise OptionError(f"expected text of 1 to {_LONGEST} characters, got {value!r:.64}")
    return value


def _number(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**63:
        raise OptionError(f"expected a whole number from 1 on, got {value!r}")
    return value


def _moment(value: Moment | Duration, now: Micros, timezone: tzinfo | None) -> Micros:
    if isinstance(value, timedelta) or (
        isinstance(value, str) and _SPAN.match(value.strip()) and "-" not in value
    ):
        return max(0, now - parse_duration(value))
    return parse_moment(value, "time", timezone)  # type: ignore[arg-type]
