"""`/recorder/tools`: what is usual for each tool, and from where on a call is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from offhours.api.auth import Operator, Reader
from offhours.api.context import Here
from offhours.api.problems import Problem
from offhours.api.shapes import Shape, Text, problems
from offhours.recorder import process

if TYPE_CHECKING:
    from offhours.recorder import PerfCatcherInterceptor

router = APIRouter(prefix="/api/v1/recorder", tags=["recorder"], responses=problems())

_FIGURES = (
    "count", "errors", "samples", "mean_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms", "variance",
    "threshold", "mode", "limit_ms",
)  # fmt: skip


class ToolShape(Shape):
    """A tool of one recorder. Figures are of its last calls, `count` and `errors` of all.

    `mean_ms` is its baseline; a call that takes longer than `limit_ms` makes a dump.
    """

    model_config = ConfigDict(title="Tool", extra="forbid")

    tool: str
    recorder: int = Field(description="Which one of this process, from 1 on.")
    count: int
    errors: int
    samples: int
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    variance: float = Field(description="The last call against the mean: 0.35 is 35 % slower.")
    threshold: float
    mode: Literal["dynamic", "threshold", "fixed"]
    limit_ms: float | None


class Tools(Shape):
    """The tools that the recorders of the server's own process know."""

    data: list[ToolShape]
    recorders: int


class Threshold(Shape):
    """From which variance on a call of a tool is not usual: 0.2 is 20 % slower than its mean."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"tool": "search", "threshold": 0.2}]}
    )
    tool: Text
    threshold: float = Field(gt=0, le=100)


class Asked(Shape):
    """Why a dump is wanted."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "it felt slow"}]}
    )
    reason: str = Field(default="asked for", max_length=500, pattern=r"^[^\x00]*$")


class Dumped(Shape):
    """The ids of the dumps that were made."""

    dumps: list[str]


FLUSH_SECONDS = 2.0


@router.get("/tools", summary="List tools")
def tools(here: Here, who: Reader) -> Tools:
    """A recorder keeps its figures in memory, so those of other processes are not here."""
    found = _recorders()
    data = [
        _told(number, recorder.get_tool_stats(tool))
        for number, recorder in enumerate(found, 1)
        for tool in recorder.tools
    ]
    data.sort(key=lambda row: (row["tool"], row["recorder"]))
    return Tools.model_validate({"data": data, "recorders": len(found)})


@router.put("/tools", summary="Choose a tool's threshold", responses=problems(404))
def choose(here: Here, who: Operator, chosen: Threshold) -> Tools:
    """In the recorders of this process that know the tool, until it ends."""
    knowing = [recorder for recorder in _recorders() if chosen.tool in recorder.tools]
    if not knowing:
        raise Problem(
            404, "not_found", f"no recorder of this process knows a tool {chosen.tool[:64]!a}",
            "GET api/v1/recorder/tools lists them",
        )  # fmt: skip
    for recorder in knowing:
        recorder.set_tool_threshold(chosen.tool, chosen.threshold)
    return tools(here, who)


@router.post("/dumps", status_code=201, summary="Dump now", responses=problems(409))
def dump_now(here: Here, who: Operator, asked: Asked | None = None) -> Dumped:
    """What the recorders of this process hold, whatever it is; a `StoreSink` keeps it."""
    reason = (asked or Asked()).reason
    made = [dump for each in _recorders() if (dump := each.dump_now(reason)) is not None]
    if not made:
        raise Problem(
            409, "nothing_recorded", "no recorder of this process holds a call",
            "what goes through a PerfCatcherInterceptor is recorded",
        )  # fmt: skip
    for each in _recorders():
        each.flush(FLUSH_SECONDS)
    return Dumped(dumps=[dump.dump_id for dump in made])


def _recorders() -> list[PerfCatcherInterceptor]:
    """The oldest first, so that each keeps its number while the others live."""
    if not process.living():
        return []  # nothing of the recorder was loaded yet
    from offhours.recorder import PerfCatcherInterceptor

    found = [each for each in process.living() if isinstance(each, PerfCatcherInterceptor)]
    return sorted(found, key=lambda recorder: recorder.born)


def _told(number: int, stats: dict[str, Any]) -> dict[str, Any]:
    figures = {name: stats[name] for name in _FIGURES}
    return {"tool": stats["tool_name"], "recorder": number, **figures}
