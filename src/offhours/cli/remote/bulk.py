"""Many jobs of a server at once: counted, then done by the server as an operation."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from offhours.bulk import Outcome
from offhours.cli.remote import read
from offhours.cli.remote.jobs import RemoteJob
from offhours.cli.remote.wire import Wire, pauses
from offhours.core.access import Operation
from offhours.core.bulk import Preview, Verb
from offhours.core.clock import Clock
from offhours.core.errors import OperationNotFound, OptionError
from offhours.core.filters import read_filter
from offhours.core.model import Job, TaskPriority

if TYPE_CHECKING:
    from offhours.cli.remote.app import RemoteApp

MOST_AT_ONCE = 1_000
# What a job has, and a row of a list has not.
_ONLY_WHOLE = ("timeout_ms", "metadata", "expires_at", "fire_at", "parent", "crashes", "result")
_MOMENTS = ("since", "until", "finished_after", "finished_before")


def ended(wire: Wire, operation: Operation) -> Operation:
    """A long action as it is when it goes on no more."""
    looks = pauses()
    while operation.state == "running":
        time.sleep(next(looks))
        operation = read.operation(wire.get(f"operations/{operation.id}"))
    return operation


class RemoteBulk:
    """What `Bulk` is of a database, as far as the commands use it."""

    def __init__(self, app: RemoteApp, wire: Wire, clock: Clock, name: str) -> None:
        self._app = app
        self._wire = wire
        self._clock = clock
        self._name = name

    def submit(
        self, items: Sequence[Mapping[str, Any]], *, by_name: bool = True
    ) -> list[RemoteJob]:
        """Store jobs of tasks that the server or a worker knows, all or none."""
        made = self._batch("submit", items)["jobs"] if items else []
        return [RemoteJob(self._app, number) for number in made]

    def check(self, items: Sequence[Mapping[str, Any]], *, by_name: bool = True) -> int:
        """Refuse what `submit` would refuse; how many jobs it would store."""
        return int(self._batch("check", items)["count"]) if items else 0

    def _batch(self, verb: str, items: Sequence[Mapping[str, Any]]) -> Any:
        if len(items) > MOST_AT_ONCE:
            raise OptionError(
                f"{len(items):,} jobs: a server takes {MOST_AT_ONCE:,} at once; split them, or "
                "store them where the database is, with --db"
            )
        return self._wire.post(f"jobs:{verb}", {"jobs": list(items)})

    def preview(self, verb: Verb, **where: Any) -> Preview:
        """How many jobs a verb would be done to, and a token. Nothing is touched."""
        body = {"verb": verb.value, "filter": self._filter(where)}
        return _preview(self._wire.post("jobs:preview", body))

    def begin(self, verb: Verb, *, reason: str = "", expect: str = "", **where: Any) -> Operation:
        """Have the server do it to what a preview has seen: `go_on` waits for its end."""
        body = {"filter": self._filter(where), "reason": reason, "expect": expect}
        return read.operation(self._wire.post(f"jobs:{verb.value}", body))

    def go_on(self, operation_id: int) -> Outcome:
        """Have what is left of an operation done, and wait for its end."""
        path = self._path(operation_id)
        return Outcome.of(ended(self._wire, read.operation(self._wire.post(f"{path}/resume"))))

    def stop(self, operation_id: int) -> Outcome:
        """Let an operation do no further step; what is done stays done."""
        told = self._wire.post(f"{self._path(operation_id)}/stop")
        return Outcome.of(read.operation(told))

    def _path(self, operation_id: int) -> str:
        if not 0 < operation_id < 2**63:
            raise OperationNotFound(f"no bulk operation {operation_id} in {self._name}")
        return f"operations/{operation_id}"

    def _filter(self, where: Mapping[str, Any]) -> dict[str, Any]:
        """As a server takes it; refused here, with all that is wrong, if a database would."""
        wanted = read_filter(where, self._clock.micros())
        given = {
            "ids": wanted.ids, "state": wanted.states, "task": wanted.tasks,
            "queue": wanted.queues, "tag": wanted.tags, "tenant": wanted.tenant,
            "schedule": wanted.schedule_id, "flow": wanted.flow_id, "q": wanted.text,
            "priority": [TaskPriority(each).name.lower() for each in wanted.priorities],
            # As they were said: how long ago that is, the server counts from its own clock.
            **{name: where.get(name) for name in _MOMENTS},
        }  # fmt: skip
        return {name: value for name, value in given.items() if value}


def _preview(told: read.Told) -> Preview:
    """What a verb would be done to."""
    return Preview(
        Verb(told["verb"]), told["count"], told["tasks"], told["states"],
        [_row(each) for each in told["examples"]], told["token"],
    )  # fmt: skip


def _row(told: read.Told) -> Job:
    """A job of a list: of its arguments the beginning is told, of its error the end."""
    progress = None if told["progress"] is None else {"fraction": told["progress"]}
    whole = {**dict.fromkeys(_ONLY_WHOLE), **told, "progress": progress}
    return read.job(whole)._replace(args=told["arguments"])
