"""The audit log tells of what came over the network as of anything else."""

from __future__ import annotations

from starlette.testclient import TestClient
from tests.unit.api.conftest import Client

from offhours.testing import MemoryApp

AUDIT = "/api/v1/audit"


def test_a_change_is_one_row_in_the_name_of_the_token(app: MemoryApp, client: TestClient) -> None:
    job = app.submit("shop:work", delay="1h")
    answer = client.post(f"/api/v1/jobs/{job.id}/cancel", json={"reason": "no more"})
    [row] = client.get(AUDIT).json()["data"]
    assert (row["actor"], row["action"], row["job"]) == ("server token", "job.cancelled", job.id)
    assert row["was"] == {"state": "pending"} and row["became"]["reason"] == "no more"
    assert (row["face"], row["address"], row["request"]) == (
        "api", "testclient", answer.headers["x-request-id"],
    )  # fmt: skip
    assert "api.changed" not in [event.kind for event in app.events()]


def test_what_no_change_tells_is_told_as_the_request(app: MemoryApp, client: TestClient) -> None:
    made = client.post("/api/v1/jobs", json={"task": "shop:work"}).json()
    [row] = client.get(AUDIT).json()["data"]
    assert row["action"] == "api.changed"
    assert row["became"] == {
        "method": "POST", "path": "/api/v1/jobs", "status": 201, "concerns": made["id"],
    }  # fmt: skip


def test_it_is_one_log_for_all_faces(app: MemoryApp, client: TestClient, client_of: Client) -> None:
    with app.acting_as("ann (command line)", "cli"):
        app.pause(queue="mail", reason="bounces")
    app.resume(queue="mail")
    client.put("/api/v1/limits", json={"queue": "mail", "concurrency": 3})
    token = client_of("admin").post("/api/v1/tokens", json={"name": "ci", "scope": "submit"})
    client.delete(f"/api/v1/tokens/{token.json()['id']}")
    told = [(row["actor"], row["action"], row["face"]) for row in client.get(AUDIT).json()["data"]]
    assert told[::-1] == [
        ("ann (command line)", "limit.paused", "cli"),
        ("code", "limit.resumed", None),
        ("server token", "limit.set", "api"),
        ("admin of None", "token.made", "api"),
        ("server token", "token.revoked", "api"),
    ]
    first = client.get(f"{AUDIT}?limit=2").json()
    rest = client.get(f"{AUDIT}?cursor={first['next_cursor']}").json()["data"]
    assert len(rest) == 3
    [own] = client.get(AUDIT, params={"actor": "ann (command line)"}).json()["data"]
    assert own["became"]["reason"] == "bounces"


def test_each_job_of_many_is_told_in_the_name_of_who_asked(
    app: MemoryApp, client: TestClient, client_of: Client
) -> None:
    for _ in range(2):
        app.submit("shop:work", delay="1h")
    operator = client_of("operate")
    told = operator.post("/api/v1/jobs:cancel", json={"ids": [1, 2], "confirm": 2})
    operator.app.state.offhours.operations.drain()  # type: ignore[attr-defined]
    rows = client.get(AUDIT).json()["data"]
    assert {(row["actor"], row["action"], row["job"]) for row in rows if row["job"]} == {
        ("operate of None", "job.cancelled", 1), ("operate of None", "job.cancelled", 2),
    }  # fmt: skip
    assert {row["request"] for row in rows} == {told.headers["x-request-id"]}
