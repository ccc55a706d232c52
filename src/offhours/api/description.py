"""The description of the API: OpenAPI 3.1."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from offhours.api.shapes import ProblemShape

_OPEN = frozenset({"/healthz", "/readyz", "/problems/{code}"})
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Who asks again with the same key and body gets the first answer, for a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}


def describe(made: FastAPI) -> None:
    """Serve the description at `/openapi.json`, to those who have a token."""

    def openapi() -> dict[str, Any]:
        if made.openapi_schema is None:
            made.openapi_schema = _described(made)
        return made.openapi_schema

    def answer(request: Request) -> Response:
        return Response(json.dumps(openapi()), media_type="application/json")

    made.openapi = openapi  # type: ignore[method-assign]
    made.router.routes.append(Route("/openapi.json", answer, include_in_schema=False))


def _shape_of_problems() -> dict[str, Any]:
    shape = ProblemShape.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**shape.pop("$defs"), "ProblemShape": shape}


def _take_a_key(operation: dict[str, Any]) -> None:
    operation.setdefault("parameters", []).append(_KEY)
    responses = operation["responses"]
    told = "The first request with this Idempotency-Key has not ended."
    responses.setdefault("409", {**responses["422"], "description": told})


def _described(made: FastAPI) -> dict[str, Any]:
    told = get_openapi(
        title=made.title,
        version=made.version,
        summary=made.summary,
        openapi_version="3.1.0",
        routes=made.routes,
    )
    told["components"]["schemas"] |= _shape_of_problems()
    told["components"]["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "What `offhours up` printed, or `offhours token create`.",
        }
    }
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            if path not in _OPEN and (path, method) != ("/api/v1/session", "post"):
                operation["security"] = [{"token": []}]
                if method == "post":
                    _take_a_key(operation)
    return told
