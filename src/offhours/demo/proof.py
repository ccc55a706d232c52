"""Whether the housekeeping was done right: looked up in the files, not asked of the jobs."""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import apsw

from offhours.demo.figures import Figure, all_of, none_of
from offhours.demo.material import Base, Folder, Log, Material
from offhours.demo.site import Site

Results = Sequence[object]


def figures(
    made: Material, *, folders: Results, bases: Results, logs: Results, sites: Results
) -> list[Figure]:
    """One or two figures a kind, from what each job returned (None: it did not)."""
    return [
        *_folders(made.folders, folders),
        all_of("databases backed up, sound, with every row", _bases(made.bases, bases), len(bases)),
        all_of("logs compressed, equal when read back", _logs(made.logs), len(logs)),
        *_sites(made.sites, sites),
    ]


def _folders(folders: list[Folder], results: Results) -> list[Figure]:
    planted = {group for folder in folders for group in folder.groups}
    found = {frozenset(g) for groups in results if isinstance(groups, list) for g in groups}
    kept = sum(
        _digest(Path(name)) == digest
        for folder in folders
        for name, digest in folder.contents.items()
    )
    joined = sum(len({Path(name).stat().st_ino for name in group}) == 1 for group in planted)
    return [
        all_of("groups of duplicate files found", len(planted & found), len(planted)),
        none_of("groups reported that are none", len(found - planted)),
        all_of("groups joined into one file", joined, len(planted)),
        all_of("files that still hold what they held", kept, sum(len(f.contents) for f in folders)),
    ]


def _bases(bases: list[Base], results: Results) -> int:
    return sum(
        result == base.rows and sound(base.target, base.rows)
        for base, result in zip(bases, results, strict=True)
    )


def sound(copy: Path, rows: dict[str, int]) -> bool:
    """Whether a database passes SQLite's own check and has these rows."""
    if not copy.exists():
        return False
    try:
        with closing(apsw.Connection(str(copy), flags=apsw.SQLITE_OPEN_READONLY)) as database:
            if database.execute("pragma integrity_check").get != "ok":
                return False
            counted = {t: database.execute(f"select count(*) from {t}").get for t in rows}
    except apsw.Error:
        return False
    return counted == rows


def _logs(logs: list[Log]) -> int:
    return sum(packed_right(log) for log in logs)


def packed_right(log: Log) -> bool:
    """Whether the log is gone and its .xz holds what it held."""
    packed = Path(f"{log.path}.xz")
    if log.path.exists() or not packed.exists():
        return False
    try:
        return hashlib.sha256(lzma.decompress(packed.read_bytes())).hexdigest() == log.digest
    except lzma.LZMAError:
        return False


def _sites(sites: list[Site], results: Results) -> list[Figure]:
    planted = {(n, link) for n, site in enumerate(sites) for link in site.broken}
    found = {(n, str(x)) for n, links in enumerate(results) for x in _as_list(links)}
    return [
        all_of("broken links found", len(planted & found), len(planted)),
        none_of("links reported that are sound", len(found - planted)),
    ]


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""
