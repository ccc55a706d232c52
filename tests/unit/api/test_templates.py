"""`/templates`: kept by version, filled, submitted, scheduled."""

from __future__ import annotations

from starlette.testclient import TestClient

from offhours.testing import MemoryApp

NEW = {
    "name": "weekly", "task": "shop:work", "args": ["{how}"],
    "parameters": {"how": ["succeed", "fail"], "day": {"type": "date", "default": "2026-06-01"}},
    "options": {"name": "on {day}", "tags": ["weekly"]},
    "schedule": {"when": "every day at 9am"},
}  # fmt: skip


def test_kept_submitted_and_scheduled(app: MemoryApp, client: TestClient) -> None:
    made = client.post("/api/v1/templates", json=NEW)
    assert (made.status_code, made.json()["version"], made.headers["etag"]) == (201, 1, '"1"')
    assert made.json()["parameters"]["day"] == {"type": "date", "default": "2026-06-01"}
    where = made.url.join(made.headers["location"]).path
    assert client.get(where).json() == made.json()
    assert client.get("/api/v1/templates").json() == {"data": [made.json()], "next_after": None}
    given = {"parameters": {"how": "succeed"}}
    seen = client.post(f"{where}/preview", json=given).json()
    assert (seen["args"], seen["parameters"]["day"]) == (["succeed"], "2026-06-01")
    job = client.post(f"{where}/submit", json=given)
    assert job.url.join(job.headers["location"]).path == "/api/v1/jobs/1"
    assert (job.json()["name"], job.json()["metadata"]["template"]["version"]) == (
        "on 2026-06-01", 1,
    )  # fmt: skip
    planned = client.post(f"{where}/schedule", json={**given, "when": "every hour"}).json()
    assert (planned["name"], planned["sentence"]) == ("on 2026-06-01", "every hour")
    assert app.drain() == 1


def test_all_faults_are_pointed_at(app: MemoryApp, client: TestClient) -> None:
    bad = {**NEW, "args": ["{how}", "{who}"], "options": {"prio": 1}, "parameters": {"how": "x"}}
    problem = client.post("/api/v1/templates", json=bad).json()
    assert (problem["status"], problem["code"]) == (422, "template_error")
    assert sorted(fault["pointer"] for fault in problem["errors"]) == [
        "/args", "/options/prio", "/parameters/how",
    ]  # fmt: skip
    client.post("/api/v1/templates", json=NEW)
    given = {"parameters": {"how": "sleep", "day": "soon", "x": 1}}
    problem = client.post("/api/v1/templates/weekly/submit", json=given).json()
    assert sorted(fault["pointer"] for fault in problem["errors"]) == [
        "/parameters/day", "/parameters/how", "/parameters/x",
    ]  # fmt: skip
    assert client.post("/api/v1/templates", json=NEW).status_code == 409
    unknown = client.post("/api/v1/templates", json={**NEW, "name": "b", "task": "shop:wrk"})
    assert unknown.json()["code"] == "task_not_found"
    assert client.get("/api/v1/templates/wekly").json()["code"] == "template_not_found"


def test_a_change_says_which_version_it_is_of(app: MemoryApp, client: TestClient) -> None:
    client.post("/api/v1/templates", json=NEW)
    where = "/api/v1/templates/weekly"
    change = {"options": {"queue": "mail"}}
    assert client.patch(where, json=change).status_code == 428
    first = {"If-Match": '"1"'}
    changed = client.patch(where, json=change, headers=first)
    assert (changed.json()["version"], changed.json()["options"]) == (2, {"queue": "mail"})
    assert changed.json()["args"] == ["{how}"]
    late = client.patch(where, json={"description": "x"}, headers=first)
    assert (late.status_code, late.headers["etag"]) == (412, '"2"')
    assert client.get(f"{where}@1").json()["options"]["tags"] == ["weekly"]
    numbers = [each["version"] for each in client.get(f"{where}/versions").json()["data"]]
    assert numbers == [2, 1]
    assert client.delete(where, headers=first).status_code == 412
    assert client.delete(where, headers={"If-Match": "*"}).status_code == 204
    assert client.get(where).status_code == 404


def test_who_may_what(app: MemoryApp, client_of) -> None:
    client_of("admin").post("/api/v1/templates", json=NEW)
    given = {"parameters": {"how": "succeed"}}
    where = "/api/v1/templates/weekly"
    assert client_of("read").post(f"{where}/preview", json=given).status_code == 200
    assert client_of("read").post(f"{where}/submit", json=given).status_code == 403
    assert client_of("submit").post(f"{where}/submit", json=given).status_code == 201
    assert client_of("operate").post(f"{where}/schedule", json=given).status_code == 403
    assert client_of("operate").post("/api/v1/templates", json=NEW).status_code == 403
    assert client_of("admin", "ann").get(where).status_code == 403  # they are everybody's


def test_what_somebody_types_is_read_by_the_template(app: MemoryApp, client: TestClient) -> None:
    app.templates.create("typed", "shop:work", args=["{n}"], parameters={"n": "int"})
    where = "/api/v1/templates/typed/preview"
    assert client.post(where, json={"parameters": {"n": "3"}}).status_code == 422
    read = client.post(where, json={"parameters": {"n": "3"}, "typed": False})
    assert read.json()["args"] == [3]
    odd = client.post(where, json={"parameters": {"n": 3}, "typed": False})
    assert (odd.status_code, odd.json()["code"]) == (422, "parameter_error")
