"""Work in phases: what a request asks for, which phases that takes, and who carries them out.

Names are loaded when they are first used.

>>> from offhours.orchestrator import DevelopmentPlanner
>>> plan = DevelopmentPlanner().plan("Write a parser")
>>> [phase.name for phase in plan.phases]
['analysis', 'design', 'code parser', 'tests parser', 'review', 'docs', 'packaging']
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from offhours.orchestrator.checking import Review as Review
    from offhours.orchestrator.checking import SandboxTests as SandboxTests
    from offhours.orchestrator.delivering import Docs as Docs
    from offhours.orchestrator.delivering import Packaging as Packaging
    from offhours.orchestrator.files import files_of as files_of
    from offhours.orchestrator.handlers import Handler as Handler
    from offhours.orchestrator.handlers import Handlers as Handlers
    from offhours.orchestrator.handlers import PhaseContext as PhaseContext
    from offhours.orchestrator.handlers import PhaseFailed as PhaseFailed
    from offhours.orchestrator.phases import Need as Need
    from offhours.orchestrator.phases import Phase as Phase
    from offhours.orchestrator.phases import Plan as Plan
    from offhours.orchestrator.planner import DevelopmentPlanner as DevelopmentPlanner
    from offhours.orchestrator.planner import Planner as Planner
    from offhours.orchestrator.request import Part as Part
    from offhours.orchestrator.request import Reading as Reading
    from offhours.orchestrator.request import read as read
    from offhours.orchestrator.thinking import Analysis as Analysis
    from offhours.orchestrator.thinking import Design as Design

_HOME = {
    "Analysis": "thinking",
    "Design": "thinking",
    "DevelopmentPlanner": "planner",
    "Docs": "delivering",
    "Handler": "handlers",
    "Handlers": "handlers",
    "Need": "phases",
    "Packaging": "delivering",
    "Part": "request",
    "Phase": "phases",
    "PhaseContext": "handlers",
    "PhaseFailed": "handlers",
    "Plan": "phases",
    "Planner": "planner",
    "Reading": "request",
    "Review": "checking",
    "SandboxTests": "checking",
    "files_of": "files",
    "read": "request",
}

__all__ = [*_HOME]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
