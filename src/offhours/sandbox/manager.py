"""The sandbox as callers see it: who may run when, and what was run."""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from offhours.core.clock import Clock, SystemClock
from offhours.core.errors import (
    ConfigError,
    NotStarted,
    OptionError,
    SandboxUnavailable,
    TimeError,
)
from offhours.core.sandbox import RunStatus, SandboxLevel, SandboxResult
from offhours.core.times import SECOND, Duration, parse_duration
from offhours.sandbox import programs
from offhours.sandbox.backend import PLACES, Backend, find
from offhours.sandbox.box import Box
from offhours.sandbox.judging import result_of
from offhours.sandbox.levels import Limits, limits_of
from offhours.sandbox.order import Order, Rejected, hash_of, level_of
from offhours.sandbox.watch import SandboxFault

HISTORY = 1000
_KEPT_OUTPUT = 10_000  # characters of each stream in the history


class SandboxManager:
    """Runs scripts so that they cannot hurt the machine.

    `isolation_level`: full, partial or minimal. `timeout_seconds`: wall time of a script, from its
    own beginning; waiting for a free place does not count. `max_concurrent`: runs at once.
    `limits`: all other limits, `Limits` of the level by default.

    The methods may be called from any thread. Without a complete sandbox on this machine a run
    raises `SandboxUnavailable`, which names the remedy; nothing is ever run with less.

    >>> with SandboxManager("full", timeout_seconds=10) as manager:
    ...     result = manager.run("print(6 * 7)")
    >>> result.status, result.output
    (<RunStatus.PASSED: 'passed'>, '42\\n')
    """

    def __init__(
        self,
        isolation_level: SandboxLevel | str = SandboxLevel.FULL,
        timeout_seconds: Duration | None = None,
        max_concurrent: int = 3,
        *,
        limits: Limits | None = None,
        clock: Clock | None = None,
    ) -> None:
        try:
            self.isolation_level = level_of(isolation_level)
        except Rejected as error:
            raise OptionError(str(error)) from None
        if isinstance(max_concurrent, bool) or not isinstance(max_concurrent, int):
            raise ConfigError([f"max_concurrent: {max_concurrent!r} is not a whole number"])
        if max_concurrent < 1:
            raise ConfigError([f"max_concurrent: {max_concurrent} is not above 0"])
        self._limits = limits
        self._wall = timeout_seconds
        self.max_concurrent = max_concurrent
        self.limits  # noqa: B018  a wrong time-out is told now
        self._clock = clock or SystemClock()
        self._places = threading.BoundedSemaphore(max_concurrent)
        self._threads: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._history: deque[SandboxResult] = deque(maxlen=HISTORY)
        self._running: set[int] = set()
        self._backends: dict[SandboxLevel, Backend] = {}
        self._places_to_look = PLACES
        self._closed = False

    @property
    def limits(self) -> Limits:
        """The limits of a run at this manager's own level."""
        return self._limits_for(self.isolation_level, None)

    @property
    def timeout_seconds(self) -> float:
        """Wall time of a script."""
        return self.limits.wall

    @property
    def history(self) -> tuple[SandboxResult, ...]:
        """The last 1,000 runs, oldest first, without their artefacts and with short outputs."""
        with self._lock:
            return tuple(self._history)

    @property
    def running(self) -> int:
        """Scripts that run at this moment."""
        with self._lock:
            return len(self._running)

    def run(
        self,
        script: str,
        language: str = "python",
        *,
        level: SandboxLevel | str | None = None,
        params: Mapping[str, Any] | None = None,
        files: Mapping[str, bytes] | None = None,
        env: Mapping[str, str] | None = None,
        timeout: Duration | None = None,
        automation_id: str = "",
    ) -> SandboxResult:
        """Run a script and wait for its end.

        A Python script that defines `execute(params)` has it called, and what it returns (JSON)
        is the result's `data`; any other script runs as it is. `params` are in the file that
        `OFFHOURS_PARAMS` names and, where they are plain, in `OFFHOURS_PARAM_<NAME>`. `files` lie
        in the private folder, which is also the working, home and temporary folder.

        What cannot be run comes back `rejected`, with the reason in `error`.
        """
        order = self._order(script, language, level, params, files, env, timeout, automation_id)
        if isinstance(order, SandboxResult):
            return order
        with _Cancel() as cancel:
            return self._run(order, automation_id, cancel)

    async def run_test(
        self,
        automation_id: str,
        script: str,
        language: str = "python",
        test_params: Mapping[str, Any] | None = None,
        *,
        level: SandboxLevel | str | None = None,
        files: Mapping[str, bytes] | None = None,
        env: Mapping[str, str] | None = None,
        timeout: Duration | None = None,
    ) -> SandboxResult:
        """`run` for coroutines. Cancelled, it ends the script and all that this has started."""
        order = self._order(
            script, language, level, test_params, files, env, timeout, automation_id
        )
        if isinstance(order, SandboxResult):
            return order
        with _Cancel() as cancel:
            work = self._executor().submit(self._run, order, automation_id, cancel)
            try:
                return await asyncio.shield(asyncio.wrap_future(work))
            except asyncio.CancelledError:
                cancel.set()
                if not work.cancel():
                    await asyncio.to_thread(work.exception)
                raise

    def check(self, level: SandboxLevel | str | None = None) -> Backend:
        """What a run at this level would be held by; raises `SandboxUnavailable`."""
        wanted = self.isolation_level if level is None else level_of(level)
        if wanted not in self._backends:
            self._backends[wanted] = find(wanted, self._places_to_look)
        return self._backends[wanted]

    def close(self) -> None:
        """End what runs. Closed managers run nothing."""
        with self._lock:
            self._closed = True
            for cancelled in self._running:
                os.eventfd_write(cancelled, 1)
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(cancel_futures=True)

    def __enter__(self) -> SandboxManager:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _executor(self) -> ThreadPoolExecutor:
        """Threads that live as long as a run: bubblewrap ends when the one that made it does."""
        with self._lock:
            if self._closed:
                raise NotStarted("the sandbox was closed")
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self.max_concurrent, "offhours-sandbox")
            return self._threads

    def _order(
        self,
        script: str,
        language: str,
        level: SandboxLevel | str | None,
        params: Mapping[str, Any] | None,
        files: Mapping[str, bytes] | None,
        env: Mapping[str, str] | None,
        timeout: Duration | None,
        automation_id: str,
    ) -> Order | SandboxResult:
        """What is to be run, or the answer of one who will not."""
        wanted = self.isolation_level
        try:
            wanted = wanted if level is None else level_of(level)
            limits = self._limits_for(wanted, timeout)
            return Order(script, language, wanted, limits, params or {}, files or {}, env or {})
        except (Rejected, ConfigError, TimeError) as error:
            return self._keep(
                SandboxResult(
                    run_id=_new_id(),
                    automation_id=automation_id,
                    status=RunStatus.REJECTED,
                    level=wanted,
                    language=str(language),
                    started_at=self._clock.micros(),
                    error=str(error),
                    script_hash=hash_of(str(script), str(language)),
                )
            )

    def _run(self, order: Order, automation_id: str, cancel: _Cancel) -> SandboxResult:
        backend = self.check(order.level)
        if order.language == "bash" and programs.bash() is None:
            raise SandboxUnavailable("there is no Bash below /usr", "apt install bash")
        with self._places, self._counted(cancel):
            run_id, at = _new_id(), self._clock.micros()
            try:
                ending = Box(backend, order, cancel.fd).run()
            except SandboxFault as error:
                return self._keep(
                    SandboxResult(
                        run_id=run_id,
                        automation_id=automation_id,
                        status=RunStatus.SANDBOX_ERROR,
                        level=order.level,
                        language=order.language,
                        started_at=at,
                        error=f"the sandbox failed: {error}",
                        backend=str(backend),
                        script_hash=order.script_hash,
                    )
                )
        return self._keep(result_of(ending, order, backend, run_id, automation_id, at))

    @contextmanager
    def _counted(self, cancel: _Cancel) -> Iterator[None]:
        with self._lock:
            if self._closed:
                raise NotStarted("the sandbox was closed")
            self._running.add(cancel.fd)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(cancel.fd)

    def _keep(self, result: SandboxResult) -> SandboxResult:
        short = replace(
            result,
            artefacts=(),
            stdout=result.stdout[:_KEPT_OUTPUT],
            stderr=result.stderr[:_KEPT_OUTPUT],
        )
        with self._lock:
            self._history.append(short)
        return result

    def _limits_for(self, level: SandboxLevel, timeout: Duration | None) -> Limits:
        limits = self._limits or limits_of(level)
        wall = self._wall if timeout is None else timeout
        return limits if wall is None else replace(limits, wall=_seconds(wall))


class _Cancel:
    """A descriptor that becomes readable when a run shall end."""

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_CLOEXEC)

    def set(self) -> None:
        os.eventfd_write(self.fd, 1)

    def __enter__(self) -> _Cancel:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)


def _new_id() -> str:
    return secrets.token_hex(8)


def _seconds(duration: Duration) -> float:
    return parse_duration(duration, "timeout") / SECOND
