"""Tells functions of alerts: each change once, each function in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from queue import Empty, Full, Queue
from typing import Any

from offhours.core.notices import Alert, AlertState
from offhours.core.times import iso

Callback = Callable[[str, dict[str, Any]], object]
WAITING = 100
_IDLE_SECONDS = 1.0

_log = logging.getLogger("offhours")


class Callbacks:
    """The functions, and what they were told already."""

    def __init__(self) -> None:
        self._listeners: list[_Listener] = []
        self._states: dict[int, str] = {}
        self._newest = 0

    def add(self, callback: Callback, alerts: Sequence[Alert]) -> None:
        """Tell it of changes from now on; `alerts` are what is known already."""
        if not self._listeners:
            self._note(alerts)
        self._listeners.append(_Listener(callback))

    def __bool__(self) -> bool:
        return bool(self._listeners)

    def look(self, alerts: Sequence[Alert]) -> None:
        """Tell what has changed in these alerts, the newest ones that there are."""
        for alert in sorted(alerts):
            before = self._states.get(alert.id)
            if before is None and alert.id > self._newest:
                before = ""
                if alert.state == AlertState.RESOLVED:  # it came and went since the last look
                    self._tell(alert._replace(state=AlertState.FIRING))
            if before is not None and before != alert.state:
                self._tell(alert)
        self._note(alerts)

    def _note(self, alerts: Sequence[Alert]) -> None:
        self._states = {alert.id: alert.state for alert in alerts}
        self._newest = max([self._newest, *self._states])

    def _tell(self, alert: Alert) -> None:
        for listener in self._listeners:
            listener.put(alert.rule, alert_data(alert))


class _Listener:
    """One function, and what waits to be told to it."""

    def __init__(self, callback: Callback) -> None:
        self._callback = callback
        self._queue: Queue[tuple[str, dict[str, Any]]] = Queue(WAITING)
        self._lock = threading.Lock()
        self._alive = False

    def put(self, kind: str, data: dict[str, Any]) -> None:
        with self._lock:
            try:
                self._queue.put_nowait((kind, data))
            except Full:
                _log.error(
                    "an alert callback has not returned since %d alerts; it misses this one: %s",
                    WAITING, data["message"],
                )  # fmt: skip
            if not self._alive:
                self._alive = True
                threading.Thread(target=self._run, name="offhours-alerts", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                kind, data = self._queue.get(timeout=_IDLE_SECONDS)
            except Empty:
                with self._lock:
                    if self._queue.empty():
                        self._alive = False
                        return
                continue
            try:
                self._callback(kind, data)
            except Exception:
                _log.exception("an alert callback failed; the next alert is told to it again")


def alert_data(alert: Alert) -> dict[str, Any]:
    """An alert as callbacks and JSON answers carry it."""
    well = alert.state == AlertState.RESOLVED
    return {
        "id": alert.id,
        "rule": alert.rule,
        "subject": alert.subject,
        "severity": alert.severity,
        "state": str(alert.state),
        "message": f"resolved: {alert.message}" if well else alert.message,
        "value": alert.value,
        "threshold": alert.threshold,
        "seen": alert.seen,
        "fired_at": iso(alert.fired_at),
        "seen_at": iso(alert.seen_at),
        "acknowledged_at": iso(alert.acknowledged_at),
        "acknowledged_by": alert.acknowledged_by,
        "resolved_at": iso(alert.resolved_at),
    }
