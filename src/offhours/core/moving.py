"""What can be taken from one database to another: which columns it has, and what refers to what.

A line of an export is one row, `{"type": "job", ...}`. The kinds stand in the order in which they
are brought in: what refers to something comes behind it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from offhours.core.errors import OffhoursError
from offhours.core.firing import plan_of
from offhours.core.model import FINAL, JobState, TaskPriority
from offhours.core.times import LATEST

FORMAT = 1
Row = Mapping[str, Any]
_LARGEST = 2**63 - 1


class Moved(NamedTuple):
    """How many rows of each kind were stored, and how many were there already."""

    new: Mapping[str, int]
    kept: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Column:
    """What stands in a column: whole numbers, text, or text that is JSON.

    of: the kind whose number it is; words: the only texts that it may have
    span, numbers: between which numbers it is, both included; the only numbers that it may be
    name: whether claims look for it, where control characters separate names
    """

    type: type
    null: bool = False
    of: str = ""
    words: tuple[str, ...] = ()
    as_json: bool = False
    span: tuple[int, int] = (-_LARGEST, _LARGEST)
    numbers: tuple[int, ...] = ()
    name: bool = False

    def fault(self, value: Any) -> str | None:
        """What is wrong with a value, if anything is."""
        if value is None:
            return None if self.null else "expected a value, got null"
        if self.type is int:
            return self._number_fault(value)
        if not isinstance(value, str):
            return f"expected text, got {value!r:.60}"
        if self.words and value not in self.words:
            return f"expected {', '.join(self.words)}, got {value!r:.60}"
        if "\0" in value:
            return "text with a zero byte cannot be stored"
        if not _can_be_stored(value):
            return "text with half a character cannot be stored"
        if self.name and any(character < " " for character in value):
            return "contains a control character"
        return _json_fault(value) if self.as_json else None

    def _number_fault(self, value: Any) -> str | None:
        if type(value) is not int or not -_LARGEST <= value <= _LARGEST:
            return f"expected a whole number of 64 bits, got {value!r:.60}"
        least, most = self.span
        if not least <= value <= most:
            return f"expected a number from {least} to {most}, got {value}"
        if self.numbers and value not in self.numbers:
            return f"expected {', '.join(map(str, self.numbers))}, got {value}"
        return None


def _can_be_stored(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _json_fault(text: str) -> str | None:
    try:
        json.loads(text)
    except ValueError:
        return f"expected JSON as text, got {text!r:.60}"
    return None


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of one table.

    number: the column that numbers them; the database that they come to gives them new ones
    key: by which columns one is found that is there already
    owner: the column of the row that they belong to: they come with it, or not at all
    family: of rows that have the same there, all come or none, if one of them is there already
    known: whether it is remembered which of them were brought, because they may be gone again
    check: what else has to hold of a row
    """

    name: str
    table: str
    columns: Mapping[str, Column]
    number: str = ""
    key: tuple[str, ...] = ()
    owner: str = ""
    family: str = ""
    known: bool = False
    check: Callable[[Row], str | None] = lambda row: None

    def faults(self, row: Row) -> Iterator[str]:
        """All that is wrong with a line of this kind."""
        unknown = sorted(set(row) - set(self.columns) - {"type"})
        yield from (f"{name}: unknown for a {self.name}" for name in unknown)
        fine = not unknown
        for name, column in self.columns.items():
            fault = column.fault(row.get(name))
            if fault is not None:
                fine = False
                yield f"{name}: {fault}"
        if fine and (fault := self.check(self.filled(row))) is not None:
            yield fault

    def filled(self, row: Row) -> dict[str, Any]:
        """The row with every column: one that a line leaves out is null."""
        return {name: row.get(name) for name in self.columns}


INT, TEXT = Column(int), Column(str)
INT_, TEXT_ = Column(int, null=True), Column(str, null=True)
NAME, NAME_ = Column(str, name=True), Column(str, null=True, name=True)
MOMENT = Column(int, span=(0, LATEST))
MOMENT_ = Column(int, null=True, span=(0, LATEST))
COUNT = Column(int, span=(0, _LARGEST))
COUNT_ = Column(int, null=True, span=(0, _LARGEST))
FROM_ONE_ = Column(int, null=True, span=(1, _LARGEST))
PRIORITY = Column(int, numbers=tuple(p.value for p in TaskPriority))
JSON, JSON_ = Column(str, as_json=True), Column(str, null=True, as_json=True)
JOB, JOB_ = Column(int, of="job"), Column(int, null=True, of="job")
SCHEDULE, SCHEDULE_ = Column(int, of="schedule"), Column(int, null=True, of="schedule")
MODEL = Column(int, of="model")
VERSION, VERSION_ = Column(int, of="version"), Column(int, null=True, of="version")


def _one_of(*words: str) -> Column:
    return Column(str, words=words)


