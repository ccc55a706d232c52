"""`/training`: what serves each tenant, how it came to be, and back to what was before."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from offhours.api.auth import TenantOperator, TenantReader
from offhours.api.context import Here, Server
from offhours.api.known import task_of
from offhours.api.problems import Problem
from offhours.api.routes.job_shapes import JobShape, job_of, tenant_of
from offhours.api.routes.training_shapes import (
    Because,
    CycleShape,
    ModelId,
    ModelRow,
    NewCycle,
    Pardoned,
    Restored,
    WholeModel,
)
from offhours.api.shapes import Cursor, Limit, Page, page_of, problems, read_cursor
from offhours.api.tokens import Principal
from offhours.api.versions import IfMatch, check_match
from offhours.core.errors import ModelNotFound
from offhours.core.lists import JobFilter
from offhours.core.training import CHAMPION, Cycle, Model
from offhours.handles import job_dict
from offhours.training.registry import ModelHandle
from offhours.training.telling import cycle_dict, move_dict, version_dict

router = APIRouter(prefix="/api/v1/training", tags=["training"], responses=problems())

OPEN = ("pending", "held", "running")
_SHOWN = 5  # cycles of a model that have not ended
_MOST = 50

OfTenant = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]


@router.get("/models", summary="List models")
def models(
    here: Here, who: TenantReader, tenant: OfTenant = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[ModelRow]:
    """In the order in which they were first trained, each tenant's apart."""
    store = here.app.store
    store.cycles.settle_lost(here.now())
    found = store.models.all(tenant_of(who, tenant), read_cursor(cursor, "models"), limit)
    data = [_row(here, model) for model in found]
    page = page_of(data, limit, found[-1].id if found else None, "models")
    return Page[ModelRow].model_validate(page)


@router.get("/models/{model_id}", summary="One model", responses=problems(404))
def model(
    here: Here, who: TenantReader, model_id: ModelId, response: Response, limit: Limit = 50
) -> WholeModel:
    """Its newest versions, and how what serves has changed. Its ETag goes into `If-Match`."""
    return _answer(here, _model(here, who, model_id), response, limit)


