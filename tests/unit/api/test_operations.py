"""Long actions end, whatever becomes of the server that does them."""

from __future__ import annotations

import json
import threading
from typing import Any

from starlette.testclient import TestClient

from offhours.api.operations import Operations, own_process
from offhours.testing import MemoryApp

ALL = "/api/v1/operations"


def test_one_of_a_process_that_is_gone_has_failed(app: MemoryApp, client: TestClient) -> None:
    access, now = app.store.access, app.clock.micros()
    host, pid, started = json.loads(own_process())
    for owner in (own_process(), json.dumps([host, pid, f"{started}0"]),
                  json.dumps(["elsewhere", pid, started]), None):  # fmt: skip
        begun = access.begin_operation("jobs.retry", "ann", None, 3, now, owner)
        access.advance_operation(begun.id, 2, 0)
    told = {each["id"]: each for each in client.get(ALL).json()["data"]}
    states = {number: each["state"] for number, each in told.items()}
    assert states == {1: "running", 2: "failed", 3: "running", 4: "failed"}
    assert (told[2]["done"], told[2]["result"]["lost"]) == (2, "the server that did it has ended")
    app.clock.advance("25h")
    assert client.get(f"{ALL}/3").json()["state"] == "failed"
    assert client.get(f"{ALL}/1").json()["state"] == "running"


def test_what_a_server_had_not_begun_is_given_up_when_it_closes(app: MemoryApp) -> None:
    acts = Operations(app.store.access, app.clock, lambda: app.bulk)
    begun, go_on = threading.Event(), threading.Event()

    def act(_: Any) -> None:
        begun.set()
        go_on.wait(10)

    first = acts.begin("jobs.retry", "ann", None, [1], act)
    second = acts.begin("jobs.retry", "ann", None, [1], act)
    begun.wait(10)
    acts.close()
    found = app.store.access.operation(second.id)
    assert found is not None and found.state == "failed"
    go_on.set()
    acts.close(wait=True)
    ended = app.store.access.operation(first.id)
    assert ended is not None and ended.state == "succeeded"
