"""`/optimizer`: what repeats, the automations made of it, their tests and trials."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from fastapi import APIRouter, Response

from offhours.api.auth import Admin, Operator, Reader
from offhours.api.context import Here, Server
from offhours.api.problems import Problem
from offhours.api.routes.job_shapes import JobShape
from offhours.api.routes.operations import OperationShape
from offhours.api.routes.optimizer_shapes import (
    AutomationId,
    Automations,
    Patterns,
    Trials,
    WholeAutomation,
)
from offhours.api.routes.training_shapes import Because
from offhours.api.shapes import Limit, problems
from offhours.api.versions import IfMatch, check_match
from offhours.core.errors import NotTested
from offhours.handles import job_dict
from offhours.optimize.creator import MicroAutomationCreator
from offhours.optimize.telling import (
    automation_dict,
    pattern_dict,
    trial_dict,
    whole_automation,
)
from offhours.views import operation_dict

if TYPE_CHECKING:
    from offhours.handles import JobHandle
    from offhours.optimize.automations import Automation
    from offhours.optimize.cycle import Findings
    from offhours.optimize.judging import Trying

router = APIRouter(prefix="/api/v1/optimizer", tags=["optimizer"], responses=problems())

_TOLD = 3  # tests that were not passed, in the answer of their operation


class Optimizer(Protocol):
    """What the routes ask of an `OptimizationEngine` that stands on the app."""

    @property
    def findings(self) -> Findings: ...
    @property
    def last_cycle(self) -> str | None: ...
    def look_soon(self) -> JobHandle[Any]: ...
    def test_automation(self, automation_id: str) -> Trying: ...
    def deploy(self, automation_id: str) -> Automation: ...


@router.get("/patterns", summary="List what repeats")
def patterns(here: Here, who: Reader) -> Patterns:
    """As the engine of this server's process has found it; nothing without one."""
    engine = _optimizer(here)
    if engine is None:
        return Patterns(data=[], last_cycle=None)
    automations = here.app.store.automations.all()
    found = sorted(
        (*engine.findings.routines, *engine.findings.patterns),
        key=lambda pattern: -pattern.automation_potential,
    )
    data = [pattern_dict(each, automations) for each in found]
    return Patterns.model_validate({"data": data, "last_cycle": engine.last_cycle})


@router.post("/cycles", status_code=202, summary="Look now", responses=problems(409, 507))
def look(here: Here, who: Operator, response: Response) -> JobShape:
    """A cycle is a background job, and `Location` its address; one waits at most."""
    job = _needed(here).look_soon()
    response.headers["Location"] = f"../jobs/{job.id}"
    return JobShape.model_validate(job_dict(job.record))


@router.get("/automations", summary="List automations")
def automations(here: Here, who: Reader) -> Automations:
    """Each with its verdict, its runs, and what they saved."""
    engine = _optimizer(here)
    found = here.app.store.automations.all()
    return Automations.model_validate(
        {
            "data": [automation_dict(each) for each in found],
            "refused": {} if engine is None else engine.findings.refused,
        }
    )


@router.get("/automations/{automation_id}", summary="One automation", responses=problems(404))
def automation(
    here: Here, who: Reader, automation_id: AutomationId, response: Response
) -> WholeAutomation:
    """With its script and tests. Its ETag changes with them, with the verdict and the state."""
    return _answer(here, automation_id, response)


@router.post(
    "/automations/{automation_id}/tests", status_code=202, summary="Test it",
    response_model=OperationShape, responses=problems(404, 409, 507),
)  # fmt: skip
def test(here: Here, who: Operator, automation_id: AutomationId) -> Response:
    """In the sandbox, as an operation. Its result tells the first tests that were not passed."""
    engine = _needed(here)
    _creator(here).get(automation_id)

    def act(chosen: str) -> None:
        trying = engine.test_automation(chosen)
        if trying.failures:
            reasons = "; ".join(failure.reason for failure in trying.failures[:_TOLD])
            many = len(trying.failures)
            raise NotTested(f"{many} of {trying.verdict.tests} tests not passed: {reasons}")

    begun = here.operations.begin("automations.test", who.name, None, [automation_id], act)
    return Response(
        json.dumps(operation_dict(begun)), 202,
        {"Location": f"../../../operations/{begun.id}"}, "application/json",
    )  # fmt: skip


@router.post("/automations/{automation_id}/deploy", summary="Let it run",
             responses=problems(404, 409, 412, 428, 507))  # fmt: skip
def deploy(
    here: Here, who: Admin, automation_id: AutomationId, response: Response,
    if_match: IfMatch = None,
) -> WholeAutomation:  # fmt: skip
    """Only what was tested as it is now, and passed."""
    check_match(if_match, _etag(_creator(here).get(automation_id)), automation_id)
    engine = _optimizer(here)
    (_creator(here) if engine is None else engine).deploy(automation_id)
    return _answer(here, automation_id, response)


@router.post("/automations/{automation_id}/withdraw", summary="Take it out of use",
             responses=problems(404, 409, 412, 428, 507))  # fmt: skip
def withdraw(
    here: Here, who: Operator, automation_id: AutomationId, response: Response,
    because: Because | None = None, if_match: IfMatch = None,
) -> WholeAutomation:  # fmt: skip
    """It stays, and may be deployed again."""
    creator = _creator(here)
    check_match(if_match, _etag(creator.get(automation_id)), automation_id)
    creator.withdraw(automation_id, because.reason if because else "")
    return _answer(here, automation_id, response)


@router.get("/trials", summary="List trials")
def trials(here: Here, who: Reader, running: bool = False, limit: Limit = 50) -> Trials:
    """The newest first. That of a deployed automation compares it with how it was done before."""
    found = here.app.store.automations.trials(running, limit)
    return Trials.model_validate({"data": [trial_dict(each) for each in found]})


def _optimizer(here: Server) -> Optimizer | None:
    found: Optimizer | None = here.app.attached.get("optimizer")
    return found


def _needed(here: Server) -> Optimizer:
    found = _optimizer(here)
    if found is None:
        raise Problem(
            409, "no_optimizer", "no optimization engine stands on the app of this process",
            "make one beside the app: OptimizationEngine(app=app)",
        )  # fmt: skip
    return found


def _creator(here: Server) -> MicroAutomationCreator:
    return MicroAutomationCreator(here.app.store.automations, clock=here.app.clock)


def _etag(automation: Automation) -> str:
    record, verdict = automation.record, automation.verdict
    judged = 0 if verdict is None else verdict.at
    return f'"{record.subject[:16]}.{record.state}.{judged}"'


def _answer(here: Server, automation_id: str, response: Response) -> WholeAutomation:
    found, engine = _creator(here).get(automation_id), _optimizer(here)
    response.headers["ETag"] = _etag(found)
    told = whole_automation(found.record, here.app.store.automations.trials())
    refused = None if engine is None else engine.findings.refused.get(automation_id)
    return WholeAutomation.model_validate(told | {"refused": refused})