@router.get("/cycles", summary="List learning cycles", responses=problems(404))
def cycles(
    here: Here,
    who: TenantReader,
    tenant: OfTenant = None,
    model: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="Its number.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[CycleShape]:
    """The newest first: of all models, of a tenant's, or of one."""
    before = read_cursor(cursor, "cycles") or None
    if model is None:
        here.app.store.cycles.settle_lost(here.now())
        found = here.app.store.cycles.latest(tenant_of(who, tenant), before, limit)
    else:
        found = _model(here, who, model).cycles(limit, before)
    named = {number: _named(here, number) for number in {cycle.model_id for cycle in found}}
    data = [_cycle(cycle, named[cycle.model_id]) for cycle in found]
    page = page_of(data, limit, found[-1].id if found else None, "cycles")
    return Page[CycleShape].model_validate(page)


@router.post("/cycles", status_code=202, summary="Have a cycle made",
             responses=problems(409, 507))  # fmt: skip
def make(here: Here, who: TenantOperator, new: NewCycle, response: Response) -> JobShape:
    """A cycle is a job, and `Location` its address: it starts when the model's gates open."""
    tenant = tenant_of(who, new.tenant)
    if tenant is None:
        raise Problem(
            422, "invalid", "tenant: whose model is to be trained", "give `tenant`",
            faults=[{"pointer": "/tenant", "detail": "it is missing"}],
        )  # fmt: skip
    task_of(here, _task(new.model))
    job = here.app.train(new.model, tenant=tenant, force=new.force)
    response.headers["Location"] = f"../jobs/{job.id}"
    return JobShape.model_validate(job_dict(job_of(here, who, job.id)))


@router.post("/models/{model_id}/rollback", summary="Back to the version before",
             responses=problems(404, 409, 412, 428, 507))  # fmt: skip
def rollback(
    here: Here, who: TenantOperator, model_id: ModelId, response: Response,
    because: Because | None = None, if_match: IfMatch = None,
) -> WholeModel:  # fmt: skip
    """`previous` serves again, in the name of who holds the token."""
    found, serving = _matched(here, who, model_id, if_match)
    found.rollback(who.name, because.reason if because else "", serving)
    return _answer(here, found, response)


@router.post("/models/{model_id}/restore", summary="Let a version serve",
             responses=problems(404, 409, 412, 428, 507))  # fmt: skip
def restore(
    here: Here, who: TenantOperator, model_id: ModelId, told: Restored, response: Response,
    if_match: IfMatch = None,
) -> WholeModel:  # fmt: skip
    """Any one whose bytes are still there, promoted before or not: a person's word."""
    found, serving = _matched(here, who, model_id, if_match)
    found.restore(told.version, who.name, told.reason, serving)
    return _answer(here, found, response)


@router.post("/models/{model_id}/pardon", summary="End a cool-down",
             responses=problems(404, 409, 507))  # fmt: skip
def pardon(here: Here, who: TenantOperator, model_id: ModelId) -> Pardoned:
    """The failures in a row are counted from nothing again."""
    return Pardoned(pardoned=_model(here, who, model_id).pardon(who.name))


def _task(name: str) -> str:
    return f"train:{name}"


def _named(here: Server, model_id: int) -> Model:
    found = here.app.store.models.by_id(model_id)
    if found is None:
        raise ModelNotFound(f"no model {model_id} in {here.app.store.name}")
    return found


def _model(here: Server, who: Principal, model_id: int) -> ModelHandle:
    """A model that the asker may see; for those of others it is as if there were none."""
    found = _named(here, model_id)
    if who.tenant is not None and found.tenant != who.tenant:
        raise ModelNotFound(f"no model {model_id} in {here.app.store.name}")
    return here.app.models(found.tenant).handle(found)


def _matched(
    here: Server, who: Principal, model_id: int, if_match: str | None
) -> tuple[ModelHandle, int | None]:
    """A model, and the version that serves by what the asker has seen."""
    found = _model(here, who, model_id)
    aliases = found.aliases()
    check_match(if_match, _etag(found, aliases), f"what serves as {found.name}")
    return found, aliases.get(CHAMPION)


def _etag(model: ModelHandle, aliases: dict[str, int]) -> str:
    last = model.history(1)
    return f'"{model.record.id}.{aliases.get(CHAMPION, 0)}.{last[0].id if last else 0}"'


def _answer(here: Server, model: ModelHandle, response: Response, limit: int = _MOST) -> WholeModel:
    aliases = model.aliases()
    response.headers["ETag"] = _etag(model, aliases)
    return WholeModel.model_validate(
        _row(here, model.record)
        | {
            "versions": [version_dict(each, aliases) for each in model.versions(limit)],
            "moves": [move_dict(each) for each in model.history(limit)],
        }
    )


def _row(here: Server, model: Model) -> dict[str, Any]:
    models, cycles = here.app.store.models, here.app.store.cycles
    aliases = models.aliases(model)
    counts, last = cycles.counts(model, None), cycles.cycles(model, limit=1)
    champion = aliases.get(CHAMPION)
    version = None if champion is None else models.version_by_id(model, champion.version_id)
    return {
        "id": model.id,
        "tenant": model.tenant,
        "model": model.name,
        "aliases": {name: alias.number for name, alias in aliases.items()},
        "golden": model.golden,
        "metrics": None if version is None else json.loads(version.metrics),
        "cycles": counts.total,
        "good": counts.good,
        "bad": counts.bad,
        "skipped": counts.skipped,
        "last": _cycle(last[0], model) if last else None,
        "waiting": _waiting(here, model),
    }


def _cycle(cycle: Cycle, model: Model) -> dict[str, Any]:
    whose = {"model_id": model.id, "tenant": model.tenant, "model": model.name}
    return cycle_dict(cycle) | whose


def _waiting(here: Server, model: Model) -> list[dict[str, Any]]:
    """Its cycles that have not ended: what a gate holds, and what works."""
    wanted = JobFilter(states=OPEN, tasks=(_task(model.name),))
    found = [
        job
        for job in here.app.store.lists.jobs(wanted, limit=_MOST)
        if (job.tenant or _asked_for(here, job.id)) == model.tenant
    ]
    return [
        {"job": job.id, "state": job.state.value, "why": here.app.why(job.id).to_dict()}
        for job in found[:_SHOWN]
    ]


def _asked_for(here: Server, job_id: int) -> object:
    """The tenant in the arguments of a cycle's job: one of a schedule belongs to none itself."""
    given, named = json.loads(here.app.record(job_id).args)
    return named.get("tenant_id") or next(iter(given), None)
