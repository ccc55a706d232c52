"""Flows and approvals over HTTP."""

from __future__ import annotations

from starlette.testclient import TestClient
from tests.unit.api.conftest import Client

from offhours import Context, Flow
from offhours.testing import MemoryApp


def stored(app: MemoryApp) -> int:
    flow = Flow("report")
    flow.step("read", "shop:work", args=("fail",))
    flow.step("write", "shop:work", after=["read"])
    return app.submit_flow(flow).id


def test_a_flow_is_told_steered_and_done_again(app: MemoryApp, client: TestClient) -> None:
    number = stored(app)
    [listed] = client.get("/api/v1/flows").json()["data"]
    assert (listed["id"], listed["state"], listed["total"]) == (number, "pending", 2)
    app.drain()
    told = client.get(f"/api/v1/flows/{number}").json()
    assert [(s["step"], s["state"]) for s in told["steps"]] == [
        ("read", "failed"),
        ("write", "cancelled"),
    ]
    assert told["edges"] == [
        {"upstream": 1, "downstream": 2, "if_failed": "cancel", "outcome": "failed"}
    ]
    assert client.post(f"/api/v1/flows/{number}/retry", json={}).json() == {"jobs": [3, 4]}
    assert client.post(f"/api/v1/flows/{number}/cancel").json() == {"cancelled": 2}
    assert client.get("/api/v1/flows/9").status_code == 404
    again = client.post(f"/api/v1/flows/{number}/retry", json={"step": "nope"})
    assert again.status_code == 422


def test_pages_of_flows(app: MemoryApp, client: TestClient) -> None:
    numbers = [stored(app) for _ in range(3)]
    first = client.get("/api/v1/flows?limit=2").json()
    rest = client.get(f"/api/v1/flows?limit=2&cursor={first['next_cursor']}").json()
    assert [f["id"] for f in first["data"] + rest["data"]] == numbers[::-1]


def test_a_person_decides_what_was_seen(
    app: MemoryApp, client: TestClient, client_of: Client
) -> None:
    @app.task(name="mail")
    def mail(ctx: Context) -> bool:
        return bool(ctx.approve("send it", args=["ann"]))

    job = mail.submit()
    app.drain()
    [asked] = client.get("/api/v1/approvals").json()["data"]
    assert (asked["job"], asked["question"], asked["arguments"]) == (job.id, "send it", ["ann"])
    yes = f"/api/v1/approvals/{asked['id']}/approve"
    assert client_of("submit").post(yes, json={"digest": asked["digest"]}).status_code == 403
    assert client_of("operate", "acme").post(yes, json={"digest": "x"}).status_code == 403
    assert client.post(yes, json={}).status_code == 422
    assert client.post(yes, json={"digest": "another"}).status_code == 409
    told = client.post(yes, json={"digest": asked["digest"], "note": "fine"}).json()
    assert (told["state"], told["decided_by"], told["note"]) == ("approved", "server token", "fine")
    assert client.post(yes, json={"digest": asked["digest"]}).status_code == 409
    assert job.result() is True
    assert client.get("/api/v1/approvals").json() == {"data": []}
    assert client.get("/api/v1/approvals?state=approved").json()["data"] == [told]
