"""Scheduled tasks as a JSON file: a copy of what the database holds, for a lost database."""

from __future__ import annotations

import json
import logging
import os
import re
import tempfile
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from offhours.app import Offhours
from offhours.core.errors import InputError
from offhours.faces.entries import (
    Entry,
    check_entry,
    create_entry,
    damaged,
    deleted_since,
    entry_of,
)

DEFAULT_PATH = "data/scheduled_tasks/tasks.json"
VERSION = 1

_TASKS = re.compile(r'"tasks"\s*:\s*\[')
_log = logging.getLogger("offhours")


class Backup:
    """The file that follows a database; without a path there is none.

    only: the tasks whose function has this name; all of them without it
    """

    def __init__(
        self, app: Offhours, path: str | os.PathLike[str] | None, only: str | None = None
    ) -> None:
        self._app = app
        self._only = only
        self.path = None if path is None else Path(path).absolute()
        self._lock = threading.Lock()
        self._saved = -1

    def restore(self) -> None:
        """Create what the file holds and the database does not, unless it was deleted there."""
        if self.path is not None and self.path.exists():
            entries = read_entries(self.path)
            deleted = deleted_since(self._app, entries)
            create_missing(self._app, [entry for entry in entries if entry.name not in deleted])

    def export(self, path: str | os.PathLike[str]) -> int:
        """Write the tasks to another file; how many."""
        entries = entries_of(self._app, self._only)
        write_entries(Path(path), entries)
        return len(entries)

    def take_in(self, path: str | os.PathLike[str]) -> list[str]:
        """Create what another file holds of these tasks and the database does not; the ids."""
        entries = read_entries(Path(path))
        mine = [each for each in entries if self._only in (None, each.values["func_name"])]
        created = create_missing(self._app, mine)
        self.save()
        return created

    def save(self) -> None:
        """Renew the file. It is a copy: that it cannot be written is logged."""
        if self.path is None:
            return
        with self._lock:
            # Asked before the tasks are read: a change in between is seen the next time.
            self._saved = self._app.store.changed()
            try:
                write_entries(self.path, entries_of(self._app, self._only))
            except OSError as error:
                _log.warning("%s cannot be written: %s", self.path, error)

    def save_if_changed(self) -> None:
        """Renew the file when anything in the database has changed since it was written."""
        if self.path is not None and self._app.store.changed() != self._saved:
            self.save()


def entries_of(app: Offhours, only: str | None = None) -> list[Entry]:
    """All tasks that can outlive their process, or those of one function."""
    entries = (
        entry_of(record) for record in app.schedules.records() if only in (None, record.task)
    )
    return [entry for entry in entries if entry is not None]


def create_missing(app: Offhours, entries: Iterable[Entry]) -> list[str]:
    """Create the tasks whose names are not taken; their ids."""
    known = {record.name for record in app.schedules.records()}
    missing = [entry for entry in entries if entry.name not in known]
    return [made for entry in missing if (made := create_entry(app, entry)) is not None]


def write_entries(path: Path, entries: Sequence[Entry]) -> None:
    """Write the file, all or nothing: readers see the old one or the new one. Only its owner may
    read it, for arguments can be private."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"version": VERSION, "tasks": [entry.values for entry in entries]}
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def read_entries(path: Path) -> list[Entry]:
    """The tasks of a file, each checked as far as that goes without creating it.

    `InputError` names the file and the line of the first thing that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    except json.JSONDecodeError as error:
        raise damaged(f"{path}, line {error.lineno}", error.msg) from None
    except RecursionError:
        raise damaged(f"{path}, line 1", "it is nested too deeply") from None
    tasks = content.get("tasks") if isinstance(content, dict) else None
    if not isinstance(tasks, list):
        raise damaged(f"{path}, line 1", 'expected an object with a list "tasks"')
    if content.get("version") != VERSION:
        raise damaged(f"{path}, line 1", f"version {content.get('version')!r} is not known")
    lines = _lines(text, len(tasks))
    entries = [
        Entry(f"{path}, line {line}", values) for line, values in zip(lines, tasks, strict=True)
    ]
    for entry in entries:
        check_entry(entry)
    return entries


def _lines(text: str, most: int) -> list[int]:
    """The line on which each task begins."""
    decoder = json.JSONDecoder()
    found: list[int] = []
    opening = _TASKS.search(text)
    position = 0 if opening is None else opening.end()
    while opening is not None and len(found) < most:
        while position < len(text) and text[position] in " \t\r\n,":
            position += 1
        try:
            _, end = decoder.raw_decode(text, position)
        except json.JSONDecodeError:
            break
        found.append(text.count("\n", 0, position) + 1)
        position = end
    return found + [1] * (most - len(found))
