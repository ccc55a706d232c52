"""Gates on the machine: memory, processors, load, disk, battery."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import ClassVar

from offhours.core.errors import OptionError
from offhours.core.gates import OPEN, Verdict
from offhours.core.model import Claimed
from offhours.core.ports import Store
from offhours.core.times import SECOND, Duration, Micros, parse_duration
from offhours.gates.resources import ResourceMonitor, Usage, shared_monitor


class MachineGate:
    """Holds while a figure of the machine, averaged over the monitor's window, is beyond a limit.

    monitor: who measures; the process's own by default
    again: how long after a hold the job is looked at again
    """

    name: ClassVar[str]
    what: ClassVar[str]
    unit: ClassVar[str] = " %"
    at_least: ClassVar[bool] = False  # the figure must not be less; else it must not be more

    def __init__(
        self,
        limit: float,
        figure: Callable[[Usage], float | None],
        monitor: ResourceMonitor | None,
        again: Duration,
        path: str | os.PathLike[str] = ".",
    ) -> None:
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit > 0:
            raise OptionError(f"{self.name}: expected a limit above 0, got {limit!r}")
        self.limit = limit
        self._figure = figure
        self._monitor = monitor
        self._path = path
        self._again = parse_duration(again, "again")

    def look(self, job: Claimed, now: Micros, store: Store) -> Verdict:
        """Open when the machine allows, or has no such thing."""
        monitor = self._monitor or shared_monitor(self._path)
        usage = monitor.usage()
        if usage is None:
            monitor.start()
            wait = monitor.ready_in
            return Verdict(
                False, f"{self.what} is being measured; there is an average in {wait:.0f} s",
                now + round(wait * SECOND),
            )  # fmt: skip
        figure = self._figure(usage)
        if figure is None or (figure >= self.limit if self.at_least else figure <= self.limit):
            return OPEN
        bound = "at least" if self.at_least else "at most"
        return Verdict(
            False,
            f"{self.what} is {_plain(figure)}{self.unit} on average over {usage.seconds:.0f} s "
            f"({bound} {_plain(self.limit)}{self.unit})",
            now + self._again,
            figure,
            self.limit,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_plain(self.limit)}{self.unit})"


class Memory(MachineGate):
    """Holds while more of the machine's memory is in use: percent, or with `mb` MiB.

    >>> Memory(most=80).name
    'memory'
    """

    name = "memory"
    what = "the machine's memory in use"

    def __init__(
        self,
        most: float | None = None,
        *,
        mb: float | None = None,
        monitor: ResourceMonitor | None = None,
        again: Duration = "5m",
    ) -> None:
        if (most is None) == (mb is None):
            raise OptionError("memory: give most (percent) or mb (MiB), one of them")
        if mb is not None:
            self.unit = " MB"  # type: ignore[misc]
            super().__init__(mb, lambda usage: usage.memory_mb, monitor, again)
        else:
            assert most is not None
            super().__init__(most, lambda usage: usage.memory_percent, monitor, again)


class Cpu(MachineGate):
    """Holds while the processors are busier than so many percent."""

    name = "cpu"
    what = "the processors' share in use"

    def __init__(
        self, most: float, *, monitor: ResourceMonitor | None = None, again: Duration = "5m"
    ) -> None:
        super().__init__(most, lambda usage: usage.cpu_percent, monitor, again)


class Load(MachineGate):
    """Holds while more processes run or wait to, for each processor."""

    name = "load"
    what = "the load for each processor"
    unit = ""

    def __init__(
        self, most: float, *, monitor: ResourceMonitor | None = None, again: Duration = "5m"
    ) -> None:
        super().__init__(most, lambda usage: usage.load_per_core, monitor, again)


class Disk(MachineGate):
    """Holds while less than so many MiB are free on the disk of `path`."""

    name = "disk"
    what = "the disk's free space"
    unit = " MB"
    at_least = True

    def __init__(
        self,
        least_mb: float,
        *,
        path: str | os.PathLike[str] = ".",
        monitor: ResourceMonitor | None = None,
        again: Duration = "15m",
    ) -> None:
        super().__init__(least_mb, lambda usage: usage.disk_free_mb, monitor, again, path)


class Battery(MachineGate):
    """Holds while the machine runs on a battery that has less than so many percent."""

    name = "battery"
    what = "the battery"
    at_least = True

    def __init__(
        self, least: float, *, monitor: ResourceMonitor | None = None, again: Duration = "15m"
    ) -> None:
        super().__init__(least, lambda usage: usage.battery_percent, monitor, again)


def _plain(figure: float) -> str:
    return f"{figure:,.2f}".rstrip("0").rstrip(".")
