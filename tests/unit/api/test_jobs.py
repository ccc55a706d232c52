"""`/jobs`: listed, submitted, steered."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from offhours import context
from offhours.testing import MemoryApp


def test_submit_and_follow_it_to_its_end(app: MemoryApp, client: TestClient) -> None:
    answer = client.post(
        "/api/v1/jobs",
        json={"task": "shop:work", "args": ["succeed"], "priority": "high", "name": "first",
              "metadata": {"who": "ann"}, "queue": "mail", "retries": 2, "timeout": "5m"},
    )  # fmt: skip
    job = answer.json()
    assert (answer.status_code, job["state"], job["priority"]) == (201, "pending", "high")
    assert (job["max_attempts"], job["timeout_ms"], job["queue"]) == (3, 300_000, "mail")
    where = answer.url.join(answer.headers["location"])
    assert where.path == f"/api/v1/jobs/{job['id']}"
    assert client.get(f"{where.path}/why").json()["code"] == "no_worker"
    app.drain()
    done = client.get(where.path).json()
    assert (done["state"], done["result"], done["metadata"]) == (
        "succeeded", "succeed", {"who": "ann"},
    )  # fmt: skip
    kinds = [event["kind"] for event in client.get(f"{where.path}/history").json()["data"]]
    assert kinds == ["job.submitted", "job.started", "job.succeeded"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"task": "shop:wrk"}, "task_not_found"),
        ({"task": "shop:work", "args": ["succeed", 1, 2]}, "argument_error"),
        ({"task": "shop:work", "args": [float("nan")]}, "bad_request"),
        ({"task": "shop:work", "args": [2**70]}, "argument_error"),
        ({"task": "shop:work", "at": "2026-06-01T09:00"}, "time_error"),
        ({"task": "shop:work", "delay": -1}, "time_error"),
        ({"task": "shop:work", "delay": 1, "at": "2026-06-01T09:00Z"}, "option_error"),
        ({"task": "shop:work", "priority": "urgent"}, "invalid"),
        ({"task": "shop:work", "colour": "red"}, "invalid"),
        ({"task": "shop:work", "name": "a\0b"}, "invalid"),
        ({}, "invalid"),
    ],
)
def test_what_cannot_be_stored_is_refused(client: TestClient, body: dict, code: str) -> None:
    if code == "bad_request":
        answer = client.post(
            "/api/v1/jobs",
            content=b'{"task": "shop:work", "args": [NaN]}',
            headers={"content-type": "application/json"},
        )
        assert answer.status_code == 422
        return
    answer = client.post("/api/v1/jobs", json=body)
    problem = answer.json()
    assert answer.status_code == 422 and problem["code"] == code
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["hint"] and problem["request_id"] == answer.headers["x-request-id"]
    assert client.get("/api/v1/jobs").json()["data"] == []


def test_an_unknown_member_is_pointed_at(client: TestClient) -> None:
    problem = client.post("/api/v1/jobs", json={"task": "shop:work", "colour": "red"}).json()
    assert problem["errors"][0]["pointer"] == "/colour"
    assert 'did you mean "shop:work"' in client.post(
        "/api/v1/jobs", json={"task": "shop:wrk"}
    ).json()["detail"]  # fmt: skip


def test_pages_have_every_job_once(app: MemoryApp, client: TestClient) -> None:
    for n in range(7):
        app.submit("shop:work", name=f"job {n}")
    for sort in ("-id", "id"):
        seen: list[int] = []
        cursor: str | None = ""
        while cursor is not None:
            asked = {"limit": "3", "sort": sort} | ({"cursor": cursor} if cursor else {})
            page = client.get("/api/v1/jobs", params=asked).json()
            seen += [job["id"] for job in page["data"]]
            app.submit("shop:work", name="meanwhile") if sort == "-id" else None
            cursor = page["next_cursor"]
        assert len(seen) == len(set(seen)) and set(range(1, 8)) <= set(seen)
        assert seen == sorted(seen, reverse=sort == "-id")
    assert client.get("/api/v1/jobs", params={"cursor": "WzEsMl0"}).status_code == 422
    other = client.get("/api/v1/jobs?limit=1&sort=id").json()["next_cursor"]
    assert client.get("/api/v1/jobs", params={"cursor": other, "sort": "-id"}).status_code == 422


def test_filters(app: MemoryApp, client: TestClient) -> None:
    app.submit("shop:work", args=("fail",), name="Ann's order", queue="mail")
    app.submit("shop:work", name="100% sure", priority="low", tenant="acme")
    app.drain()
    app.submit("shop:work", delay="1h", name="a_b")

    def ids(query: str) -> list[int]:
        return [job["id"] for job in client.get(f"/api/v1/jobs?{query}").json()["data"]]

    assert ids("state=failed") == [1] and ids("state=failed&state=pending") == [3, 1]
    assert ids("queue=mail") == [1] and ids("priority=low") == [2] and ids("tenant=acme") == [2]
    assert ids("q=ANN") == [1] and ids("q=no luck") == [1] and ids("q=0%25 s") == [2]
    assert ids("q=a_b") == [3] and ids("q=a%25b") == [] and ids("q=%27; drop table jobs") == []
    assert ids("since=2027-01-01T00:00:00Z") == [] and len(ids("until=2027-01-01T00:00:00Z")) == 3
    assert ids("finished_after=2027-01-01T00:00:00Z") == []
    assert client.get("/api/v1/jobs?count=true&limit=1").json()["total"] == 3
    assert client.get("/api/v1/jobs?sort=args").status_code == 422
    assert client.get("/api/v1/jobs?limit=501").status_code == 422
    assert client.get("/api/v1/jobs?stat=failed").status_code == 422


def test_cancel_retry_defer(app: MemoryApp, client: TestClient) -> None:
    app.submit("shop:work", args=("fail",))
    assert client.post("/api/v1/jobs/1/retry").status_code == 409
    moved = client.post("/api/v1/jobs/1/defer", json={"until": "2h", "reason": "rate limit"})
    assert moved.json()["run_at"] == "2026-01-01T02:00:00.000000Z"
    assert "rate limit" in client.get("/api/v1/jobs/1/why").json()["sentence"]
    assert client.post("/api/v1/jobs/1/defer", json={"until": "soon"}).status_code == 422
    done = client.post("/api/v1/jobs/1/cancel", json={"reason": "not needed"})
    assert done.json() == {"id": 1, "outcome": "cancelled"}
    problem = client.post("/api/v1/jobs/1/cancel").json()
    assert (problem["status"], problem["code"]) == (409, "illegal_move")
    again = client.post("/api/v1/jobs/1/retry")
    assert (again.status_code, again.json()["retry_of"]) == (201, 1)
    assert again.url.join(again.headers["location"]).path == "/api/v1/jobs/2"
    assert client.get("/api/v1/jobs/99").json()["code"] == "job_not_found"


def test_bulk_counts_first(app: MemoryApp, client: TestClient) -> None:
    for _ in range(3):
        app.submit("shop:work", args=("fail",))
    app.submit("shop:work")
    app.drain()
    body: dict = {"filter": {"state": ["failed"], "task": ["shop:work"]}}
    assert client.post("/api/v1/jobs:retry", json=body).json()["count"] == 3
    assert app.counts()["ready"] == 0
    wrong = client.post("/api/v1/jobs:retry", json={**body, "confirm": 2})
    assert (wrong.status_code, wrong.json()["count"]) == (409, 3)
    begun = client.post("/api/v1/jobs:retry", json={**body, "confirm": 3})
    assert begun.status_code == 202
    where = begun.url.join(begun.headers["location"]).path
    client.app.state.offhours.operations.drain()  # type: ignore[attr-defined]
    ended = client.get(where).json()
    assert (ended["state"], ended["total"], ended["done"], ended["failed"]) == (
        "succeeded", 3, 3, 0,
    )  # fmt: skip
    assert app.counts()["ready"] == 3
    assert client.get("/api/v1/operations").json()["data"] == [ended]


def test_bulk_by_ids_tells_refusals(app: MemoryApp, client: TestClient) -> None:
    app.submit("shop:work", delay="1h")
    app.submit("shop:work", delay="1h")
    assert client.post("/api/v1/jobs:cancel", json={"ids": [1, 2, 99]}).json()["count"] == 2
    assert client.post("/api/v1/jobs:cancel", json={}).json()["code"] == "option_error"
    assert client.post("/api/v1/jobs:cancel", json={"ids": []}).status_code == 422
    many = list(range(1, 1002))
    assert client.post("/api/v1/jobs:cancel", json={"ids": many}).status_code == 422
    client.post("/api/v1/jobs:cancel", json={"ids": [1, 2], "confirm": 2})
    client.app.state.offhours.operations.drain()  # type: ignore[attr-defined]
    assert app.counts()["cancelled"] == 2


def test_progress(app: MemoryApp, client: TestClient) -> None:
    from offhours import Context

    @app.task(name="shop:long")
    def long(ctx: Context) -> None:
        ctx.progress(0.25, "a quarter")

    app.submit("shop:long")
    assert client.get("/api/v1/jobs/1/progress").json()["fraction"] is None
    app.drain()
    told = client.get("/api/v1/jobs/1/progress").json()
    assert (told["fraction"], told["message"]) == (0.25, "a quarter")


def test_rows_of_a_list_are_short(app: MemoryApp, client: TestClient) -> None:
    app.submit("shop:work", args=("x" * 100_000,))
    app.drain()
    answer = client.get("/api/v1/jobs")
    assert len(answer.content) < 2_000 and answer.json()["data"][0]["arguments"].startswith('[["xx')
    assert len(client.get("/api/v1/jobs/1").content) > 100_000


def test_a_preview_gives_a_token_that_is_kept_to(app: MemoryApp, client: TestClient) -> None:
    for _ in range(3):
        app.submit("shop:work", tags=["night"])
    body: dict = {"filter": {"tag": ["night"]}}
    seen = client.post("/api/v1/jobs:preview", json={"verb": "pause", **body}).json()
    assert (seen["count"], seen["tasks"], seen["states"]) == (
        3, {"shop:work": 3}, {"pending": 3},
    )  # fmt: skip
    assert [job["id"] for job in seen["examples"]] == [3, 2, 1]
    app.submit("shop:work", tags=["night"])
    counted = client.post("/api/v1/jobs:pause", json=body).json()
    assert (counted["count"], counted["states"]) == (4, {"pending": 4})
    begun = client.post("/api/v1/jobs:pause", json={**body, "expect": seen["token"]})
    assert begun.status_code == 202 and begun.json()["request"]["upto"] == 3
    client.app.state.offhours.operations.drain()  # type: ignore[attr-defined]
    assert (app.counts()["held"], app.counts()["ready"]) == (3, 1)
    again = client.post("/api/v1/jobs:resume", json={**body, "expect": seen["token"]})
    assert (again.status_code, again.json()["code"]) == (409, "preview_changed")
    client.post("/api/v1/jobs:resume", json={**body, "confirm": 3})
    client.app.state.offhours.operations.drain()  # type: ignore[attr-defined]
    assert app.counts()["ready"] == 4
    [actor] = {row.actor for row in app.audit(limit=100) if row.action == "job.released"}
    assert actor == begun.json()["by"] != "code"


def test_a_reader_may_look_and_not_touch(app: MemoryApp, client_of) -> None:
    app.submit("shop:work", tenant="ann")
    app.submit("shop:work", tenant="bob")
    reader = client_of("read", "ann")
    looked = {"verb": "cancel", "filter": {"state": ["pending"]}}
    assert reader.post("/api/v1/jobs:preview", json=looked).json()["count"] == 1
    looked = {"verb": "cancel", "ids": [1, 2]}
    assert reader.post("/api/v1/jobs:preview", json=looked).json()["count"] == 1
    assert reader.post("/api/v1/jobs:pause", json={"ids": [1]}).status_code == 403
    other = {"verb": "cancel", "filter": {"tenant": "bob"}}
    assert reader.post("/api/v1/jobs:preview", json=other).status_code == 403


def test_what_a_dead_server_left_is_taken_up(app: MemoryApp, client: TestClient) -> None:
    for _ in range(3):
        app.submit("shop:work")
    left = app.bulk.begin("cancel", task="shop:work")
    resumed = client.post(f"/api/v1/operations/{left.id}/resume")
    assert resumed.status_code == 202
    client.app.state.offhours.operations.drain()  # type: ignore[attr-defined]
    assert app.counts()["cancelled"] == 3
    app.submit("shop:work")
    app.bulk.begin("cancel", task="shop:work")
    client.app.state.offhours.operations.take_up()  # type: ignore[attr-defined]
    client.app.state.offhours.operations.drain()  # type: ignore[attr-defined]
    assert app.counts()["cancelled"] == 4
    assert client.post("/api/v1/operations/99/resume").json()["code"] == "operation_not_found"
    app.submit("shop:work")
    left = app.bulk.begin("cancel", task="shop:work")
    assert client.post(f"/api/v1/operations/{left.id}/stop").json()["state"] == "failed"
    assert client.post(f"/api/v1/operations/{left.id}/stop").status_code == 409
    assert client.post("/api/v1/operations/99/stop").status_code == 404


def test_submit_many_tells_all_faults_and_stores_nothing(
    app: MemoryApp, client: TestClient
) -> None:
    jobs: list[dict] = [
        {"task": "shop:work"}, {"task": "shop:wrk"}, {"task": "shop:mial"},
    ]  # fmt: skip
    refused = client.post("/api/v1/jobs:submit", json={"jobs": jobs}).json()
    assert (refused["status"], refused["code"]) == (422, "batch_error")
    assert [fault["pointer"] for fault in refused["errors"]] == ["/jobs/1", "/jobs/2"]
    jobs = [{"task": "shop:work", "args": [1, 2, 3]}, {"task": "shop:work", "at": "tomorrow"}]
    refused = client.post("/api/v1/jobs:submit", json={"jobs": jobs}).json()
    assert [fault["pointer"] for fault in refused["errors"]] == ["/jobs/0", "/jobs/1"]
    assert app.jobs() == []
    jobs = [{"task": "shop:work", "priority": "high"}, {"task": "shop:work", "tags": ["a"]}]
    stored = client.post("/api/v1/jobs:submit", json={"jobs": jobs})
    assert (stored.status_code, stored.json()) == (201, {"jobs": [1, 2]})
    assert client.get("/api/v1/jobs?tag=a").json()["data"][0]["id"] == 2


def test_a_job_has_its_concurrency_key(app: MemoryApp, client: TestClient) -> None:
    body = {"task": "shop:work", "concurrency_key": "ann", "per_key": 2}
    made = client.post("/api/v1/jobs", json=body).json()
    assert made["concurrency_key"] == "ann"
    assert app.record(made["id"]).per_key == 2
    alone = client.post("/api/v1/jobs", json={"task": "shop:work", "per_key": 2})
    assert (alone.status_code, "concurrency_key" in alone.json()["detail"]) == (422, True)


def test_a_job_is_sent_what_it_waits_for(app: MemoryApp, client: TestClient, client_of) -> None:
    heard: list[object] = []

    @app.task(name="shop:wait")
    def wait() -> None:
        heard.append(context().wait_for_signal("go"))

    job = wait.submit()
    app.drain()
    assert job.status == "held"
    where, body = f"/api/v1/jobs/{job.id}/signal", {"signal": "go", "payload": {"version": 3}}
    assert client_of("submit").post(where, json=body).status_code == 403
    assert client_of("operate", "acme").post(where, json=body).status_code == 404
    key = {"idempotency-key": "once"}
    sent = client.post(where, json=body, headers=key)
    assert sent.json() == {"job": job.id, "signal": "go"}
    assert client.post(where, json=body, headers=key).headers["idempotent-replayed"] == "true"
    app.drain()
    assert (heard, job.status) == ([{"version": 3}], "succeeded")
    assert app.audit()[0].job_id == job.id
    assert client.post(where, json=body).status_code == 409
    assert client.post("/api/v1/jobs/99/signal", json=body).status_code == 404
    assert client.post(where, json={"payload": 1}).status_code == 422


def test_everything_is_stopped(app: MemoryApp, client: TestClient, client_of) -> None:
    seen: list[object] = []
    asked: list[bool] = []

    @app.task(name="shop:long")
    def long() -> None:
        seen.append(client.post("/api/v1/stop", json={"reason": "the wrong list"}).json())
        asked.append(app.record(context().job_id).cancel_at is not None)

    _, later = long.submit(), app.submit_by_name("shop:work")
    assert client_of("submit").post("/api/v1/stop").status_code == 403
    assert client_of("operate", "acme").post("/api/v1/stop").status_code == 403
    app.drain()
    assert (seen, asked, later.status) == ([{"stopped": 1}], [True], "pending")
    assert client.get(f"/api/v1/jobs/{later.id}/why").json()["code"] == "paused"
    assert "limit.paused" in [row.action for row in app.audit()]
    assert client.post("/api/v1/stop").json() == {"stopped": 0}


def test_a_filter_may_have_numbers_too(app: MemoryApp, client: TestClient) -> None:
    for how in ("fail", "succeed", "fail"):
        app.submit_by_name("shop:work", args=[how], retries=0)
    app.drain()
    asked = {"verb": "retry", "filter": {"ids": [1, 2], "state": ["failed"]}}
    seen = client.post("/api/v1/jobs:preview", json=asked).json()
    assert [job["id"] for job in seen["examples"]] == [1]
    listed = client.get("/api/v1/jobs?ids=2&ids=3&state=failed").json()["data"]
    assert [job["id"] for job in listed] == [3]
