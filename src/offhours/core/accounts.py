"""Who pays for a job: its own budgets, and those of agents and tenants.

It travels in the job's metadata, and in that of all jobs that it submits: a child pays what its
parent would have paid.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from offhours.core.budgets import Budget, StoredBudget
from offhours.core.carried import OURS, attach, attached
from offhours.core.flows import agents_of

ACCOUNT_KEY = f"{OURS}account"


class Account(NamedTuple):
    """Whose budgets a job's work is counted on: its own ones, and those of agents and tenants."""

    budgets: tuple[StoredBudget, ...] = ()
    agents: frozenset[str] = frozenset()
    tenants: frozenset[str] = frozenset()

    def chosen(self, known: Sequence[StoredBudget]) -> list[StoredBudget]:
        """All budgets that hold for it, of those that are `known` and its own."""
        names = {"agent": self.agents, "tenant": self.tenants}
        return [
            *self.budgets,
            *(each for each in known if each.scope == "all" or each.name in names[each.scope]),
        ]


def account_of(metadata: str | None, tenant: str | None) -> Account:
    """Who pays for a job.

    >>> account_of('{"agent":"kay"}', "acme").agents
    frozenset({'kay'})
    """
    tenants = frozenset() if tenant is None else frozenset((tenant,))
    if metadata is None:
        return Account(tenants=tenants)
    carried: Any = attached(metadata, ACCOUNT_KEY) or {}
    return Account(
        tuple(StoredBudget(*row) for row in carried.get("budgets", ())),
        agents_of(metadata),
        tenants.union(carried.get("tenants", ())),
    )


def with_budget(metadata: str | None, budget: Budget, key: str) -> str:
    """Stored metadata of a job that has a budget of its own."""
    return attach(metadata, ACCOUNT_KEY, {"budgets": [budget.stored(budget.scope, key)]})


def inherited(
    parent: str | None, parents_tenant: str | None, metadata: str | None, tenant: str | None
) -> str | None:
    """Stored metadata of a job that another one has submitted: its work is counted there, too."""
    if parent is None and parents_tenant is None:
        return metadata
    above, own = account_of(parent, parents_tenant), account_of(metadata, tenant)
    budgets = [*(each for each in above.budgets if each.scope == "tree"), *own.budgets]
    agents, tenants = above.agents - own.agents, above.tenants - own.tenants
    if not (agents or tenants or len(budgets) > len(own.budgets)):
        return metadata
    told = json.loads(metadata) if metadata else {}
    carried = {"budgets": budgets, "agents": sorted(above.agents), "tenants": sorted(above.tenants)}
    told[ACCOUNT_KEY] = {name: value for name, value in carried.items() if value}
    return json.dumps(told, separators=(",", ":"))
