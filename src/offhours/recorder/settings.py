"""The recorder's settings: the documented variables, and ours beside them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from math import inf, isfinite
from typing import Any, TypedDict

from offhours.core.errors import ConfigError, InputError, did_you_mean
from offhours.core.times import DAY, SECOND, Duration, parse_duration

MODES = ("dynamic", "threshold", "fixed")


class Options(TypedDict, total=False):
    """The keyword arguments of `PerfCatcherInterceptor`; `Settings` says what they mean."""

    enabled: bool
    variance_threshold: float
    window_size: int
    min_samples: int
    buffer_duration: Duration
    max_requests: int
    mode: str
    fixed_limit: Duration
    cooldown: Duration
    daily_cap: int
    after: Duration


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be chosen. Times in seconds, thresholds as shares: 0.2 is 20 %.

    variance_threshold: in `dynamic` mode the least effect that matters, in `threshold` the rule
    window_size, min_samples: calls that a baseline has, and needs before anything is judged
    buffer_duration, max_requests: the buffer's two bounds; the count wins
    mode: "dynamic", "threshold" (the documented rule, slower calls only) or "fixed"
    fixed_limit: what a call may take in `fixed` mode
    cooldown, daily_cap: least time between two dumps, and most dumps in 24 hours
    after: how long to go on recording before a dump is written
    """

    enabled: bool = True
    variance_threshold: float = 0.2
    window_size: int = 100
    min_samples: int = 10
    buffer_duration: float = 30.0
    max_requests: int = 20_000
    mode: str = "dynamic"
    fixed_limit: float = inf
    cooldown: float = 30.0
    daily_cap: int = 200
    after: float = 0.0

    def over(self, options: Mapping[str, Any]) -> Settings:
        """These settings with others on top; a `ConfigError` names every fault.

        >>> Settings().over({"cooldown": "1m"}).cooldown
        60.0
        """
        return replace(self, **_checked(options, {key: key for key in options}))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read PERFCATCHER_ENABLED, PERFCATCHER_VARIANCE_THRESHOLD and so on.

        >>> Settings.from_environment({"PERFCATCHER_MIN_SAMPLES": "25"}).min_samples
        25
        """
        names = {field.name: f"PERFCATCHER_{field.name.upper()}" for field in fields(cls)}
        given = {key: environment[name] for key, name in names.items() if environment.get(name)}
        return cls(**_checked(given, names))


def _checked(options: Mapping[str, Any], called: Mapping[str, str]) -> dict[str, Any]:
    faults: list[str] = []
    values: dict[str, Any] = {}
    for key, value in options.items():
        check = CHECKS.get(key)
        if check is None:
            faults.append(f"{key}: unknown setting{did_you_mean(key, list(CHECKS))}")
            continue
        try:
            values[key] = check(value, called[key])
        except InputError as error:
            faults.append(str(error))
    if faults:
        raise ConfigError(faults)
    return values


def _switch(value: Any, key: str) -> bool:
    word = str(value).strip().lower()
    if word in ("true", "1", "yes", "on"):
        return True
    if word in ("false", "0", "no", "off"):
        return False
    raise InputError(f"{key}: expected true or false, got {value!r}")


def share(value: Any, key: str) -> float:
    """A share of the baseline, from 0 on."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = -1.0
    if isinstance(value, bool) or not isfinite(number) or number < 0:
        raise InputError(f"{key}: expected a share such as 0.2 for 20 %, got {value!r}")
    return number


def _whole(least: int, most: int) -> Callable[[Any, str], int]:
    def check(value: Any, key: str) -> int:
        try:
            number = int(str(value))
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise InputError(f"{key}: expected a whole number from {least} on, got {value!r}")
        return number

    return check


def seconds(value: Any, key: str) -> float:
    """A duration as people write it, or as a number of seconds in text."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    micros = parse_duration(value, key)
    if micros > 365 * DAY:
        raise InputError(f"{key}: expected at most a year, got {value!r}")
    return micros / SECOND


def _mode(value: Any, key: str) -> str:
    if value not in MODES:
        raise InputError(f"{key}: expected one of {', '.join(MODES)}, got {value!r}")
    return str(value)


# The least and the most of each whole number.
BOUNDS: dict[str, tuple[int, int]] = {
    "window_size": (2, 100_000),
    "min_samples": (2, 100_000),
    "max_requests": (1, 1_000_000),
    "daily_cap": (0, 1_000_000),
}
CHECKS: dict[str, Callable[[Any, str], Any]] = {
    "enabled": _switch,
    "variance_threshold": share,
    "buffer_duration": seconds,
    "mode": _mode,
    "fixed_limit": seconds,
    "cooldown": seconds,
    "after": seconds,
    **{name: _whole(*bounds) for name, bounds in BOUNDS.items()},
}
