"""Housekeeping: work worth doing while nobody waits for it.

    offhours demo                               watch it work on a throwaway folder
    offhours up examples/housekeeping.py        work on the jobs in housekeeping.db, and from there:
    offhours --db housekeeping.db submit housekeeping:deduplicate --arg ~/Downloads --wait
    python examples/housekeeping.py ~/Downloads      the same without a worker beside it

Each task works in small pieces. Between two of them `ctx.checkpoint()` steps aside while the
person in front is busy, and `ctx.progress()` tells how far it is. Each may be run again after a
crash: it writes beside the target, checks what it wrote, and only then renames.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import sys
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from filecmp import cmp
from functools import partial
from html.parser import HTMLParser
from http.client import HTTPConnection
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer
from typing import IO, Any
from urllib.parse import quote, urldefrag, urljoin, urlsplit

import apsw

from offhours import Offhours, TaskPriority, context

app = Offhours(os.environ.get("HOUSEKEEPING_DB", "housekeeping.db"))

PIECE = 16 * 1024
PAGES = 32


# -- files ----------------------------------------------------------------------------------


@app.task(priority=TaskPriority.BACKGROUND, retries=2)
def deduplicate(folder: str) -> list[list[str]]:
    """Keep files of equal content once, under all their names; returns the groups of names.

    The names become hard links of one file: space is freed, no name is lost.
    """
    ctx = context()
    by_size: dict[int, list[Path]] = defaultdict(list)
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and not path.is_symlink() and path.stat().st_size:
            by_size[path.stat().st_size].append(path)
    suspects = [path for paths in by_size.values() if len(paths) > 1 for path in paths]
    groups: dict[tuple[int, str], list[Path]] = defaultdict(list)
    for number, path in enumerate(suspects, 1):
        with path.open("rb") as file:
            groups[path.stat().st_dev, digest(file)].append(path)
        ctx.progress(number / len(suspects), path.name)
    found = [paths for paths in groups.values() if len(paths) > 1]
    for first, *copies in found:
        for copy in copies:
            ctx.checkpoint()
            link(first, copy)
    return [[str(path) for path in paths] for paths in found]


def link(first: Path, copy: Path) -> None:
    """Make `copy` another name of `first`; there is no moment without a file of that name."""
    if not first.samefile(copy) and cmp(first, copy, shallow=False):  # nobody changed it since
        beside = copy.with_name(f".{copy.name}.part")
        beside.unlink(missing_ok=True)
        beside.hardlink_to(first)
        beside.replace(copy)


def digest(file: IO[bytes]) -> str:
    """The SHA-256 of a file, with a checkpoint before each piece."""
    ctx, found = context(), hashlib.sha256()
    while piece := file.read(PIECE):
        ctx.checkpoint()
        found.update(piece)
    return found.hexdigest()


# -- databases ------------------------------------------------------------------------------


@app.task(priority=TaskPriority.BACKGROUND, retries=2)
def back_up(database: str, target: str) -> dict[str, int]:
    """Copy a SQLite database, in use or not, and check the copy; returns its rows by table."""
    ctx = context()
    beside = Path(f"{target}.part")
    beside.unlink(missing_ok=True)
    with (
        closing(apsw.Connection(database, flags=apsw.SQLITE_OPEN_READONLY)) as source,
        closing(apsw.Connection(str(beside))) as copy,
    ):
        with copy.backup("main", source, "main") as backup:
            while not backup.done:
                ctx.checkpoint()
                backup.step(PAGES)
                share = 1 - backup.remaining / max(backup.page_count, 1)
                ctx.progress(0.8 * share, "copying")
        ctx.progress(0.8, "checking")

        def look() -> bool:
            ctx.checkpoint()
            return False  # true would interrupt it

        # The check is one long call: SQLite calls us from inside it.
        copy.set_progress_handler(look, 20_000)
        verdict = copy.execute("pragma integrity_check").get
        if verdict != "ok":
            raise RuntimeError(f"the copy of {database} is damaged: {verdict}")
        tables = copy.execute("select name from sqlite_schema where type = 'table'").fetchall()
        rows = {str(name): count_rows(copy, str(name)) for (name,) in tables}
    beside.replace(target)
    return rows


def count_rows(database: apsw.Connection, table: str) -> int:
    quoted = table.replace('"', '""')
    return int(database.execute(f'select count(*) from "{quoted}"').get)


# -- logs -----------------------------------------------------------------------------------


@app.task(priority=TaskPriority.BACKGROUND, retries=2)
def compress_log(path: str) -> int:
    """Replace an old log by its .xz, after reading that back; returns the bytes freed."""
    log, target, beside = Path(path), Path(f"{path}.xz"), Path(f"{path}.part")
    if target.exists() and not log.exists():
        return 0  # an earlier attempt came to its end and died before it could say so
    size, before = compress(log, beside)
    with lzma.open(beside) as packed:
        after = digest(packed)
    if after != before or log.stat().st_size != size:
        raise RuntimeError(f"{log} has changed, or its copy is wrong; it was left as it is")
    freed = size - beside.stat().st_size
    beside.replace(target)
    log.unlink()
    return freed


def compress(log: Path, target: Path) -> tuple[int, str]:
    """Write `log` compressed to `target`; returns how much was read, and its digest."""
    ctx, packer, found, size = context(), lzma.LZMACompressor(), hashlib.sha256(), 0
    whole = max(log.stat().st_size, 1)
    with log.open("rb") as source, target.open("wb") as packed:
        while piece := source.read(PIECE):
            ctx.checkpoint()
            found.update(piece)
            packed.write(packer.compress(piece))
            size += len(piece)
            ctx.progress(min(size / whole, 1), log.name)
        packed.write(packer.flush())
        packed.flush()
        os.fsync(packed.fileno())  # the log is deleted soon: its copy must be on the disk
    return size, found.hexdigest()


# -- sites ----------------------------------------------------------------------------------


@app.task(priority=TaskPriority.BACKGROUND, retries=2)
def check_links(folder: str) -> list[str]:
    """Serve a site's folder on this machine and follow all its links; returns the broken ones.

    Links to other hosts are left alone.
    """
    ctx = context()
    links: list[tuple[str, str]] = []
    status: dict[str, int] = {}
    waiting, known = deque(["/index.html"]), {"/index.html"}
    with served(folder) as port:
        while waiting:
            ctx.checkpoint()
            page = waiting.popleft()
            status[page], targets = fetch(port, page)
            links += [(page, target) for target in targets]
            fresh = [target for target in dict.fromkeys(targets) if target not in known]
            known.update(fresh)
            waiting.extend(fresh)
            ctx.progress(len(status) / len(known), page)
    return sorted(f"{page} -> {target}" for page, target in links if status[target] >= 400)


@contextmanager
def served(folder: str) -> Iterator[int]:
    """Serve a folder on the loopback while the block runs; gives the port."""
    with TCPServer(("127.0.0.1", 0), partial(QuietHandler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and says nothing about it."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


def fetch(port: int, page: str) -> tuple[int, list[str]]:
    """The status of a page, and the pages of its own site that it links to."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", quote(page, safe="/%"))
        answer = connection.getresponse()
        body = answer.read()
    reader = LinkReader()
    if moved := answer.headers["Location"]:
        reader.links.append(moved)
    elif answer.status < 400 and answer.headers.get_content_type() == "text/html":
        reader.feed(body.decode("utf-8", "replace"))
    targets = (urlsplit(urldefrag(urljoin(page, link)).url) for link in reader.links)
    return answer.status, [t.path for t in targets if t.path and not t.scheme and not t.netloc]


class LinkReader(HTMLParser):
    """Collects what a page's `href` and `src` name."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value for name, value in attrs if name in ("href", "src") and value]


if __name__ == "__main__":
    with app:
        for names in deduplicate.submit(sys.argv[1]).result():
            print("  ".join(names))
