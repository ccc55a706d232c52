"""Models and learning cycles over HTTP: looked at, asked for, and back to what served before."""

from __future__ import annotations

from starlette.testclient import TestClient
from tests.unit.api.conftest import Client
from tests.unit.training.learners import Centroids, golden

from offhours.learning import Trainer
from offhours.testing import FakeMachine, MemoryApp

API = "/api/v1/training"


def trained(app: MemoryApp, machine: FakeMachine, *tenants: str) -> Trainer:
    """A trainer whose tenants have two versions each: the second one serves."""
    trainer = app.trainer("blobs", Centroids(), golden(), monitor=machine)
    for tenant in tenants:
        for _ in range(2):
            trainer.submit(tenant, force=True)
            app.drain()
            app.clock.advance("1h")
        versions = trainer.model(tenant).versions()
        if trainer.model(tenant).aliases()["champion"] == 1:
            trainer.model(tenant).restore(versions[0].number, "ann")
    return trainer


def test_models_and_cycles_are_told_with_each_verdict(app: MemoryApp, client: TestClient) -> None:
    trained(app, FakeMachine(), "acme", "globex")
    told = client.get(f"{API}/models").json()["data"]
    assert [(m["tenant"], m["model"], m["cycles"]) for m in told] == [
        ("acme", "blobs", 2), ("globex", "blobs", 2),
    ]  # fmt: skip
    assert told[0]["aliases"]["champion"] == 2 and told[0]["metrics"]
    assert told[0]["waiting"] == [] and told[0]["last"]["reason"]
    first = client.get(f"{API}/cycles?limit=3").json()
    rest = client.get(f"{API}/cycles?limit=3&cursor={first['next_cursor']}").json()
    assert [c["cycle"] for c in first["data"] + rest["data"]] == [4, 3, 2, 1]
    assert {c["status"] for c in first["data"]} <= {"promoted", "kept"}
    assert first["data"][0]["report"]["seconds"]
    own = client.get(f"{API}/cycles?model={told[0]['id']}").json()["data"]
    assert {c["tenant"] for c in own} == {"acme"} and len(own) == 2
    assert client.get(f"{API}/models/9").status_code == 404
    assert client.get(f"{API}/cycles?model=9").status_code == 404


def test_a_rollback_is_of_what_was_seen_and_in_a_name(
    app: MemoryApp, client: TestClient, client_of: Client
) -> None:
    trained(app, FakeMachine(), "acme")
    seen = client.get(f"{API}/models/1")
    back = f"{API}/models/1/rollback"
    assert client.post(back, json={}).status_code == 428
    assert client.post(back, json={}, headers={"if-match": '"1.9.9"'}).status_code == 412
    match = {"if-match": seen.headers["etag"]}
    assert client_of("submit").post(back, headers=match).status_code == 403
    operator = client_of("operate")
    told = operator.post(back, json={"reason": "users complain"}, headers=match)
    assert told.json()["aliases"]["champion"] == 1
    assert told.headers["etag"] != seen.headers["etag"]
    assert client.post(back, headers=match).status_code == 412  # somebody was faster
    move = told.json()["moves"][0]
    assert (move["kind"], move["by"], move["reason"]) == (
        "rolled_back", "operate of None", "users complain",
    )  # fmt: skip
    again = client.post(
        f"{API}/models/1/restore", json={"version": 2}, headers={"if-match": "*"}
    ).json()
    assert again["aliases"]["champion"] == 2 and again["moves"][0]["kind"] == "restored"
    taken = client.post(f"{API}/models/1/restore", json={"version": 2}, headers={"if-match": "*"})
    assert (taken.status_code, taken.json()["code"]) == (409, "conflict")
    assert client.post(f"{API}/models/1/pardon").json() == {"pardoned": 0}
    audited = {row.action: row.actor for row in app.audit()}
    assert audited["model.rolled_back"] == "operate of None"


def test_a_tenant_sees_and_steers_its_own_models(app: MemoryApp, client_of: Client) -> None:
    trained(app, FakeMachine(), "acme", "globex")
    ann = client_of("operate", "globex")
    assert [m["tenant"] for m in ann.get(f"{API}/models").json()["data"]] == ["globex"]
    assert {c["tenant"] for c in ann.get(f"{API}/cycles").json()["data"]} == {"globex"}
    assert ann.get(f"{API}/models/1").status_code == 404
    assert ann.get(f"{API}/models?tenant=acme").status_code == 403
    assert ann.post(f"{API}/models/1/rollback", headers={"if-match": "*"}).status_code == 404
    asked = ann.post(f"{API}/cycles", json={"model": "blobs", "tenant": "acme"})
    assert asked.status_code == 403
    assert ann.post(f"{API}/cycles", json={"model": "blobs"}).json()["tenant"] == "globex"


def test_a_cycle_is_asked_for_and_says_what_holds_it(app: MemoryApp, client: TestClient) -> None:
    machine = FakeMachine()
    trained(app, machine, "acme")
    machine.shows(cpu_percent=97)
    told = client.post(f"{API}/cycles", json={"model": "blobs", "tenant": "acme"})
    assert told.status_code == 202
    assert told.headers["location"] == f"../jobs/{told.json()['id']}"
    app.drain()
    [waiting] = client.get(f"{API}/models/1").json()["waiting"]
    assert waiting["job"] == told.json()["id"] and "97" in waiting["why"]["sentence"]
    machine.shows(cpu_percent=10)
    app.clock.advance("10m")
    app.drain()
    after = client.get(f"{API}/models/1").json()
    assert after["waiting"] == [] and after["last"]["job"] == told.json()["id"]
    assert client.post(f"{API}/cycles", json={"model": "blobs"}).status_code == 422
    unknown = client.post(f"{API}/cycles", json={"model": "blob", "tenant": "acme"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "task_not_found")
    assert "train:blobs" in unknown.json()["detail"]


def test_a_scheduled_cycle_is_its_tenant_s(app: MemoryApp, client: TestClient) -> None:
    machine = FakeMachine()
    trainer = trained(app, machine, "acme", "globex")
    machine.shows(cpu_percent=97)
    trainer.schedule("globex", "every day at 2am", timezone="UTC").run_now()
    app.drain()
    acme, globex = client.get(f"{API}/models").json()["data"]
    assert acme["waiting"] == [] and len(globex["waiting"]) == 1