def _call_fault(row: Row) -> str | None:
    match json.loads(row["args"]):
        case [list(), dict()]:
            pass
        case _:
            return "args: expected a list of arguments and an object of named ones, in a list"
    if row["metadata"] is not None and not isinstance(json.loads(row["metadata"]), dict):
        return "metadata: expected an object"
    return None


def _job_check(row: Row) -> str | None:
    if (fault := _call_fault(row)) is not None:
        return fault
    if row["state"] == JobState.HELD and row["reason"] is None and row["code"] is None:
        return "reason: a held job says what it waits for"
    if row["attempt"] < row["returned"]:
        return "attempt: as many as were returned at least"
    if (row["state"] in FINAL) != (row["finished_at"] is not None):
        return "finished_at: a job has it when it is finished, and only then"
    if (row["concurrency_key"] is None) != (row["per_key"] is None):
        return "per_key: a job has it when it has a concurrency_key, and only then"
    return None


def _schedule_check(row: Row) -> str | None:
    if (fault := _call_fault(row)) is not None:
        return fault
    try:
        plan_of(row["plan"])
    except (OffhoursError, LookupError, TypeError, ValueError, AttributeError) as error:
        return f"plan: {error}"
    if (row["status"] == "active") != (row["due_at"] is not None) or (
        row["due_at"] is not None and row["next_at"] is None
    ):
        return "due_at: a schedule has it, and next_at, when it is active, and only then"
    return None


def _limits(*names: str) -> dict[str, Column]:
    return dict.fromkeys(names, INT_)


_CALL = {
    "task": NAME, "args": JSON, "priority": PRIORITY, "max_attempts": FROM_ONE_, "queue": NAME,
    "timeout": COUNT_, "metadata": JSON_, "on_lost": _one_of("retry", "fail"),
}  # fmt: skip

