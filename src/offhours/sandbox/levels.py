"""What a script may use. The numbers hold for a whole run, with all its processes."""

from __future__ import annotations

from dataclasses import dataclass, fields

from offhours.core.errors import ConfigError
from offhours.core.sandbox import SandboxLevel

MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes, seconds and counts; `wall` begins when the script does.

    >>> Limits(memory=64 * MB).memory
    67108864
    """

    memory: int = 256 * MB
    cpu: float = 10.0
    wall: float = 30.0
    processes: int = 32
    disk: int = 16 * MB
    files: int = 4096
    output: int = 1 * MB

    def __post_init__(self) -> None:
        faults = []
        for one in fields(self):
            value = getattr(self, one.name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (number and 0 < value < float("inf")):
                faults.append(f"limit {one.name}: {value!r} is not a number above 0")
        if faults:
            raise ConfigError(faults)


def limits_of(level: SandboxLevel) -> Limits:
    """The limits of a level when nobody asks for others."""
    return Limits(processes=32 if level is SandboxLevel.FULL else 64)
