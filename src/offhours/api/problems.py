"""Errors as `application/problem+json` (RFC 9457), with a hint of what to do."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from offhours.core import errors

MEDIA_TYPE = "application/problem+json"
_MOST_FAULTS = 100

_log = logging.getLogger("offhours.api")


class Kind(NamedTuple):
    """What an error of ours is over HTTP."""

    status: int
    hint: str = ""
    retry_after: int | None = None


# The nearest class wins: an error's own, then its parents'.
KINDS: dict[type[BaseException], Kind] = {
    errors.OffhoursError: Kind(500, "look at the server's log for the request's id"),
    errors.InputError: Kind(422, "correct what `detail` names and send it again"),
    errors.PayloadTooLarge: Kind(413, "store the data elsewhere and pass its path or key"),
    errors.NotFound: Kind(404, "list what there is; finished jobs are kept for a while only"),
    errors.TaskNotFound: Kind(422, "GET api/v1/tasks lists the tasks that can be submitted"),
    errors.IllegalMove: Kind(409, "look at its state; a finished job can be retried"),
    errors.Conflict: Kind(409, "look at it again, and repeat the change on what is there now"),
    errors.LeaseLost: Kind(409, "look at the job again"),
    errors.NotTested: Kind(409, "have it tested as it is now"),
    errors.SandboxUnavailable: Kind(503, "`offhours doctor` says what the sandbox lacks"),
    errors.QueueFull: Kind(429, "wait until work is done, or raise max_queue_size", 5),
    errors.QuotaExceeded: Kind(429, "wait until work of this tenant is done", 60),
    errors.BudgetExceeded: Kind(429, "wait for the next window, or raise the budget", 60),
    errors.NotStarted: Kind(503, "the server is stopping; ask again when it is back", 5),
    errors.StoreError: Kind(503, "nothing was stored; ask again in a moment", 1),
    errors.StorageFull: Kind(507, "free some space on the database's disk"),
    errors.StoreReadOnly: Kind(503, "the database takes no writes now"),
}

TITLES = {
    "bad_request": "the request cannot be read",
    "bad_token": "the token does not hold",
    "body_too_large": "the body is too large",
    "body_too_slow": "the body came too slowly",
    "csrf": "the request did not come from our own page",
    "forbidden": "the token does not allow this",
    "idempotency_mismatch": "the idempotency key belongs to another request",
    "in_flight": "the first request with this idempotency key has not ended",
    "invalid": "something in the request cannot be used",
    "method_not_allowed": "this address has no such method",
    "no_optimizer": "no optimization engine stands on this app",
    "no_if_match": "this change must say which version it is of",
    "no_token": "a token is needed",
    "not_acceptable": "this cannot be answered in the form that was asked for",
    "not_found": "there is no such thing",
    "other_version": "it was changed meanwhile",
    "thought_closed": "the thought was seen to, or has expired",
    "told_once": "what is secret is told once",
    "too_many": "too many at once",
    "unmeant_host": "the request was meant for another host",
    "unsupported_type": "the body is not JSON",
    "count_changed": "the filter finds another number of jobs now",
    "internal": "something went wrong here",
}


class Problem(Exception):
    """A refusal of the API's own."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        hint: str = "",
        *,
        faults: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.hint = hint
        self.faults = list(faults)
        self.headers = dict(headers or {})
        self.more = more


def problem_of(error: BaseException) -> Problem:
    """What an error is over HTTP; one that nobody expected says nothing of itself."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return _invalid(error)
        case HTTPException():
            return _of_framework(error)
    kind = next((KINDS[each] for each in type(error).__mro__ if each in KINDS), None)
    if kind is None or kind.status == 500:
        return Problem(
            500, "internal", "something went wrong here", "look at the server's log for this id"
        )
    headers = {} if kind.retry_after is None else {"Retry-After": str(kind.retry_after)}
    more: dict[str, Any] = {}
    if isinstance(error, errors.PhraseError):
        more["choices"] = list(error.suggestions)
        more["position"] = error.position
    return Problem(
        kind.status, errors.code_of(error), str(error), kind.hint,
        faults=_faults_of(error), headers=headers, **more,
    )  # fmt: skip


def _faults_of(error: BaseException) -> list[dict[str, str]]:
    """What is wrong with which member of the body."""
    if isinstance(error, errors.SeveralFaults):
        return [
            {"pointer": "/".join(["", *filter(None, (error.member, name))]), "detail": fault}
            for name, fault in list(error.faults.items())[:_MOST_FAULTS]
        ]
    name = _field_of(error)
    return [] if name is None else [{"pointer": f"/{name}", "detail": str(error)}]


def _field_of(error: BaseException) -> str | None:
    """The member of the body that an error names."""
    if isinstance(error, errors.PhraseError):
        return "when"
    if isinstance(error, errors.ScheduleError):
        return error.field or None
    return None


def _invalid(error: RequestValidationError) -> Problem:
    faults = []
    for fault in error.errors()[:20]:
        where = [str(part) for part in fault["loc"]]
        place, rest = (where[0], where[1:]) if where else ("body", [])
        pointer = "/".join(["", *(part.replace("~", "~0").replace("/", "~1") for part in rest)])
        at = {"pointer": pointer} if place == "body" else {"parameter": "/".join(rest), "in": place}
        faults.append({**at, "detail": str(fault["msg"])})
    first = faults[0] if faults else {"detail": "it cannot be read"}
    name = first.get("parameter") or first.get("pointer") or "the body"
    return Problem(
        422, "invalid", f"{name}: {first['detail']}", "`errors` lists each fault", faults=faults
    )


def _of_framework(error: HTTPException) -> Problem:
    code = {404: "not_found", 405: "method_not_allowed", 400: "bad_request"}.get(
        error.status_code, "bad_request"
    )
    hint = "GET openapi.json lists all addresses" if error.status_code in (404, 405) else ""
    return Problem(error.status_code, code, TITLES[code], hint, headers=dict(error.headers or {}))


def respond(problem: Problem, request_id: str, root: str = "") -> Response:
    """The answer that tells a problem."""
    status = problem.status
    body: dict[str, Any] = {
        "type": f"{root}/problems/{problem.code}",
        "title": TITLES.get(problem.code) or problem.code.replace("_", " "),
        "status": status,
        "detail": problem.detail,
        "code": problem.code,
        "hint": problem.hint or HTTPStatus(status).phrase,
        "request_id": request_id,
        **problem.more,
    }
    if problem.faults:
        body["errors"] = problem.faults
    return Response(json.dumps(body), status, problem.headers, MEDIA_TYPE)


def _methods_here(request: Request) -> list[str]:
    """What an address can be asked; the framework names those of its first route alone."""
    here = [each for each in request.app.routes if each.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for each in here for method in getattr(each, "methods", None) or ()})


async def answer(request: Request, error: Exception) -> Response:
    """FastAPI's handler for everything that is raised."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        error.headers = {"Allow": ", ".join(_methods_here(request))}
    return tell(error, request.scope.get("request_id", ""), request.scope.get("root_path", ""))


def tell(error: BaseException, request_id: str, root: str) -> Response:
    """The answer to an error; what nobody expected goes to the log with the request's id."""
    problem = problem_of(error)
    if problem.status == 500:
        _log.error("request %s failed", request_id, exc_info=error)
    return respond(problem, request_id, root)
