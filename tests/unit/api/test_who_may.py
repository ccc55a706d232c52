"""Which scope each address wants, and which of them a tenant's token reaches: all are named."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient
from tests.unit.api.conftest import Client

from offhours.api import make_app
from offhours.core.access import Scope
from offhours.testing import memory_app

API = "/api/v1/"
OPEN = {"get /healthz", "get /readyz", "get /problems/{code}", "post session"}
# What is not named here wants `read`.
ADMIN = {
    "post schedules", "patch schedules/{schedule_id}", "delete schedules/{schedule_id}",
    "post schedules/{schedule_id}/backfill", "post templates", "patch templates/{name}",
    "delete templates/{name}", "post templates/{name}/schedule", "put limits", "get settings",
    "post optimizer/automations/{automation_id}/deploy", "get tokens", "post tokens",
    "delete tokens/{token_id}", "post goals", "put budgets", "put quotas",
}  # fmt: skip
OPERATE = {
    "post schedules/{schedule_id}/pause", "post schedules/{schedule_id}/resume",
    "post schedules/{schedule_id}/run", "post pause", "post resume", "post stop", "post workflows",
    "post workflows/{lease}/renew", "delete workflows/{lease}", "post flows/{flow_id}/cancel",
    "post flows/{flow_id}/retry", "post approvals/{approval_id}/approve",
    "post approvals/{approval_id}/deny", "post alerts/{alert_id}/acknowledge",
    "post notifications:test", "put recorder/tools", "post optimizer/cycles",
    "post optimizer/automations/{automation_id}/tests",
    "post optimizer/automations/{automation_id}/withdraw", "post jobs/{job_id}/cancel",
    "post jobs/{job_id}/defer", "post jobs/{job_id}/signal", "post jobs:cancel", "post jobs:retry",
    "post jobs:pause", "post jobs:resume", "get jobs/{job_id}/stack", "post training/cycles",
    "post training/models/{model_id}/rollback", "post training/models/{model_id}/restore",
    "post training/models/{model_id}/pardon", "post operations/{operation_id}/resume",
    "post operations/{operation_id}/stop", "post goals/{goal_id}/pause",
    "post goals/{goal_id}/resume", "post goals/{goal_id}/defer", "post goals/{goal_id}/cancel",
    "post thoughts/{thought_id}/acknowledge", "post thoughts/{thought_id}/snooze",
    "post recorder/dumps",
}  # fmt: skip
SUBMIT = {
    "post jobs",
    "post jobs:submit",
    "post jobs:check",
    "post jobs/{job_id}/retry",
    "post templates/{name}/submit",
}
LOOKING = {"post schedules:preview", "post templates/{name}/preview", "post jobs:preview",
           "delete session"}  # fmt: skip
TENANTS = re.compile(
    r"\w+ (session|jobs|changes|events/kinds|operations|goals|thoughts|training/(models|cycles))\b"
)


@pytest.fixture(scope="module")
def addresses() -> list[str]:
    """Each method and path that wants a token."""
    app = memory_app()
    paths = make_app(app).openapi()["paths"]
    app.close()
    told = [f"{m} {path.removeprefix(API)}" for path, methods in paths.items() for m in methods]
    assert len(told) > 95 and {*told} > OPEN
    return [each for each in told if each not in OPEN]


def needed(address: str) -> Scope:
    named = ((Scope.ADMIN, ADMIN), (Scope.OPERATE, OPERATE), (Scope.SUBMIT, SUBMIT))
    return next((scope for scope, which in named if address in which), Scope.READ)


def ask(client: TestClient, address: str) -> bool:
    """Whether it is refused for who asks."""
    method, path = address.split(" ")
    path = re.sub(r"\{[a-z_]+\}", "1", path)
    answer = client.request(method, path if path.startswith("/") else API + path)
    assert answer.status_code < 500 and answer.status_code not in (401, 429), address
    return answer.status_code == 403 and answer.json()["code"] == "forbidden"


def test_each_address_wants_the_scope_that_is_written_here(
    addresses: list[str], client_of: Client
) -> None:
    client_of("read", "nobody")  # its token is the first one, which is revoked below
    who = {scope: client_of(scope.value) for scope in Scope}
    for address in addresses:
        least = needed(address)
        beneath = [scope for scope in Scope if not scope.includes(least)]
        for scope in beneath[-1:]:
            assert ask(who[scope], address), f"{address} lets {scope.value} in"
        assert not ask(who[least], address), f"{address} refuses {least.value}"
    assert {*ADMIN, *OPERATE, *SUBMIT, *LOOKING} <= {*addresses}


def test_what_changes_something_is_not_for_who_may_only_look(addresses: list[str]) -> None:
    changing = [each for each in addresses if not each.startswith("get ")]
    assert [each for each in changing if needed(each) is Scope.READ] == sorted(
        LOOKING, key=changing.index
    )


def test_a_tenant_s_token_reaches_what_is_a_tenant_s(
    addresses: list[str], client_of: Client
) -> None:
    ann = client_of("admin", "ann")
    for address in addresses:
        if address == "get events":
            continue  # the list is everybody's, what follows it is the tenant's
        assert ask(ann, address) is not bool(TENANTS.match(address)), address