KINDS: tuple[Kind, ...] = (
    Kind("limit", "limits", {
        "scope": _one_of("all", "queue", "task"), "name": NAME, "concurrency": INT_,
        "rate_count": INT_, "rate_per": INT_, "paused_at": INT_, "reason": TEXT_,
        "declared": TEXT_,
    }, key=("scope", "name")),
    Kind("budget", "budgets", {
        "scope": _one_of("all", "agent", "tenant"), "name": TEXT,
        **_limits("tokens", "usd", "seconds", "tool_calls", "per"),
        "on_breach": _one_of("defer", "stop", "ask"), "reserve": JSON_,
    }, key=("scope", "name")),
    Kind("spending", "spending", {
        "key": TEXT, "since": INT, "tokens": INT, "usd": INT, "seconds": INT, "tool_calls": INT,
        "runs": INT, "at": INT,
    }, key=("key", "since")),
    Kind("quota", "quotas", {
        "scope": _one_of("agent", "tenant"), "name": TEXT,
        **_limits("active", "cron", "memory", "deferrals"),
    }, key=("scope", "name")),
    Kind("template", "templates", {
        "name": TEXT, "version": INT, "task": TEXT, "description": TEXT_, "body": JSON,
        "created_at": INT, "created_by": TEXT, "retired_at": INT_,
    }, key=("name", "version"), family="name"),
    Kind("handler", "handlers", {"agent": TEXT, "task": TEXT}, key=("agent",)),
    Kind("schedule", "schedules", {
        "id": INT, "name": TEXT, **_CALL, "plan": JSON, "text": TEXT, "catch_up": TEXT,
        "overlap": _one_of("skip", "queue_one", "queue_all", "cancel_old", "allow"),
        "jitter": INT, "blackouts": JSON_, "expires": INT_, "max_runs": INT_,
        "disable_after": INT_, "declared": TEXT_, "revision": INT,
        "status": _one_of("active", "paused", "disabled", "parked", "ended"), "reason": TEXT_,
        "next_at": MOMENT_, "due_at": MOMENT_, "runs": INT, "skipped": INT, "failures": INT,
        "last_at": INT_, "last_job": JOB_, "delay_total": INT, "delay_most": INT, "on_time": INT,
        "created_at": INT, "updated_at": INT,
    }, number="id", key=("name",), check=_schedule_check),
    Kind("goal", "goals", {
        "schedule_id": SCHEDULE, "task_id": TEXT, "agent": TEXT, "tenant": TEXT_, "name": TEXT,
        "goal": TEXT, "prompt": TEXT, "origin": JSON_, "created_by": TEXT, "cron": TEXT_,
        "expires_at": INT_, "deferrals": INT, "cancelled_at": INT_, "thread": TEXT_,
        "delivery": TEXT_,
    }, key=("task_id",), owner="schedule_id"),
    Kind("job", "jobs", {
        "id": INT, **_CALL, "name": TEXT_, "unique_key": TEXT_, "retry_of": JOB_,
        "parent_id": JOB_, "expires_at": MOMENT_, "schedule_id": SCHEDULE_, "fire_at": MOMENT_,
        "tenant": NAME_, "concurrency_key": NAME_, "per_key": FROM_ONE_, "created_at": MOMENT,
        "state": _one_of("pending", "held", *sorted(FINAL)),
        "run_at": MOMENT, "attempt": COUNT, "returned": COUNT, "crashes": COUNT,
        "deferrals": COUNT, "begun": COUNT, "started_at": MOMENT_, "finished_at": MOMENT_,
        "result": JSON_, "error": TEXT_, "code": TEXT_, "reason": TEXT_, "progress": JSON_,
        "cancel_at": MOMENT_,
    }, number="id", known=True, check=_job_check),
    Kind("key", "once", {
        "key": TEXT, "job_id": JOB, "digest": TEXT, "at": INT,
    }, key=("key",), owner="job_id"),
    Kind("fire", "fires", {
        "schedule_id": SCHEDULE, "instant": INT, "job_id": JOB_, "code": TEXT, "reason": TEXT_,
        "at": INT, "delay": INT,
    }, key=("schedule_id", "instant"), owner="schedule_id"),
    Kind("flow", "flows", {"id": INT, "name": TEXT, "created_at": INT}, number="id", known=True),
    Kind("member", "members", {
        "job_id": JOB, "flow_id": Column(int, of="flow"), "step": TEXT,
    }, key=("job_id",), owner="job_id"),
    Kind("dependency", "dependencies", {
        "upstream": JOB, "downstream": JOB,
        "if_failed": _one_of("cancel", "ignore", "hold", "catch"), "outcome": TEXT_,
    }, key=("upstream", "downstream"), owner="downstream"),
    Kind("step", "steps", {
        "job_id": JOB, "name": TEXT, "result": JSON_, "until": INT_, "awaits": TEXT_, "at": INT,
        "seq": INT,
    }, key=("job_id", "name"), owner="job_id"),
    Kind("signal", "signals", {
        "job_id": JOB, "name": TEXT, "payload": JSON, "at": INT,
    }, owner="job_id"),
    Kind("approval", "approvals", {
        "job_id": JOB, "step": TEXT, "question": TEXT, "args": JSON_, "digest": TEXT,
        "asked_at": INT, "until": INT_,
        "state": _one_of("waiting", "approved", "denied", "expired", "void"),
        "decided_at": INT_, "decided_by": TEXT_, "note": TEXT_,
    }, owner="job_id"),
    Kind("deferral", "goal_deferrals", {
        "schedule_id": SCHEDULE, "at": INT, "until": INT, "reason": TEXT, "job_id": JOB_,
        "gate": TEXT_, "thought_id": TEXT_, "context": TEXT_,
    }, owner="schedule_id"),
    Kind("thought", "thoughts", {
        "id": INT, "key": TEXT, "agent": TEXT, "prompt": TEXT, "goal": TEXT_, "origin": JSON_,
        "created_by": TEXT, "note": TEXT_, "schedule_id": SCHEDULE_, "fire_at": INT_,
        "job_id": JOB_, "attempt": INT_, "created_at": INT, "visible_at": INT,
        "expires_at": INT_, "state": _one_of("waiting", "acknowledged", "expired"),
        "taken": INT, "snoozes": INT, "handler_job": JOB_, "closed_at": INT_, "answer": TEXT_,
        "thread": TEXT_, "delivery": TEXT_,
    }, number="id", key=("key",), known=True),
    Kind("model", "models", {
        "id": INT, "tenant": TEXT, "name": TEXT, "golden": TEXT_, "created_at": INT,
    }, number="id", key=("tenant", "name")),
    Kind("version", "model_versions", {
        "id": INT, "model_id": MODEL, "number": INT, "digest": TEXT, "size": INT, "metrics": JSON,
        "metadata": JSON, "created_at": INT, "dropped_at": INT_,
    }, number="id", key=("model_id", "number"), owner="model_id"),
    Kind("alias", "model_aliases", {
        "model_id": MODEL, "alias": _one_of("champion", "challenger", "previous"),
        "version_id": VERSION, "moved_at": INT,
    }, key=("model_id", "alias"), owner="model_id"),
    Kind("move", "model_moves", {
        "model_id": MODEL, "at": INT, "kind": _one_of("promoted", "rolled_back", "restored"),
        "from_id": VERSION_, "to_id": VERSION, "by_whom": TEXT, "reason": TEXT,
    }, owner="model_id"),
    Kind("audit", "audit", {
        "id": INT, "at": INT, "actor": TEXT, "action": TEXT, "job_id": JOB_, "was": JSON_,
        "became": JSON_, "via": JSON_,
    }, number="id", known=True),
)  # fmt: skip
BY_NAME = {kind.name: kind for kind in KINDS}
