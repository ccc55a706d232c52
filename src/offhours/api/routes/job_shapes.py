"""Jobs as they are asked for and answered."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import Path
from pydantic import ConfigDict, Field, StringConstraints

from offhours.api.context import Server
from offhours.api.problems import Problem
from offhours.api.shapes import (
    MOST_AT_ONCE,
    Moment,
    Number,
    Shape,
    Span,
    Text,
    read_cursor,
)
from offhours.api.tokens import Principal
from offhours.core.errors import JobNotFound
from offhours.core.filters import read_filter
from offhours.core.lists import JobFilter
from offhours.core.model import Job
from offhours.looking import fingerprint, newest_failures

PriorityName = Literal["critical", "high", "normal", "low", "background"]
StateName = Literal["pending", "held", "running", "succeeded", "failed", "cancelled"]
Ago = Annotated[
    str,
    StringConstraints(max_length=64),
    Field(description="RFC 3339, or how long ago: 2h.", examples=["2026-06-01T09:00:00Z", "2h"]),
]
JobId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The number of a job.")]


class JobHead(Shape):
    """What lists and details tell alike. Times are RFC 3339 in UTC."""

    id: int
    task: str
    name: str | None
    state: StateName
    priority: PriorityName
    queue: str
    tenant: str | None
    concurrency_key: str | None
    attempts: int
    max_attempts: int | None
    deferrals: int
    created_at: Moment
    run_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    worker: int | None
    code: str | None
    reason: str | None
    schedule: int | None
    retry_of: int | None


class JobRow(JobHead):
    """A job of a list: the beginning of its arguments, the last line of its error, no result."""

    arguments: str
    error: str | None
    progress: float | None


class JobShape(JobHead):
    """All about a job. Times are RFC 3339 in UTC."""

    model_config = ConfigDict(title="Job", extra="forbid")

    crashes: int
    timeout_ms: int | None
    parent: int | None
    expires_at: Moment | None
    fire_at: Moment | None
    metadata: dict[str, Any] | None
    progress: Any
    arguments: Any = Field(description="[positional, by name]")
    result: Any
    error: str | None


class WhyShape(Shape):
    """Why something stands where it stands, and when that may change."""

    model_config = ConfigDict(
        title="Why",
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "code": "foreground",
                    "sentence": "background work waits for the workflow wf_123",
                    "until": "2026-06-01T09:00:10.000000Z",
                }
            ]
        },
    )
    code: str
    sentence: str
    until: Moment | None


class EventShape(Shape):
    """A fact. `seq` grows in commit order."""

    model_config = ConfigDict(title="Event", extra="forbid")

    seq: int
    at: Moment
    kind: str
    job: int | None
    attempt: int | None
    data: Any


class History(Shape):
    """What happened to one job, from its submission on."""

    data: list[EventShape]


class NewJob(Shape):
    """A job to be stored. The task must be one that the app or a worker knows."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"task": "shop:mail", "args": ["ann@example.org"], "priority": "high"}]
        },
    )

    task: Text
    args: list[Any] = Field([], max_length=1_000)
    kwargs: dict[str, Any] = Field({}, max_length=1_000)
    priority: PriorityName | None = None
    name: Text | None = None
    metadata: dict[str, Any] | None = None
    tags: list[Text] | None = Field(None, max_length=100)
    delay: Span | None = None
    at: Moment | None = None
    expires: Span | None = None
    unique: Text | None = None
    queue: Text | None = None
    tenant: Text | None = None
    concurrency_key: Text | None = None
    per_key: int | None = Field(None, ge=1, le=1_000_000)
    retries: int | None = Field(None, ge=0, le=1_000_000)
    timeout: Span | None = None


NOBODYS = 2**63 - 1
"""A number that no job has: a filter by no number at all would mean every job."""


