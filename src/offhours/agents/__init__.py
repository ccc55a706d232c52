"""What an agent needs of background work: goals, an inbox of thoughts, a ledger, budgets."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from offhours.agents.agent import Agent as Agent
    from offhours.agents.goals import GoalHandle as GoalHandle
    from offhours.agents.inbox import Thought as Thought
    from offhours.agents.room import AgentRoom as AgentRoom

_HOME = {"Agent": "agent", "GoalHandle": "goals", "Thought": "inbox", "AgentRoom": "room"}

__all__ = ["Agent", "AgentRoom", "GoalHandle", "Thought"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
