"""Dumps that wait on disk for a sink that cannot take them now."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from offhours.recorder.dumps import Dump

_NAME = re.compile(r"[0-9]{20}-[0-9a-f]{16}\.json")


class Spool:
    """A folder with one file a dump, 0600, bounded: the oldest make room for new ones.

    It belongs to one recorder of one process at a time.
    """

    def __init__(self, folder: str | os.PathLike[str], max_bytes: int = 64_000_000) -> None:
        self._folder = Path(folder)
        self._max_bytes = max_bytes

    def save(self, dump: Dump) -> list[str]:
        """Keep a dump; the ids of older ones that had to go for it. Raises `OSError`."""
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
            if _id_of(file) == dump_id:
                with suppress(OSError, ValueError):
                    return Dump.from_json(file.read_bytes())
        return None

    def remove(self, dump_id: str) -> None:
        """The dump was delivered, or never will be."""
        for file in self._files():
            if _id_of(file) == dump_id:
                with suppress(OSError):
                    file.unlink(missing_ok=True)

    def waiting(self) -> list[str]:
        """The ids of all that is kept, oldest first."""
        return [_id_of(file) for file in self._files()]

    def _files(self) -> list[Path]:
        try:
            return sorted(f for f in self._folder.iterdir() if _NAME.fullmatch(f.name))
        except OSError:
            return []

    def _make_room(self, keep: Path) -> list[str]:
        sizes = {file: file.stat().st_size for file in self._files()}
        too_many, gone = sum(sizes.values()) - self._max_bytes, []
        for file, size in sizes.items():
            if too_many <= 0 or file == keep:
                break
            too_many -= size
            file.unlink(missing_ok=True)
            gone.append(_id_of(file))
        return gone


def _id_of(file: Path) -> str:
    return file.stem.partition("-")[2]
