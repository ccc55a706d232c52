"""Whether a place is one where a database loses nothing: the library, the disk, what lies there."""

from __future__ import annotations

import os
from pathlib import Path

from offhours.core.errors import NetworkFileSystem, StoreCorrupt, StoreUnusable, UnsafeSQLite
from offhours.store.sqlite.owners import refuse_strangers

HEADER_SIZE = 100
WITHOUT_MODES = frozenset({"vfat", "msdos", "exfat", "ntfs", "ntfs3", "fuseblk", "drvfs"})
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "ceph", "9p"})


def check_library(version: str, path: str, journal: str) -> None:
    """WAL with several processes loses rows on SQLite 3.7.0 to 3.51.2, but for two back-ports."""
    numbers = tuple(int(part) for part in version.split(".")[:3])
    safe = (
        numbers >= (3, 51, 3)
        or (numbers[:2] == (3, 50) and numbers >= (3, 50, 7))
        or (numbers[:2] == (3, 44) and numbers >= (3, 44, 6))
    )
    if not safe and journal == "wal":
        raise UnsafeSQLite(
            path,
            f"SQLite {version} can lose acknowledged rows in WAL mode (fixed in 3.51.3); "
            'install apsw from PyPI, or ask for journal="rollback"',
        )


def prepare_file(path: str) -> None:
    """Make sure that the file exists, private to its owner, in a place where locks hold."""
    file = Path(path)
    if file.is_dir():
        raise StoreUnusable(path, "is a directory; name a file in it")
    if not file.parent.is_dir():
        raise StoreUnusable(path, f"its folder {file.parent} does not exist; create it first")
    kind = file_system(file.parent)
    if kind in NETWORK:
        raise NetworkFileSystem(
            path, f"is on {kind}, where file locks do not hold; use a local disk or PostgreSQL"
        )
    refuse_what_is_left(file)
    if kind not in WITHOUT_MODES:
        refuse_strangers(path)
    try:
        # Only ever a new file: closing a descriptor of an open one would drop SQLite's locks.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise StoreUnusable(path, f"cannot be created: {error.strerror}") from error


def refuse_what_is_left(file: Path) -> None:
    """SQLite begins anew over the stump of a database, and deletes a log without its database."""
    log = Path(f"{file}-wal")
    size = log.stat().st_size if log.exists() else 0
    left = file.stat().st_size if file.exists() else 0
    if 0 < left < HEADER_SIZE:
        raise StoreCorrupt(
            str(file),
            f"is not a database, or was cut off after {left} bytes; it was left as it is. "
            "Restore a backup: nothing is left for the sqlite3 shell's .recover",
        )
    if size and not left:
        raise StoreCorrupt(
            str(file),
            f"is missing or empty, but {log.name} holds {size:,} bytes of its jobs; nothing was "
            f"touched. Put the database back beside it, or move {log.name} away to begin anew",
        )


def file_system(folder: Path) -> str:
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    where, best, kind = str(folder.resolve()), -1, ""
    for line in lines:
        left, _, right = line.partition(" - ")
        mount = left.split(" ")[4].encode().decode("unicode_escape")
        if (where == mount or where.startswith(mount.rstrip("/") + "/")) and len(mount) >= best:
            best, kind = len(mount), right.split(" ")[0]
    return kind
