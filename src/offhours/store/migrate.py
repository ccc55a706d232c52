"""Numbered migrations, forward only, each in one transaction with its number."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def scripts() -> dict[int, str]:
    """The migrations by number: `migrations/0001_initial.sql` is number 1."""
    folder = files("offhours.store") / "migrations"
    return {
        int(entry.name[:4]): entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda e: e.name)
        if entry.name.endswith(".sql")
    }


def spoken_by(script: str, database: str) -> str:
    """The parts of a migration for one database: after `-- NAME only`, up to `-- both`."""
    found, wanted = [], True
    for line in script.splitlines():
        if line == "-- both" or (line.startswith("-- ") and line.endswith(" only")):
            wanted = line in ("-- both", f"-- {database} only")
        elif wanted:
            found.append(line)
    return "\n".join(found)
