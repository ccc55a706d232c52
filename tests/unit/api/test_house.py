"""Everything else that is asked for and steered over HTTP."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from offhours.core.notices import NewAlert, StoredDump
from offhours.notify import Memory, Route
from offhours.testing import MemoryApp


def test_limits_and_pauses(app: MemoryApp, client: TestClient) -> None:
    told = client.put("/api/v1/limits", json={"queue": "mail", "concurrency": 3, "rate": "10/s"})
    [limit] = told.json()["data"]
    assert (limit["concurrency"], limit["rate"], limit["per_ms"]) == (3, 10, 1000)
    assert client.post("/api/v1/pause", json={"queue": "mail", "reason": "x"}).json()["changed"]
    assert not client.post("/api/v1/pause", json={"queue": "mail"}).json()["changed"]
    app.submit("shop:work", queue="mail")
    assert app.drain() == 0
    [queue] = client.get("/api/v1/queues").json()["data"]
    assert (queue["queue"], queue["ready"], queue["reason"]) == ("mail", 1, "x")
    assert queue["by_priority"] == {"normal": 1} and queue["paused_at"] is not None
    assert "paused" in client.get("/api/v1/jobs/1/why").json()["sentence"]
    banner = client.get("/api/v1/overview").json()["banner"]
    assert banner[0]["sentence"] == "the queue mail is paused: x"
    assert banner[0]["lift"] == {"verb": "resume", "scope": "queue", "name": "mail"}
    assert client.post("/api/v1/resume", json={"queue": "mail"}).json()["changed"]
    assert app.drain() == 1
    both = client.post("/api/v1/pause", json={"queue": "a", "task": "b"})
    assert (both.status_code, both.json()["code"]) == (422, "option_error")
    assert client.post("/api/v1/pause", json={}).json()["changed"]
    assert client.post("/api/v1/resume").json()["changed"]


def test_a_foreground_lease_ends_by_itself(app: MemoryApp, client: TestClient) -> None:
    lease = client.post("/api/v1/workflows", json={"workflow": "wf_1", "ttl": "30s"}).json()
    app.submit("shop:work", priority="low")
    assert app.drain() == 0
    [banner] = client.get("/api/v1/overview").json()["banner"]
    assert (banner["kind"], banner["name"]) == ("foreground", "wf_1")
    assert banner["until"] == "2026-01-01T00:00:30.000000Z"
    app.clock.advance("20s")
    again = client.post(
        f"/api/v1/workflows/{lease['id']}/renew", json={"workflow": "wf_1", "ttl": "30s"}
    )
    assert again.json()["until"] == "2026-01-01T00:00:50.000000Z"
    app.clock.advance("31s")
    assert client.get("/api/v1/workflows").json()["data"] == [] and app.drain() == 1
    gone = client.post(f"/api/v1/workflows/{lease['id']}/renew", json={"workflow": "wf_1"})
    assert gone.status_code == 404
    assert client.post("/api/v1/workflows", json={"workflow": "x", "ttl": "1h"}).status_code == 422


def test_a_foreground_lease_is_left(app: MemoryApp, client: TestClient) -> None:
    lease = client.post("/api/v1/workflows", json={"workflow": "wf_1"}).json()
    app.submit("shop:work", priority="low")
    assert client.delete(f"/api/v1/workflows/{lease['id']}").status_code == 204
    assert app.drain() == 1


def test_tasks_and_workers(app: MemoryApp, client: TestClient) -> None:
    app.submit("shop:work", args=("fail",))
    app.drain()
    [task] = client.get("/api/v1/tasks").json()["data"]
    assert (task["task"], task["here"], task["recent_jobs"], task["recent_failed"]) == (
        "shop:work", True, 1, 1,
    )  # fmt: skip
    [worker] = client.get("/api/v1/workers").json()["data"]
    assert worker["alive"] and worker["tasks"] == ["shop:work"]


def test_alerts(app: MemoryApp, client: TestClient) -> None:
    alert = NewAlert("error_rate", "shop:work", "high", "half of the runs failed", 0.5, 0.1)
    app.store.notices.fire(alert, app.clock.micros())
    told = client.post("/api/v1/alerts/1/acknowledge", json={"by": "ann"}).json()
    assert (told["state"], told["acknowledged_by"]) == ("acknowledged", "ann")
    assert client.post("/api/v1/alerts/1/acknowledge").status_code == 409
    assert client.post("/api/v1/alerts/9/acknowledge").status_code == 404
    assert client.get("/api/v1/alerts?state=firing").json()["data"] == []
    assert client.get("/api/v1/alerts").json()["data"] == [told]


def test_notifications(app: MemoryApp, client: TestClient) -> None:
    assert client.post("/api/v1/notifications:test").status_code == 404
    app.notify(Route(Memory()))
    tried = client.post("/api/v1/notifications:test", json={"route": "memory"}).json()["data"]
    assert tried["memory"]["ok"] is True
    assert client.post("/api/v1/notifications:test", json={"route": "x"}).status_code == 404
    app.notifications.send("The disk is nearly full")  # type: ignore[union-attr]
    told = client.get("/api/v1/notifications").json()
    assert told["routes"] == ["memory"] and told["data"][0]["subject"] == "The disk is nearly full"


def test_dumps(app: MemoryApp, client: TestClient) -> None:
    body = {"dump_id": "dmp_1", "requests": []}
    for n in (1, 2, 3):
        dump = StoredDump(f"dmp_{n}", n, "search", "high", "variance", json.dumps(body), "{}")
        app.store.notices.keep_dump(dump, 50)
    first = client.get("/api/v1/recorder/dumps?limit=2").json()
    assert [dump["dump_id"] for dump in first["data"]] == ["dmp_3", "dmp_2"]
    cursor = first["next_cursor"]
    rest = client.get(f"/api/v1/recorder/dumps?limit=2&cursor={cursor}").json()
    assert [dump["dump_id"] for dump in rest["data"]] == ["dmp_1"]
    assert client.get("/api/v1/recorder/dumps/dmp_1").json() == body
    assert client.get("/api/v1/recorder/dumps/..%2f..%2fetc%2fpasswd").status_code == 404


def test_figures(app: MemoryApp, client: TestClient) -> None:
    for how in ("succeed", "fail", "succeed"):
        app.submit("shop:work", args=(how, 2))
        app.drain()
    summary = client.get("/api/v1/metrics/summary?window=1h").json()
    assert (summary["total_tasks"], summary["failed_tasks"]) == (3, 1)
    tasks = client.get("/api/v1/metrics/tasks").json()["data"]
    assert tasks["shop:work"]["average_execution_time"] == 2
    trends = client.get("/api/v1/metrics/trends?task=shop:work&hours=24").json()
    assert trends["total_executions"] == 3 and len(trends["points"]) == 1
    assert client.get("/api/v1/metrics/system").json()["workers"] == 1
    assert client.get("/api/v1/metrics/summary?window=0").status_code == 422
    text = client.get("/metrics")
    assert 'offhours_jobs_failed_total{queue="default",task="shop:work"} 1.0' in text.text
    hour = client.get("/api/v1/overview").json()["last_hour"]
    assert (hour["succeeded"], hour["failed"], hour["longest_ms"]) == (2, 1, 2000)


def test_deferrals(app: MemoryApp, client: TestClient) -> None:
    for _ in range(2):
        app.submit("shop:work", args=("defer",))
    app.drain()
    client.post("/api/v1/jobs/1/defer", json={"until": "2h", "reason": "rate limit"})
    told = client.get("/api/v1/deferrals?limit=2").json()
    assert told["data"][0]["reason"] == "rate limit"
    assert told["data"][0]["deferred_until"] == "2026-01-01T02:00:00.000000Z"
    assert told["reasons"][0] == {"reason": "later", "count": 2}
    assert told["most_deferred"][0] == {"job": 1, "task": "shop:work", "deferrals": 2}
    assert len(client.get(f"/api/v1/deferrals?cursor={told['next_cursor']}").json()["data"]) == 1


def test_failures_in_groups(app: MemoryApp, client: TestClient) -> None:
    @app.task(name="shop:read")
    def read(file: str) -> None:
        raise OSError(f"cannot read '{file}' (error 42)")

    for n in range(3):
        app.submit("shop:read", args=(f"file {n}",))
    app.submit("shop:work", args=("fail",))
    app.drain()
    groups = client.get("/api/v1/failures").json()["data"]
    assert [(group["count"], group["tasks"]) for group in groups] == [
        (3, ["shop:read"]), (1, ["shop:work"]),
    ]  # fmt: skip
    assert groups[0]["newest"] == [3, 2, 1]
    cause = {"fingerprint": groups[0]["fingerprint"]}
    told = client.get("/api/v1/jobs", params={**cause, "count": "true"}).json()
    assert ([job["id"] for job in told["data"]], told["total"]) == ([3, 2, 1], 3)
    assert client.get("/api/v1/jobs?fingerprint=none").json()["data"] == []
    assert client.post("/api/v1/jobs:retry", json={"filter": cause}).json()["count"] == 3


def test_timeline(app: MemoryApp, client: TestClient) -> None:
    app.submit("shop:work", args=("succeed", 60))
    app.drain()
    app.schedule("shop:work", "every 5 minutes")
    told = client.get("/api/v1/timeline?minutes=60&ahead=10").json()
    [run] = told["runs"]
    assert (run["state"], run["worker"]) == ("succeeded", 1)
    assert (run["started_at"], run["ended_at"]) == (
        "2026-01-01T00:00:00.000000Z", "2026-01-01T00:01:00.000000Z",
    )  # fmt: skip
    assert len(told["coming"]) == 2
    app.clock.advance("2h")
    assert client.get("/api/v1/timeline").json()["runs"] == []


def test_ready_when_work_is_done(app: MemoryApp, client: TestClient) -> None:
    assert client.get("/readyz").json() == {"status": "idle"}
    app.submit("shop:work")
    waiting = client.get("/readyz")
    assert (waiting.status_code, waiting.json()["status"]) == (503, "no_worker")
    app.drain()
    assert client.get("/readyz").json() == {"status": "ok"}


def test_alive_but_not_consuming_is_not_ready(app: MemoryApp, client: TestClient) -> None:
    app.start()
    app.submit("shop:work")
    assert client.get("/readyz").status_code == 200
    app.clock.advance("2m")
    [worker] = app.workers()
    app.store.beat(worker.id, app.clock.micros(), worker.tasks)
    stuck = client.get("/readyz")
    assert (stuck.status_code, stuck.json()) == (503, {"status": "stuck"})
    assert "no job has started for" in client.get("/api/v1/overview").json()["health"]["sentence"]
    app.drain()
    assert client.get("/readyz").status_code == 200
    app.pause(reason="by hand")
    app.submit("shop:work")
    app.clock.advance("2m")
    app.store.beat(worker.id, app.clock.micros(), worker.tasks)
    assert client.get("/readyz").status_code == 200  # it waits for a reason


def test_changes_by_polling(app: MemoryApp, client: TestClient) -> None:
    cursor = client.get("/api/v1/changes").json()["cursor"]
    app.submit("shop:work")
    told = client.get(f"/api/v1/changes?cursor={cursor}").json()
    assert [event["kind"] for event in told["events"]] == ["job.submitted"]
    assert [(job["id"], job["state"]) for job in told["jobs"]] == [(1, "pending")]
    again = client.get(f"/api/v1/changes?cursor={told['cursor']}").json()
    assert (again["events"], again["cursor"]) == ([], told["cursor"])
    for _ in range(300):
        app.submit("shop:work")
    many = client.get(f"/api/v1/changes?cursor={told['cursor']}").json()
    assert (len(many["events"]), many["skipped"]) == (200, 100) and len(many["jobs"]) == 200


def test_events_are_listed(app: MemoryApp, client: TestClient) -> None:
    app.submit("shop:work", args=("fail",))
    app.drain()
    told = client.get("/api/v1/events?kind=job.failed&kind=job.started").json()["data"]
    assert [event["kind"] for event in told] == ["job.failed", "job.started"]
    first = client.get("/api/v1/events?limit=1").json()
    second = client.get(f"/api/v1/events?limit=1&cursor={first['next_cursor']}").json()
    assert second["data"][0]["seq"] < first["data"][0]["seq"]
    assert client.get("/api/v1/events/kinds").json()["data"]["job.failed"] == "failed"


def test_settings_hide_passwords(client_of) -> None:
    from offhours.api import make_app
    from offhours.testing import memory_app

    app = memory_app(broker="redis://ann:hunter2@host/0")
    made = make_app(app, token="oh_x")
    told = TestClient(made, base_url="http://localhost").get(
        "/api/v1/settings", headers={"authorization": "Bearer oh_x"}
    )
    assert told.json()["settings"]["broker"] == "redis://ann@host/0"
    assert told.json()["settings"]["threads"] == 4 and "hunter2" not in told.text
    app.close()


@pytest.mark.parametrize("method", ["delete", "put", "patch"])
def test_other_methods_are_405(client: TestClient, method: str) -> None:
    answer = getattr(client, method)("/api/v1/overview")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("path", "allowed"), [("goals", "GET, POST"), ("schedules/1", "DELETE, GET, PATCH")]
)
def test_a_405_names_all_methods_of_the_address(
    client: TestClient, path: str, allowed: str
) -> None:
    answer = client.put(f"/api/v1/{path}", json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_large_answers_are_compressed(app: MemoryApp, client: TestClient) -> None:
    for _ in range(100):
        app.submit("shop:work")
    answer = client.get("/api/v1/jobs?limit=100", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip" and len(answer.json()["data"]) == 100
    plain = client.get("/api/v1/jobs?limit=100", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
