"""The main program of a process that runs jobs for a worker, one at a time, as it is told.

The main thread runs the tasks, so that signals and `asyncio.run` work in them; a second one
listens, so that a cancel is heard while a task runs.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo
from queue import SimpleQueue
from types import FrameType
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from offhours.core import wire
from offhours.core.clock import SystemClock
from offhours.core.errors import StoreError
from offhours.core.outcomes import Cancelled, Failed, Outcome, Stopped, TimeLimit, clean_text
from offhours.core.retries import RetryPolicy
from offhours.core.tracing import NO_TRACING, Tracing
from offhours.engine.codec import Codec
from offhours.engine.context import Context
from offhours.engine.desk import DistantDesk
from offhours.engine.errand import type_name
from offhours.engine.foreground import Foreground
from offhours.engine.place import function_at
from offhours.engine.registry import Registry, Task
from offhours.engine.runner import ERROR_LIMIT, TaskRunner, describe
from offhours.engine.tidy import Surroundings, die_with, memory

_RECEIVE = 1 << 16
_SPOILING = {"memory": "it ran out of memory", "import": "an import failed half way"}


def main(descriptor: int, parent: int, tracing: Tracing = NO_TRACING) -> None:
    """Serve the worker at the other end of a socket until it hangs up."""
    die_with(parent)
    connection = socket.socket(fileno=descriptor)
    connection.set_inheritable(False)
    with suppress(OSError, ValueError):  # without a stderr there is nobody to read it
        faulthandler.enable()
    Child(connection, tracing).serve()


class Child:
    """One such process."""

    def __init__(self, connection: socket.socket, tracing: Tracing = NO_TRACING) -> None:
        self._connection = connection
        self._tracing = tracing
        self._orders: SimpleQueue[wire.Order | None] = SimpleQueue()
        self._writing = threading.Lock()
        self._lock = threading.Lock()
        self._consulting = threading.Lock()
        self._answers: SimpleQueue[wire.Answer] = SimpleQueue()
        self._foreground = Foreground()
        self._clock = SystemClock()
        self._context: Context | None = None
        self._stop: wire.Stop | None = None
        self._go = threading.Event()
        self._busy = False
        self._sending = False
        self._late = False
        self._tasks: dict[bytes, Task] = {}
        self._registry = Registry()

    def serve(self) -> None:
        """Run what is ordered, one after the other."""
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        signal.signal(signal.SIGTERM, self._interrupt)
        signal.signal(signal.SIGINT, lambda number, frame: None)  # the worker decides
        threading.Thread(target=self._listen, name="offhours-listen", daemon=True).start()
        while (order := self._orders.get()) is not None:
            self._obey(order)

    # -- one run ------------------------------------------------------------------------------

    def _obey(self, order: wire.Order) -> None:
        surroundings = Surroundings()
        outcome = self._run(order, surroundings)
        try:
            spoilt = surroundings.restore()
        except Exception as error:
            spoilt = f"it cannot be tidied up: {clean_text(error)}"
        if isinstance(outcome, Failed):
            spoilt = spoilt or _SPOILING.get(outcome.code)
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        with self._lock:
            self._busy, self._late, self._stop = False, False, None
        self._send(wire.Ended.of(outcome, memory(), spoilt))

    def _run(self, order: wire.Order, surroundings: Surroundings) -> Outcome:
        job = order.claimed
        try:
            task, zone = self._task(order), _zone(order.zone)
        except BaseException as error:
            return Failed("import", describe(error))
        _forward_logs(self._log, order.log_level)
        surroundings.note()  # what the import left is there to stay
        runner = TaskRunner(
            self._registry,
            self._clock,
            foreground=self._foreground,
            save_progress=lambda job_id, attempt, text: self._send(wire.Progress(text)),
            max_payload=order.max_payload,
            timezone=zone,
            on_open=self._opened,
            tracing=self._tracing,
            home=order.home,
            desk=lambda job: DistantDesk(self._consult),
        )
        self._registry.remove(task.name)
        self._registry.add(task)
        self._send(wire.Started())
        self._go.wait()
        try:
            return runner.run(job._replace(timeout=None))  # the worker keeps the time
        except Cancelled:
            return Stopped()
        except BaseException as error:  # the interrupt came when the task had just ended
            return Failed("timeout" if isinstance(error, TimeLimit) else "error", describe(error))
        finally:
            self._context = None

    def _task(self, order: wire.Order) -> Task:
        job = order.claimed
        what = (job.task, order.place, order.step_aside, order.retry_on, order.give_up_on)
        key = msgspec.json.encode(what)
        if key not in self._tasks:
            function = function_at(order.place)
            self._tasks[key] = Task(
                job.task,
                function,
                Codec(function, job.task),
                policy=_NamedTypes(order.retry_on, order.give_up_on),
                step_aside=order.step_aside,
            )
        return self._tasks[key]

    def _consult(self, verb: str, args: list[Any]) -> Any:
        with self._consulting:
            self._send(wire.Ask(verb, args))
            answer = self._answers.get()
        if answer.problem is not None:
            raise StoreError(answer.problem)
        return answer.value

    def _opened(self, context: Context) -> None:
        context.on_aside = lambda waits: self._send(wire.Aside(waits))
        with self._lock:
            self._context = context
        self._ask(context)

    # -- what the worker says -------------------------------------------------------------------

    def _listen(self) -> None:
        inbox = wire.inbox_of_child()
        with suppress(OSError, ValueError):
            while data := self._connection.recv(_RECEIVE):
                for message in inbox.feed(data):
                    self._hear(message)
        if self._busy:  # nobody is there to take the outcome, and the job is another's
            os.killpg(0, signal.SIGKILL) if os.getpgrp() == os.getpid() else os._exit(1)
        self._orders.put(None)

    def _hear(self, message: wire.ToChild) -> None:
        match message:
            case wire.Order():
                self._busy = True
                self._go.clear()
                self._foreground.update(0)  # the worker says so if it is active
                self._orders.put(message)
            case wire.Go():
                self._go.set()
            case wire.Answer():
                self._answers.put(message)
            case wire.ForegroundUntil(until):
                self._foreground.update(until)
            case wire.Stop():
                with self._lock:
                    self._stop = message
                    context = self._context
                if context is not None:
                    self._ask(context)

    def _ask(self, context: Context) -> None:
        stop = self._stop
        if stop is not None and stop.cancelled:
            context.request_cancel()
        elif stop is not None:
            context.expire()

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """SIGTERM: the task was asked to stop and did not look. From others it means nothing."""
        context = self._context
        if context is None or self._stop is None:
            return
        if context.on_cancel is not None:
            context.on_cancel()  # a coroutine is interrupted by its loop
        elif self._sending:
            self._late = True  # half a message would be the last one
        else:
            context.stop_if_asked()

    # -- what we say ----------------------------------------------------------------------------

    def _send(self, message: wire.FromChild) -> None:
        data = wire.pack(message)
        main = threading.current_thread() is threading.main_thread()
        if main:
            self._sending = True
        try:
            with self._writing:
                self._connection.sendall(data)
        except OSError:  # the worker is gone, or the task has closed what is not its own
            os._exit(1)
        finally:
            if main:
                self._sending = False
        if main and self._late:
            self._late = False
            if self._context is not None:
                self._context.stop_if_asked()

    def _log(self, record: logging.LogRecord) -> None:
        trace = None
        if record.exc_info and record.exc_info[1] is not None:
            trace = describe(record.exc_info[1])
        text = record.getMessage().encode("utf-8", "backslashreplace").decode()
        self._send(wire.Log(record.name, record.levelno, text[:ERROR_LIMIT], trace))


@dataclass(frozen=True, slots=True)
class _NamedTypes(RetryPolicy):
    """Tells by name which exceptions deserve a retry: the worker has the classes."""

    retried: Any = ()
    given_up: Any = ()

    def __init__(self, retried: list[str], given_up: list[str]) -> None:
        RetryPolicy.__init__(self)
        object.__setattr__(self, "retried", frozenset(retried))
        object.__setattr__(self, "given_up", frozenset(given_up))

    def allows(self, error: BaseException) -> bool:
        names = {type_name(kind) for kind in type(error).__mro__}
        return not names.isdisjoint(self.retried) and names.isdisjoint(self.given_up)


class _Forward(logging.Handler):
    """Gives log records to the worker, whose handlers know where they go."""

    def __init__(self, send: Callable[[logging.LogRecord], None]) -> None:
        super().__init__()
        self._give = send

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._give(record)
        except Exception:
            self.handleError(record)


def _forward_logs(send: Callable[[logging.LogRecord], None], level: int) -> None:
    """Unless what was imported set up a logging of its own."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(_Forward(send))
        root.setLevel(level)


def _zone(zone: str | int | None) -> tzinfo | None:
    if isinstance(zone, str):
        return ZoneInfo(zone)
    return None if zone is None else timezone(timedelta(microseconds=zone))
