"""Prints events as log lines while a worker runs."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from offhours.cli.text import printable
from offhours.core.errors import OffhoursError, StoreClosed
from offhours.core.events import Event
from offhours.core.ports import Store
from offhours.core.times import iso, iso_second

SHORTEST_PAUSE = 0.1
LONGEST_PAUSE = 1.0
LINES_A_LOOK = 200
PAGES_A_LOOK = 100
NAMES_KEPT = 1_000
GRAVE = frozenset(
    {
        "job.failed",
        "job.crashed",
        "job.rescued",
        "job.held",
        "job.stuck",
        "job.result_refused",
        "worker.lost",
    }
)


def log_line(event: Event, job: str = "") -> str:
    """One fact as one line: `2026-06-01 10:00:00Z job.started 42 app:send worker=1`."""
    moment = iso(event.at)
    parts = [f"{moment[:10]} {moment[11:19]}Z", event.kind, job]
    if event.attempt is not None and event.attempt > 1:
        parts.append(f"attempt={event.attempt}")
    parts += [
        f"{key}={_short(key, value)}"
        for key, value in event.told.items()
        if value not in (None, "")
    ]
    return printable(" ".join(part for part in parts if part))


def _short(key: str, value: Any) -> str:
    if key in ("until", "run_at", "instant") and isinstance(value, int):
        return iso_second(value)
    if key == "error":
        lines = str(value).strip().splitlines()
        return lines[-1] if lines else ""
    return value if isinstance(value, str) else json.dumps(value)


class Follower:
    """Tells the events of a store from now on, in a thread of its own, until it is stopped.

    A burst is cut short: more than a few hundred lines a look are counted by kind, not printed.
    """

    def __init__(
        self,
        store: Store,
        tell: Callable[[str], None],
        *,
        grave_only: bool = False,
        each_look: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._tell = tell
        self._grave_only = grave_only
        self._each_look = each_look
        self._after = store.last_seq()
        self._names: dict[int, str] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="offhours-log", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Tell what is left, and end."""
        self._stopped.set()
        self._thread.join()

    def look(self) -> bool:
        """Tell what happened since the last look; whether anything did."""
        before = self._after
        lines, rest = 0, Counter[str]()
        for event in self._new():
            if self._grave_only and event.kind not in GRAVE:
                continue
            lines += 1
            if lines <= LINES_A_LOOK:
                self._tell(log_line(event, self._name(event.job_id)))
            else:
                rest[event.kind] += 1
        if rest:
            counted = ", ".join(f"{count} {kind}" for kind, count in sorted(rest.items()))
            self._tell(f"… and {counted}, up to event {self._after}")
        return self._after != before

    def _new(self) -> Iterator[Event]:
        for _ in range(PAGES_A_LOOK):
            page = self._store.events(self._after)
            if not page:
                return
            yield from page
            self._after = page[-1].seq

    def _name(self, job_id: int | None) -> str:
        if job_id is None:
            return ""
        if job_id not in self._names:
            if len(self._names) >= NAMES_KEPT:
                self._names.clear()
            job = self._store.job(job_id)
            self._names[job_id] = f"{job_id} {job.task}" if job else str(job_id)
        return self._names[job_id]

    def _run(self) -> None:
        pause = SHORTEST_PAUSE
        while not self._stopped.wait(pause):
            # An idle worker must cost next to nothing, its log included.
            pause = SHORTEST_PAUSE if self._try_to_look() else min(LONGEST_PAUSE, 1.5 * pause)
            self._each_look()
        self._try_to_look()

    def _try_to_look(self) -> bool:
        try:
            return self.look()
        except StoreClosed:
            self._stopped.set()
        except OffhoursError as error:
            self._tell(printable(f"warning: the log cannot be read now: {error}"))
        return False
