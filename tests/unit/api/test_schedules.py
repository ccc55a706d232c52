"""`/schedules`: previewed, made, changed under an ETag, looked at."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from offhours.testing import MemoryApp

NEW = {"task": "shop:work", "when": "every weekday at 9am", "name": "report"}


def make(client: TestClient, **more: object) -> TestClient:
    answer = client.post("/api/v1/schedules", json={**NEW, **more})
    assert answer.status_code == 201, answer.text
    return answer  # type: ignore[return-value]


def test_preview_reads_back_and_stores_nothing(client: TestClient) -> None:
    told = client.post(
        "/api/v1/schedules:preview",
        json={"when": "every weekday at 9am", "timezone": "Europe/Berlin"},
    ).json()
    assert (
        told["sentence"] == "every weekday at 09:00, Europe/Berlin" or "09:00" in told["sentence"]
    )
    assert told["expressions"] == ["cron 0 9 * * 1-5"]
    assert len(told["fires"]) == 5 and told["fires"][0].startswith("2026-01-01T09:00:00+01:00")
    assert client.get("/api/v1/schedules").json()["data"] == []


def test_what_is_ambiguous_has_choices(client: TestClient) -> None:
    problem = client.post("/api/v1/schedules:preview", json={"when": "every day at 7"}).json()
    assert problem["code"] == "phrase_error" and problem["errors"][0]["pointer"] == "/when"
    for choice in problem["choices"]:
        answer = client.post("/api/v1/schedules:preview", json={"when": choice})
        assert answer.status_code == 200
    assert problem["choices"]


@pytest.mark.parametrize("when", ["", "x" * 501, "* * * * * * * *", "((((" * 100, "9 " * 240])
def test_phrases_are_bounded(client: TestClient, when: str) -> None:
    assert client.post("/api/v1/schedules:preview", json={"when": when}).status_code == 422


def test_make_change_delete(app: MemoryApp, client: TestClient) -> None:
    made = make(client, args=["succeed"], catch_up="all:20", overlap="queue_one", jitter="1m")
    path = made.url.join(made.headers["location"]).path
    assert made.json()["sentence"] == "every weekday at 09:00"
    assert made.json()["jitter_ms"] == 60_000 and made.json()["overlap"] == "queue_one"
    tag = made.headers["etag"]
    assert client.get(path).headers["etag"] == tag
    assert client.post("/api/v1/schedules", json=NEW).status_code == 409  # the name is taken

    assert client.patch(path, json={"when": "every day at 02:00"}).status_code == 428
    done = client.patch(path, json={"when": "every day at 02:00"}, headers={"If-Match": tag})
    assert done.json()["sentence"] == "every day at 02:00" and done.headers["etag"] != tag
    assert done.json()["arguments"] == [["succeed"], {}] and done.json()["jitter_ms"] == 60_000
    late = client.patch(path, json={"name": "mine"}, headers={"If-Match": tag})
    assert (late.status_code, late.json()["code"]) == (412, "other_version")
    assert late.headers["etag"] == done.headers["etag"]
    assert client.get(path).json()["name"] == "report"

    changed = client.patch(path, json={"kwargs": {"seconds": 1}}, headers={"If-Match": "*"}).json()
    assert changed["arguments"] == [["succeed"], {"seconds": 1}]
    assert client.delete(path).status_code == 428
    assert client.delete(path, headers={"If-Match": tag}).status_code == 412
    assert client.delete(path, headers={"If-Match": "*"}).status_code == 204
    assert client.get(path).json()["code"] == "schedule_not_found"


def test_null_means_none(client: TestClient) -> None:
    made = make(client, max_runs=3, expires="5m")
    path, any_version = "/api/v1/schedules/1", {"If-Match": "*"}
    assert (made.json()["max_runs"], made.json()["expires_ms"]) == (3, 300_000)
    told = client.patch(path, json={"max_runs": None, "disable_after": None}, headers=any_version)
    assert (told.json()["max_runs"], told.json()["disable_after"]) == (None, None)
    assert told.json()["expires_ms"] == 300_000


def test_pause_resume_run(app: MemoryApp, client: TestClient) -> None:
    make(client)
    paused = client.post("/api/v1/schedules/1/pause", json={"reason": "holidays"}).json()
    assert (paused["status"], paused["reason"]) == ("paused", "holidays")
    assert "offhours schedule resume" in client.get("/api/v1/schedules/1/why").json()["sentence"]
    assert client.post("/api/v1/schedules/1/resume").json()["status"] == "active"
    run = client.post("/api/v1/schedules/1/run")
    assert (run.status_code, run.json()["schedule"]) == (201, 1)
    assert run.url.join(run.headers["location"]).path == "/api/v1/jobs/1"
    app.drain()
    [fire] = client.get("/api/v1/schedules/1/fires").json()["data"]
    assert (fire["code"], fire["job"], fire["state"]) == ("by_hand", 1, "succeeded")
    assert client.get("/api/v1/schedules").json()["data"][0]["results"] == [fire]


def test_fires_in_pages(app: MemoryApp, client: TestClient) -> None:
    make(client, when="every minute", catch_up="all")
    for _ in range(5):
        app.clock.advance("1m")
        app.drain()
    seen, cursor = [], ""
    while cursor is not None:
        page = client.get(f"/api/v1/schedules/1/fires?limit=2&cursor={cursor}"
                          if cursor else "/api/v1/schedules/1/fires?limit=2").json()  # fmt: skip
        seen += [fire["instant"] for fire in page["data"]]
        cursor = page["next_cursor"]
    assert len(seen) == 5 and seen == sorted(set(seen), reverse=True)


def test_coming(client: TestClient) -> None:
    make(client, when="every 5 minutes")
    coming = client.get("/api/v1/schedules:coming?minutes=11").json()["data"]
    assert [fire["name"] for fire in coming] == ["report", "report"]
    assert client.get("/api/v1/overview").json()["due_soon"] == coming[:1]


def test_backfill_counts_first(app: MemoryApp, client: TestClient) -> None:
    make(client, when="0 * * * *", overlap="allow")
    window = {"start": "2025-12-31T20:30:00Z", "end": "2025-12-31T23:30:00Z"}
    told = client.post("/api/v1/schedules/1/backfill", json=window).json()
    assert told["count"] == 3 and app.counts()["ready"] == 0
    wrong = client.post("/api/v1/schedules/1/backfill", json={**window, "confirm": 9})
    assert wrong.status_code == 409
    begun = client.post("/api/v1/schedules/1/backfill", json={**window, "confirm": 3})
    assert begun.status_code == 202
    client.app.state.offhours.operations.drain()  # type: ignore[attr-defined]
    assert client.get(begun.url.join(begun.headers["location"]).path).json()["state"] == "succeeded"
    assert app.counts()["ready"] == 3


def test_unknown_tasks_are_refused(client: TestClient) -> None:
    for task in ("os.system", "subprocess:run", "builtins.eval", "local:x"):
        answer = client.post("/api/v1/schedules", json={**NEW, "task": task})
        assert (answer.status_code, answer.json()["code"]) == (422, "task_not_found")
