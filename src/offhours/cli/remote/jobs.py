"""A job on a server."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from offhours.cli.remote.wire import pauses
from offhours.core.errors import ResultTimeout
from offhours.core.events import Event
from offhours.core.model import Job, JobState
from offhours.core.times import SECOND, Duration, parse_duration
from offhours.core.why import Why
from offhours.handles import result_of

if TYPE_CHECKING:
    from offhours.cli.remote.app import RemoteApp


class RemoteJob:
    """A job by its number, as `JobHandle` is one in a database."""

    def __init__(self, app: RemoteApp, job_id: int) -> None:
        self._app = app
        self.id = job_id

    @property
    def record(self) -> Job:
        """As it stands now."""
        return self._app.record(self.id)

    def why(self) -> Why:
        """Why it stands where it stands."""
        return self._app.why(self.id)

    def history(self) -> list[Event]:
        """What happened to it."""
        return self._app.history(self.id)

    def wait(self, timeout: Duration | None = None) -> JobState:
        """Wait until it is finished; `ResultTimeout` if it takes longer."""
        for pause in _until(timeout):
            if (state := self.record.state).final:
                return state
            time.sleep(pause)
        raise ResultTimeout(f"job {self.id} was not finished in time: {self.why()}", self.id)

    def result(self) -> Any:
        """The result of a finished job, or the error that says why there is none."""
        return result_of(self.record)


def _until(timeout: Duration | None) -> Iterator[float]:
    """How long to wait before each next look, until the time is over."""
    length = math.inf if timeout is None else parse_duration(timeout, "timeout") / SECOND
    end = time.monotonic() + length
    for pause in pauses():
        left = end - time.monotonic()
        if left <= 0:
            break
        yield min(pause, left)
    yield 0.0
