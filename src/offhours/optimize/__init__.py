"""What repeats, what is slow, and what to do about it.

Names are loaded when they are first used.

>>> from offhours.optimize import RepetitiveTaskIdentifier
>>> RepetitiveTaskIdentifier(min_occurrences=3, time_window_hours=24).identify_routines()
[]
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from offhours.faces.optimization import OptimizationEngine as OptimizationEngine
    from offhours.optimize.analyzer import PerformanceAnalyzer as PerformanceAnalyzer
    from offhours.optimize.automations import Automation as Automation
    from offhours.optimize.creator import MicroAutomationCreator as MicroAutomationCreator
    from offhours.optimize.identify import RepetitiveTaskIdentifier as RepetitiveTaskIdentifier
    from offhours.optimize.patterns import Pattern as Pattern
    from offhours.optimize.predict import NextStep as NextStep
    from offhours.optimize.records import PerformanceMetric as PerformanceMetric
    from offhours.optimize.records import Task as Task
    from offhours.optimize.running import AutomationFailed as AutomationFailed
    from offhours.optimize.settings import OptimizationSettings as OptimizationSettings
    from offhours.optimize.trials import Trial as Trial
    from offhours.optimize.workflow import Suggestion as Suggestion
    from offhours.optimize.workflow import WorkflowOptimizer as WorkflowOptimizer

_HOME = {
    "Automation": "offhours.optimize.automations",
    "AutomationFailed": "offhours.optimize.running",
    "MicroAutomationCreator": "offhours.optimize.creator",
    "NextStep": "offhours.optimize.predict",
    "OptimizationEngine": "offhours.faces.optimization",
    "OptimizationSettings": "offhours.optimize.settings",
    "Pattern": "offhours.optimize.patterns",
    "PerformanceAnalyzer": "offhours.optimize.analyzer",
    "PerformanceMetric": "offhours.optimize.records",
    "RepetitiveTaskIdentifier": "offhours.optimize.identify",
    "Suggestion": "offhours.optimize.workflow",
    "Task": "offhours.optimize.records",
    "Trial": "offhours.optimize.trials",
    "WorkflowOptimizer": "offhours.optimize.workflow",
}

__all__ = [*_HOME]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
