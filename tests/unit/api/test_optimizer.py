"""What repeats, automations and trials over HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest
from starlette.testclient import TestClient
from tests.unit.api.conftest import Client
from tests.unit.optimize.doubles import OpenSandbox

from offhours.optimize import OptimizationEngine, Task
from offhours.testing import MemoryApp

API = "/api/v1/optimizer"


class Office:
    """An engine that has seen a report filed on sixteen days, and made an automation of it."""

    def __init__(self, app: MemoryApp, **config: object) -> None:
        self.app, self.sandbox = app, OpenSandbox()
        self.engine = OptimizationEngine(config, app=app, sandbox=self.sandbox)
        for day in range(16):
            at = app.clock.now() - timedelta(days=16 - day)
            path = f"/reports/{at:%Y-%m-%d}.pdf"
            for n, (kind, values) in enumerate([("fetch", {"day": day}), ("file", {"to": path})]):
                moment = at + timedelta(seconds=40 * n)
                self.engine.record_task(Task(f"{kind}{day}", kind, "", values, moment, 9e3, True))
        self.engine.run_cycle()


@pytest.fixture
def office(app: MemoryApp) -> Office:
    # What is good enough is not deployed by itself here.
    return Office(app, sandbox={"enabled": False})


def test_without_an_engine_there_is_what_the_store_has(client: TestClient) -> None:
    assert client.get(f"{API}/patterns").json() == {"data": [], "last_cycle": None}
    assert client.get(f"{API}/automations").json() == {"data": [], "refused": {}}
    assert client.get(f"{API}/trials").json() == {"data": []}
    refused = client.post(f"{API}/cycles")
    assert (refused.status_code, refused.json()["code"]) == (409, "no_optimizer")
    assert client.get(f"{API}/automations/auto_1").status_code == 404


def test_what_repeats_is_told_with_its_evidence(office: Office, client: TestClient) -> None:
    told = client.get(f"{API}/patterns").json()
    routine = next(p for p in told["data"] if p["task_type"] == "fetch -> file")
    assert routine["occurrences"] == 16 and "16 times" in routine["explanation"]
    parts = routine["potential"]
    assert parts["total"] == pytest.approx(parts["frequency"] + parts["saving"] + parts["recency"])
    assert [step["task_type"] for step in routine["steps"]] == ["fetch", "file"]
    assert "run" in routine["steps"][1]["parameters"][0]["rule"]
    assert len(routine["examples"]) == 3 and len(routine["automations"]) == 1
    totals = [p["potential"]["total"] for p in told["data"]]
    assert totals == sorted(totals, reverse=True) and told["last_cycle"] is not None


def routine_of(client: TestClient) -> str:
    found = client.get(f"{API}/automations").json()["data"]
    [own] = [each["automation_id"] for each in found if each["task_type"] == "fetch -> file"]
    return str(own)


def test_an_automation_is_tested_deployed_and_withdrawn(
    office: Office, client: TestClient, client_of: Client
) -> None:
    own = routine_of(client)
    address = f"{API}/automations/{own}"
    first = client.get(address)
    told = first.json()
    assert "def execute" in told["script"] and told["tests"] and told["verdict"] is None
    assert "switched off" in told["refused"]
    match = {"if-match": first.headers["etag"]}
    early = client.post(f"{address}/deploy", headers=match)
    assert (early.status_code, early.json()["code"]) == (409, "not_tested")
    assert client_of("operate").post(f"{address}/deploy", headers=match).status_code == 403
    assert client.post(f"{address}/deploy").status_code == 428

    begun = client.post(f"{address}/tests")
    assert begun.status_code == 202
    client.app.state.offhours.operations.drain()  # type: ignore[attr-defined]
    assert begun.headers["location"] == f"../../../operations/{begun.json()['id']}"
    done = client.get(f"/api/v1/operations/{begun.json()['id']}").json()
    assert (done["state"], done["done"], done["failed"]) == ("succeeded", 1, 0)
    assert client.post(f"{address}/deploy", headers=match).status_code == 412
    tested = client.get(address)
    assert tested.json()["verdict"]["rate"] == 1.0
    match = {"if-match": tested.headers["etag"]}
    deployed = client.post(f"{address}/deploy", headers=match).json()
    assert deployed["deployed"] and deployed["trials"][0]["control"] == "by hand"
    [trial] = client.get(f"{API}/trials?running=true").json()["data"]
    assert (trial["candidate"], trial["outcome"], trial["duration_ratio"]) == (own, None, None)
    gone = client.post(
        f"{address}/withdraw", json={"reason": "not now"}, headers={"if-match": "*"}
    ).json()
    assert (gone["state"], gone["deployed"]) == ("draft", False)
    audited = [(row.actor, row.action) for row in office.app.audit(limit=100)]
    assert ("server token", "automation.deployed") in audited
    assert ("server token", "automation.judged") in audited


def test_a_failed_test_says_why(office: Office, client: TestClient) -> None:
    own = routine_of(client)
    office.sandbox.broken = True
    begun = client.post(f"{API}/automations/{own}/tests").json()
    client.app.state.offhours.operations.drain()  # type: ignore[attr-defined]
    done = client.get(f"/api/v1/operations/{begun['id']}").json()
    assert (done["done"], done["failed"]) == (0, 1)
    assert "the world has changed" in done["result"]["refused"][0]["detail"]
    assert client.get(f"{API}/automations/{own}").json()["verdict"]["rate"] == 0
    assert client.post(f"{API}/automations/none/tests").status_code == 404


def test_a_look_is_a_job_of_which_one_waits(office: Office, client: TestClient) -> None:
    first, second = client.post(f"{API}/cycles"), client.post(f"{API}/cycles")
    assert first.status_code == 202 and first.json()["id"] == second.json()["id"]
    assert first.headers["location"] == f"../jobs/{first.json()['id']}"
    assert office.app.drain() == 1
