"""Dumps in the app's own database, where the command line and the page read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from offhours.core.errors import Busy, StorageFull, StoreUnavailable
from offhours.core.notices import StoredDump
from offhours.core.ports import Store
from offhours.core.times import SECOND
from offhours.recorder.dumps import Dump
from offhours.recorder.sinks.base import SinkUnavailable

_LATER = (Busy, StorageFull, StoreUnavailable)


class HasStore(Protocol):
    """An app."""

    @property
    def store(self) -> Store: ...


class StoreSink:
    """Keeps the newest dumps in an app's database: `offhours dumps` shows them.

    app: the app, or a function that gives it when the first dump comes
    keep: how many dumps; a call takes about 250 bytes of one

    >>> from offhours.recorder import PerfCatcherInterceptor
    >>> from offhours.testing import memory_app
    >>> app = memory_app()
    >>> with PerfCatcherInterceptor(sinks=[StoreSink(app)]) as recorder:
    ...     recorder.record("search", 12.5)
    ...     dump = recorder.dump_now()
    >>> [kept.dump_id for kept in app.store.notices.dumps()] == [dump.dump_id]
    True
    """

    name = "store"

    def __init__(self, app: HasStore | Callable[[], HasStore], *, keep: int = 50) -> None:
        self._app = app
        self._keep = keep

    def write(self, dump: Dump) -> None:
        app = self._app() if callable(self._app) else self._app
        stored = StoredDump(
            dump.dump_id,
            round(dump.trigger_unix * SECOND),
            dump.triggered_by,
            dump.severity,
            dump.reason,
            dump.json().decode(),
            dump.head().decode(),
        )
        try:
            app.store.notices.keep_dump(stored, self._keep)
        except _LATER as error:
            raise SinkUnavailable(str(error)) from error

    def close(self) -> None:
        """The store belongs to the app."""
