"""Dumps that wait on disk for a sink that cannot take them now."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from offhours.recorder.dumps import Dump

_NAME = re.compile(r"[0-9]{20}-([0-9a-f]{16})\.json")


class Spool:
    """A folder with one file a dump, 0600, bounded: the oldest make room for new ones.

    It belongs to one recorder of one process at a time.
    """

    def __init__(self, folder: str | os.PathLike[str], max_bytes: int = 64_000_000) -> None:
        self._folder = Path(folder)
        self._max_bytes = max_bytes

    def save(self, dump: Dump) -> int:
        """Keep a dump; how many older ones had to go. Raises `OSError`."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._folder / f"{int(dump.trigger_unix * 1e6):020d}-{dump.dump_id}.json"
        whole = file.with_suffix(".part")
        handle = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "wb") as stream:
            stream.write(dump.json())
        os.replace(whole, file)
        return self._make_room(keep=file)

    def load(self, dump_id: str) -> Dump | None:
        """A dump that was kept; None when it is gone or damaged."""
        for file in self._files():
            if file.name.endswith(f"-{dump_id}.json"):
                with suppress(OSError, ValueError):
                    return Dump.from_json(file.read_bytes())
        return None

    def remove(self, dump_id: str) -> None:
        """The dump was delivered, or never will be."""
        for file in self._files():
            if file.name.endswith(f"-{dump_id}.json"):
                with suppress(OSError):
                    file.unlink(missing_ok=True)

    def waiting(self) -> list[str]:
        """The ids of all that is kept, oldest first."""
        return [found[1] for file in self._files() if (found := _NAME.fullmatch(file.name))]

    def _files(self) -> list[Path]:
        try:
            return sorted(f for f in self._folder.iterdir() if _NAME.fullmatch(f.name))
        except OSError:
            return []

    def _make_room(self, keep: Path) -> int:
        files = self._files()
        size = sum(file.stat().st_size for file in files)
        gone = 0
        for file in files:
            if size <= self._max_bytes or file == keep:
                break
            size -= file.stat().st_size
            file.unlink(missing_ok=True)
            gone += 1
        return gone
