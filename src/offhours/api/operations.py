"""Long actions: begun by a request, done on a thread, looked at meanwhile."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from offhours.core.access import Operation
from offhours.core.clock import Clock, Signal
from offhours.core.errors import OffhoursError, code_of
from offhours.core.ports import Access
from offhours.core.times import DAY, Micros
from offhours.engine.lifeline import host_identity, process_started

if TYPE_CHECKING:
    from offhours.bulk import Bulk

T = TypeVar("T")

TOLD_EVERY = 50
MOST_REFUSALS = 20
LONGEST: Micros = DAY  # of one that a process of another machine does, which nobody here can see

_log = logging.getLogger("offhours.api")


class Operations:
    """Does one long action after the other, on a thread of its own."""

    def __init__(self, access: Access, clock: Clock, bulk: Callable[[], Bulk]) -> None:
        self._access = access
        self._clock = clock
        self._bulk = bulk
        self._open()

    def _open(self) -> None:
        self._ending = Signal()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="offhours-operation")
        self._begun: dict[int, Future[None]] = {}

    def begin(
        self,
        kind: str,
        by: str,
        tenant: str | None,
        items: Sequence[T],
        act: Callable[[T], Sequence[int] | None],
    ) -> Operation:
        """Do something with each item. One that is refused is counted, and the rest goes on.

        What `act` returns are the numbers of jobs that it made: the operation's result tells them.
        """
        now = self._clock.micros()
        begun = self._access.begin_operation(kind, by, tenant, len(items), now, own_process())
        context = copy_context()  # it is done in the name of who asked
        work = self._pool.submit(context.run, self._work, begun.id, items, act)
        self._begun[begun.id] = work
        work.add_done_callback(lambda _: self._begun.pop(begun.id, None))
        return begun

    def settle(self) -> None:
        """End those as failed whose process has ended before them."""
        for each in self._access.running_operations():
            if _is_lost(each, self._clock.micros()):
                self._give_up(each.id, each.done, each.failed)

    def _give_up(self, operation_id: int, done: int = 0, failed: int = 0) -> None:
        told = json.dumps({"refused": [], "lost": "the server that did it has ended"})
        now = self._clock.micros()
        self._access.end_operation(operation_id, "failed", done, failed, told, now)

    def _work(
        self, operation_id: int, items: Sequence[T], act: Callable[[T], Sequence[int] | None]
    ) -> None:
        done, refusals = 0, 0
        told: list[dict[str, Any]] = []
        made: list[Any] = []
        state = "succeeded"
        try:
            for item in items:
                try:
                    made += act(item) or ()
                    done += 1
                except OffhoursError as error:
                    refusals += 1
                    if len(told) < MOST_REFUSALS:
                        told.append({"item": item, "code": code_of(error), "detail": str(error)})
                if (done + refusals) % TOLD_EVERY == 0:
                    self._access.advance_operation(operation_id, done, refusals)
        except Exception:
            state = "failed"
            _log.exception("operation %s failed", operation_id)
        result = json.dumps({"refused": told, **({"jobs": made} if made else {})})
        try:
            self._access.end_operation(
                operation_id, state, done, refusals, result, self._clock.micros()
            )
        except OffhoursError as error:
            _log.error("the end of operation %s could not be stored: %s", operation_id, error)

    def go_on(self, operation_id: int) -> None:
        """Have a bulk operation go on; what interrupts it leaves it where it is."""
        self._pool.submit(copy_context().run, self._go_on, operation_id)  # in the name of who asked

    def take_up(self) -> None:
        """Go on with what a process that has died has left; a server may start again."""
        if self._ending.is_set():
            self._open()

        def all_left() -> None:
            for operation in self._bulk().unfinished():
                self._go_on(operation.id)

        self._pool.submit(all_left)

    def _go_on(self, operation_id: int) -> None:
        try:
            self._bulk().go_on(operation_id, self._ending)
        except Exception:
            _log.exception("operation %s was interrupted", operation_id)

    def drain(self) -> None:
        """Wait until all that was begun has ended."""
        self._pool.submit(lambda: None).result()

    def close(self, wait: bool = False) -> None:
        """Begin nothing more. What can go on later stops after its step; what cannot and has not
        begun is given up."""
        begun = list(self._begun.items())
        self._ending.set()
        self._pool.shutdown(wait=wait, cancel_futures=True)
        for operation_id, future in begun:
            if future.cancelled():
                with suppress(OffhoursError):  # the store may be gone already
                    self._give_up(operation_id)


def own_process() -> str:
    """What tells this process from all others: its host, its number, when it began."""
    pid = os.getpid()
    return json.dumps([host_identity(), pid, process_started(pid)])


def _is_lost(operation: Operation, now: Micros) -> bool:
    if operation.request is not None:
        return False  # it goes on
    if operation.owner is None:
        return True  # of a version before this one
    host, pid, started = json.loads(operation.owner)
    if host == host_identity():
        return str(started) != process_started(pid)
    return operation.created_at < now - LONGEST
