"""`/budgets` and `/quotas`: what work may use up, and how much may be stored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from offhours.agents.telling import budget_dict, quota_dict
from offhours.api.auth import Admin, Reader
from offhours.api.context import Here
from offhours.api.shapes import Moment, Shape, Span, Text, problems
from offhours.core.errors import OptionError

router = APIRouter(prefix="/api/v1", tags=["budgets"], responses=problems())

_MOST = 2**53  # beyond it a JSON number is not what was meant
Count = Annotated[int, Field(ge=0, le=_MOST)]
Breach = Literal["stop", "defer", "ask"]


class Most(Shape):
    """The most of each; null for any amount. Seconds are those in which jobs run."""

    tokens: int | None
    usd: float | None
    seconds: float | None
    tool_calls: int | None


class Used(Shape):
    """What was used of each."""

    tokens: int
    usd: float
    seconds: float
    tool_calls: int


class BudgetShape(Shape):
    """What somebody's work may use up, and what it has used since the budget refilled."""

    model_config = ConfigDict(title="Budget", extra="forbid")

    scope: Literal["all", "agent", "tenant"]
    name: str | None
    limits: Most
    used: Used
    runs: int
    per_ms: int | None
    on_breach: Breach
    refills_at: Moment | None


class Budgets(Shape):
    """All budgets that hold."""

    data: list[BudgetShape]


class Whose(Shape):
    """An agent or a tenant; without either, all work."""

    agent: Text | None = None
    tenant: Text | None = None

    def scope(self) -> tuple[str, str]:
        """Whose it is, as the store calls it."""
        if self.agent is not None and self.tenant is not None:
            raise OptionError("agent, tenant: give one of them")
        if self.agent is not None:
            return "agent", self.agent
        return ("all", "") if self.tenant is None else ("tenant", self.tenant)

    def given(self) -> dict[str, Any]:
        """What was said beside it."""
        return self.model_dump(exclude={"agent", "tenant"}, exclude_unset=True, exclude_none=True)


class NewBudget(Whose):
    """So much in a time; without any amount, no budget any more."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"agent": "scout", "usd": 5, "per": "day", "on_breach": "defer"}]
        },
    )
    tokens: Count | None = None
    usd: float | None = Field(None, ge=0, le=_MOST / 1e6, description="In dollars.")
    seconds: Span | None = None
    tool_calls: Count | None = None
    per: Span | None = Field(None, description="minute, hour, day, week or a length of time.")
    on_breach: Breach = "stop"


class QuotaLimits(Shape):
    """The most of each; null for any amount."""

    active: int | None
    cron: int | None
    memory: int | None
    deferrals: int | None


class QuotaUsed(Shape):
    """What of a quota is used."""

    active: int
    cron: int
    memory: int


class QuotaShape(Shape):
    """How much somebody may have stored that is not finished, and how much it is."""

    model_config = ConfigDict(title="Quota", extra="forbid")

    scope: Literal["agent", "tenant"]
    name: str
    limits: QuotaLimits
    used: QuotaUsed


class Quotas(Shape):
    """All quotas that were set."""

    data: list[QuotaShape]


class NewQuota(Whose):
    """Of an agent or a tenant; what is not said may be as much as it likes."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"agent": "scout", "active": 50, "deferrals": 20}]},
    )
    active: Count | None = Field(None, description="Goals; of a tenant jobs, too.")
    cron: Count | None = Field(None, description="Goals that fire again and again.")
    memory: Count | None = Field(None, description="Bytes.")
    deferrals: int | None = Field(
        None, ge=1, le=_MOST, description="How often a goal is moved before a person is asked."
    )


@router.get("/budgets", summary="List budgets")
def budgets(here: Here, who: Reader) -> Budgets:
    """With how much of each is used in its span of time."""
    found = here.app.agents.budgets()
    return Budgets.model_validate({"data": [budget_dict(each) for each in found]})


@router.put("/budgets", summary="Set a budget", responses=problems(507))
def set_budget(here: Here, who: Admin, new: NewBudget) -> Budgets:
    """The one before is replaced; without any amount it is lifted."""
    scope, name = new.scope()
    here.app.agents.set_budget(scope, name, None, new.given())
    return budgets(here, who)


@router.get("/quotas", summary="List quotas")
def quotas(here: Here, who: Reader) -> Quotas:
    """With how much of each is used."""
    return Quotas.model_validate({"data": [quota_dict(*each) for each in here.app.agents.quotas()]})


@router.put("/quotas", summary="Set a quota", responses=problems(507))
def set_quota(here: Here, who: Admin, new: NewQuota) -> Quotas:
    """The one before is replaced. An agent that never had one may have 50 active goals."""
    scope, name = new.scope()
    if scope == "all":
        raise OptionError("agent, tenant: say whose quota it is")
    here.app.agents.set_quota(scope, name, new.given())
    return quotas(here, who)
