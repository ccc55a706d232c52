"""Long actions: begun by a request, done on a thread, looked at meanwhile."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

from offhours.core.access import Operation
from offhours.core.clock import Clock
from offhours.core.errors import OffhoursError, code_of
from offhours.core.ports import Access
from offhours.core.times import iso

T = TypeVar("T")

TOLD_EVERY = 50
MOST_REFUSALS = 20

_log = logging.getLogger("offhours.api")


class Operations:
    """Does one long action after the other, on a thread of its own."""

    def __init__(self, access: Access, clock: Clock) -> None:
        self._access = access
        self._clock = clock
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

    def drain(self) -> None:
        """Wait until all that was begun has ended."""
        self._pool.submit(lambda: None).result()

    def close(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def operation_dict(operation: Operation) -> dict[str, Any]:
    """An operation as JSON answers carry it."""
    return {
        "id": operation.id,
        "kind": operation.kind,
        "state": operation.state,
        "by": operation.made_by,
        "total": operation.total,
        "done": operation.done,
        "failed": operation.failed,
        "created_at": iso(operation.created_at),
        "finished_at": None if operation.finished_at is None else iso(operation.finished_at),
        "result": None if operation.result is None else json.loads(operation.result),
    }
