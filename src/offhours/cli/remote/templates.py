"""The templates of a server."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from offhours.cli.remote import read
from offhours.cli.remote.jobs import RemoteJob
from offhours.cli.remote.schedules import RemoteSchedule
from offhours.cli.remote.wire import Wire, part
from offhours.core.errors import Conflict, TemplateError
from offhours.core.templates import Parameter, split_name
from offhours.core.times import parse_moment, to_datetime
from offhours.templates import Filled, Template

if TYPE_CHECKING:
    from offhours.cli.remote.app import RemoteApp

_PARTS = ("task", "args", "kwargs", "parameters", "schedule", "description")


class RemoteTemplates:
    """All templates, as `Templates` has those of a database."""

    def __init__(self, app: RemoteApp, wire: Wire) -> None:
        self._app = app
        self._wire = wire

    def get(self, name: str) -> Template:
        """A template, or one version of it."""
        return _template(self._wire.get(f"templates/{part(name)}"))

    def list(
        self, *, task: str | None = None, after: str = "", limit: int = 50
    ) -> builtins.list[Template]:
        """A page of templates by name."""
        found = self._wire.get("templates", task=task, after=after, limit=limit)["data"]
        return [_template(each) for each in found]

    def versions(self, name: str, limit: int = 50) -> builtins.list[Template]:
        """The versions of a template, the newest first."""
        found = self._wire.get(f"templates/{part(name)}/versions", limit=limit)["data"]
        return [_template(each) for each in found]

    def create(self, name: str, task: str, /, **given: Any) -> Template:
        """Keep a template, of a task that the server or a worker knows."""
        said = {"name": name, "task": task, **_sorted_out(given)}
        return _template(self._wire.post("templates", said))

    def update(
        self,
        name: str,
        /,
        *,
        expect: int | None = None,
        without: Collection[str] = (),
        **changes: Any,
    ) -> Template:
        """Make a new version, if it is still the one that was looked at."""
        old = self.get(split_name(name)[0])
        if unknown := [key for key in without if key not in old.options]:
            raise TemplateError({f"without/{key}": "is no option of it" for key in unknown})
        kept = {key: value for key, value in old.options.items() if key not in without}
        said = _sorted_out(changes)
        said["options"] = {**kept, **said["options"]}
        if expect not in (None, old.version):
            raise Conflict(
                f"template {old.name} was changed meanwhile: it is at version {old.version}; "
                "look at it again"
            )
        path, match = f"templates/{part(old.name)}", f'"{old.version}"'
        return _template(self._wire.patch(path, said, match))

    def delete(self, name: str) -> None:
        """Take a template away."""
        self._wire.delete(f"templates/{part(split_name(name)[0])}", "*")

    def fill(self, name: str, parameters: Mapping[str, Any], *, typed: bool = True) -> Filled:
        """What would be stored; with `typed=False` of values that somebody has typed."""
        body = {"parameters": dict(parameters), "typed": typed}
        return _filled(self._wire.post(f"templates/{part(name)}/preview", body))

    def submit_filled(self, filled: Filled) -> RemoteJob:
        """Store a job of what a template was filled to."""
        made = self._wire.post(f"{_path(filled)}/submit", {"parameters": dict(filled.values)})
        return RemoteJob(self._app, made["id"])

    def schedule_filled(self, filled: Filled, when: str | None = None) -> RemoteSchedule:
        """Have jobs made of it again and again."""
        body = {"parameters": dict(filled.values), "when": when}
        made = self._wire.post(f"{_path(filled)}/schedule", body)
        return RemoteSchedule(self._app, self._wire, made["id"])


def _path(filled: Filled) -> str:
    return f"templates/{part(f'{filled.template}@{filled.version}')}"


def _sorted_out(given: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a template, and beside them the options of its jobs."""
    parts = {key: value for key, value in given.items() if key in _PARTS}
    return parts | {"options": {key: given[key] for key in given if key not in _PARTS}}


def _template(told: read.Told) -> Template:
    """One version of a template."""
    parameters = {name: Parameter.parse(each) for name, each in told["parameters"].items()}
    made = to_datetime(parse_moment(told["created_at"]))
    return Template(**{**told, "parameters": parameters, "created_at": made})


def _filled(told: read.Told) -> Filled:
    """A template with its parameters put in."""
    parts = dict(told)
    return Filled(values=parts.pop("parameters"), **parts)
