"""`app.bulk`: what is done to many jobs, as an operation that a crash only interrupts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

from offhours.acting import CODE, acting_as, steers
from offhours.bulk.batch import read_batch
from offhours.core import points
from offhours.core.access import Operation
from offhours.core.bulk import Group, Order, Preview, Seen, Verb, tallied
from offhours.core.clock import Signal
from offhours.core.errors import (
    FilterError,
    IllegalMove,
    OffhoursError,
    OperationNotFound,
    OptionError,
    StoreError,
    code_of,
)
from offhours.core.filters import Where, read_filter
from offhours.core.here import actor, via
from offhours.core.lists import JobFilter
from offhours.core.times import SECOND, Micros
from offhours.handles import JobHandle
from offhours.options import text
from offhours.submitting import Submitter

if TYPE_CHECKING:
    from offhours.app import Offhours
    from offhours.workplace import Workplace

AT_ONCE = 200
_EXAMPLES = 5
_ALL = JobFilter()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a bulk operation came to.

    total: how many jobs were meant when it began; those that it does not name went their own way
    done: to how many it was done; `asked_to_stop` of them run, and will stop
    refused: those to which it could not be done, with the reason: the first twenty of `failed`
    """

    operation: int
    total: int
    done: int
    failed: int
    asked_to_stop: int
    refused: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, ended: Operation) -> Outcome:
        told = json.loads(ended.result or "{}")
        return cls(
            ended.id, ended.total, ended.done, ended.failed,
            told.get("asked_to_stop", 0), told.get("refused", []),
        )  # fmt: skip


