"""The hot path: wraps a function so that each call leaves one tuple. Nothing else happens here."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any, Protocol

from offhours.recorder.places import Place, place
from offhours.recorder.records import FAILED, LAZY, LOOKED_AT, Record, Tool

Function = Callable[..., Any]


class Switch:
    """Whether calls are recorded at all."""

    __slots__ = ("on",)

    def __init__(self, on: bool) -> None:
        self.on = on


class Recording(Protocol):
    """What the wrappers need of the recorder."""

    switch: Switch
    timer: Callable[[], float]
    summarize: Callable[[Any], Any] | None

    @property
    def append(self) -> Callable[[Record], object]: ...
    def notice(self, record: Record) -> None: ...
    def keep(self, tool: Tool, began: float, spent: float, result: Any) -> None: ...


def timed(function: Function, tool: Tool, recording: Recording) -> Function:
    """The function, recorded: plain or async, or one that hands out generators."""
    steps = _Steps(tool, recording)
    if inspect.iscoroutinefunction(function):
        return functools.update_wrapper(_async(function, tool, recording, steps), function)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return functools.update_wrapper(_lazy(function, recording, steps), function)
    plain = _summarized if recording.summarize is not None else _plain
    return functools.update_wrapper(plain(function, tool, recording, steps), function)


def _plain(function: Function, tool: Tool, recording: Recording, steps: _Steps) -> Function:
    """Every line of the inner function is paid for on every call."""
    switch, append, timer = recording.switch, recording.append, recording.timer
    notice, where = recording.notice, place.get

    def recorded(*args: Any, **kwargs: Any) -> Any:
        if not switch.on:
            return function(*args, **kwargs)
        began = timer()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            steps.failed(began, timer() - began, error)
            raise
        spent = timer() - began
        kind = type(result)
        size = None
        if kind in LOOKED_AT:
            if kind in LAZY:
                return steps.follow(result, began)
            size = len(result)
        append((tool, began, spent, where(), kind, size))
        if spent > tool.limit:
            notice((tool, began, spent, where(), kind, size))
        return result

    return recorded


def _summarized(function: Function, tool: Tool, recording: Recording, steps: _Steps) -> Function:
    switch, timer, keep = recording.switch, recording.timer, recording.keep

    def recorded(*args: Any, **kwargs: Any) -> Any:
        if not switch.on:
            return function(*args, **kwargs)
        began = timer()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            steps.failed(began, timer() - began, error)
            raise
        spent = timer() - began
        if type(result) in LAZY:
            return steps.follow(result, began)
        keep(tool, began, spent, result)
        return result

    return recorded


def _async(function: Function, tool: Tool, recording: Recording, steps: _Steps) -> Function:
    switch, timer, keep = recording.switch, recording.timer, recording.keep

    async def recorded(*args: Any, **kwargs: Any) -> Any:
        if not switch.on:
            return await function(*args, **kwargs)
        began = timer()
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            steps.failed(began, timer() - began, error)
            raise
        keep(tool, began, timer() - began, result)
        return result

    return recorded


def _lazy(function: Function, recording: Recording, steps: _Steps) -> Function:
    def recorded(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        if not recording.switch.on:
            return generator
        return steps.follow(generator, recording.timer())

    return recorded


class _Steps:
    """Calls that end later than they return. Time that the consumer takes is not the tool's."""

    def __init__(self, tool: Tool, recording: Recording) -> None:
        self._tool = tool
        self._recording = recording

    def failed(self, began: float, spent: float, error: BaseException) -> None:
        record = (self._tool, began, spent, place.get(), type(error), FAILED)
        self._store(record)

    def follow(self, result: Any, began: float) -> Any:
        """A plain function handed out something that is still to run."""
        if isinstance(result, CoroutineType):
            return self._await(result, began)
        if isinstance(result, GeneratorType):
            return self._drive(result)
        return self._drive_async(result)

    async def _await(self, coroutine: Coroutine[Any, Any, Any], began: float) -> Any:
        timer = self._recording.timer
        try:
            result = await coroutine
        except BaseException as error:
            self.failed(began, timer() - began, error)
            raise
        self._recording.keep(self._tool, began, timer() - began, result)
        return result

    def _drive(self, generator: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        timer, here, items, spent = self._recording.timer, place.get(), 0, 0.0
        step: Callable[[], Any] = functools.partial(next, generator)
        while True:
            resumed = timer()
            try:
                item = step()
            except StopIteration as stop:
                self._ended(spent + timer() - resumed, here, GeneratorType, items)
                return stop.value
            except BaseException as error:
                self._ended(spent + timer() - resumed, here, type(error), FAILED)
                raise
            spent += timer() - resumed
            items += 1
            try:
                sent = yield item
            except GeneratorExit:
                generator.close()
                self._ended(spent, here, GeneratorType, items)
                raise
            except BaseException as error:
                step = functools.partial(generator.throw, error)
            else:
                step = functools.partial(generator.send, sent)

    async def _drive_async(self, generator: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any, Any]:
        timer, here, items, spent = self._recording.timer, place.get(), 0, 0.0
        step: Callable[[], Any] = generator.__anext__
        while True:
            resumed = timer()
            try:
                item = await step()
            except StopAsyncIteration:
                self._ended(spent + timer() - resumed, here, AsyncGeneratorType, items)
                return
            except BaseException as error:
                self._ended(spent + timer() - resumed, here, type(error), FAILED)
                raise
            spent += timer() - resumed
            items += 1
            try:
                sent = yield item
            except GeneratorExit:
                await generator.aclose()
                self._ended(spent, here, AsyncGeneratorType, items)
                raise
            except BaseException as error:
                step = functools.partial(generator.athrow, error)
            else:
                step = functools.partial(generator.asend, sent)

    def _ended(self, spent: float, here: Place | None, kind: type, size: int) -> None:
        """As if all its time had been spent just now: a record ends when its call did."""
        began = self._recording.timer() - spent
        self._store((self._tool, began, spent, here, kind, size))

    def _store(self, record: Record) -> None:
        self._recording.append(record)
        if record[2] > self._tool.limit:
            self._recording.notice(record)
