"""The routes of the training scheduler's document: their addresses, parameters and refusals."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.unit.api.conftest import BASE, TOKEN

from offhours.api import make_app
from offhours.core.errors import PhraseError
from offhours.testing import MemoryApp

BEARER = {"authorization": f"Bearer {TOKEN}"}


class Training:
    """Keeps training schedules in memory, as the face keeps them in the store."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.running = False

    def create_training_schedule(
        self, tenant_id: str, name: str, cron_expression: Any = None, config: Any = None,
        description: str = "",
    ) -> str:  # fmt: skip
        if cron_expression == "every blue moon":
            raise PhraseError("no time found", suggestions=["every 2 hours"])
        key = str(len(self.rows) + 1)
        self.rows[key] = {
            "schedule_id": key, "tenant_id": tenant_id, "name": name, "status": "active",
            "cron_expression": cron_expression, "config": config, "description": description,
        }  # fmt: skip
        return key

    def list_schedules(self, tenant_id: str | None = None) -> list[dict[str, Any]]:
        return [row for row in self.rows.values() if tenant_id in (None, row["tenant_id"])]

    def get_schedule_status(self, schedule_id: str, tenant_id: str | None = None) -> Any:
        row = self.rows.get(schedule_id)
        return row if row is not None and tenant_id in (None, row["tenant_id"]) else None

    def _change(self, schedule_id: str, tenant_id: str | None, **changes: Any) -> bool:
        row = self.get_schedule_status(schedule_id, tenant_id)
        if row is not None:
            row.update(changes)
        return row is not None

    def update_schedule(
        self, schedule_id: str, tenant_id: str | None = None, **updates: Any
    ) -> bool:
        return self._change(schedule_id, tenant_id, **updates)

    def pause_schedule(
        self, schedule_id: str, reason: str = "", tenant_id: str | None = None
    ) -> bool:
        return self._change(schedule_id, tenant_id, status="paused", reason=reason)

    def resume_schedule(self, schedule_id: str, tenant_id: str | None = None) -> bool:
        return self._change(schedule_id, tenant_id, status="active")

    def delete_schedule(self, schedule_id: str, tenant_id: str | None = None) -> bool:
        found = self.get_schedule_status(schedule_id, tenant_id) is not None
        return found and self.rows.pop(schedule_id) is not None

    async def start_scheduler(self) -> None:
        self.running = True

    async def stop_scheduler(self) -> bool:
        self.running = False
        return True

    def get_system_status(self) -> dict[str, Any]:
        return {
            "scheduler_running": self.running, "total_schedules": len(self.rows),
            "active_schedules": sum(r["status"] == "active" for r in self.rows.values()),
            "running_tasks": 0,
        }  # fmt: skip


@pytest.fixture
def training(app: MemoryApp) -> TestClient:
    made = make_app(app, token=TOKEN, training=Training())
    return TestClient(made, base_url=BASE, headers=BEARER)


SAMPLE = {
    "tenant_id": "your-tenant", "name": "Production Training", "cron_expression": "0 2 * * 6",
    "config": {"quality_threshold": 0.7}, "description": "Weekly production training",
}  # fmt: skip


def test_the_ten_routes(training: TestClient) -> None:
    made = training.post("/api/scheduler/schedules", json=SAMPLE)
    assert (made.status_code, made.json()["schedule_id"]) == (201, "1")
    listed = training.get("/api/scheduler/schedules", params={"tenant_id": "your-tenant"}).json()
    assert [row["schedule_id"] for row in listed["schedules"]] == ["1"]
    assert training.get("/api/scheduler/schedules?tenant_id=other").json()["schedules"] == []
    one = "/api/scheduler/schedules/1"
    assert training.get(one).json()["cron_expression"] == "0 2 * * 6"
    partial = {"name": "Updated Name", "cron_expression": "0 3 * * 6"}
    changed = training.put(one, json=partial).json()
    assert (changed["name"], changed["description"]) == ("Updated Name", SAMPLE["description"])
    assert training.post(f"{one}/pause").json()["status"] == "paused"
    assert training.post(f"{one}/resume").json()["status"] == "active"
    assert training.post("/api/scheduler/start").json()["scheduler_running"] is True
    status = training.get("/api/scheduler/status").json()
    assert (status["total_schedules"], status["active_schedules"]) == (1, 1)
    assert training.post("/api/scheduler/stop").json()["scheduler_running"] is False
    assert training.delete(one).json() == {"schedule_id": "1", "deleted": True}
    for method, path in (("get", one), ("put", one), ("delete", one), ("post", f"{one}/pause")):
        answer = training.request(method, path, json={} if method == "put" else None)
        assert (answer.status_code, answer.json()["code"]) == (404, "schedule_not_found")


def test_what_a_schedule_cannot_be(training: TestClient) -> None:
    for body in (
        {"name": "x"},
        {**SAMPLE, "cron": "* * * * *"},
        {**SAMPLE, "cron_expression": "every blue moon"},
    ):
        assert training.post("/api/scheduler/schedules", json=body).status_code == 422
    problem = training.post(
        "/api/scheduler/schedules", json={**SAMPLE, "cron_expression": "every blue moon"}
    ).json()
    assert problem["choices"] == ["every 2 hours"]


def test_tenants_train_their_own(app: MemoryApp, training: TestClient, client_of) -> None:
    training.post("/api/scheduler/schedules", json=SAMPLE)
    client_of("admin", "other")
    other = TestClient(
        training.app, base_url=BASE, headers={"authorization": "Bearer oh_admin_other"}
    )
    assert other.get("/api/scheduler/schedules").json()["schedules"] == []
    assert other.get("/api/scheduler/schedules/1").status_code == 404
    assert other.post("/api/scheduler/schedules/1/pause").status_code == 404
    assert other.delete("/api/scheduler/schedules/1").status_code == 404
    assert other.post("/api/scheduler/schedules", json=SAMPLE).status_code == 403
    assert other.post("/api/scheduler/stop").status_code == 403


def test_not_there_without_a_face(client: TestClient) -> None:
    assert client.get("/api/scheduler/status").status_code == 404
    assert client.get("/v1/telemetry/task-scheduler/status").status_code == 404