class Filter(Shape):
    """Which jobs are meant; what is left out leaves all."""

    ids: list[Number] = Field([], max_length=MOST_AT_ONCE)
    state: list[StateName] = Field([], max_length=6)
    task: list[Text] = Field([], max_length=100)
    queue: list[Text] = Field([], max_length=100)
    priority: list[PriorityName] = Field([], max_length=5)
    tenant: Text | None = None
    tag: list[Text] = Field([], max_length=100)
    schedule: Number | None = None
    flow: Number | None = None
    q: Text | None = Field(None, description="Text in name, task, arguments, error or reason.")
    since: Ago | None = Field(None, description="Submitted then or later.")
    until: Ago | None = Field(None, description="Submitted before then.")
    finished_after: Ago | None = Field(None, description="Ended then or later.")
    finished_before: Ago | None = Field(None, description="Ended before then.")
    fingerprint: Text | None = Field(
        None, description="Of the newest 1,000 failures, those of this cause: `GET failures`."
    )

    def where(self, here: Server, principal: Principal) -> dict[str, Any]:
        """The filter in words, within what the asker may see."""
        names = [name for name in Filter.model_fields if name != "fingerprint"]
        given = {name: getattr(self, name) or None for name in names}
        if self.fingerprint is not None:
            failed = newest_failures(here.app)
            found = [job.id for job in failed if fingerprint(job) == self.fingerprint]
            given["ids"] = [i for i in found if not self.ids or i in self.ids] or [NOBODYS]
        return given | {"tenant": tenant_of(principal, self.tenant)}

    def wanted(self, here: Server, principal: Principal) -> JobFilter:
        """The filter for the store."""
        return read_filter(self.where(here, principal), here.now(), here.app.settings.timezone)


class Question(Filter):
    """What can be asked of the list of jobs."""

    sort: Literal["-id", "id"] = Field("-id", description="Newest first, or oldest first.")
    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(None, max_length=200)
    after: Number | None = Field(None, description="Instead of a cursor: behind this job.")
    skip: int = Field(0, ge=0, le=10_000_000, description="Leave out so many after the cursor.")
    count: bool = False
    full: bool = Field(False, description="Each job whole, with its arguments and its result.")

    @property
    def place(self) -> int:
        """Behind which job the page begins; 0 for the first one."""
        return self.after or read_cursor(self.cursor, f"jobs{self.sort}")


class Reason(Shape):
    """Why; it is kept with the job and told by `why`."""

    reason: str = Field("", max_length=500, pattern=r"^[^\x00]*$")


class Until(Reason):
    """Until when: a moment, a time of the day, or a delay."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"until": "14:00", "reason": "rate limit"}]},
    )
    until: float | Annotated[str, Field(max_length=64)]


class Sent(Shape):
    """A signal for which a job waits, now or later, and the JSON that it brings."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"signal": "go", "payload": {"version": 3}}]},
    )
    signal: Text
    payload: Any = None


class Signalled(Shape):
    """Which job was sent which signal."""

    job: int
    signal: str


class Cancelled(Shape):
    """`cancelled` at once, or `asked_to_stop` because it runs."""

    id: int
    outcome: Literal["cancelled", "asked_to_stop"]


class Progress(Shape):
    """How far a job is, as its task told last."""

    id: int
    state: StateName
    fraction: float | None
    message: str | None
    partial: Any


def tenant_of(principal: Principal, asked: str | None) -> str | None:
    """Whose jobs are meant: a tenant's token means its own, whatever it asks for."""
    if principal.tenant is None or asked in (None, principal.tenant):
        return asked if principal.tenant is None else principal.tenant
    raise Problem(403, "forbidden", "the token is another tenant's", "leave `tenant` out")


def options_of(principal: Principal, new: NewJob) -> dict[str, Any]:
    """How a job is to be stored. Keys that a tenant's token gives are that tenant's own: with a
    key of somebody else's it could learn of their job, and hold it up."""
    told = new.model_dump(exclude={"task", "args", "kwargs"})
    options = {key: value for key, value in told.items() if value is not None}
    tenant = tenant_of(principal, new.tenant)
    if tenant is not None:
        options["tenant"] = tenant
    if principal.tenant is not None:
        for key in {"unique", "concurrency_key"} & options.keys():
            options[key] = f"{quote(principal.tenant, safe='')}/{options[key]}"
    return options


def job_of(here: Server, principal: Principal, job_id: int) -> Job:
    """A job that the asker may see; for those of others it is as if there were none."""
    job = here.app.record(job_id)
    if principal.tenant is not None and job.tenant != principal.tenant:
        raise JobNotFound(f"no job {job_id} in {here.app.store.name}")
    return job
