"""What a host's configuration says of Offhours: one mapping, checked, all faults at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from offhours.app import Offhours
from offhours.config import CHECKS, Options
from offhours.core.errors import ConfigError, InputError, did_you_mean
from offhours.core.kinds import Flag, Kind, Names, OneOf, Span, Text
from offhours.core.times import SECOND, Micros
from offhours.sources.configuration import read

SETTING = "OFFHOURS"

_OWN: dict[str, Kind] = {
    "foreground": Flag(),
    "workflow": Text("a name"),
    "linger": Span(),
    "page": Text('a prefix such as "/ops"', r"^/[^?#\s]*[^/?#\s]$", none=True),
    "token": Text("a token of 22 random characters and more", r"^[!-~]{22,}$", none=True),
    "hosts": Names(),
    "exclude": Names(),
    "staff_scope": OneOf(("read", "submit", "operate", "admin")),
    "work": Flag(),
}


@dataclass(frozen=True, slots=True)
class HostSettings:
    """How an app lives inside of another program.

    db: its database; without one as files and the environment say
    options: those of `Offhours` that are chosen here
    foreground: whether each request is foreground work; workflow: what `why` then says
    linger: for how long after the last request background work still waits (1 s)
    exclude: prefixes of paths that are in nobody's way
    page: the prefix below which the page and the REST API are; None for nowhere
    token: allows everything there; hosts: further names under which the page may be asked
    staff_scope: what Django's staff may do there; superusers may do everything
    work: whether this program's processes work on jobs, too
    """

    db: str | None
    options: Options
    foreground: bool = False
    workflow: str = "web"
    linger: Micros = SECOND
    page: str | None = None
    token: str | None = None
    hosts: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    staff_scope: str = "read"
    work: bool = False

    @classmethod
    def of(cls, given: object, allowed: frozenset[str]) -> HostSettings:
        """Check what a host has as OFFHOURS, a mapping; a `ConfigError` names every fault.

        allowed: which keys besides those of `Offhours` this host has

        >>> HostSettings.of({"db": "jobs.db", "threads": 2}, frozenset()).options
        {'threads': 2}
        """
        if not isinstance(given, Mapping):
            raise ConfigError([f"{SETTING}: expected a mapping, got {type(given).__name__}"])
        faults: list[str] = []
        own: dict[str, Any] = {}
        for key, value in given.items():
            try:
                if key == "db":
                    own[key] = _database(value)
                elif key in allowed:
                    own[key] = _OWN[key](value, key)
                elif key in CHECKS:
                    CHECKS[key](value, key)
                else:
                    near = did_you_mean(str(key), ["db", *allowed, *CHECKS])
                    faults.append(f"{key}: unknown setting{near}")
            except InputError as error:
                faults.append(str(error))
        if faults:
            raise ConfigError(faults)
        options: Any = {key: value for key, value in given.items() if key in CHECKS}
        return cls(own.pop("db", None), options, **own)

    def make_app(self, default_db: str | None = None) -> Offhours:
        """The app: what is chosen here wins over files and the environment.

        default_db: the database when nobody names one
        """
        db = self.db
        if db is None and default_db is not None and not read().given("db"):
            db = default_db
        return Offhours.from_config(store=db, **self.options)


def _database(value: object) -> str:
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise InputError(f"db: expected a path or postgresql://..., got {value!r}")
    return str(os.fspath(value))
