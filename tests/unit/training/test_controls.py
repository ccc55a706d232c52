"""Safety levels are complete tables; a control that is said wins; all faults come at once."""

from __future__ import annotations

import itertools
from dataclasses import fields

import pytest

from offhours.core.errors import ConfigError
from offhours.training import SafetyControls, SafetyLevel, level_table
from offhours.training.controls import _BOUNDS

NAMES = {each.name for each in fields(SafetyControls)} - {"level"}


@pytest.mark.parametrize("level", SafetyLevel)
def test_each_level_is_a_complete_table(level: SafetyLevel) -> None:
    table = level_table(level)
    assert set(table) == NAMES
    controls = SafetyControls(level=level)
    assert controls.to_dict() == {**table, "level": level}
    assert SafetyControls.from_dict(controls.to_dict()) == controls


def test_a_stricter_level_is_stricter_in_everything() -> None:
    tables = [level_table(each) for each in SafetyLevel]
    for strict, loose in itertools.pairwise(tables):
        for name, bound in _BOUNDS.items():
            one, other = strict[name], loose[name]
            if other is None:
                continue
            assert one is not None
            assert one >= other if bound.stricter_is_more else one <= other, name
    assert tables[0]["quality_threshold"] >= 0.9 and tables[2]["quality_threshold"] >= 0.5


def test_moderate_is_the_default_and_what_is_said_wins() -> None:
    assert SafetyControls() == SafetyControls(level=SafetyLevel.MODERATE)
    chosen = SafetyControls(level="strict", quality_threshold=0.1, max_memory_usage_mb=2048)
    assert (chosen.quality_threshold, chosen.max_memory_usage_mb) == (0.1, 2048)
    assert chosen.validation_threshold == 0.95


def test_all_faults_come_at_once() -> None:
    with pytest.raises(ConfigError) as wrong:
        SafetyControls(
            level="strickt",
            quality_threshold=1.5,
            max_cpu_usage_percent="much",  # type: ignore[arg-type]
            min_data_threshold=0.5,  # type: ignore[arg-type]
            failure_cooldown_hours=float("nan"),
            rollback_on_degradation="yes",  # type: ignore[arg-type]
        )
    assert [fault.partition(":")[0] for fault in wrong.value.faults] == [
        "level", "min_data_threshold", "quality_threshold", "max_cpu_usage_percent",
        "failure_cooldown_hours", "rollback_on_degradation",
    ]  # fmt: skip
    assert 'did you mean "strict"?' in wrong.value.faults[0]
    with pytest.raises(ConfigError, match="min_data_threshold: 9 is more than"):
        SafetyControls(min_data_threshold=9, max_data_threshold=8)
    with pytest.raises(ConfigError) as wrong:
        SafetyControls.from_dict({"qualty_threshold": 1, "tolerance": 9})
    assert len(wrong.value.faults) == 2


def test_of_two_limits_the_stricter_holds() -> None:
    controls = SafetyControls(max_training_time_minutes=60, quality_threshold=0.5)
    both = controls.stricter(
        max_training_time_minutes=120, quality_threshold=0.7, max_memory_usage_mb=10, tolerance=None
    )
    assert both.max_training_time_minutes == 60
    assert (both.quality_threshold, both.max_memory_usage_mb) == (0.7, 10)
    with pytest.raises(ConfigError):
        controls.stricter(quality_threshold=7)
