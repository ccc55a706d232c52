"""The commands that no server does for others: why, and what to do instead."""

from __future__ import annotations

from typing import NamedTuple

import click

_DATABASE = "run it where the database is, with --db"


class HereOnly(NamedTuple):
    """Why a command is for this machine.

    own: it never asks for a server, so OFFHOURS_URL, which is for the others, is no mistake
    """

    why: str
    instead: str = _DATABASE
    own: bool = False


HERE_ONLY = {
    "demo": HereOnly("it makes a throwaway database of its own", "leave out --url", own=True),
    "up": HereOnly(
        "it works on the jobs of its own file, and is what a server is", "leave out --url", own=True
    ),
    "worker": HereOnly("it works on the jobs of its own file", "leave out --url", own=True),
    "celery-app": HereOnly("it is about a file of this machine", "leave out --url", own=True),
    "migrate": HereOnly(
        "what it brings over are files and databases of this machine",
        "store it where the database is, with --db, or give a server what --format commands prints",
    ),
    "mcp": HereOnly("agents speak with it over pipes of this machine, as one of its users"),
    "completion": HereOnly("it is about the shell of this machine", "leave out --url", own=True),
    "install-skill": HereOnly("it writes into a folder here", "leave out --url", own=True),
    "config": HereOnly(
        "it reads the files and the environment of this folder",
        "leave out --url; GET api/v1/settings tells those of a server",
        own=True,
    ),
    "notify ls": HereOnly(
        "it reads the routes of this folder's configuration, or of --file",
        "leave out --url; GET api/v1/notifications names those of a server",
        own=True,
    ),
    "doctor sandbox": HereOnly("it looks at what this machine can isolate"),
    "models": HereOnly("the folder of --folder is one of this machine", "leave out --folder, or "
                       "run it where the database is, with --db"),
    "export": HereOnly("an export is one transaction, as large as the database"),
    "import": HereOnly("an import is one transaction, as large as the database"),
    "backup": HereOnly("it writes a file beside the database"),
}  # fmt: skip


def refusal(command: str, by: str) -> click.UsageError | None:
    """The error for a command at a server that was named by --url or OFFHOURS_URL, if it is one."""
    found = HERE_ONLY.get(command) or HERE_ONLY.get(command.partition(" ")[0])
    if found is None:
        found = HereOnly("it asks the database itself")
    if found.own and by != "--url":
        return None
    return click.UsageError(f"{command} is not for a server ({by}): {found.why}; {found.instead}")
