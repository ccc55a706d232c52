"""What the machine has to give, averaged over a window, so that one spike decides nothing."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from offhours.core.clock import Clock, Signal, SystemClock
from offhours.core.errors import OptionError
from offhours.core.times import SECOND, Duration, parse_duration

_MB = 1 << 20
_LEAST_SHARE = 0.5  # of the window, before an average says anything

_log = logging.getLogger("offhours")


class Reading(NamedTuple):
    """The machine at one moment. `busy` and `total` are seconds of all its processors since it
    started; what it does not have (a battery, a load) is None."""

    busy: float
    total: float
    memory_mb: float
    memory_percent: float
    load_per_core: float | None
    disk_free_mb: float
    battery_percent: float | None
    plugged: bool


class Usage(NamedTuple):
    """The average of a window of `seconds`; the disk and the battery as they were last.

    memory_mb, memory_percent: what is in use on the machine
    load_per_core: processes that run or wait to, for each processor; None where it is not told
    battery_percent: None without a battery, or when it is plugged in
    """

    seconds: float
    samples: int
    memory_mb: float
    memory_percent: float
    cpu_percent: float
    load_per_core: float | None
    disk_free_mb: float
    battery_percent: float | None


class ResourceMonitor:
    """Samples the machine while it is asked about it, and averages over a window.

    window: over how long; an average of less than half of it says nothing yet
    every: how often it looks
    path: of the disk that is meant
    read: gives a `Reading`; the machine's own by default

    >>> import asyncio
    >>> usage = asyncio.run(ResourceMonitor(window="1s").get_current_usage())
    >>> 0 <= usage["cpu_percent"] <= 100 and usage["memory_mb"] > 0
    True
    """

    def __init__(
        self,
        window: Duration = "10s",
        every: Duration = "1s",
        *,
        path: str | os.PathLike[str] = ".",
        read: Callable[[], Reading] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.window = parse_duration(window, "window") / SECOND
        self.every = parse_duration(every, "every") / SECOND
        if not 0 < self.every <= self.window:
            raise OptionError("every: expected more than 0, and not more than the window")
        self._read = read or MachineReader(path)
        self._clock = clock or SystemClock()
        self._samples: deque[tuple[float, Reading]] = deque()
        self._lock = threading.Lock()
        self._running: tuple[threading.Thread, Signal] | None = None

    def start(self) -> None:
        """Sample in a thread from now on; the first question does it, too."""
        with self._lock:
            if self._running is None:
                stop = Signal()
                thread = threading.Thread(
                    target=self._run, args=(stop,), name="offhours-resources", daemon=True
                )
                thread.start()
                self._running = thread, stop

    def stop(self) -> None:
        """Sample no more, until somebody asks."""
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            thread, stop = running
            stop.set()
            thread.join()

    def sample(self) -> None:
        """Look at the machine now."""
        reading, moment = self._read(), self._clock.monotonic()
        with self._lock:
            self._samples.append((moment, reading))
            # The last one before the window stays: the window begins between it and the next.
            while len(self._samples) > 1 and self._samples[1][0] <= moment - self.window:
                self._samples.popleft()

    def usage(self) -> Usage | None:
        """The average of the last window; None while too little of it was seen."""
        with self._lock:
            samples = list(self._samples)
        if not samples or self._clock.monotonic() - samples[-1][0] > self.window:
            return None  # what was seen is of another time
        span = samples[-1][0] - samples[0][0]
        return average(samples) if span >= self.window * _LEAST_SHARE else None

    @property
    def ready_in(self) -> float:
        """Seconds until there is an average."""
        with self._lock:
            seen = self._samples[-1][0] - self._samples[0][0] if self._samples else 0.0
        return max(self.every, self.window * _LEAST_SHARE - seen)

    async def get_current_usage(self) -> dict[str, float | int | None]:
        """The figures of `Usage` by name; of a shorter time if less than the window was seen."""
        while (usage := self._latest()) is None:
            await asyncio.to_thread(self.sample)
            await asyncio.sleep(min(self.every, 0.1))
        return usage._asdict()

    def _latest(self) -> Usage | None:
        found = self.usage()
        if found is None:
            with self._lock:
                moment = self._clock.monotonic()
                recent = [each for each in self._samples if moment - each[0] <= self.window]
            if len(recent) > 1 and recent[-1][1].total > recent[0][1].total:
                return average(recent)
        return found

    def _run(self, stop: Signal) -> None:
        well = True
        while not stop.is_set():
            try:
                self.sample()
                well = True
            except Exception as error:  # what cannot be read now may be read again later
                if well:
                    _log.warning("the machine cannot be measured, trying again: %r", error)
                well = False
            stop.wait(self.every)


def average(samples: list[tuple[float, Reading]]) -> Usage:
    """What several readings come to; the processors' share is exact, whenever they were taken."""
    readings = [reading for _, reading in samples]
    first, last = readings[0], readings[-1]
    total = last.total - first.total
    loads = [each.load_per_core for each in readings if each.load_per_core is not None]
    return Usage(
        seconds=samples[-1][0] - samples[0][0],
        samples=len(readings),
        memory_mb=_mean([each.memory_mb for each in readings]),
        memory_percent=_mean([each.memory_percent for each in readings]),
        cpu_percent=min(100.0, max(0.0, 100 * (last.busy - first.busy) / total)) if total else 0.0,
        load_per_core=_mean(loads) if loads else None,
        disk_free_mb=last.disk_free_mb,
        battery_percent=None if last.plugged else last.battery_percent,
    )


class MachineReader:
    """Reads this machine by psutil."""

    def __init__(self, path: str | os.PathLike[str] = ".") -> None:
        self._path = os.fspath(path)

    def __call__(self) -> Reading:
        import psutil  # 10 ms that only those pay who ask

        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        memory = psutil.virtual_memory()
        battery = getattr(psutil, "sensors_battery", lambda: None)()
        return Reading(
            busy=total - idle,
            total=total,
            memory_mb=memory.used / _MB,
            memory_percent=memory.percent,
            load_per_core=_load(),
            disk_free_mb=psutil.disk_usage(self._path).free / _MB,
            battery_percent=None if battery is None else battery.percent,
            plugged=battery is None or battery.power_plugged is not False,
        )


def _load() -> float | None:
    try:
        return os.getloadavg()[0] / (os.cpu_count() or 1)
    except (OSError, AttributeError):
        return None


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


_lock = threading.Lock()
_shared: dict[str, ResourceMonitor] = {}


def shared_monitor(path: str | os.PathLike[str] = ".") -> ResourceMonitor:
    """The one monitor of this process for a disk, which samples from now on."""
    key = os.path.abspath(path)
    with _lock:
        if key not in _shared:
            _shared[key] = ResourceMonitor(path=key)
    _shared[key].start()
    return _shared[key]


def _forget() -> None:
    """In a forked child the thread is not there."""
    global _lock
    _lock = threading.Lock()
    _shared.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
