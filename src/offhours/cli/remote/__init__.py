"""A server that `offhours up` runs, asked over HTTP with the words that a database is asked with.

A command opens an app by `Session.open` and does not know which of the two it has: what it uses of
it, both have, and the type checker holds them to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from offhours.app import Offhours
    from offhours.cli.remote.app import RemoteApp
    from offhours.cli.remote.jobs import RemoteJob
    from offhours.cli.remote.schedules import RemoteSchedule
    from offhours.handles import JobHandle
    from offhours.schedules import ScheduleHandle

    AnyApp: TypeAlias = Offhours | RemoteApp
    AnyJob: TypeAlias = JobHandle[Any] | RemoteJob
    AnySchedule: TypeAlias = ScheduleHandle | RemoteSchedule
