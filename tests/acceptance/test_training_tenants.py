"""The routes of the training scheduler's document, for several tenants."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from offhours import SchedulerManager
from offhours.api import make_app
from offhours.api.tokens import digest_of
from offhours.core.access import NewToken
from offhours.testing import FakeMachine, MemoryApp, memory_app

TOKEN = "oh_the-token-of-the-server-itself"
SCHEDULES = "/api/scheduler/schedules"
SAMPLE = {
    "tenant_id": "your-tenant", "name": "Production Training", "cron_expression": "0 2 * * 6",
    "config": {"quality_threshold": 0.7}, "description": "Weekly production training",
}  # fmt: skip


class Learner:
    def trigger_learning_cycle(self, tenant_id: str, force_training: bool) -> dict[str, object]:
        return {"status": "success", "accuracy": 0.9}


@pytest.fixture
def app() -> Iterator[MemoryApp]:
    made = memory_app()
    yield made
    made.close()


def client_of(app: MemoryApp, tenant: str | None = None) -> TestClient:
    token = TOKEN if tenant is None else f"oh_{tenant}"
    if tenant is not None:
        kept = NewToken(digest_of(token), f"of {tenant}", "admin", tenant)
        app.store.access.add_token(kept, app.clock.micros())
    bearer = {"authorization": f"Bearer {token}"}
    return TestClient(make_app(app, token=TOKEN), base_url="http://localhost", headers=bearer)


def test_tenants_neither_see_nor_move_what_others_train(app: MemoryApp) -> None:
    SchedulerManager(Learner(), app=app, resource_monitor=FakeMachine())
    key = client_of(app).post(SCHEDULES, json=SAMPLE).json()["schedule_id"]
    other = client_of(app, "other")
    assert other.get(SCHEDULES).json()["schedules"] == []
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume")):
        assert other.request(method, f"{SCHEDULES}/{key}{path}").status_code == 404
    assert other.post(SCHEDULES, json=SAMPLE).status_code == 403
    mine = client_of(app, "your-tenant")
    assert mine.post(f"{SCHEDULES}/{key}/pause").json()["status"] == "paused"
