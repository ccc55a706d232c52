"""How careful training is: three levels as complete tables, each figure of which can be chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, NamedTuple, Self

from offhours.core.errors import ConfigError, did_you_mean


class SafetyLevel(StrEnum):
    """How careful: production starts with `strict`; `moderate` unless another is chosen."""

    STRICT = "strict"
    MODERATE = "moderate"
    PERMISSIVE = "permissive"


class _Bound(NamedTuple):
    """What a control may be, and which way it is stricter; with `none`, None is no limit."""

    least: float
    most: float
    whole: bool = False
    none: bool = False
    stricter_is_more: bool = False


_SHARE = _Bound(0, 1, stricter_is_more=True)
_NO_LIMIT = math.inf
_BOUNDS: Mapping[str, _Bound] = {
    "min_data_threshold": _Bound(1, _NO_LIMIT, whole=True, stricter_is_more=True),
    "max_data_threshold": _Bound(1, _NO_LIMIT, whole=True),
    "max_data_drop": _Bound(0, 1),
    "quality_threshold": _SHARE,
    "validation_threshold": _SHARE,
    "tolerance": _Bound(0, 1),
    "confidence": _Bound(0.5, 0.9999, stricter_is_more=True),
    "max_training_time_minutes": _Bound(0.001, 7 * 24 * 60),
    "max_memory_usage_mb": _Bound(1, _NO_LIMIT, none=True),
    "max_memory_percent": _Bound(1, 100),
    "max_cpu_usage_percent": _Bound(1, 100),
    "max_load_per_core": _Bound(0.01, 1000),
    "min_free_disk_mb": _Bound(1, _NO_LIMIT, stricter_is_more=True),
    "min_battery_percent": _Bound(1, 100, stricter_is_more=True),
    "max_training_memory_mb": _Bound(1, _NO_LIMIT, none=True),
    "max_training_minutes_per_day": _Bound(0.001, 24 * 60, none=True),
    "max_consecutive_failures": _Bound(1, 1000, whole=True),
    "failure_cooldown_hours": _Bound(0, 24 * 365, stricter_is_more=True),
    "min_live_score": _Bound(0, 1, none=True, stricter_is_more=True),
}

_TABLES: Mapping[SafetyLevel, Mapping[str, Any]] = {
    SafetyLevel.STRICT: {
        "min_data_threshold": 500,
        "max_data_threshold": 10_000,
        "max_data_drop": 0.25,
        "quality_threshold": 0.9,
        "validation_threshold": 0.95,
        "tolerance": 0.0,
        "confidence": 0.99,
        "max_training_time_minutes": 60,
        "max_memory_usage_mb": None,
        "max_memory_percent": 70,
        "max_cpu_usage_percent": 60,
        "max_load_per_core": 1.0,
        "min_free_disk_mb": 2048,
        "min_battery_percent": 50,
        "max_training_memory_mb": 2048,
        "max_training_minutes_per_day": 120,
        "max_consecutive_failures": 1,
        "failure_cooldown_hours": 24,
        "min_live_score": None,
        "rollback_on_degradation": True,
        "backup_models": True,
    },
    SafetyLevel.MODERATE: {
        "min_data_threshold": 100,
        "max_data_threshold": 50_000,
        "max_data_drop": 0.5,
        "quality_threshold": 0.7,
        "validation_threshold": 0.85,
        "tolerance": 0.01,
        "confidence": 0.95,
        "max_training_time_minutes": 120,
        "max_memory_usage_mb": None,
        "max_memory_percent": 80,
        "max_cpu_usage_percent": 80,
        "max_load_per_core": 1.5,
        "min_free_disk_mb": 1024,
        "min_battery_percent": 30,
        "max_training_memory_mb": 4096,
        "max_training_minutes_per_day": 360,
        "max_consecutive_failures": 3,
        "failure_cooldown_hours": 12,
        "min_live_score": None,
        "rollback_on_degradation": True,
        "backup_models": True,
    },
    SafetyLevel.PERMISSIVE: {
        "min_data_threshold": 50,
        "max_data_threshold": 100_000,
        "max_data_drop": 0.8,
        "quality_threshold": 0.5,
        "validation_threshold": 0.7,
        "tolerance": 0.02,
        "confidence": 0.9,
        "max_training_time_minutes": 240,
        "max_memory_usage_mb": None,
        "max_memory_percent": 90,
        "max_cpu_usage_percent": 95,
        "max_load_per_core": 3.0,
        "min_free_disk_mb": 512,
        "min_battery_percent": 15,
        "max_training_memory_mb": None,
        "max_training_minutes_per_day": None,
        "max_consecutive_failures": 5,
        "failure_cooldown_hours": 6,
        "min_live_score": None,
        "rollback_on_degradation": True,
        "backup_models": True,
    },
}


class _Unset:
    """Not said: the level's figure holds."""

    def __repr__(self) -> str:
        return "of its level"


OF_LEVEL: Any = _Unset()


