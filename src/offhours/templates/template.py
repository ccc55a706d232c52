"""A template as it is read, and what comes of it when its parameters are put in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from offhours.core.templates import Parameter, StoredTemplate, substitute, values_of
from offhours.core.times import to_datetime
from offhours.engine.codec import load

ORIGIN = "template"
"""Where the metadata of a job says which template made it: `{"name", "version"}`."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A template with its parameters put in: what would be stored."""

    template: str
    version: int
    task: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    options: Mapping[str, Any]
    schedule: Mapping[str, Any]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a template.

    args, kwargs: of the call; options: of the submit; schedule: `when` and options of a schedule.
        Texts in them may have placeholders like `{folder}`
    parameters: what the placeholders stand for, by name
    """

    name: str
    task: str
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    schedule: Mapping[str, Any] = field(default_factory=dict)
    description: str | None = None
    version: int = 0
    created_at: datetime | None = None
    created_by: str = ""

    @classmethod
    def of(cls, stored: StoredTemplate) -> Template:
        """The template of a row."""
        body = load(stored.body)
        parameters = {name: Parameter.parse(told) for name, told in body.pop("parameters").items()}
        return cls(
            stored.name, stored.task, **body, parameters=parameters,
            description=stored.description, version=stored.version,
            created_at=to_datetime(stored.created_at), created_by=stored.created_by,
        )  # fmt: skip

    @property
    def body(self) -> dict[str, Any]:
        """What is kept as one JSON text."""
        return {
            "args": list(self.args),
            "kwargs": dict(self.kwargs),
            "options": dict(self.options),
            "schedule": dict(self.schedule),
            "parameters": {name: each.to_dict() for name, each in self.parameters.items()},
        }

    def same_as(self, other: Template) -> bool:
        """Whether they say the same, whatever their versions."""
        mine = (self.task, self.description, self.body)
        return mine == (other.task, other.description, other.body)

    def filled(self, given: Mapping[str, Any], *, typed: bool = True) -> Filled:
        """With its parameters put in; `ParameterError` tells all that is wrong with them."""
        values = values_of(self.parameters, given, typed=typed)
        parts = {
            name: substitute(part, values)
            for name, part in self.body.items()
            if name != "parameters"
        }
        metadata = parts["options"].get("metadata") or {}
        origin = {"name": self.name, "version": self.version}
        parts["options"]["metadata"] = {**metadata, ORIGIN: origin}
        return Filled(self.name, self.version, self.task, **parts, values=values)

    def told(self) -> dict[str, Any]:
        """What events and the audit log have of it: not its arguments, which may be private."""
        options = {key: value for key, value in self.options.items() if key != "metadata"}
        return {
            "template": self.name,
            "version": self.version,
            "task": self.task,
            "description": self.description,
            "parameters": sorted(self.parameters),
            "options": json.loads(json.dumps(options, default=str)),
            "schedule": json.loads(json.dumps(dict(self.schedule), default=str)),
        }
