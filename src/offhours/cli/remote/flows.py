"""A flow of a server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from offhours.cli.remote import read
from offhours.cli.remote.jobs import RemoteJob
from offhours.cli.remote.wire import Wire
from offhours.core.flows import Flow, Member
from offhours.core.model import JobState
from offhours.core.times import parse_moment
from offhours.flows import Progress

if TYPE_CHECKING:
    from offhours.cli.remote.app import RemoteApp


class RemoteFlow:
    """A flow as it stood when it was asked for."""

    def __init__(self, app: RemoteApp, wire: Wire, told: Mapping[str, Any]) -> None:
        self._app = app
        self._wire = wire
        self._told = told
        self.id: int = told["id"]
        self.status: str = told["state"]
        self.record = Flow(told["id"], told["name"], parse_moment(told["created_at"]))
        self.progress = Progress(told["done"], told["total"], told["states"])

    def members(self) -> list[Member]:
        """The steps, each with its latest job."""
        return [_member(self.id, each) for each in self._told["steps"]]

    def cancel(self, reason: str = "") -> int:
        """Cancel the steps that are not finished; how many."""
        told = self._wire.post(f"flows/{self.id}/cancel", {"reason": reason or None})
        return cast(int, told["cancelled"])

    def retry(self) -> list[RemoteJob]:
        """Do what failed again."""
        return self._again({})

    def restart(self, step: str) -> list[RemoteJob]:
        """Do a step and all behind it again."""
        return self._again({"step": step})

    def _again(self, body: Mapping[str, Any]) -> list[RemoteJob]:
        told = self._wire.post(f"flows/{self.id}/retry", body)
        return [RemoteJob(self._app, number) for number in told["jobs"]]


def _member(flow_id: int, told: read.Told) -> Member:
    """A step of a flow. When it ran stands with its job."""
    return Member(
        flow_id, told["job"], told["step"], told["task"], JobState(told["state"]), 0, None, None,
        told["reason"], None,
    )  # fmt: skip
