"""`/deferrals:summary` and a job's own: what was moved to later, and why."""

from __future__ import annotations

from starlette.testclient import TestClient

from offhours.testing import MemoryApp


def test_what_was_moved_to_later_is_told(app: MemoryApp, client: TestClient, client_of) -> None:
    job = app.submit_by_name("shop:work", args=["defer"], tenant="ann")
    assert client.get(f"/api/v1/jobs/{job.id}/deferrals").json() == {"data": []}
    app.drain()
    told = client.get("/api/v1/deferrals:summary", params={"period": "1d"}).json()
    assert (told["count"], told["reasons"]) == (1, [{"reason": "later", "times": 1}])
    assert [(each["kind"], each["id"], each["times"]) for each in told["most"]] == [("job", 1, 1)]
    where = f"/api/v1/jobs/{job.id}/deferrals"
    [moved] = client_of("read", "ann").get(where).json()["data"]
    assert (moved["reason"], moved["gate"], moved["job"]) == ("later", None, job.id)
    assert client_of("read", "bob").get(where).status_code == 404
    assert client.get("/api/v1/deferrals:summary?period=x").json()["code"] == "time_error"
