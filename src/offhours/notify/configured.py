"""Routes as a configuration file has them: a table of settings for each, by its name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from offhours.core.errors import ConfigError, InputError, did_you_mean
from offhours.core.kinds import Flag, Kind, Names, Number, OneOf, Span, Text, Whole, Zone
from offhours.core.model import TaskPriority
from offhours.core.notices import SEVERITIES
from offhours.notify.channels import FORMS, TLS
from offhours.notify.route import Route
from offhours.notify.rules import Rule

QUIET = Text("hours like 22:00-07:00", r"^\s*\d?\d:\d\d\s*(-|–|to)\s*\d?\d:\d\d\s*$")
_PRIORITIES = tuple(spelled(p.name) for p in TaskPriority for spelled in (str.upper, str.lower))


@dataclass(frozen=True, slots=True)
class _Texts:
    """Names with texts, such as the headers of a call."""

    def __call__(self, value: Any, key: str) -> dict[str, str]:
        if not isinstance(value, Mapping) or not all(isinstance(x, str) for x in value.values()):
            raise InputError(f"{key}: expected names with texts")
        return dict(value)

    def read(self, text: str) -> Any:
        return _json(text)

    @property
    def schema(self) -> Mapping[str, Any]:
        return {"type": "object", "additionalProperties": {"type": "string"}}


@dataclass(frozen=True, slots=True)
class _Ports:
    def __call__(self, value: Any, key: str) -> list[int]:
        if not isinstance(value, list):
            raise InputError(f"{key}: expected a list of ports")
        return [Whole(1)(port, key) or 0 for port in value]

    def read(self, text: str) -> Any:
        return _json(text)

    @property
    def schema(self) -> Mapping[str, Any]:
        return {"type": "array", "items": {"type": "integer", "minimum": 1}}


_COMMON = ("wait", "every", "quiet")
_TEXT, _NAMES = Text("some text"), Names()
_RULE: dict[str, Kind] = {
    "on": _NAMES,
    "tasks": _NAMES,
    "priority": OneOf(_PRIORITIES),
    "severity": OneOf(SEVERITIES),
}
_ROUTE: dict[str, Kind] = {
    "wait": Span(),
    "every": Span(),
    "quiet": QUIET,
    "timezone": Zone(),
    "labels": _Texts(),
}
_DEADLINE: dict[str, Kind] = {"deadline": Number(), "ca_file": _TEXT}
# The class of each, which is loaded when it is used, what it needs, and what it may have.
_CHANNELS: dict[str, tuple[str, tuple[str, ...], dict[str, Kind]]] = {
    "log": ("Log", (), {}),
    "memory": ("Memory", (), {}),
    "mail": ("Mail", ("host", "to"), {
        "host": _TEXT, "to": _NAMES, "port": Whole(1), "sender": _TEXT, "user": _TEXT,
        "password": _TEXT, "tls": OneOf(TLS), **_DEADLINE,
    }),
    "webhook": ("Webhook", ("url",), {
        "url": _TEXT, "headers": _Texts(), "secret": _TEXT, "form": OneOf(FORMS), "http": Flag(),
        "ports": _Ports(), "networks": _NAMES, **_DEADLINE,
    }),
    "apprise": ("Apprise", ("url",), {"url": _TEXT}),
}  # fmt: skip
_CHANNEL = OneOf(tuple(_CHANNELS))


class Routes:
    """The kind of the key `notify.routes`: every fault in every route is told.

    >>> Routes()({"ops": {"channel": "log", "severity": "hihg"}}, "notify.routes")
    Traceback (most recent call last):
    offhours.core.errors.ConfigError: notify.routes.ops.severity: expected one of low, medium, \
high, critical, got 'hihg'
    """

    def __call__(self, value: Any, key: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise InputError(f"{key}: expected a table of routes, each a table with its channel")
        faults: list[str] = []
        for name, told in value.items():
            try:
                _route(name, told, {})
            except ConfigError as error:
                faults += (f"{key}.{name}{fault}" for fault in error.faults)
        if faults:
            raise ConfigError(faults)
        return value

    def read(self, text: str) -> Any:
        return _json(text)

    @property
    def schema(self) -> Mapping[str, Any]:
        forms = [
            {
                "type": "object",
                "required": ["channel", *needed],
                "properties": {"channel": {"const": channel}} | _schemas(_RULE | _ROUTE | own),
                "additionalProperties": False,
            }
            for channel, (_, needed, own) in _CHANNELS.items()
        ]
        return {"type": "object", "additionalProperties": {"oneOf": forms}}


@dataclass(frozen=True)
class Configured:
    """The routes of a section `notify`: none when it is not enabled.

    `wait`, `every` and `quiet` of the section are for routes that do not say otherwise, as is
    `timezone`.

    >>> section = {"every": "5m", "routes": {"ops": {"channel": "log", "on": ["alert.*"]}}}
    >>> [(route.name, route.every) for route in Configured(section).routes()]
    [('ops', '5m')]
    """

    section: Mapping[str, Any]
    timezone: str | None = None

    def routes(self) -> list[Route]:
        """Raises `ConfigError` with all faults."""
        if not self.section.get("enabled", True):
            return []
        common = {key: self.section[key] for key in _COMMON if key in self.section}
        if self.timezone is not None:
            common["timezone"] = self.timezone
        told = Routes()(self.section.get("routes", {}), "notify.routes")
        return [_route(name, one, common) for name, one in told.items()]


def _route(name: Any, told: Any, common: Mapping[str, Any]) -> Route:
    """One route; the faults of a `ConfigError` begin with the key, after a point."""
    channel = told.get("channel") if isinstance(told, Mapping) else None
    if channel not in tuple(_CHANNELS):
        raise ConfigError([f".channel: expected one of {', '.join(_CHANNELS)}"])
    kind, needed, own = _CHANNELS[channel]
    known = _RULE | _ROUTE | own
    faults = [f".{key}: a {channel} needs it" for key in needed if not told.get(key)]
    for key in [key for key in told if key in known]:
        try:
            known[key](told[key], f".{key}")
        except InputError as error:
            faults.append(str(error))
    unknown = [
        f".{key}: a {channel} has no such key{did_you_mean(str(key), [*known])}"
        for key in told
        if key not in known and key != "channel"
    ]
    if faults:
        raise ConfigError([*unknown, *faults])
    faults = unknown
    chosen = {**common, **told}

    def part(keys: Mapping[str, Kind]) -> dict[str, Any]:
        return {key: chosen[key] for key in keys if chosen.get(key) is not None}

    made: list[Any] = []
    make = getattr(import_module("offhours.notify"), kind)
    for build in (lambda: make(**part(own)), lambda: Rule(**part(_RULE))):
        try:
            made.append(build())
        except ConfigError as error:
            faults += (f".{fault}" for fault in error.faults)
    if not faults:
        try:
            return Route(made[0], made[1], str(name), **part(_ROUTE))
        except ConfigError as error:
            faults += (f".{fault}" for fault in error.faults)
    raise ConfigError(faults)


def _schemas(kinds: Mapping[str, Kind]) -> dict[str, Any]:
    return {key: dict(kind.schema) for key, kind in kinds.items()}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
