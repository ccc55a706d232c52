"""The routes that two source documents name, over the faces that stand on an app."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from offhours import SchedulerManager, TaskSchedulerService
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


def test_a_scheduler_manager_is_served_where_it_stands(app: MemoryApp) -> None:
    manager = SchedulerManager(Learner(), app=app, resource_monitor=FakeMachine())
    client = client_of(app)
    made = client.post(SCHEDULES, json=SAMPLE)
    assert made.status_code == 201, made.text
    key = made.json()["schedule_id"]
    assert list(manager.schedules) == [key]
    one = f"{SCHEDULES}/{key}"
    assert client.get(one).json()["name"] == "Production Training"
    listed = client.get(SCHEDULES, params={"tenant_id": "your-tenant"}).json()
    assert [row["schedule_id"] for row in listed["schedules"]] == [key]
    changed = client.put(one, json={"name": "Updated", "cron_expression": "0 3 * * 6"}).json()
    assert changed["name"] == "Updated"
    assert client.post(f"{one}/pause").json()["status"] == "paused"
    assert client.post(f"{one}/resume").json()["status"] == "active"
    assert client.post("/api/scheduler/start").json()["scheduler_running"] is True
    assert client.get("/api/scheduler/status").json()["total_schedules"] == 1
    assert client.post("/api/scheduler/stop").json()["scheduler_running"] is False
    assert client.delete(one).json() == {"schedule_id": key, "deleted": True}
    assert client.get(one).status_code == 404
    said = client.post(SCHEDULES, json={**SAMPLE, "cron_expression": "every blue moon"})
    assert said.status_code == 422


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


def test_a_task_scheduler_service_is_served_where_it_stands(app: MemoryApp) -> None:
    TaskSchedulerService(app=app)
    client = client_of(app)
    for word in ("status", "tasks", "analytics", "cron", "performance"):
        answer = client.get(f"/v1/telemetry/task-scheduler/{word}")
        assert answer.status_code == 200, (word, answer.text)
