"""`/search` and `/graph`: what there is of a text or a tag, and what led to what."""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO, Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field
from starlette.responses import StreamingResponse

from offhours.api.auth import Reader
from offhours.api.context import Here, Server
from offhours.api.problems import Problem
from offhours.api.routes.job_shapes import StateName
from offhours.api.shapes import Limit, Moment, Shape, problems
from offhours.core.errors import OptionError
from offhours.graph.graph import LONGEST_NAME
from offhours.views import artifact_dict, found_job_dict

router = APIRouter(prefix="/api/v1", tags=["search"], responses=problems())

_CHUNK = 64 * 1024
KindName = Literal[
    "plan", "function", "workflow", "sub_workflow", "prompt", "pattern", "tool", "document",
    "result", "job",
]  # fmt: skip
Ref = Annotated[
    str,
    Query(
        min_length=1, max_length=LONGEST_NAME, pattern=r"^[^\x00]+$",
        description="job_42, its second run exec_42.2, schedule_7, defer_1234, thought_5, the id "
        "of a goal, or what was added.",
        examples=["job_42"],
    ),
]  # fmt: skip


class ArtifactShape(Shape):
    """Something that was found; its score grows with its likeness."""

    model_config = ConfigDict(title="Artifact", extra="forbid")

    id: str
    type: str
    name: str
    description: str
    content: str
    tags: list[str]
    metadata: Any
    score: float


class FoundJob(Shape):
    """A job in which all the words stand."""

    id: int
    task: str
    name: str | None
    state: StateName
    created_at: Moment


class FoundShape(Shape):
    """What was found: by meaning (`semantic`), or by its words (`lexical`)."""

    model_config = ConfigDict(title="Found", extra="forbid")

    mode: Literal["semantic", "lexical"]
    found: list[ArtifactShape]
    jobs: list[FoundJob]


class EdgeShape(Shape):
    """How two nodes are related."""

    model_config = ConfigDict(title="Edge", extra="forbid")

    src: str
    type: str
    dst: str


class CauseShape(Shape):
    """Why something happened: the way back to what began it."""

    model_config = ConfigDict(title="Cause", extra="forbid")

    sentence: str
    steps: list[str]
    edges: list[EdgeShape]


class AboutShape(Shape):
    """A node, why it happened, and the edges at it."""

    model_config = ConfigDict(title="About", extra="forbid")

    id: str
    node: dict[str, Any] = Field(description="The documented form: node_type, its id, metadata.")
    why: CauseShape
    edges: list[EdgeShape]


@router.get("/search", summary="Find schedules, tasks, artefacts and jobs")
def search(
    here: Here,
    who: Reader,
    q: Annotated[str, Query(max_length=2_000, pattern=r"^[^\x00]*$")] = "",
    tag: Annotated[
        list[Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]],
        Query(max_length=20, description="Only what has this tag, exactly; may be repeated."),
    ] = [],  # noqa: B006
    type: KindName | None = None,  # noqa: A002
    limit: Limit = 10,
) -> FoundShape:
    """The best first: so many jobs, and so many of all else. Names come first, then what is alike.

    Schedules are of the type `plan`, tasks of the type `function`.
    """
    if not q.strip() and not tag:
        raise OptionError("q, tag: say what to find")
    found = here.app.search.everything(q, type=type, tags=tag, limit=limit)
    return FoundShape.model_validate(
        {
            "mode": found.mode,
            "found": [artifact_dict(each) for each in found.artifacts],
            "jobs": [found_job_dict(job) for job in found.jobs],
        }
    )


@router.get("/graph", summary="Why something happened", responses=problems(404))
def about(
    here: Here,
    who: Reader,
    node: Ref,
    type: Annotated[  # noqa: A002
        str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="Of the edges.")
    ] = None,
    limit: Limit = 20,
) -> AboutShape:
    """And what is around it."""
    found = here.app.graph.about(node, type=type, limit=limit)
    if found is None:
        raise _unknown(here, node)
    return AboutShape.model_validate({"id": found.node.id, **found.to_dict()})


@router.get(
    "/graph:export",
    summary="The graph as a file",
    response_class=StreamingResponse,
    responses={
        **problems(404),
        200: {"description": "The file.", "content": {"application/json": {},
                                                      "application/graphml+xml": {}}},
    },
)  # fmt: skip
def export(
    here: Here,
    who: Reader,
    around: Ref | None = None,
    depth: Annotated[int, Query(ge=1, le=10)] = 2,
    format: Literal["json", "graphml"] = "json",  # noqa: A002
) -> StreamingResponse:
    """All of it, or what is `around` a node: node-link JSON for networkx, GraphML for Gephi. The
    header `X-Nodes` says how many nodes it has."""
    if around is not None and here.app.graph.node(around) is None:
        raise _unknown(here, around)
    file = TemporaryFile("w+", encoding="utf-8", newline="")  # noqa: SIM115  (closed when sent)
    try:
        count = here.app.graph.export(file, format, around=around, depth=depth)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    kind = "application/json" if format == "json" else "application/graphml+xml"
    return StreamingResponse(_sent(file), media_type=kind, headers={"X-Nodes": str(count)})


def _sent(file: IO[str]) -> Iterator[str]:
    with file:
        while part := file.read(_CHUNK):
            yield part


def _unknown(here: Server, node: str) -> Problem:
    return Problem(
        404, "not_found", f"nothing called {node} in {here.app.store.name}",
        "jobs are job_42, schedules schedule_7; GET api/v1/search finds others",
    )  # fmt: skip
