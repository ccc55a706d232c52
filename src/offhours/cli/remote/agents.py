"""The agents of a server: their goals and thoughts, budgets and quotas, and what was deferred."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offhours.agents.ledger import Summary
from offhours.agents.room import BudgetState
from offhours.cli.codes import CommandError, Exit
from offhours.cli.remote import read_agents
from offhours.cli.remote.read import Told
from offhours.cli.remote.wire import Wire, part
from offhours.core.agents import Deferral, DeferredOften, Goal, StoredThought
from offhours.core.budgets import Budget
from offhours.core.errors import GoalNotFound, JobNotFound, OptionError, ThoughtNotFound
from offhours.core.quotas import Quota, Usage


class RemoteAgents:
    """What all agents have in common, as `AgentRoom` has it of a database."""

    def __init__(self, wire: Wire, name: str) -> None:
        self._wire = wire
        self.deferrals = RemoteDeferrals(wire, name)
        self.goals = RemoteGoals(wire, name)
        self.thoughts = RemoteThoughts(wire, name)

    def budgets(self) -> list[BudgetState]:
        """The budgets, with what is used of each."""
        return [read_agents.budget(each) for each in self._wire.get("budgets")["data"]]

    def set_budget(self, scope: str, name: str, budget: None, fields: Mapping[str, Any]) -> None:
        """Set a budget; lift it when nothing is given."""
        if fields:
            Budget(**fields)  # as it would be refused where the database is
        self._wire.put("budgets", {**_whose(scope, name), **fields})

    def quotas(self) -> list[tuple[Quota, Usage]]:
        """The quotas, with what is used of each."""
        return [read_agents.quota(each) for each in self._wire.get("quotas")["data"]]

    def set_quota(self, scope: str, name: str, fields: Mapping[str, Any]) -> None:
        """Set a quota; one without fields allows everything."""
        self._wire.put("quotas", {**_whose(scope, name), **fields})


def _whose(scope: str, name: str) -> dict[str, str]:
    if scope != "all" and not name:
        raise OptionError(f"{scope}: expected a name, got nothing")
    return {} if scope == "all" else {scope: name}


class RemoteAgent:
    """An agent by its name, as far as the commands use it."""

    def __init__(self, agents: RemoteAgents, name: str) -> None:
        self._agents = agents
        self.name = name

    def schedule(self, prompt: str, when: str, **options: Any) -> RemoteGoal:
        """Have it told something: once or again and again."""
        given = {key: value for key, value in options.items() if value is not None}
        return self._agents.goals.add({"agent": self.name, "prompt": prompt, "when": when, **given})


class RemoteGoals:
    """All goals, as `GoalBook` has those of a database."""

    def __init__(self, wire: Wire, name: str) -> None:
        self._wire = wire
        self._name = name

    def add(self, body: Mapping[str, Any]) -> RemoteGoal:
        """Store a goal."""
        return RemoteGoal(self._wire, self._wire.post("goals", body)["id"])

    def get(self, task_id: str) -> RemoteGoal:
        """A goal by its id; `GoalNotFound` when there is none."""
        if not task_id or len(task_id) > 200 or set(task_id) & {"/", "\0"}:
            raise GoalNotFound(f"no goal {task_id[:80]!r} in {self._name}")
        goal = RemoteGoal(self._wire, task_id)
        goal.record  # noqa: B018  (it is there, or this says that it is not)
        return goal

    def page(self, agent: str | None = None, after: int = 0, limit: int = 50) -> list[Goal]:
        """A page of goals, in the order in which they were made."""
        found = self._wire.get("goals", agent=agent, after=after, limit=limit)["data"]
        return [read_agents.goal(each) for each in found]


class RemoteGoal:
    """A goal by its id, as `GoalHandle` is one in a database."""

    def __init__(self, wire: Wire, task_id: str) -> None:
        self._wire = wire
        self._path = f"goals/{part(task_id)}"
        self.task_id = task_id

    @property
    def record(self) -> Goal:
        """As it stands now."""
        return read_agents.goal(self._wire.get(self._path))

    def why(self) -> str:
        """When it fires next, or why it does not, in a sentence."""
        return str(self._wire.get(self._path)["why"])

    def deferrals(self) -> list[Deferral]:
        """Where it, or a job of it, was moved to, in order."""
        found = self._wire.get(f"{self._path}/deferrals")["data"]
        return [read_agents.deferral(each) for each in found]

    def pause(self, reason: str = "") -> None:
        """Fire no more until `resume`."""
        self._wire.post(f"{self._path}/pause", {"reason": reason})

    def resume(self) -> None:
        """Fire again, from now on."""
        self._wire.post(f"{self._path}/resume")

    def defer(self, until: str, reason: str = "") -> None:
        """Move its next fire to later."""
        self._wire.post(f"{self._path}/defer", {"until": until, "reason": reason})

    def cancel(self, reason: str = "") -> bool:
        """End it, and what is not finished of it; false when it is over."""
        return bool(self._wire.post(f"{self._path}/cancel", {"reason": reason})["changed"])


class RemoteThoughts:
    """All thoughts, as `ThoughtBook` has those of a database."""

    def __init__(self, wire: Wire, name: str) -> None:
        self._wire = wire
        self._name = name

    def get(self, thought_id: int) -> RemoteThought:
        """A thought by its number; `ThoughtNotFound` when there is none."""
        if not 0 < thought_id < 2**63:
            raise ThoughtNotFound(f"no thought {thought_id} in {self._name}")
        return RemoteThought(self._wire, self._wire.get(f"thoughts/{thought_id}"))

    def page(
        self,
        agent: str | None = None,
        state: str | None = "waiting",
        before: int | None = None,
        limit: int = 50,
    ) -> list[StoredThought]:
        """A page of thoughts, the newest first; a state of None is every one."""
        asked = {"agent": agent, "state": state, "before": before, "limit": limit}
        return [read_agents.thought(each) for each in self._wire.get("thoughts", **asked)["data"]]


class RemoteThought:
    """A thought as it stood when it was asked for."""

    def __init__(self, wire: Wire, told: Told) -> None:
        self._wire = wire
        self.record = read_agents.thought(told)
        self.id = self.record.id

    @property
    def state(self) -> str:
        """As the server has it now."""
        return str(self._wire.get(f"thoughts/{self.id}")["state"])

    def acknowledge(self, answer: str | None = None) -> bool:
        """It was seen to, and does not come again; false when it is closed."""
        return self._told("acknowledge", {"answer": answer})

    def snooze(self, until: str) -> bool:
        """Have it shown again at a time, or after one; false when it is closed."""
        return self._told("snooze", {"until": until})

    def _told(self, verb: str, body: Mapping[str, Any]) -> bool:
        try:
            self._wire.post(f"thoughts/{self.id}/{verb}", body)
        except CommandError as refusal:
            if refusal.exit is Exit.CONFLICT:
                return False
            raise
        return True


class RemoteDeferrals:
    """The ledger, as `Deferrals` is that of a database."""

    def __init__(self, wire: Wire, name: str) -> None:
        self._wire = wire
        self._name = name

    def of_job(self, job_id: int) -> list[Deferral]:
        """Where a job was moved to, in order."""
        if not 0 < job_id < 2**63:
            raise JobNotFound(f"no job {job_id} in {self._name}")
        found = self._wire.get(f"jobs/{job_id}/deferrals")["data"]
        return [read_agents.deferral(each) for each in found]

    def summary(self, period: str, limit: int) -> Summary:
        """How often, why, and what most often."""
        told = self._wire.get("deferrals:summary", period=period, limit=limit)
        reasons = [(each["reason"], each["times"]) for each in told["reasons"]]
        return Summary(told["count"], reasons, [DeferredOften(**each) for each in told["most"]])
