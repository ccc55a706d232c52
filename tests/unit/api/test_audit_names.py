"""Whose name stands in the audit log for what came over the network."""

from __future__ import annotations

from starlette.testclient import TestClient

from offhours.api import make_app
from offhours.testing import memory_app


def test_what_a_token_changes_is_done_in_its_name() -> None:
    app = memory_app()
    job = app.task(name="t")(lambda: 1).options(delay="1h").submit()
    own = "oh_" + "x" * 43
    with TestClient(make_app(app, token=own), base_url="http://127.0.0.1") as client:
        answer = client.post(
            f"/api/v1/jobs/{job.id}/cancel", headers={"Authorization": f"Bearer {own}"}, json={}
        )
        assert answer.status_code == 200, answer.text
    request, change = app.audit()
    assert (request.action, change.action) == ("api.changed", "job.cancelled")
    assert request.actor == change.actor == "server token"
    assert request.job_id == change.job_id == job.id
