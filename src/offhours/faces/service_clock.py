"""A time service of the documents as the clock of an app."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from offhours.core.clock import Signal, SystemClock
from offhours.core.times import SECOND, Micros, to_datetime, to_micros

_LOOK: Micros = SECOND // 50
_LONGEST_LOOK: Micros = SECOND


class ServiceClock:
    """Goes by what `time_service.now()` says; by the machine's clock where that says nothing.

    A naive datetime is taken as UTC.
    """

    def __init__(self, time_service: Any) -> None:
        self._service = time_service
        self._system = SystemClock()

    def now(self) -> datetime:
        return to_datetime(self.micros())

    def micros(self) -> Micros:
        told = self._service.now()
        if not isinstance(told, datetime):  # a stand-in of a test says nothing
            return self._system.micros()
        return to_micros(told if told.utcoffset() is not None else told.replace(tzinfo=UTC))

    def monotonic(self) -> float:
        return self._system.monotonic()

    def wait(self, signal: Signal, until: Micros) -> bool:
        """Somebody else may move this clock, so it is looked at again and again."""
        while (left := until - self.micros()) > 0:
            apart = abs(self.micros() - self._system.micros()) > SECOND
            if signal.wait(min(left, _LOOK if apart else _LONGEST_LOOK) / SECOND):
                return True
        return signal.is_set()
