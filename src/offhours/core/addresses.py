"""Addresses of stores: which are servers, and what of them may be shown."""

from __future__ import annotations

import re
from urllib.parse import unquote

from offhours.core.errors import OptionError

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,47}")
_POSTGRES = ("postgresql://", "postgres://")


def is_server(address: str) -> bool:
    """Whether the store is a database server, and not a file."""
    return address.startswith(_POSTGRES)


def public_name(url: str) -> str:
    """The address without what must not be shown.

    >>> public_name("postgresql://ann:secret@db:5432/jobs?password=other&sslmode=require")
    'postgresql://ann@db:5432/jobs?sslmode=require'
    """
    scheme, _, rest = url.partition("://")
    rest, _, query = rest.partition("?")
    place, slash, path = rest.partition("/")
    user, _, host = place.rpartition("@")
    place = f"{user.partition(':')[0]}@{host}" if user else host
    return _joined(
        f"{scheme}://{place}{slash}{path}",
        [option for option in _options(query) if "pass" not in _name(option)],
    )


def server_and_schema(url: str) -> tuple[str, str]:
    """The address that the driver understands, and the schema of our tables.

    The driver reads addresses in its own way ("+" is no space), so the rest stays as it was given.

    >>> server_and_schema("postgresql:///jobs?schema=night&options=-c%20a%3Db")
    ('postgresql:///jobs?options=-c%20a%3Db', 'night')
    """
    server, _, query = url.partition("?")
    ours = [option for option in _options(query) if _name(option) == "schema"]
    schema = unquote(ours[-1].partition("=")[2]) if ours else "offhours"
    if not _SCHEMA.fullmatch(schema):
        raise OptionError(f'schema: expected lower-case letters, digits and "_", got "{schema}"')
    return _joined(server, [option for option in _options(query) if option not in ours]), schema


def _options(query: str) -> list[str]:
    return [option for option in query.split("&") if option]


def _name(option: str) -> str:
    return unquote(option.partition("=")[0])


def _joined(address: str, options: list[str]) -> str:
    return f"{address}?{'&'.join(options)}" if options else address
