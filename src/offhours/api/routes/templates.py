"""`/templates`: jobs written down beforehand, filled and submitted."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import ConfigDict, Field, StringConstraints

from offhours.api.auth import Admin, Reader, Submitter
from offhours.api.context import Here, Server
from offhours.api.known import task_of
from offhours.api.problems import Problem
from offhours.api.routes.job_shapes import JobShape
from offhours.api.routes.schedule_shapes import ScheduleShape, When
from offhours.api.routes.schedules import schedule_answer
from offhours.api.shapes import Limit, Moment, Shape, Text, problems
from offhours.api.versions import IfMatch, check_match, other_version
from offhours.core.errors import Conflict, ParameterError
from offhours.core.templates import split_name
from offhours.handles import job_dict
from offhours.templates import Filled, Template
from offhours.views import filled_dict, template_dict

router = APIRouter(prefix="/api/v1/templates", tags=["templates"], responses=problems())

Key = Annotated[
    str,
    Path(max_length=120, pattern=r"^[^\x00/]+$", description="A name, or one version: `report@2`."),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00/@]+$")]
Values = Annotated[dict[str, Any], Field(max_length=100)]


class TemplateShape(Shape):
    """One version of a template."""

    model_config = ConfigDict(title="Template", extra="forbid")

    name: str
    version: int
    task: str
    description: str | None
    args: list[Any]
    kwargs: dict[str, Any]
    parameters: dict[str, Any]
    options: dict[str, Any]
    schedule: dict[str, Any]
    created_at: Moment
    created_by: str


class TemplateList(Shape):
    """Templates by name; with a `next_after` there are more."""

    data: list[TemplateShape]
    next_after: str | None


class Versions(Shape):
    """The versions of a template, the newest first."""

    data: list[TemplateShape]


class Parts(Shape):
    """What a template is made of. Texts may have placeholders like `{folder}`."""

    args: list[Any] = Field([], max_length=1_000)
    kwargs: dict[str, Any] = Field({}, max_length=1_000)
    parameters: Values = Field({}, description="For each: a type, choices, or a mapping.")
    options: Values = Field({}, description="Those of a submit.")
    schedule: Values = Field({}, description="`when`, and options of a schedule.")
    description: str | None = Field(None, max_length=10_000)


class NewTemplate(Parts):
    """A template to be kept. The task must be one that the app or a worker knows."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "welcome", "task": "shop:mail", "args": ["{to}", "Hello {who}"],
                    "parameters": {"to": "str", "who": {"type": "str", "default": "you"}},
                    "options": {"priority": "high", "tags": ["welcome"]},
                }
            ]
        },
    )  # fmt: skip
    name: Name
    task: Text


class Changes(Parts):
    """What is given takes the place of what was there; all else stays."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"options": {"priority": "low"}}]}
    )
    task: Text | None = None


class Given(Shape):
    """What the parameters are."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"parameters": {"to": "ann@example.org"}}]}
    )
    parameters: Values = Field({})
    typed: bool = Field(True, description="false: texts, as somebody types them.")

    def fill(self, here: Server, name: str) -> Filled:
        """The template with them put in; `errors` tells all that is wrong."""
        given = self.parameters
        odd = [] if self.typed else [key for key in given if not isinstance(given[key], str)]
        if odd:
            raise ParameterError(dict.fromkeys(odd, "is no text, and `typed` is false"))
        return here.app.templates.fill(name, given, typed=self.typed)


class Planned(Given):
    """The same, and when; without it, as the template says."""

    when: When | None = None


class FilledShape(Shape):
    """What would be stored."""

    model_config = ConfigDict(title="Filled", extra="forbid")

    template: str
    version: int
    task: str
    args: list[Any]
    kwargs: dict[str, Any]
    options: dict[str, Any]
    schedule: dict[str, Any]
    parameters: dict[str, Any]


@router.get("", summary="List templates")
def templates(
    here: Here,
    who: Reader,
    task: Annotated[str | None, Query(max_length=500, pattern=r"^[^\x00]*$")] = None,
    after: Annotated[str, Query(max_length=100, pattern=r"^[^\x00]*$")] = "",
    limit: Limit = 50,
) -> TemplateList:
    """By name, each in its newest version."""
    found = here.app.templates.list(task=task, after=after, limit=limit)
    more = found[-1].name if len(found) == limit else None
    data = [template_dict(each) for each in found]
    return TemplateList.model_validate({"data": data, "next_after": more})


