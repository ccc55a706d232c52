"""What the rooms promise each other. A room implements a port; only `app` knows both sides."""

from offhours.core.ports.access import Access
from offhours.core.ports.agents import Agents, Budgets
from offhours.core.ports.automations import Automations
from offhours.core.ports.claims import (
    ClaimOrder,
    Exchange,
    Pruned,
    QueueBound,
    Situation,
    WakeUps,
    name_list,
)
from offhours.core.ports.executing import Errand, Executor, Runner, Source
from offhours.core.ports.flows import Approvals, Flows
from offhours.core.ports.lists import Bulk, Lists, Moving, Step, Templates
from offhours.core.ports.memory import GraphRows, SearchIndex, Wanted
from offhours.core.ports.notices import Notices
from offhours.core.ports.planning import Limits, Schedules
from offhours.core.ports.store import Store
from offhours.core.ports.training import Cycles, Models

__all__ = [
    "Access",
    "Agents",
    "Approvals",
    "Automations",
    "Budgets",
    "Bulk",
    "ClaimOrder",
    "Cycles",
    "Errand",
    "Exchange",
    "Executor",
    "Flows",
    "GraphRows",
    "Limits",
    "Lists",
    "Models",
    "Moving",
    "Notices",
    "Pruned",
    "QueueBound",
    "Runner",
    "Schedules",
    "SearchIndex",
    "Situation",
    "Source",
    "Step",
    "Store",
    "Templates",
    "WakeUps",
    "Wanted",
    "name_list",
]
