"""Waiting for the end of jobs: told by our own worker, or seen in the store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from offhours.core.clock import Clock, Signal
from offhours.core.errors import StoreError
from offhours.core.model import Job
from offhours.core.ports import Store
from offhours.core.times import SECOND, Micros

_LOOK: Micros = SECOND // 500
_LONGEST_LOOK: Micros = SECOND // 20


class Waiters:
    """Who waits for which job. Threads look for themselves; one thread looks for all coroutines."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._bells: dict[int, list[Callable[[], object]]] = {}
        self._awaited: dict[int, int] = {}
        self._watcher: threading.Thread | None = None

    def __bool__(self) -> bool:
        return bool(self._bells)

    def tell(self, job_ids: Iterable[int]) -> None:
        """These jobs have ended, or are gone."""
        with self._lock:
            bells = [ring for job_id in job_ids for ring in self._bells.get(job_id, ())]
        for ring in bells:
            ring()

    def wait(self, job_id: int, seconds: float | None) -> Job | None:
        """The job when it has ended; None when that takes longer, or when there is none."""
        started, pause, version = self._clock.monotonic(), _LOOK, -1
        finished = Signal()
        with self._registered(job_id, finished.set):
            while True:
                told = finished.is_set()
                if told or (changed := self._store.changed()) != version:
                    job = self._store.job(job_id)
                    if job is None or job.state.final:
                        return job
                    version = -1 if told else changed
                waited = self._clock.monotonic() - started
                if seconds is not None and waited >= seconds:
                    return None
                pause = min(pause * 5 // 4, _LONGEST_LOOK)
                if seconds is not None:
                    pause = min(pause, max(1000, round((seconds - waited) * SECOND)))
                self._clock.wait(finished, self._clock.micros() + pause)

    async def wait_async(self, job_id: int) -> None:
        """Return when the job has ended or is gone. Holds no thread meanwhile."""
        import asyncio

        loop, finished = asyncio.get_running_loop(), asyncio.Event()

        def ring() -> None:
            with suppress(RuntimeError):  # that loop was closed
                loop.call_soon_threadsafe(finished.set)

        with self._registered(job_id, ring), self._watched(job_id):
            await finished.wait()

    @contextmanager
    def _registered(self, job_id: int, ring: Callable[[], object]) -> Iterator[None]:
        with self._lock:
            self._bells.setdefault(job_id, []).append(ring)
        try:
            yield
        finally:
            with self._lock:
                bells = self._bells[job_id]
                bells.remove(ring)
                if not bells:
                    del self._bells[job_id]

    @contextmanager
    def _watched(self, job_id: int) -> Iterator[None]:
        """Have the watcher look for this job; it lives for as long as it has any."""
        with self._lock:
            self._awaited[job_id] = self._awaited.get(job_id, 0) + 1
            if self._watcher is None or not self._watcher.is_alive():
                self._watcher = threading.Thread(
                    target=self._watch, name="offhours-awaited", daemon=True
                )
                self._watcher.start()
        try:
            yield
        finally:
            with self._lock:
                self._awaited[job_id] -= 1
                if not self._awaited[job_id]:
                    del self._awaited[job_id]

    def _watch(self) -> None:
        pause, seen = _LOOK, (-1, frozenset[int]())
        while True:
            with self._lock:
                wanted = frozenset(self._awaited)
                if not wanted:
                    self._watcher = None
                    return
            try:
                now_seen = (self._store.changed(), wanted)
                if now_seen != seen:
                    pause = _LOOK
                    self.tell(job_id for job_id in wanted if self._has_ended(job_id))
                seen = now_seen
            except StoreError:
                seen = (-1, frozenset())  # it is looked at again when the store answers
            pause = min(pause * 5 // 4, _LONGEST_LOOK)
            self._clock.wait(Signal(), self._clock.micros() + pause)

    def _has_ended(self, job_id: int) -> bool:
        job = self._store.job(job_id)
        return job is None or job.state.final
