"""Where a server is, and the token that it wants: kept off process lists and out of messages."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import click

from offhours.cli.codes import CommandError, Exit

URL = "OFFHOURS_URL"
TOKEN = "OFFHOURS_TOKEN"
TOKEN_FILE = "OFFHOURS_TOKEN_FILE"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Address(NamedTuple):
    """A server; `path` is where its API is mounted, with a slash at both ends."""

    secure: bool
    host: str
    port: int | None
    path: str
    token: str

    @property
    def name(self) -> str:
        """The address as it may be shown."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"http{'s' if self.secure else ''}://{host}{port}{self.path}"

    @property
    def in_the_clear(self) -> bool:
        """Whether others on the way can read the token."""
        return not self.secure and self.host not in LOOPBACK


def read_address(url: str, environment: Mapping[str, str] = os.environ) -> Address:
    """An address as `offhours up` prints it, its token with it or in the environment.

    >>> read_address("http://127.0.0.1:8787/#token=oh_1").name
    'http://127.0.0.1:8787/'
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise _wrong() from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise _wrong()
    if parts.username is not None:
        raise click.UsageError(f"the address of a server has no user; its token is in {TOKEN}")
    token = _token(parts.fragment, environment)
    path = parts.path.strip("/")
    return Address(
        parts.scheme == "https", parts.hostname, port, f"/{path}/" if path else "/", token
    )


def _token(fragment: str, environment: Mapping[str, str]) -> str:
    told = parse_qs(fragment).get("token", [""])[0]
    file = environment.get(TOKEN_FILE, "")
    if not told and file and not environment.get(TOKEN):
        told = token_in(file, TOKEN_FILE)
    token = (told or environment.get(TOKEN, "")).strip()
    if not token:
        raise CommandError(
            f"the server wants a token: set {TOKEN}, or {TOKEN_FILE} to a file that has it; "
            "`offhours up` prints one with its address, `offhours token create` makes one",
            Exit.NO_PERMISSION,
            "no_token",
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise CommandError(
            f"the token of {TOKEN} or {TOKEN_FILE} has characters that no token of ours has",
            Exit.NO_PERMISSION,
            "bad_token",
        )
    return token


def token_in(file: str | Path, named_by: str) -> str:
    """The token that a file has."""
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        because = error.strerror if isinstance(error, OSError) else "it is no text"
        raise click.UsageError(f"{named_by}: {file} cannot be read: {because}") from None


def _wrong() -> click.UsageError:
    # The address is not repeated: it may carry the token.
    return click.UsageError(
        "--url: expected the address that `offhours up` prints, like http://127.0.0.1:8787/"
    )