@router.post("", status_code=201, summary="Keep a template", responses=problems(409, 507))
def create(here: Here, who: Admin, new: NewTemplate, response: Response) -> TemplateShape:
    """A name that is taken is a conflict. `errors` tells all that is wrong."""
    task_of(here, new.task)
    given = new.model_dump(exclude={"name", "task", "options"})
    made = here.app.templates.create(new.name, new.task, **given, **new.options)
    response.headers["Location"] = f"templates/{made.name}"
    return _answer(made, response)


@router.get("/{name}", summary="One template", responses=problems(404))
def one_template(here: Here, who: Reader, name: Key, response: Response) -> TemplateShape:
    """Its ETag goes into `If-Match` of a change."""
    return _answer(here.app.templates.get(name), response)


@router.get("/{name}/versions", summary="Its versions", responses=problems(404))
def versions(here: Here, who: Reader, name: Key, limit: Limit = 50) -> Versions:
    """The newest first."""
    found = here.app.templates.versions(name, limit)
    return Versions.model_validate({"data": [template_dict(each) for each in found]})


@router.patch("/{name}", summary="Change it", responses=problems(404, 409, 412, 428, 507))
def change(
    here: Here, who: Admin, name: Key, changes: Changes, response: Response,
    if_match: IfMatch = None,
) -> TemplateShape:  # fmt: skip
    """A new version, unless somebody has changed it since you looked. `options` are all options."""
    old = _matched(here, name, if_match)
    given = {key: getattr(changes, key) for key in changes.model_fields_set}
    if changes.task is not None:
        task_of(here, changes.task)
    options = given.pop("options", None)
    without = () if options is None else [key for key in old.options if key not in options]
    try:
        made = here.app.templates.update(
            old.name, expect=old.version, without=without, **given, **(options or {})
        )
    except Conflict:
        raise _changed(here.app.templates.get(old.name)) from None
    return _answer(made, response)


@router.delete(
    "/{name}", status_code=204, summary="Take it away", responses=problems(404, 412, 428, 507)
)
def delete(here: Here, who: Admin, name: Key, if_match: IfMatch = None) -> None:
    """What was made of it stays."""
    old = _matched(here, name, if_match)
    try:
        here.app.templates.delete(old.name, expect=old.version)
    except Conflict:
        raise _changed(here.app.templates.get(old.name)) from None


@router.post("/{name}/preview", summary="What would be stored", responses=problems(404))
def preview(here: Here, who: Reader, name: Key, given: Given, request: Request) -> FilledShape:
    """With the parameters put in. Nothing is stored."""
    request.scope["audit"] = False
    filled = given.fill(here, name)
    return FilledShape.model_validate(filled_dict(filled))


@router.post(
    "/{name}/submit", status_code=201, summary="Submit a job of it",
    responses=problems(404, 409, 507),
)  # fmt: skip
def submit(here: Here, who: Submitter, name: Key, given: Given, response: Response) -> JobShape:
    """`errors` tells all that is wrong with the parameters, by `/parameters/NAME`."""
    filled = given.fill(here, name)
    task_of(here, filled.task)
    job = here.app.templates.submit_filled(filled)
    response.headers["Location"] = f"../../jobs/{job.id}"
    return JobShape.model_validate(job_dict(job.record))


@router.post(
    "/{name}/schedule", status_code=201, summary="Have jobs of it made again and again",
    responses=problems(404, 409, 507),
)  # fmt: skip
def schedule(
    here: Here, who: Admin, name: Key, planned: Planned, response: Response
) -> ScheduleShape:
    """Said again, it changes nothing."""
    filled = planned.fill(here, name)
    task_of(here, filled.task)
    made = here.app.templates.schedule_filled(filled, planned.when)
    response.headers["Location"] = f"../../schedules/{made.id}"
    return schedule_answer(here, made, response)


def _answer(template: Template, response: Response) -> TemplateShape:
    response.headers["ETag"] = etag(template)
    return TemplateShape.model_validate(template_dict(template))


def etag(template: Template) -> str:
    """What changes whenever somebody changes the template."""
    return f'"{template.version}"'


def _matched(here: Server, name: str, if_match: str | None) -> Template:
    template = here.app.templates.get(split_name(name)[0])
    check_match(if_match, etag(template), f"template {template.name}")
    return template


def _changed(template: Template) -> Problem:
    return other_version(etag(template), f"template {template.name}")
