"""What can be changed of a training schedule, and what that comes to for the schedule below it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from offhours.core.errors import OptionError, did_you_mean
from offhours.faces.training_config import AutonomousConfig
from offhours.faces.training_schedule import OURS, TrainingSchedule
from offhours.training.registry import check_name

_UPDATES = (
    "name", "description", "cron_expression", "config", "timezone", "enabled",
    "consecutive_failures",
)  # fmt: skip


def check_updates(updates: Mapping[str, Any]) -> None:
    """Refuse what cannot be updated."""
    unknown = [key for key in updates if key not in _UPDATES]
    if unknown:
        raise OptionError(f"{unknown[0]}: cannot be updated{did_you_mean(unknown[0], _UPDATES)}")
    if updates.get("consecutive_failures", 0) != 0:
        raise OptionError("consecutive_failures: can only be set to 0")


def changes_of(
    schedule: TrainingSchedule,
    updates: Mapping[str, Any],
    full_name: Callable[[str, str], str],
) -> dict[str, Any]:
    """The options of the schedule below that change; nothing is stored here."""
    changes: dict[str, Any] = {}
    tenant, name, told = schedule.tenant_id, schedule.name, schedule.config
    if "config" in updates:
        config = config_of(updates["config"])
        told = config.to_dict()
        controls = config.controls()
        changes["timezone"] = config.timezone
        changes["expires"] = config.start_within
        changes["timeout"] = controls.max_training_time_minutes * 60
        changes["kwargs"] = {"tenant_id": tenant, "controls": controls.to_dict()}
    if updates.get("timezone") is not None:
        changes["timezone"] = updates["timezone"]
    if "name" in updates:
        name = check_name(updates["name"], "name")
        changes["name"] = full_name(tenant, name)
    if {"config", "name", "description"} & set(updates):
        described = str(updates.get("description", schedule.description))
        changes["metadata"] = {OURS: kept(tenant, name, described, told)}
    return changes


def config_of(given: AutonomousConfig | Mapping[str, Any] | None) -> AutonomousConfig:
    """A configuration as it may be handed in."""
    if given is None:
        return AutonomousConfig()
    return AutonomousConfig.from_dict(given) if isinstance(given, Mapping) else given


def kept(tenant: str, name: str, description: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored of a training schedule besides its plan."""
    described = str(description)
    return {"tenant_id": tenant, "name": name, "description": described, "config": dict(config)}
