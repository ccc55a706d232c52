"""A server that `offhours up` runs, with the members of an app that the commands use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from offhours.cli.remote import read
from offhours.cli.remote.agents import RemoteAgent, RemoteAgents
from offhours.cli.remote.bulk import RemoteBulk
from offhours.cli.remote.flows import RemoteFlow
from offhours.cli.remote.jobs import RemoteJob
from offhours.cli.remote.looking import RemoteGraph, RemoteSearch
from offhours.cli.remote.models import RemoteModels
from offhours.cli.remote.optimizer import RemoteOptimizer
from offhours.cli.remote.schedules import RemoteSchedules
from offhours.cli.remote.store import RemoteStore
from offhours.cli.remote.templates import RemoteTemplates
from offhours.cli.remote.wire import Wire
from offhours.core.clock import Clock, SystemClock
from offhours.core.errors import ApprovalNotFound, IllegalMove, JobNotFound
from offhours.core.events import Audited, Event
from offhours.core.flows import Approval
from offhours.core.limits import Limit
from offhours.core.model import ForegroundLease, Job, WorkerInfo
from offhours.core.why import Why
from offhours.engine.codec import Codec
from offhours.engine.registry import Registry, Task

if TYPE_CHECKING:
    from offhours.cli.remote.address import Address

_COUNTS = ("ready", "later", "running", "held", "succeeded", "failed", "cancelled")


class RemoteApp:
    """What is asked of a server, and told to it, in the words of `Offhours`."""

    def __init__(self, address: Address, patience: float = 30.0) -> None:
        self._wire = Wire(address, patience)
        self.clock: Clock = SystemClock()
        self.registry = Registry()
        self.store = RemoteStore(self, self._wire, address.name)
        self.schedules = RemoteSchedules(self, self._wire)
        self.templates = RemoteTemplates(self, self._wire)
        self.agents = RemoteAgents(self._wire, address.name)
        self.bulk = RemoteBulk(self, self._wire, self.clock, address.name)
        self.optimizer = RemoteOptimizer(self._wire)
        self.search = RemoteSearch(self._wire)
        self.graph = RemoteGraph(self._wire)

    def close(self) -> None:
        """Let go of the connection."""
        self._wire.close()

    @property
    def holder(self) -> str:
        """Whose token it is: the name under which the server writes down what is done."""
        return cast(str, self.session()["name"])

    def session(self) -> dict[str, Any]:
        """Who holds the token, and what it allows."""
        return cast(dict[str, Any], self._wire.get("session"))

    def version(self) -> str:
        """The server's Offhours."""
        if self.session()["scope"] == "admin":
            return cast(str, self._wire.get("settings")["version"])
        return cast(str, self.openapi()["info"]["version"])

    def openapi(self) -> dict[str, Any]:
        """What its API is."""
        return cast(dict[str, Any], self._wire.beside("openapi.json"))

    # -- jobs -------------------------------------------------------------------------------

    def job(self, job_id: int) -> RemoteJob:
        """A job by its number; `JobNotFound` when there is none."""
        self.record(job_id)
        return RemoteJob(self, job_id)

    def record(self, job_id: int) -> Job:
        """A job as it stands now."""
        return read.job(self._wire.get(f"jobs/{job_id}"))

    def jobs(
        self,
        *,
        state: str | None = None,
        task: str | None = None,
        after: int = 0,
        limit: int = 50,
    ) -> list[Job]:
        """A page of jobs, newest first."""
        asked = {"state": state, "task": task, "after": after or None, "limit": limit}
        return [read.job(each) for each in self._wire.get("jobs", full=True, **asked)["data"]]

    def why(self, job_id: int) -> Why:
        """Why a job stands where it stands."""
        return read.why(self._wire.get(f"jobs/{job_id}/why"))

    def history(self, job_id: int) -> list[Event]:
        """What happened to a job."""
        return [read.event(each) for each in self._wire.get(f"jobs/{job_id}/history")["data"]]

    def submit_by_name(
        self,
        task: str,
        *,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> RemoteJob:
        """Store a job for a task that the server or a worker knows."""
        body = {"task": task, "args": list(args), "kwargs": dict(kwargs or {}), **options}
        return RemoteJob(self, self._wire.post("jobs", body)["id"])

    def task_named(self, name: str) -> Task:
        """A task by its name: nothing else is known of it here."""
        return Task(name, _elsewhere, Codec(_elsewhere, name), retries=None, timeout=None)

    def cancel(self, job_id: int, reason: str = "") -> bool:
        """Cancel a job: at once (true), or ask it to stop (false)."""
        told = self._wire.post(f"jobs/{job_id}/cancel", {"reason": reason})
        return cast(bool, told["outcome"] == "cancelled")

    def signal(self, job_id: int, name: str, payload: object = None) -> None:
        """Send a job what it waits for, now or later."""
        if not 0 < job_id < 2**63:
            raise JobNotFound(f"no job {job_id} in {self.store.name}")
        self._wire.post(f"jobs/{job_id}/signal", {"signal": name, "payload": payload})

    def retry(self, job_id: int) -> RemoteJob:
        """Submit a finished job anew."""
        return RemoteJob(self, self._wire.post(f"jobs/{job_id}/retry")["id"])

    def defer(self, job_id: int, until: str, reason: str = "") -> None:
        """Move a pending job to later."""
        self._wire.post(f"jobs/{job_id}/defer", {"until": until, "reason": reason})

    def models(self, tenant: str) -> RemoteModels:
        """The models of one tenant."""
        return RemoteModels(self._wire, tenant)

    def train(self, model: str, *, tenant: str, force: bool = False) -> RemoteJob:
        """Ask for a learning cycle of a model that the server or a worker trains."""
        body = {"model": model, "tenant": tenant, "force": force}
        return RemoteJob(self, self._wire.post("training/cycles", body)["id"])

    def agent(self, name: str) -> RemoteAgent:
        """The agent of a name."""
        return RemoteAgent(self.agents, name)

    def make_token(
        self, name: str, scope: str, tenant: str | None, expires: str | None
    ) -> tuple[int, str]:
        """A token that the server makes: its number, and itself, which is told this once."""
        body = {"name": name, "scope": scope, "tenant": tenant, "expires": expires}
        made = self._wire.post("tokens", body)
        return made["id"], made["token"]

    # -- how it stands ----------------------------------------------------------------------

    def counts(self) -> dict[str, int]:
        """How many jobs stand where."""
        found = self.overview()["counts"]
        # In the order in which a database tells them; a later server may tell of more.
        return {name: found[name] for name in _COUNTS}

    def overview(self) -> dict[str, Any]:
        """What the first view of the page shows."""
        return cast(dict[str, Any], self._wire.get("overview"))

    def workers(self) -> list[WorkerInfo]:
        """The processes that work on the server's store."""
        return [read.worker(each) for each in self._wire.get("workers")["data"]]

    def queues(self) -> list[dict[str, Any]]:
        """What waits in each queue, and what holds it back."""
        return list(self._wire.get("queues")["data"])

    def failures(self) -> dict[str, Any]:
        """What fails, by cause."""
        return cast(dict[str, Any], self._wire.get("failures"))

    def foreground_leases(self) -> list[ForegroundLease]:
        """The workflows of the person in front."""
        return [read.lease(each) for each in self._wire.get("workflows")["data"]]

    def audit(
        self, before: int | None = None, actor: str | None = None, limit: int = 50
    ) -> list[Audited]:
        """What was done by hand, newest first."""
        found = self._wire.get("audit", before=before, actor=actor, limit=limit)["data"]
        return [read.audited(each) for each in found]

    def metrics(self) -> str:
        """What Prometheus would read."""
        return self._wire.text("metrics")

    def leave_foreground(self, lease: int) -> None:
        """End a foreground lease."""
        self._wire.delete(f"workflows/{lease}")

    # -- what the memory of its program has -------------------------------------------------

    def tools(self) -> list[dict[str, Any]]:
        """What is usual for each tool that its recorders know."""
        return list(self._wire.get("recorder/tools")["data"])

    def set_threshold(self, tool: str, threshold: float | None) -> list[dict[str, Any]]:
        """Choose from where on a call of a tool is not usual."""
        body = {"tool": tool, "threshold": threshold}
        return list(self._wire.put("recorder/tools", body)["data"])

    def test_notifications(self, route: str | None) -> dict[str, dict[str, Any]]:
        """Send a test message by one of its routes, or by all."""
        told = self._wire.post("notifications:test", {"route": route})["data"]
        return cast(dict[str, dict[str, Any]], told)

    def dump_now(self, reason: str) -> list[str]:
        """Have its recorders dump what they hold: the ids of the dumps."""
        return list(self._wire.post("recorder/dumps", {"reason": reason})["dumps"])

    # -- what holds work back ---------------------------------------------------------------

    def limits(self) -> list[Limit]:
        """Limits and pauses."""
        return [read.limit(each) for each in self._wire.get("limits")["data"]]

    def limit(
        self,
        *,
        queue: str | None = None,
        task: str | None = None,
        concurrency: int | None = None,
        rate: str | None = None,
    ) -> None:
        """Limit a queue, a task or all work; without figures the limit is lifted."""
        about = {"queue": queue, "task": task}
        self._wire.put("limits", {**about, "concurrency": concurrency, "rate": rate})

    def pause(self, *, queue: str | None = None, task: str | None = None, reason: str = "") -> bool:
        """Let nothing start; false when nothing did already."""
        told = self._wire.post("pause", {"queue": queue, "task": task, "reason": reason})
        return cast(bool, told["changed"])

    def resume(self, *, queue: str | None = None, task: str | None = None) -> bool:
        """End a pause."""
        return cast(bool, self._wire.post("resume", {"queue": queue, "task": task})["changed"])

    def stop_all(self, reason: str) -> int:
        """Let nothing start, and ask all that runs to stop; how many jobs that were."""
        return cast(int, self._wire.post("stop", {"reason": reason})["stopped"])

    # -- flows and approvals ----------------------------------------------------------------

    def flow(self, flow_id: int) -> RemoteFlow:
        """A flow by its number."""
        return RemoteFlow(self, self._wire, self._wire.get(f"flows/{flow_id}"))

    def flows(self, *, limit: int = 50) -> list[RemoteFlow]:
        """The newest flows."""
        found = self._wire.get("flows", limit=limit)["data"]
        return [RemoteFlow(self, self._wire, each) for each in found]

    def approvals(self, state: str | None = "waiting", limit: int = 50) -> list[Approval]:
        """Questions of jobs to a person, newest first; None for those of every state."""
        states = ("waiting", "approved", "denied", "expired", "void") if state is None else (state,)
        found = [
            read.approval(each)
            for each_state in states
            for each in self._wire.get("approvals", state=each_state, limit=limit)["data"]
        ]
        return sorted(found, key=lambda approval: -approval.id)[:limit]

    def approve(self, approval_id: int, *, by: str, note: str = "", digest: str = "") -> None:
        """Say yes to a question, in the name of who holds the token."""
        self._decide("approve", approval_id, by, note, digest)

    def deny(self, approval_id: int, *, by: str, note: str = "", digest: str = "") -> None:
        """Say no to it."""
        self._decide("deny", approval_id, by, note, digest)

    def _decide(self, verb: str, approval_id: int, by: str, note: str, digest: str) -> None:
        holder = self.holder
        if by != holder:
            raise IllegalMove(
                f"over --url it is the token's holder, {holder}, who decides, not {by}; "
                "leave out --by, or give that one's token"
            )
        if not 0 < approval_id < 2**63:
            raise ApprovalNotFound(f"no approval {approval_id} in {self.store.name}")
        body = {"digest": digest, "note": note or None}
        self._wire.post(f"approvals/{approval_id}/{verb}", body)


def _elsewhere(*args: Any, **kwargs: Any) -> None:
    """Stands for a function that is known where the server's workers are."""
