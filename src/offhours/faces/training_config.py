"""How a tenant's training goes on by itself, in the words of the training scheduler document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from offhours.core.errors import ConfigError, InputError, did_you_mean
from offhours.core.kinds import Zone
from offhours.core.phrases import parse
from offhours.core.times import SECOND, Duration, parse_duration, to_datetime
from offhours.faces.notifications import NotificationConfig
from offhours.training import SafetyControls

_SECRET = frozenset(("email_password", "webhook_url", "webhook_secret"))
_REFERENCES = ("env:", "file:")
# What may be said here as well as in the controls.
_CONTROLS = (
    "min_data_threshold", "max_data_threshold", "quality_threshold", "validation_threshold",
)  # fmt: skip


@dataclass(frozen=True)
class AutonomousConfig:
    """A tenant's training. What cannot be used raises one `ConfigError` that names all of it.

    enabled: a schedule that is not is created paused
    training_schedule: English or a cron expression, for a schedule that is created without one
    timezone: an IANA name
    min_data_threshold, max_data_threshold, quality_threshold, validation_threshold: the controls
        of these names; said here and in `safety_controls`, the stricter of the two holds
    safety_controls: all others; moderate ones without it
    notifications: who is told of each outcome
    max_training_time: seconds that a cycle may take; the stricter of the two limits holds
    backup_models: keep the bytes of former champions
    auto_rollback: take a champion back whose live feedback gets worse
    start_within: a cycle that gates have held for so long is not made that time

    >>> AutonomousConfig(quality_threshold=0.6).controls().quality_threshold
    0.6
    """

    enabled: bool = True
    training_schedule: str = "0 2 * * *"
    min_data_threshold: int | None = None
    quality_threshold: float | None = None
    validation_threshold: float | None = None
    timezone: str = "UTC"
    safety_controls: SafetyControls | None = None
    notifications: NotificationConfig | None = None
    max_training_time: float | None = None
    backup_models: bool = True
    auto_rollback: bool = True
    max_data_threshold: int | None = None
    start_within: Duration = "4h"

    def __post_init__(self) -> None:
        faults: list[str] = []
        for name in ("enabled", "backup_models", "auto_rollback"):
            if not isinstance(getattr(self, name), bool):
                faults.append(f"{name}: expected true or false, got {getattr(self, name)!r}")
        for name, kind in (
            ("safety_controls", SafetyControls), ("notifications", NotificationConfig),
        ):  # fmt: skip
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                faults.append(f"{name}: expected {kind.__name__}, got {type(value).__name__}")
        _try(faults, lambda: Zone()(self.timezone, "timezone"))
        _try(faults, lambda: parse_duration(self.start_within, "start_within"))
        _try(faults, self._check_schedule)
        if not any(fault.startswith("safety_controls") for fault in faults):
            _try(faults, self.controls)
        if faults:
            raise ConfigError(faults)

    def controls(self) -> SafetyControls:
        """All thresholds and limits that hold."""
        said = {name: getattr(self, name) for name in _CONTROLS}
        if self.max_training_time is not None:
            said["max_training_time_minutes"] = _minutes(self.max_training_time)
        said = {name: value for name, value in said.items() if value is not None}
        if self.safety_controls is None:
            found = SafetyControls(**said)
        else:
            found = self.safety_controls.stricter(**said)
        rollback = found.rollback_on_degradation and self.auto_rollback
        backup = found.backup_models and self.backup_models
        return replace(found, rollback_on_degradation=rollback, backup_models=backup)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The configuration that a file or a request holds; an unknown key is a fault."""
        known = [each.name for each in fields(cls)]
        faults = [f'no setting "{key}"{did_you_mean(str(key), known)}'
                  for key in values if key not in known]  # fmt: skip
        given = {key: value for key, value in values.items() if key in known}
        parts: Mapping[str, Any] = {
            "safety_controls": SafetyControls, "notifications": NotificationConfig,
        }  # fmt: skip
        for name, kind in parts.items():
            if isinstance(given.get(name), Mapping):
                try:
                    given[name] = kind.from_dict(given[name])
                except ConfigError as error:
                    faults += error.faults
                    del given[name]
        try:
            made = cls(**given)
        except ConfigError as error:
            raise ConfigError([*faults, *error.faults]) from None
        if faults:
            raise ConfigError(faults)
        return made

    def to_dict(self) -> dict[str, Any]:
        """What can be stored and shown: of secrets only where they are (`env:NAME`)."""
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        told["safety_controls"] = self.safety_controls and self.safety_controls.to_dict()
        told["notifications"] = self.notifications and public_notifications(self.notifications)
        told["start_within"] = parse_duration(self.start_within) / SECOND
        return told

    def _check_schedule(self) -> None:
        if not isinstance(self.training_schedule, str):
            raise InputError(f"training_schedule: expected text, got {self.training_schedule!r}")
        try:
            parse(self.training_schedule, to_datetime(0), "UTC")
        except InputError as error:
            raise InputError(f"training_schedule: {error}") from None


def public_notifications(config: NotificationConfig) -> dict[str, Any]:
    """Notifications without what is secret; what only says where a secret is stays."""
    told: dict[str, Any] = {}
    for each in fields(config):
        value = getattr(config, each.name)
        if each.name in _SECRET:
            value = _referred(value)
        elif each.name == "webhook_headers":
            value = {name: held for name, text in value.items() if (held := _referred(text))}
        told[each.name] = list(value) if isinstance(value, tuple) else value
    return told | {"types": [str(each) for each in config.types]}


def _referred(value: str | None) -> str | None:
    return value if value is not None and value.startswith(_REFERENCES) else None


def _minutes(seconds: Any) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        raise InputError(f"max_training_time: expected seconds above 0, got {seconds!r}")
    return seconds / 60


def _try(faults: list[str], check: Callable[[], object]) -> None:
    try:
        check()
    except ConfigError as error:
        faults.extend(error.faults)
    except InputError as error:
        faults.append(str(error))