class Bulk:
    """Does things to many jobs: those that a filter leaves in, or those of a list.

    Each verb is done some jobs at a time, each time in one transaction, so that workers and
    submitters go on in between. An operation that was interrupted goes on with `go_on`.

    >>> from offhours.testing import memory_app
    >>> app = memory_app()
    >>> jobs = app.task(name="mail")(len).submit_many([("a",), ("b",), ("c",)])
    >>> seen = app.bulk.preview("cancel", task="mail")
    >>> seen.count, dict(seen.states)
    (3, {'pending': 3})
    >>> app.bulk.cancel(task="mail", expect=seen.token, reason="wrong list").done
    3
    """

    def __init__(self, app: Offhours, work: Workplace) -> None:
        self._app = app
        self._work = work
        self._bulk = work.store.bulk
        self._clock = work.clock
        self._submitter = Submitter(work)

    # -- storing ------------------------------------------------------------------------------

    def submit(
        self, items: Iterable[Mapping[str, Any]], *, by_name: bool = False
    ) -> list[JobHandle[Any]]:
        """Store jobs of any tasks, all in one transaction, at most 10,000 of them.

        Each item is `{"task": ..., "args": [...], "kwargs": {...}}` and, beside them, options of
        `submit`. All items are checked before anything is stored: `BatchError` has what is wrong
        with each by its place.

        by_name: tasks that this process does not know are welcome, as for `submit_by_name`

        >>> from offhours.testing import memory_app
        >>> app = memory_app()
        >>> _ = app.task(name="mail")(lambda to: None)
        >>> len(app.bulk.submit([{"task": "mail", "args": [to]} for to in ("ann", "joe")]))
        2
        >>> app.bulk.submit([{"task": "mail", "args": ["ann"]}, {"task": "mial"}])
        Traceback (most recent call last):
          ...
        offhours.core.errors.BatchError: 1: no task "mial" is registered; did you mean "mail"?
        """
        jobs = read_batch(self._app, items, by_name=by_name)
        if not jobs:
            return []
        ids = self._submitter.several(jobs)
        return [JobHandle(self._app, job_id) for job_id in ids]

    def check(self, items: Iterable[Mapping[str, Any]], *, by_name: bool = False) -> int:
        """Refuse what `submit` would refuse; how many jobs it would store."""
        return len(read_batch(self._app, items, by_name=by_name))

    # -- looking ------------------------------------------------------------------------------

    def preview(self, verb: Verb | str, **where: Unpack[Where]) -> Preview:
        """How many jobs a verb would be done to, by task and state, and some of them.

        Nothing is touched. Pass its `token` to the verb as `expect`: then no job is touched that
        was submitted since, and if others are meant by now it refuses.
        """
        now = self._clock.micros()
        order, groups = self._look(verb, where, now, self._bulk.last_job())
        tasks, states = tallied(groups)
        seen = Seen.of(groups, now, order.upto)
        examples = self._bulk.examples(order, _EXAMPLES)
        return Preview(order.verb, seen.jobs, tasks, states, examples, seen.token(order))

    def _look(
        self, verb: Verb | str, where: Mapping[str, Any], at: Micros, upto: int
    ) -> tuple[Order, list[Group]]:
        if verb not in list(Verb):
            raise OptionError(f"verb: expected {', '.join(Verb)}, got {verb!r}")
        wanted = read_filter(where, at, self._work.settings.timezone)
        order = Order(Verb(verb), wanted, "", upto)
        return order, self._bulk.groups(order)

    # -- doing --------------------------------------------------------------------------------

    def cancel(self, *, reason: str = "", expect: str = "", **where: Unpack[Where]) -> Outcome:
        """Cancel jobs: those that nobody runs at once, the newest first; the others are asked."""
        return self._all(Verb.CANCEL, reason, expect, where)

    def retry(self, *, reason: str = "", expect: str = "", **where: Unpack[Where]) -> Outcome:
        """Submit finished jobs anew, the oldest first, but for those that were retried already.

        Steps that failed ones have done are not repeated.
        """
        return self._all(Verb.RETRY, reason, expect, where)

    def pause(self, *, reason: str = "", expect: str = "", **where: Unpack[Where]) -> Outcome:
        """Let pending jobs not start until they are resumed. What runs goes on, and what comes
        later is not paused; to pause all that comes, too: `app.pause(queue=...)`."""
        return self._all(Verb.PAUSE, reason, expect, where)

    def resume(self, *, reason: str = "", expect: str = "", **where: Unpack[Where]) -> Outcome:
        """Let paused jobs go on, the oldest first, when their time has come."""
        return self._all(Verb.RESUME, reason, expect, where)

    def _all(self, verb: Verb, reason: str, expect: str, where: Mapping[str, Any]) -> Outcome:
        return self.go_on(self.begin(verb, reason=reason, expect=expect, **where).id)

    @steers
    def begin(
        self, verb: Verb | str, *, reason: str = "", expect: str = "", **where: Unpack[Where]
    ) -> Operation:
        """Note what is to be done, in the name of who does it; `go_on` does it, here or elsewhere.

        A filter that leaves all jobs in wants a token: say it to `preview` first.
        """
        self._work.check_open()
        checked, now = text(reason or None, "reason") or "", self._clock.micros()
        if expect:
            before, digest = Seen.read(expect)
            order, groups = self._look(verb, where, before.at, before.upto)
            before.check(order, digest, Seen.of(groups, now, order.upto))
        else:
            order, groups = self._look(verb, where, now, self._bulk.last_job())
            if order.wanted == _ALL:
                raise FilterError(
                    {"": "say which jobs are meant, or confirm all of them with a preview's token"}
                )
        total = sum(group.jobs for group in groups)
        return self._bulk.begin(order._replace(reason=checked), total, actor.get() or CODE, now)

    def unfinished(self) -> list[Operation]:
        """Operations that have not ended: they go on somewhere, or their process died."""
        return self._bulk.unfinished()

    def go_on(self, operation_id: int, stop: Signal | None = None) -> Outcome:
        """Do what is left of an operation, and wait for its end. Several may do so at once: each
        step is done once.

        stop: leave it after a step when this is set

        Raises `OperationNotFound` when there is none of that number.
        """
        operation = self._operation(operation_id)
        with acting_as(operation.made_by, via.get()):
            while operation.state == "running" and not (stop is not None and stop.is_set()):
                started = self._clock.monotonic()
                operation = self._step(operation, AT_ONCE)
                points.reach("after bulk step")
                self._rest(self._clock.monotonic() - started)
        return Outcome.of(operation)

    @steers
    def stop(self, operation_id: int) -> Outcome:
        """Let an operation do no further step, wherever it goes on; what is done stays done.

        `IllegalMove` when it has ended.
        """
        operation = self._operation(operation_id)
        if not self._bulk.stop(operation.id, self._clock.micros()):
            raise IllegalMove(f"operation {operation_id} has ended already")
        return Outcome.of(self._operation(operation_id))

    def _operation(self, operation_id: int) -> Operation:
        found = self._bulk.operation(operation_id) if 0 < operation_id < 2**63 else None
        if found is None:
            name = self._work.store.name
            raise OperationNotFound(f"no bulk operation {operation_id} in {name}")
        return found

    def _step(self, operation: Operation, size: int) -> Operation:
        now = self._clock.micros()
        page = self._bulk.next_jobs(operation, size)
        try:
            step = self._bulk.step(operation, page, now)
        except StoreError:
            raise
        except OffhoursError as error:
            if size > 1:  # one of them is refused: which one is found out singly
                return self._singly(operation, size)
            return self._bulk.refuse(operation, page[0], code_of(error), str(error), now)
        self._work.finished(step.jobs)
        if step.asked:
            self._work.tell("c")
        elif step.jobs and not Verb.of(operation.kind).newest_first:
            self._work.wake()
        return step.operation

    def _singly(self, operation: Operation, size: int) -> Operation:
        for _ in range(size):
            if operation.state == "running":
                operation = self._step(operation, 1)
        return operation

    def _rest(self, seconds: float) -> None:
        """For as long as a step took: others want to write, too."""
        self._clock.wait(Signal(), self._clock.micros() + round(seconds * SECOND))
