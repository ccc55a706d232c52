"""Long actions: begun by a request, done on a thread, looked at meanwhile."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from offhours.core.access import Operation
from offhours.core.clock import Clock, Signal
from offhours.core.errors import OffhoursError, code_of
from offhours.core.ports import Access

if TYPE_CHECKING:
    from offhours.bulk import Bulk

T = TypeVar("T")

TOLD_EVERY = 50
MOST_REFUSALS = 20

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

    def begin(
        self, kind: str, by: str, tenant: str | None, items: Sequence[T], act: Callable[[T], object]
    ) -> Operation:
        """Do something with each item. One that is refused is counted, and the rest goes on."""
        begun = self._access.begin_operation(kind, by, tenant, len(items), self._clock.micros())
        context = copy_context()  # it is done in the name of who asked
        self._pool.submit(context.run, self._work, begun.id, items, act)
        return begun

    def _work(self, operation_id: int, items: Sequence[T], act: Callable[[T], object]) -> None:
        done, refusals = 0, 0
        told: list[dict[str, Any]] = []
        state = "succeeded"
        try:
            for item in items:
                try:
                    act(item)
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
        result = json.dumps({"refused": told})
        try:
            self._access.end_operation(
                operation_id, state, done, refusals, result, self._clock.micros()
            )
        except OffhoursError as error:
            _log.error("the end of operation %s could not be stored: %s", operation_id, error)

    def go_on(self, operation_id: int) -> None:
        """Have a bulk operation go on; what interrupts it leaves it where it is."""
        self._pool.submit(self._go_on, operation_id)

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

    def close(self) -> None:
        """Begin nothing more; what can go on later stops after its step."""
        self._ending.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