@dataclass(frozen=True)
class SafetyControls:
    """Thresholds and limits of learning cycles. What is not said is that of the level.

    What cannot be used raises one `ConfigError` that names all of it.

    level: `strict`, `moderate` or `permissive`
    min_data_threshold, max_data_threshold: pieces of data; with fewer nothing is trained, and more
        than the most are not asked for, nor taken
    max_data_drop: the share by which there may be less data than the champion was trained on
    quality_threshold: what the learner's `quality` of the data must reach (0 to 1)
    validation_threshold: the mean score on the golden set that a model must reach (0 to 1)
    tolerance: by how much a challenger may be worse than the champion and still replace it, at the
        `confidence` of a one-sided paired bootstrap
    max_training_time_minutes: how long a cycle may take
    max_memory_usage_mb, max_memory_percent, max_cpu_usage_percent, max_load_per_core,
    min_free_disk_mb, min_battery_percent: what the machine may have in use, or must have left, on
        average, before a cycle starts; None for no limit
    max_training_memory_mb: what a cycle in a process of its own may use
    max_training_minutes_per_day: of all cycles of a model together
    max_consecutive_failures, failure_cooldown_hours: so many cycles that failed or were refused
        in a row begin a pause of so long; then one may try
    rollback_on_degradation: whether a champion whose live feedback gets worse is taken back
    min_live_score: below this mean of live feedback, too
    backup_models: keep the bytes of all former champions, not only of the one before

    >>> SafetyControls(level=SafetyLevel.STRICT).validation_threshold
    0.95
    >>> SafetyControls(quality_threshold=7, tolerance=-1)
    Traceback (most recent call last):
    offhours.core.errors.ConfigError: quality_threshold: expected a number from 0 to 1, got 7; \
tolerance: expected a number from 0 to 1, got -1
    """

    level: SafetyLevel | str = SafetyLevel.MODERATE
    min_data_threshold: int = OF_LEVEL
    max_data_threshold: int = OF_LEVEL
    quality_threshold: float = OF_LEVEL
    max_training_time_minutes: float = OF_LEVEL
    validation_threshold: float = OF_LEVEL
    rollback_on_degradation: bool = OF_LEVEL
    max_memory_usage_mb: float | None = OF_LEVEL
    max_cpu_usage_percent: float = OF_LEVEL
    max_consecutive_failures: int = OF_LEVEL
    failure_cooldown_hours: float = OF_LEVEL
    max_data_drop: float = OF_LEVEL
    tolerance: float = OF_LEVEL
    confidence: float = OF_LEVEL
    max_memory_percent: float = OF_LEVEL
    max_load_per_core: float = OF_LEVEL
    min_free_disk_mb: float = OF_LEVEL
    min_battery_percent: float = OF_LEVEL
    max_training_memory_mb: float | None = OF_LEVEL
    max_training_minutes_per_day: float | None = OF_LEVEL
    min_live_score: float | None = OF_LEVEL
    backup_models: bool = OF_LEVEL

    def __post_init__(self) -> None:
        faults: list[str] = []
        try:
            level = SafetyLevel(self.level)
        except ValueError:
            known = [each.value for each in SafetyLevel]
            hint = did_you_mean(str(self.level), known)
            faults.append(f'level: expected {", ".join(known)}, got "{self.level}"{hint}')
            level = SafetyLevel.MODERATE
        object.__setattr__(self, "level", level)
        for name, value in _TABLES[level].items():
            if getattr(self, name) is OF_LEVEL:
                object.__setattr__(self, name, value)
        faults += [fault for name in _BOUNDS if (fault := _fault(name, getattr(self, name)))]
        for name in ("rollback_on_degradation", "backup_models"):
            if not isinstance(value := getattr(self, name), bool):
                faults.append(f"{name}: expected true or false, got {value!r}")
        if not faults and self.min_data_threshold > self.max_data_threshold:
            faults.append(
                f"min_data_threshold: {self.min_data_threshold:,} is more than "
                f"max_data_threshold ({self.max_data_threshold:,})"
            )
        if faults:
            raise ConfigError(faults)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The controls that a file holds; an unknown key is a fault, with the nearest name."""
        known = [each.name for each in fields(cls)]
        faults = [f'no control "{key}"{did_you_mean(str(key), known)}'
                  for key in values if key not in known]  # fmt: skip
        try:
            made = cls(**{key: value for key, value in values.items() if key in known})
        except ConfigError as error:
            raise ConfigError([*faults, *error.faults]) from None
        if faults:
            raise ConfigError(faults)
        return made

    def to_dict(self) -> dict[str, Any]:
        """All controls, as JSON can hold them."""
        return {each.name: getattr(self, each.name) for each in fields(self)} | {
            "level": str(self.level)
        }

    def stricter(self, **others: Any) -> Self:
        """With the stricter of each control and what is given here; None says nothing.

        >>> SafetyControls(quality_threshold=0.8).stricter(quality_threshold=0.7).quality_threshold
        0.8
        """
        said = {name: value for name, value in others.items() if value is not None}
        faults = [fault for name, value in said.items() if (fault := _fault(name, value))]
        if faults:
            raise ConfigError(faults)
        chosen: dict[str, Any] = {}
        for name, value in said.items():
            own = getattr(self, name)
            pick = max if _BOUNDS[name].stricter_is_more else min
            chosen[name] = value if own is None else pick(own, value)
        return replace(self, **chosen)


def level_table(level: SafetyLevel | str) -> dict[str, Any]:
    """All thresholds and limits of a level."""
    return dict(_TABLES[SafetyLevel(level)])


def _fault(name: str, value: Any) -> str | None:
    bound = _BOUNDS[name]
    if value is None and bound.none:
        return None
    kinds = (int,) if bound.whole else (int, float)
    good = isinstance(value, kinds) and not isinstance(value, bool)
    if good and math.isfinite(value) and bound.least <= value <= bound.most:
        return None
    number = "a whole number" if bound.whole else "a number"
    to = f" to {bound.most:g}" if math.isfinite(bound.most) else " on"
    return f"{name}: expected {number} from {bound.least:g}{to}, got {value!r}"
