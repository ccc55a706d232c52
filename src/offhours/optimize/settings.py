"""The settings of the optimizer, by the names that its document gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Self

from offhours.core.errors import ConfigError, InputError, did_you_mean
from offhours.core.kinds import Flag, Number, OneOf, Whole

_SHARE = Number(0, 1)
_MS = Number(0)
_PERCENT = Number(0, 100)
# Section, key, how it is checked, and what our field is called where that differs.
_KEYS: tuple[tuple[str, str, Callable[[Any, str], Any]], ...] = (
    ("repetitive_task_detection", "min_occurrences", Whole(2)),
    ("repetitive_task_detection", "time_window_hours", Number(0.001)),
    ("repetitive_task_detection", "automation_threshold", _SHARE),
    ("repetitive_task_detection", "max_history_size", Whole(1)),
    ("performance_analysis", "bottleneck_threshold_ms", _MS),
    ("performance_analysis", "slow_process_threshold_ms", _MS),
    ("performance_analysis", "cpu_threshold", _PERCENT),
    ("performance_analysis", "memory_threshold", _PERCENT),
    ("performance_analysis", "max_metrics", Whole(1)),
    ("workflow_optimization", "min_success_rate", _SHARE),
    ("workflow_optimization", "max_duration_ms", Number(1)),
    ("workflow_optimization", "optimization_cycle_minutes", Number(0.01)),
    ("automation_creation", "test_before_deploy", Flag()),
    ("automation_creation", "auto_deploy_threshold", _SHARE),
    ("automation_creation", "max_automations", Whole(1)),
    ("sandbox", "enabled", Flag()),
    ("sandbox", "timeout_seconds", Number(0.1)),
    ("sandbox", "max_concurrent_tests", Whole(1)),
    ("sandbox", "isolation_level", OneOf(("full", "partial", "minimal"))),
)
SECTIONS = tuple(dict.fromkeys(section for section, _, _ in _KEYS))


@dataclass(frozen=True, slots=True)
class OptimizationSettings:
    """What the document's `optimization_config.yaml` says, with its defaults.

    automation_threshold: the potential from which on an automation is made
    auto_deploy_threshold: the share of tests it must pass to be deployed by itself
    enabled: without the sandbox nothing is tested, and so nothing is deployed by itself

    >>> OptimizationSettings.of({"sandbox": {"timeout_seconds": 5}}).timeout_seconds
    5
    """

    min_occurrences: int = 3
    time_window_hours: float = 24
    automation_threshold: float = 0.7
    max_history_size: int = 10_000
    bottleneck_threshold_ms: float = 1000
    slow_process_threshold_ms: float = 2000
    cpu_threshold: float = 80.0
    memory_threshold: float = 80.0
    max_metrics: int = 5_000
    min_success_rate: float = 0.95
    max_duration_ms: float = 5_000
    optimization_cycle_minutes: float = 5
    test_before_deploy: bool = True
    auto_deploy_threshold: float = 0.9
    max_automations: int = 100
    enabled: bool = True
    timeout_seconds: float = 30
    max_concurrent_tests: int = 3
    isolation_level: str = "full"

    @classmethod
    def of(cls, sections: Mapping[str, Any]) -> Self:
        """From the document's sections; `ConfigError` names all that cannot be used."""
        faults: list[str] = []
        chosen: dict[str, Any] = {}
        known = {(section, key): check for section, key, check in _KEYS}
        for section, values in sections.items():
            if section not in SECTIONS:
                faults.append(f"{section}: unknown section{did_you_mean(section, SECTIONS)}")
            elif not isinstance(values, Mapping):
                faults.append(f"{section}: expected keys and values, got {values!r}")
            else:
                for key, value in values.items():
                    check = known.get((section, key)) or partial(_unknown, section)
                    try:
                        chosen[key] = check(value, f"{section}.{key}")
                    except InputError as error:
                        faults.append(str(error))
        if faults:
            raise ConfigError(faults)
        return cls(**chosen)


def _unknown(section: str, value: Any, key: str) -> Any:
    names = [name for of, name, _ in _KEYS if of == section]
    raise InputError(f"{key}: unknown setting{did_you_mean(key.partition('.')[2], names)}")


assert {key for _, key, _ in _KEYS} == {field.name for field in fields(OptimizationSettings)}
