"""`app.templates`: kept, looked at, filled, submitted and scheduled."""

from __future__ import annotations

import builtins
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from offhours.acting import CODE, steers
from offhours.core.errors import Conflict, TemplateError, TemplateNotFound, did_you_mean
from offhours.core.here import actor
from offhours.core.templates import StoredTemplate, split_name
from offhours.engine.codec import dump
from offhours.handles import JobHandle, SubmitOptions, TaskHandle
from offhours.options import tagged
from offhours.templates.checking import checked, plain_options
from offhours.templates.template import Filled, Template

if TYPE_CHECKING:
    from offhours.app import Offhours
    from offhours.schedules import ScheduleHandle

_PARTS = ("task", "args", "kwargs", "parameters", "description", "schedule")
_OF_SCHEDULE = (
    "name", "priority", "queue", "retries", "timeout", "metadata", "tags", "on_lost", "expires",
)  # fmt: skip
_LOOKED_AT = 500


class Templates:
    """Jobs written down beforehand, under names.

    A name may have a version, as in "report@2"; without one, the newest is meant.

    >>> from offhours.testing import memory_app
    >>> app = memory_app()
    >>> report = app.task(name="report")(lambda folder, pages: f"{folder}: {pages}")
    >>> made = app.templates.create(
    ...     "weekly", "report", args=["reports/{team}", "{pages}"],
    ...     parameters={"team": ["sales", "legal"], "pages": {"type": "int", "default": 3}},
    ...     name="report of {team}", tags=["weekly"],
    ... )
    >>> job = app.templates.submit("weekly", team="sales")
    >>> _ = app.drain()
    >>> job.record.name, job.result()
    ('report of sales', 'reports/sales: 3')
    """

    def __init__(self, app: Offhours) -> None:
        self._app = app
        self._table = app.store.templates

    # -- asking -----------------------------------------------------------------------------

    def get(self, name: str) -> Template:
        """A template; `TemplateNotFound` when there is none, or no such version."""
        plain, version = split_name(name)
        found = None if version == 0 or "\0" in name else self._table.get(plain, version)
        if found is None:
            known = [each.name for each in self._table.page(limit=_LOOKED_AT)]
            near = did_you_mean(plain, known) if plain not in known else ""
            raise TemplateNotFound(f"no template {name[:120]!r} in {self._app.store.name}{near}")
        return Template.of(found)

    def list(
        self, *, task: str | None = None, after: str = "", limit: int = 50
    ) -> builtins.list[Template]:
        """A page of templates by name; `after` is the last name of the page before."""
        return [Template.of(row) for row in self._table.page(task=task, after=after, limit=limit)]

    def versions(self, name: str, limit: int = 50) -> builtins.list[Template]:
        """The versions of a template, the newest first."""
        plain = self.get(name).name
        return [Template.of(row) for row in self._table.versions(plain, limit)]

    # -- keeping ----------------------------------------------------------------------------

    @steers
    def create(
        self,
        name: str,
        task: TaskHandle[..., Any] | str,
        /,
        *,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
        schedule: Mapping[str, Any] | None = None,
        description: str | None = None,
        **options: Any,
    ) -> Template:
        """Keep a template. A name that is taken is a `Conflict`; all faults are told at once.

        parameters: for each its type ("str", "int", "float", "bool", "date"), its choices as a
            list, or a mapping of `type`, `choices`, `default` and `description`
        schedule: `when` and what else a schedule of it has, such as `timezone` or `overlap`
        options: of `submit`, but for `after`, `connection` and `durable`
        """
        new = checked(
            self._app,
            {"name": name, "task": task, "args": _listed(args), "kwargs": kwargs,
             "parameters": parameters, "schedule": schedule, "description": description,
             "options": plain_options(options)},
        )  # fmt: skip
        return self._put(new, None)

    @steers
    def define(self, name: str, task: TaskHandle[..., Any] | str, /, **parts: Any) -> Template:
        """Keep a template as a program says it at each start: said again, it changes nothing; said
        otherwise, it is a new version. What it takes is what `create` takes."""
        options = {key: value for key, value in parts.items() if key not in _PARTS}
        said = {key: value for key, value in parts.items() if key in _PARTS}
        new = checked(
            self._app,
            {**said, "name": name, "task": task, "args": _listed(said.get("args") or ()),
             "options": plain_options(options)},
        )  # fmt: skip
        known = self._table.get(new.name)
        if known is None:
            return self._put(new, None)
        old = Template.of(known)
        return old if _stored_alike(new, old) else self._put(new, old)

    @steers
    def update(
        self,
        name: str,
        /,
        *,
        expect: int | None = None,
        without: Collection[str] = (),
        **changes: Any,
    ) -> Template:
        """Make a new version, in which what is given is changed; jobs and schedules that were made
        of the old ones stay as they are.

        expect: the version that you have looked at; `Conflict` when there is another one since
        without: options that it has no more
        """
        old = self.get(split_name(name)[0])
        if expect is not None and expect != old.version:
            raise _changed(old.name, old.version)
        parts = {key: changes.pop(key) for key in _PARTS if key in changes}
        unknown = [key for key in without if key not in old.options]
        if unknown:
            raise TemplateError({f"without/{key}": "is no option of it" for key in unknown})
        kept = {key: value for key, value in old.options.items() if key not in without}
        given = {
            "name": old.name, "task": old.task, "description": old.description,
            **old.body, **parts, "options": {**kept, **plain_options(changes)},
        }  # fmt: skip
        new = checked(self._app, given)
        return old if _stored_alike(new, old) else self._put(new, old)

    @steers
    def delete(self, name: str, *, expect: int | None = None) -> None:
        """Take a template away; what was made of it stays, and its versions are never given again.

        expect: the version that you have looked at; `Conflict` when there is another one since
        """
        old = self.get(split_name(name)[0])
        now = self._app.clock.micros()
        if (expect is not None and expect != old.version) or not self._table.retire(
            old.name, old.version, now, old.told()
        ):
            raise _changed(old.name, self.get(old.name).version)

    def _put(self, new: Template, old: Template | None) -> Template:
        now = self._app.clock.micros()
        body = dump(new.body, "template", self._app.settings.max_payload)
        row = StoredTemplate(new.name, 0, new.task, new.description, body, now, actor.get() or CODE)
        was, before = (None, None) if old is None else (old.told(), old.version)
        stored = self._table.put(row, before, now, was, new.told())
        if stored is None:
            known = self._table.get(new.name)
            if old is None and known is not None:
                raise Conflict(
                    f"there is a template {new.name!r} already, in version {known.version}; "
                    "update it, or take another name"
                )
            raise _changed(new.name, 0 if known is None else known.version)
        return Template.of(stored)

    # -- using ------------------------------------------------------------------------------

    def preview(self, name: str, /, **parameters: Any) -> Filled:
        """What `submit` would store, checked; nothing is stored."""
        return self.fill(name, parameters)

    def fill(self, name: str, parameters: Mapping[str, Any], *, typed: bool = True) -> Filled:
        """The same with a mapping; with `typed=False` its values are what somebody has typed."""
        filled = self.get(name).filled(parameters, typed=typed)
        self._app.new_job(
            self._app.task_named(filled.task), tuple(filled.args), filled.kwargs, _submit(filled)
        )
        return filled

    def submit(self, name: str, /, **parameters: Any) -> JobHandle[Any]:
        """Store a job of a template. All that is wrong with the parameters is a `ParameterError`.

        The job's metadata say which template made it, and in which version.
        """
        return self.submit_filled(self.fill(name, parameters))

    def submit_filled(self, filled: Filled) -> JobHandle[Any]:
        """Store a job of what a template was filled to."""
        task = self._app.task_named(filled.task)
        call = (tuple(filled.args), filled.kwargs)
        [job] = self._app.submit_calls(task, [call], _submit(filled))
        return job

    def schedule(self, name: str, when: str | None = None, /, **parameters: Any) -> ScheduleHandle:
        """Have a job of a template made again and again: `when` is English or a cron expression,
        else that of the template.

        The schedule is called as its jobs are, else by the template and its parameters. Said again
        it changes nothing. It keeps what it was made of when the template changes.
        """
        return self.schedule_filled(self.fill(name, parameters), when)

    def schedule_filled(self, filled: Filled, when: str | None = None) -> ScheduleHandle:
        """Have jobs made of what a template was filled to."""
        chosen = dict(filled.schedule)
        said = chosen.pop("when", None) if when is None else when
        chosen.pop("when", None)
        if said is None:
            raise TemplateError({"when": f"{filled.template} has no times of its own; say when"})
        own = [key for key in filled.options if key not in _OF_SCHEDULE]
        if own:
            why = "is for one job; a schedule's jobs cannot have it"
            raise TemplateError({f"options/{key}": why for key in own})
        options = {key: value for key, value in filled.options.items() if key != "tags"}
        options["metadata"] = tagged(options["metadata"], filled.options.get("tags"))
        options.setdefault("name", _called(filled))
        task = self._app.task_named(filled.task)
        return self._app.schedules.add(
            task, said, filled.args, filled.kwargs, cast(Any, {**options, **chosen})
        )


def _listed(args: Iterable[Any]) -> object:
    return args if isinstance(args, str | bytes | Mapping) else [*args]


def _stored_alike(new: Template, old: Template) -> bool:
    """Whether they would be kept as the same text: a tuple is a list there."""
    fresh = replace(old, **{part: getattr(new, part) for part in ("task", "description")})
    limit = 2**31
    return fresh.same_as(old) and dump(new.body, "", limit) == dump(old.body, "", limit)


def _changed(name: str, version: int) -> Conflict:
    return Conflict(
        f"template {name} was changed meanwhile: it is at version {version}; look at it again"
    )


def _submit(filled: Filled) -> SubmitOptions:
    return cast(SubmitOptions, dict(filled.options))


def _called(filled: Filled) -> str:
    told = json.dumps(dict(filled.values), default=str, ensure_ascii=False, sort_keys=True)
    return filled.template if not filled.values else f"{filled.template} {told}"[:200]
