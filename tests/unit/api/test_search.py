"""Search, the graph, the calendar and what a backfill made, over REST."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from offhours.testing import MemoryApp


def test_schedules_and_jobs_are_found(app: MemoryApp, client: TestClient) -> None:
    app.schedule("shop:work", "every day at 9am", name="nightly backup")
    job = app.submit("shop:work", args=("backup",))
    told = client.get("/api/v1/search?q=backup").json()
    assert told["mode"] in ("lexical", "semantic")
    assert "nightly backup" in [each["name"] for each in told["found"]]
    assert [each["id"] for each in told["jobs"]] == [job.id]
    only = client.get("/api/v1/search?q=backup&type=job").json()
    assert (only["found"], len(only["jobs"])) == ([], 1)
    tagged = client.get("/api/v1/search?tag=scheduled_task&tag=nothing").json()
    assert (tagged["found"], tagged["jobs"]) == ([], [])
    assert client.get("/api/v1/search?q=%20").status_code == 422


def test_why_something_happened(app: MemoryApp, client: TestClient) -> None:
    schedule = app.schedule("shop:work", "every day at 9am", name="nine")
    job = schedule.run_now()
    told = client.get(f"/api/v1/graph?node=job_{job.id}").json()
    assert told["id"] == f"job_{job.id}" and told["node"]["node_type"] == "scheduled_task"
    assert "nine" in told["why"]["sentence"]
    assert told["edges"][0]["dst"] == f"schedule_{schedule.id}"
    missing = client.get("/api/v1/graph?node=job_99")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert client.get("/api/v1/graph:export?around=job_99").status_code == 404


@pytest.mark.parametrize("form", ["json", "graphml"])
def test_the_graph_as_a_file(app: MemoryApp, client: TestClient, form: str) -> None:
    app.submit("shop:work")
    app.graph.add_node("note/1", "note", {"text": "ä\r\n"})
    answer = client.get(f"/api/v1/graph:export?format={form}")
    assert answer.headers["x-nodes"] == "3" and form in answer.headers["content-type"]
    if form == "json":
        nodes = {"job_1", "note/1", f"time_{answer.text.partition('time_')[2][:20]}"}
        assert {node["id"] for node in json.loads(answer.text)["nodes"]} == nodes
    else:
        assert answer.text.count("<node ") == 3 and "ä" in answer.text


def test_the_calendar_tells_what_was_and_what_is_to_come(
    app: MemoryApp, client: TestClient
) -> None:
    app.schedule("shop:work", "every day at 9am", name="nine")
    app.clock.advance("1d")
    app.drain()
    span: dict[str, str | int] = {"start": "1971-01-01T00:00:00Z", "end": "2199-01-01T00:00:00Z"}
    span["limit"] = 3
    found = client.get("/api/v1/schedules:calendar", params=span).json()["data"]
    assert [fire["code"] for fire in found] == ["caught_up", "coming", "coming"]
    assert found[0]["name"] == "nine" and found[0]["due_at"] is None
    assert found[1]["due_at"] == found[1]["instant"]
    naive = {"start": "2026-01-01T00:00:00", "end": "2026-01-02T00:00:00"}
    assert client.get("/api/v1/schedules:calendar", params=naive).status_code == 422


def test_a_backfill_tells_its_instants_and_its_jobs(app: MemoryApp, client: TestClient) -> None:
    schedule = app.schedule("shop:work", "every day at 9am", name="nine")
    app.clock.advance("1h")
    now = app.clock.now()
    end = now.isoformat()
    start = (now - timedelta(days=6)).isoformat()
    path, window = f"/api/v1/schedules/{schedule.id}/backfill", {"start": start, "end": end}
    told = client.post(path, json=window | {"tell": 10_000}).json()
    assert told["count"] == len(told["first"]) == 6
    assert len(client.post(path, json=window).json()["first"]) == 5
    begun = client.post(path, json=window | {"confirm": told["count"]}).json()
    client.app.state.offhours.operations.drain()  # type: ignore[attr-defined]
    done = client.get(f"/api/v1/operations/{begun['id']}").json()
    assert len(done["result"]["jobs"]) == told["count"]


def test_a_batch_is_checked_and_nothing_stored(app: MemoryApp, client: TestClient) -> None:
    good = {"jobs": [{"task": "shop:work"}, {"task": "shop:work", "delay": "1h"}]}
    assert client.post("/api/v1/jobs:check", json=good).json() == {"count": 2}
    bad = {"jobs": [{"task": "shop:work"}, {"task": "shop:wrok"}]}
    refused = client.post("/api/v1/jobs:check", json=bad)
    assert refused.status_code == 422 and "shop:work" in refused.json()["detail"]
    assert app.counts()["ready"] == 0
    assert client.get("/api/v1/audit").json()["data"] == []
