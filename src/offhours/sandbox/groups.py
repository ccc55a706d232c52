"""Control groups: hard limits of a whole run, where this worker may make them (version 1, root)."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from offhours.sandbox.levels import Limits

MOUNT = Path("/sys/fs/cgroup")
_CONTROLLERS = ("memory", "cpuacct", "pids")
_PATIENCE = 2.0  # seconds until the last dead process has left


def usable() -> dict[str, Path] | None:
    """Our own group of each controller; None when one of them is missing or cannot be used."""
    found: dict[str, Path] = {}
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for controller in set(controllers.split(",")) & set(_CONTROLLERS):
            found[controller] = MOUNT / controller / path.lstrip("/")
    whole = len(found) == len(_CONTROLLERS)
    return found if whole and all(os.access(path, os.W_OK) for path in found.values()) else None


class ControlGroup:
    """The groups of one run. `name` belongs to this run alone, so what is left of it is dead."""

    def __init__(self, parents: dict[str, Path], name: str, limits: Limits) -> None:
        self._memory = parents["memory"] / name
        self._cpu = parents["cpuacct"] / name
        self._tasks = parents["pids"] / name
        self._limits = limits

    def make(self) -> None:
        """Raises OSError when the system does not allow it."""
        self.remove()
        for folder in self._folders:
            folder.mkdir()
        (self._memory / "memory.limit_in_bytes").write_text(str(self._limits.memory))
        with contextlib.suppress(OSError):  # only where swap is counted
            (self._memory / "memory.memsw.limit_in_bytes").write_text(str(self._limits.memory))
        (self._tasks / "pids.max").write_text(str(self._limits.processes + 1))  # and process 1

    @property
    def _folders(self) -> tuple[Path, Path, Path]:
        return self._memory, self._cpu, self._tasks

    def take_in(self, pid: int) -> bool:
        """This process, and all that it will start. False where the system does not allow it."""
        try:
            for folder in self._folders:
                (folder / "cgroup.procs").write_text(str(pid))
        except PermissionError:
            return False
        return True

    def memory(self) -> int:
        """Most bytes at once."""
        return int((self._memory / "memory.max_usage_in_bytes").read_text())

    def cpu(self) -> float:
        """Seconds of all processes, also of those that nobody waited for."""
        return int((self._cpu / "cpuacct.usage").read_text()) / 1e9

    def out_of_memory(self) -> bool:
        """Whether the kernel ended one for its memory."""
        return self._count(self._memory / "memory.oom_control", "oom_kill") > 0

    def out_of_processes(self) -> bool:
        """Whether one more process or thread was refused."""
        return self._count(self._tasks / "pids.events", "max") > 0

    def _count(self, file: Path, name: str) -> int:
        for line in file.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
        return 0

    def remove(self) -> None:
        """Once all its processes are dead."""
        until = time.monotonic() + _PATIENCE
        for folder in self._folders:
            while folder.exists():
                try:
                    folder.rmdir()
                except OSError:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.002)
