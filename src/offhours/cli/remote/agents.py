"""What a server tells of what was moved to later."""

from __future__ import annotations

from offhours.agents.ledger import Summary
from offhours.cli.remote import read
from offhours.cli.remote.wire import Wire
from offhours.core.agents import Deferral, DeferredOften
from offhours.core.errors import JobNotFound


class RemoteAgents:
    """What all agents have in common: the ledger of deferrals."""

    def __init__(self, wire: Wire, name: str) -> None:
        self.deferrals = RemoteDeferrals(wire, name)


class RemoteDeferrals:
    """The ledger, as `Deferrals` is that of a database."""

    def __init__(self, wire: Wire, name: str) -> None:
        self._wire = wire
        self._name = name

    def of_job(self, job_id: int) -> list[Deferral]:
        """Where a job was moved to, in order."""
        if not 0 < job_id < 2**63:
            raise JobNotFound(f"no job {job_id} in {self._name}")
        return [read.deferral(each) for each in self._wire.get(f"jobs/{job_id}/deferrals")["data"]]

    def summary(self, period: str, limit: int) -> Summary:
        """How often, why, and what most often."""
        told = self._wire.get("deferrals:summary", period=period, limit=limit)
        reasons = [(each["reason"], each["times"]) for each in told["reasons"]]
        return Summary(told["count"], reasons, [DeferredOften(**each) for each in told["most"]])
