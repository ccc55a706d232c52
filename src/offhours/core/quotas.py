"""Quotas: how much an agent or a tenant may have stored."""

from __future__ import annotations

from typing import NamedTuple


class Quota(NamedTuple):
    """How much an agent or a tenant may have stored that is not finished; None for any amount.

    active: goals (of a tenant: jobs, too); cron: goals that fire again and again; memory: the bytes
        of what is stored of them
    deferrals: how often a goal may be moved to later before a person is asked
    """

    scope: str
    name: str
    active: int | None = None
    cron: int | None = None
    memory: int | None = None
    deferrals: int | None = None


def quota_without(scope: str, name: str) -> Quota | None:
    """The quota of somebody who has none: of an agent, which may make its own work, there is one.

    >>> quota_without("agent", "kay").active, quota_without("tenant", "acme")
    (50, None)
    """
    return Quota(scope, name, active=50, deferrals=20) if scope == "agent" else None


class Usage(NamedTuple):
    """What of a quota is used."""

    active: int = 0
    cron: int = 0
    memory: int = 0


def exceeded(quota: Quota, usage: Usage) -> str | None:
    """What of a quota would be exceeded, in a sentence; None when it holds.

    >>> exceeded(Quota("agent", "kay", active=2), Usage(active=3))
    'agent kay may have 2 active tasks, and this would be number 3'
    """
    who = f"{quota.scope} {quota.name}"
    for what, used, most in (
        ("active tasks", usage.active, quota.active),
        ("recurring tasks", usage.cron, quota.cron),
    ):
        if most is not None and used > most:
            return f"{who} may have {most:,} {what}, and this would be number {used:,}"
    if quota.memory is not None and usage.memory > quota.memory:
        return f"{who} may store {quota.memory:,} bytes, and with this it would be {usage.memory:,}"
    return None
