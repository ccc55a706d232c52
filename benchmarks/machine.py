"""What the figures were taken on: no more than is needed to read them."""

from __future__ import annotations

import os
import platform
import tempfile
from pathlib import Path

IN_MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs"})


def description() -> str:
    """Cores, processor family, system, Python."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{cores} cores, {_processor()}, {platform.system()} {platform.machine()}, {python}"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"


def disk_folder() -> Path:
    """A folder on a real disk: in memory, an fsync costs nothing and the figures lie."""
    choices = [Path(tempfile.gettempdir()), Path("/var/tmp"), Path.home() / ".cache"]
    for folder in choices:
        if folder.is_dir() and file_system(folder) not in IN_MEMORY:
            return folder
    raise SystemExit("no temporary folder on a disk found; name one with --disk")


def file_system(folder: Path) -> str:
    """The kind of file system that a folder is on, or nothing where that is not told."""
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    mounts = {fields[1]: fields[2] for fields in map(str.split, lines)}
    places = [str(place) for place in (folder.resolve(), *folder.resolve().parents)]
    return next((mounts[place] for place in places if place in mounts), "")
