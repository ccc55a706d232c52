"""Many jobs at once: listed, steered, written down beforehand, taken along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from offhours.core.access import Operation
from offhours.core.bulk import Group, Order
from offhours.core.events import Event
from offhours.core.lists import Backlog, Depth, JobFilter, Stretch
from offhours.core.model import Job
from offhours.core.moving import Moved, Row
from offhours.core.templates import StoredTemplate
from offhours.core.times import Micros


class Lists(Protocol):
    """Looking at many jobs and events at once: for people, never for the engine."""

    def jobs(
        self,
        wanted: JobFilter,
        *,
        after: int = 0,
        newest_first: bool = True,
        limit: int = 50,
        skip: int = 0,
    ) -> list[Job]:
        """A page of jobs, without results and with shortened arguments and errors."""
        ...

    def rows(self, ids: Sequence[int]) -> list[Job]: ...
    def count(self, wanted: JobFilter) -> int: ...
    def depths(self) -> list[Depth]: ...
    def backlog(self, since: Micros, slot: Micros, limit: int) -> list[Backlog]: ...
    def stretches(self, since: Micros, last: Micros, limit: int = 500) -> list[Stretch]: ...
    def events(self, before: int = 0, limit: int = 50, kinds: str | None = None) -> list[Event]: ...
    def events_of(self, tenant: str, after: int = 0, limit: int = 1000) -> list[Event]: ...


class Step(NamedTuple):
    """What one step of a bulk operation did: to which jobs, and whether workers must look."""

    operation: Operation
    jobs: Sequence[int]
    asked: int


class Bulk(Protocol):
    """Something done to many jobs, some in each transaction, so that nobody waits for long."""

    def groups(self, order: Order) -> list[Group]:
        """How many jobs an order means now, by task and state."""
        ...

    def examples(self, order: Order, limit: int) -> list[Job]: ...
    def last_job(self) -> int: ...
    def begin(self, order: Order, total: int, by: str, now: Micros) -> Operation: ...
    def next_jobs(self, operation: Operation, size: int) -> list[int]: ...
    def step(self, operation: Operation, page: Sequence[int], now: Micros) -> Step:
        """Do it to the `next_jobs`, or end it when there are none: all of that in one transaction.

        When somebody else has taken this step, nothing is done, and the answer tells how far it is.
        """
        ...

    def refuse(
        self, operation: Operation, job_id: int, code: str, detail: str, now: Micros
    ) -> Operation:
        """Note that it could not be done to the next job, and pass it."""
        ...

    def stop(self, operation_id: int, now: Micros) -> bool: ...
    def operation(self, operation_id: int) -> Operation | None: ...
    def unfinished(self) -> list[Operation]:
        """Those that have not ended, be it that they are going on or that their process died."""
        ...


class Templates(Protocol):
    """Jobs written down beforehand, in versions. Who changes one says which it has read.

    `was` and `told` are what the event and the audit log have of it.
    """

    def get(self, name: str, version: int | None = None) -> StoredTemplate | None: ...
    def page(
        self, *, task: str | None = None, after: str = "", limit: int = 50
    ) -> list[StoredTemplate]: ...
    def versions(self, name: str, limit: int = 50) -> list[StoredTemplate]: ...
    def put(
        self,
        new: StoredTemplate,
        before: int | None,
        now: Micros,
        was: Mapping[str, object] | None,
        told: Mapping[str, object],
    ) -> StoredTemplate | None: ...
    def retire(self, name: str, version: int, now: Micros, was: Mapping[str, object]) -> bool: ...


class Moving(Protocol):
    """What is taken along to another database, and brought from one."""

    def origin(self) -> int:
        """The number by which this database is known elsewhere."""
        ...

    def take(self) -> dict[str, list[dict[str, Any]]]:
        """All rows of all `core.moving.KINDS`, as they were at one moment."""
        ...

    def bring(
        self, origin: int, rows: Mapping[str, Sequence[Row]], now: Micros, dry: bool
    ) -> Moved:
        """Store what is not there yet, all or nothing; with `dry` only say what that would be."""
        ...
