"""What a run uses, read from outside through handles that it cannot reach."""

from __future__ import annotations

import os
from dataclasses import dataclass

from offhours.sandbox.groups import ControlGroup

_TICKS = os.sysconf("SC_CLK_TCK")
_KB = 1024


@dataclass(slots=True)
class Peak:
    """The most that was seen at once; `cpu` is the sum so far."""

    memory: int = 0
    cpu: float = 0.0
    disk: int = 0
    files: int = 0
    processes: int = 0
    disk_full: bool = False
    out_of_memory: bool = False
    out_of_processes: bool = False


class Meter:
    """Reads the run's own /proc and its folders. `look` may be called as often as one likes."""

    def __init__(
        self, proc: int, folders: tuple[int, ...], memory_limit: int, group: ControlGroup | None
    ) -> None:
        self._proc = proc
        self._folders = folders
        self._memory_limit = memory_limit
        self._group = group
        self._seen: dict[tuple[int, int], float] = {}
        self.peak = Peak()

    def look(self) -> Peak:
        """Look once at everything."""
        pids = self._pids()
        peak = self.peak
        peak.cpu = max(peak.cpu, self._cpu(pids))
        disk = self._disk()
        memory, tasks = self._memory_and_tasks(pids)
        peak.processes = max(peak.processes, tasks)
        if self._group is None:
            peak.memory = max(peak.memory, memory + disk)
        else:
            self._ask(self._group)
        return peak

    def look_at_the_end(self) -> Peak:
        """What can still be told when all processes are dead."""
        self._disk()
        if self._group is not None:
            self._ask(self._group)
        return self.peak

    def _ask(self, group: ControlGroup) -> None:
        peak = self.peak
        peak.memory = group.memory()
        peak.cpu = max(peak.cpu, group.cpu())
        peak.out_of_memory = group.out_of_memory()
        peak.out_of_processes = group.out_of_processes()

    def _pids(self) -> list[int]:
        try:
            return [int(name) for name in os.listdir(self._proc) if name.isdigit()]
        except OSError:
            return []

    def _cpu(self, pids: list[int]) -> float:
        """The larger of two sums, since each misses what a script may hide from it.

        What the living have used with all whom they waited for; and what everybody who was ever
        seen had used when last seen.
        """
        living = 0.0
        for pid in pids:
            text = self._read(f"{pid}/stat")
            if not text:
                continue
            fields = text.rpartition(")")[2].split()
            own, waited = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
            if pid != 1:  # process 1 is ours, but it buries the orphans
                self._seen[pid, int(fields[19])] = own / _TICKS
                living += own / _TICKS
            living += waited / _TICKS
        return max(living, sum(self._seen.values()))

    def _memory_and_tasks(self, pids: list[int]) -> tuple[int, int]:
        """Bytes in memory, and processes with their threads.

        Resident pages are quickly read but count shared ones once for each process; only a sum
        above the limit is worth the exact share of each.
        """
        resident, tasks = 0, 0
        tables: dict[int, int] = {}
        for pid in pids:
            if pid == 1:
                continue
            status = self._status(pid)
            tasks += status.get("Threads", 0)
            tables[pid] = (status.get("VmPTE", 0) + status.get("VmSwap", 0)) * _KB
            resident += status.get("VmRSS", 0) * _KB + tables[pid]
        if resident <= self._memory_limit or self._group is not None:
            return resident, tasks
        return sum(self._share(pid, size) for pid, size in tables.items()), tasks

    def _share(self, pid: int, tables: int) -> int:
        """Its share of the pages; all of them for a process that does not let us look."""
        for line in self._read(f"{pid}/smaps_rollup").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * _KB + tables
        return self._status(pid).get("VmRSS", 0) * _KB + tables  # nothing once it has ended

    def _status(self, pid: int) -> dict[str, int]:
        found = {}
        for line in self._read(f"{pid}/status").splitlines():
            name, _, value = line.partition(":")
            if name in ("VmRSS", "VmPTE", "VmSwap", "Threads"):
                found[name] = int(value.split()[0])
        return found

    def _read(self, name: str) -> str:
        try:
            fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._proc)
        except OSError:
            return ""
        try:
            return os.read(fd, 8192).decode("utf-8", "replace")
        except OSError:
            return ""
        finally:
            os.close(fd)

    def _disk(self) -> int:
        used = 0
        for fd in self._folders:
            found = os.fstatvfs(fd)
            bytes_used = (found.f_blocks - found.f_bfree) * found.f_frsize
            used += bytes_used
            self.peak.files = max(self.peak.files, found.f_files - found.f_ffree)
            if fd == self._folders[0]:
                self.peak.disk = max(self.peak.disk, bytes_used)
                self.peak.disk_full |= found.f_bfree == 0
        return used
