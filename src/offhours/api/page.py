"""The page's files: a folder, with the right types, that never leads out of itself.

Scripts go out without their types, which no browser reads, and compressed once.
"""

from __future__ import annotations

import gzip
import re
from functools import lru_cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Match, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from offhours.api.auth import is_guarded

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
}


class Page(Route):
    """`/` and the files of the page. They hold no data, so they want no token."""

    def __init__(self, folder: Path) -> None:
        super().__init__("/{path:path}", self._answer, include_in_schema=False, name="page")
        self._files = StaticFiles(directory=folder, check_dir=False)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if is_guarded(scope):
            return Match.NONE, {}
        return super().matches(scope)

    async def _answer(self, request: Request) -> Response:
        path = request.path_params["path"] or "index.html"
        kind = _TYPES.get(Path(path).suffix)
        if kind is None:
            raise HTTPException(404)
        try:
            response = await self._files.get_response(path, request.scope)
        except (ValueError, OSError):  # NUL in a name, a name that is too long
            raise HTTPException(404) from None
        if isinstance(response, FileResponse):
            response = _answer(response, "gzip" in request.headers.get("accept-encoding", ""))
        response.headers["content-type"] = kind
        response.headers["cache-control"] = "no-cache"  # kept, but asked for again by its ETag
        return response


def _answer(found: FileResponse, packed: bool) -> Response:
    etag = found.headers["etag"]
    headers = {"etag": etag, "vary": "Accept-Encoding"}
    if packed:
        headers["content-encoding"] = "gzip"
    return Response(_bytes(str(found.path), etag, packed), headers=headers)


@lru_cache(maxsize=256)
def _bytes(path: str, etag: str, packed: bool) -> bytes:
    file = Path(path)
    data = file.read_bytes()
    if file.suffix in (".js", ".css"):
        data = bare(data.decode()).encode()
    return gzip.compress(data, 9, mtime=0) if packed else data


def bare(text: str) -> str:
    """A script without its types and indentation; each line keeps its number.

    >>> bare("/** @param {number} n */\\nconst f = (n) =>\\n  n + 1;\\n")
    '\\nconst f = (n) =>\\nn + 1;\\n'
    """
    without = re.sub(r"/\*.*?\*/", lambda found: "\n" * found[0].count("\n"), text, flags=re.S)
    return re.sub(r"\n +", "\n", without)
