"""The recorder's tools over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from tests.unit.api.conftest import Client

from offhours.recorder import PerfCatcherInterceptor

TOOLS = "/api/v1/recorder/tools"


@pytest.fixture
def recorder() -> Iterator[PerfCatcherInterceptor]:
    with PerfCatcherInterceptor(background=False, sinks=[]) as made:
        for milliseconds in (10, 10, 10, 30):
            made.record("looked_up_here", milliseconds)
        made.record("fetch", 5)
        yield made


def named(client: TestClient, tool: str) -> dict[str, object]:
    [row] = [row for row in client.get(TOOLS).json()["data"] if row["tool"] == tool]
    return row


def test_tools_are_told_with_their_figures(
    recorder: PerfCatcherInterceptor, client: TestClient
) -> None:
    row = named(client, "looked_up_here")
    assert (row["count"], row["mean_ms"], row["p50_ms"], row["max_ms"]) == (4, 15, 10, 30)
    assert row["threshold"] == recorder.variance_threshold
    assert row["variance"] == pytest.approx(2)
    recorder.close()
    assert "looked_up_here" not in [row["tool"] for row in client.get(TOOLS).json()["data"]]


def test_a_threshold_is_chosen(
    recorder: PerfCatcherInterceptor, client: TestClient, client_of: Client
) -> None:
    chosen = {"tool": "looked_up_here", "threshold": 0.5}
    assert client_of("submit").put(TOOLS, json=chosen).status_code == 403
    assert client_of("admin", "acme").get(TOOLS).status_code == 403
    assert client.put(TOOLS, json=chosen).status_code == 200
    assert recorder.get_tool_stats("looked_up_here")["threshold"] == 0.5
    assert named(client, "fetch")["threshold"] == recorder.variance_threshold
    assert client.put(TOOLS, json={"tool": "none", "threshold": 0.5}).status_code == 404
    assert client.put(TOOLS, json={"tool": "looked_up_here", "threshold": 0}).status_code == 422
