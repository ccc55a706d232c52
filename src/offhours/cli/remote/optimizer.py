"""The optimizer of a server."""

from __future__ import annotations

import json
from typing import Any

from offhours.cli.remote import read
from offhours.cli.remote.bulk import ended
from offhours.cli.remote.wire import Wire, part
from offhours.core.errors import NotTested


class RemoteOptimizer:
    """What repeats, automations and trials, as the server of a program tells them."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def report(self) -> dict[str, Any]:
        """What repeats, what was made of it, and what is compared."""
        patterns = self._wire.get("optimizer/patterns")
        automations = self._wire.get("optimizer/automations")
        return {
            "last_cycle": patterns["last_cycle"],
            "patterns": patterns["data"],
            "automations": automations["data"],
            "refused": automations["refused"],
            "trials": self._wire.get("optimizer/trials")["data"],
        }

    def show(self, automation_id: str) -> dict[str, Any]:
        """One automation with its script and tests."""
        return dict(self._wire.get(_path(automation_id)))

    def deploy(self, automation_id: str) -> dict[str, Any]:
        """Let it run, if it was tested as it is, and passed."""
        return dict(self._wire.post(f"{_path(automation_id)}/deploy", None, "*"))

    def withdraw(self, automation_id: str, reason: str) -> dict[str, Any]:
        """Take it out of use."""
        body = {"reason": reason}
        return dict(self._wire.post(f"{_path(automation_id)}/withdraw", body, "*"))

    def test(self, automation_id: str) -> dict[str, Any]:
        """Have its tests run, and wait for their end; `NotTested` when one is not passed."""
        begun = read.operation(self._wire.post(f"{_path(automation_id)}/tests"))
        operation = ended(self._wire, begun)
        for refused in json.loads(operation.result or "{}").get("refused", ()):
            raise NotTested(refused["detail"])
        return self.show(automation_id)

    def look(self) -> int:
        """Ask for a look: the number of the job."""
        return int(self._wire.post("optimizer/cycles")["id"])


def _path(automation_id: str) -> str:
    return f"optimizer/automations/{part(automation_id)}"
