"""Goals, thoughts, budgets and quotas over REST."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from offhours.testing import MemoryApp

GOAL = {"agent": "scout", "when": "every day at 7am", "prompt": "Look for papers."}


def made(client: TestClient, **more: object) -> str:
    answer = client.post("/api/v1/goals", json=GOAL | more)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_a_goal_is_made_and_told(app: MemoryApp, client: TestClient) -> None:
    answer = client.post("/api/v1/goals", json=GOAL | {"timezone": "Europe/Berlin", "name": "look"})
    told = answer.json()
    assert answer.headers["location"] == f"goals/{told['id']}"
    assert (told["created_by"], told["status"], told["recurring"]) == ("code", "PENDING", True)
    assert client.get(f"/api/v1/goals/{told['id']}").json() == told
    assert told["why"] == app.agents.goals.get(told["id"]).why()
    assert app.schedules.get(told["schedule"]).plan.timezone == "Europe/Berlin"


def test_a_goal_leaves_a_thought_that_is_seen_to(app: MemoryApp, client: TestClient) -> None:
    made(client)
    app.clock.advance("1d")
    app.drain()
    [thought] = client.get("/api/v1/thoughts?agent=scout&state=waiting").json()["data"]
    assert thought["prompt"] == "Look for papers."
    path = f"/api/v1/thoughts/{thought['id']}"
    later = client.post(f"{path}/snooze", json={"until": "2h"}).json()
    assert later["snoozes"] == 1 and later["visible_at"] > thought["visible_at"]
    done = client.post(f"{path}/acknowledge", json={"answer": "three"}).json()
    assert (done["state"], done["answer"]) == ("acknowledged", "three")
    again = client.post(f"{path}/acknowledge")
    assert (again.status_code, again.json()["code"]) == (409, "thought_closed")
    assert client.post(f"{path}/snooze", json={"until": "1h"}).status_code == 409
    assert client.get("/api/v1/thoughts/99").json()["code"] == "thought_not_found"


def test_a_goal_is_steered(app: MemoryApp, client: TestClient) -> None:
    path = f"/api/v1/goals/{made(client)}"
    assert client.post(f"{path}/pause", json={"reason": "x"}).json()["schedule_status"] == "paused"
    assert client.post(f"{path}/resume").json()["schedule_status"] == "active"
    assert client.post(f"{path}/defer", json={"until": "3d", "reason": "no"}).json()[
        "deferrals"] == 1  # fmt: skip
    assert [d["reason"] for d in client.get(f"{path}/deferrals").json()["data"]] == ["no"]
    ended = [client.post(f"{path}/cancel").json()["changed"] for _ in range(2)]
    assert ended == [True, False]
    assert client.post(f"{path}/defer", json={"until": "1h"}).status_code == 409
    kinds = [(row["action"], row["face"]) for row in client.get("/api/v1/audit").json()["data"]]
    assert {face for _, face in kinds} == {"api"} and len(kinds) >= 5


def test_goals_come_in_pages(client: TestClient) -> None:
    numbers = [made(client, agent=agent) for agent in ("a", "b", "a")]
    first = client.get("/api/v1/goals?limit=2").json()
    rest = client.get("/api/v1/goals", params={"cursor": first["next_cursor"]}).json()
    assert [g["id"] for g in first["data"] + rest["data"]] == numbers
    assert len(client.get("/api/v1/goals?agent=a").json()["data"]) == 2
    assert client.get("/api/v1/goals?cursor=nonsense").status_code == 422


def test_a_tenant_sees_what_is_its_own(app: MemoryApp, client: TestClient, client_of) -> None:
    ours, theirs = client_of(tenant="acme"), client_of(tenant="other")
    number = made(ours)
    made(client)
    assert client.get(f"/api/v1/goals/{number}").json()["tenant"] == "acme"
    assert [goal["id"] for goal in ours.get("/api/v1/goals").json()["data"]] == [number]
    app.clock.advance("1d")
    app.drain()
    app.agent("scout").think("nobody's")
    [thought] = ours.get("/api/v1/thoughts").json()["data"]
    assert len(client.get("/api/v1/thoughts").json()["data"]) == 3
    assert theirs.get("/api/v1/thoughts").json()["data"] == []
    for verb in ("", "/deferrals"):
        assert theirs.get(f"/api/v1/goals/{number}{verb}").status_code == 404
    for verb in ("pause", "resume", "cancel", "defer"):
        body = {"until": "1h"} if verb == "defer" else {}
        assert theirs.post(f"/api/v1/goals/{number}/{verb}", json=body).status_code == 404
    place = f"/api/v1/thoughts/{thought['id']}"
    assert theirs.get(place).status_code == 404
    assert theirs.post(f"{place}/acknowledge").status_code == 404
    assert ours.post(f"{place}/acknowledge").status_code == 200
    assert ours.post("/api/v1/goals", json=GOAL | {"tenant": "other"}).status_code == 403
    assert ours.get("/api/v1/budgets").status_code == 403


@pytest.mark.parametrize(
    ("scope", "method", "path", "body"),
    [
        ("operate", "POST", "goals", GOAL), ("read", "POST", "goals/x/pause", {}),
        ("read", "POST", "goals/x/cancel", {}), ("submit", "POST", "thoughts/1/acknowledge", {}),
        ("operate", "PUT", "budgets", {"usd": 1}), ("operate", "PUT", "quotas", {"agent": "a"}),
    ],
)  # fmt: skip
def test_who_may_not_is_refused(client_of, scope: str, method: str, path: str, body: dict) -> None:
    answer = client_of(scope).request(method, f"/api/v1/{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_quota_refuses_a_goal(client: TestClient) -> None:
    client.put("/api/v1/quotas", json={"agent": "scout", "active": 1})
    made(client)
    answer = client.post("/api/v1/goals", json=GOAL)
    assert (answer.status_code, answer.json()["code"]) == (429, "quota_exceeded")
    [quota] = client.get("/api/v1/quotas").json()["data"]
    assert (quota["limits"]["active"], quota["used"]["active"]) == (1, 1)
    [lifted] = client.put("/api/v1/quotas", json={"agent": "scout"}).json()["data"]
    assert set(lifted["limits"].values()) == {None}
    assert client.put("/api/v1/quotas", json={"active": 3}).status_code == 422


def test_a_budget_is_set_and_lifted(app: MemoryApp, client: TestClient) -> None:
    asked = {"tenant": "acme", "usd": 2.5, "seconds": "10m", "per": "day", "on_breach": "defer"}
    [told] = client.put("/api/v1/budgets", json=asked).json()["data"]
    assert told["limits"] == {"tokens": None, "usd": 2.5, "seconds": 600.0, "tool_calls": None}
    assert (told["scope"], told["name"], told["per_ms"]) == ("tenant", "acme", 86_400_000)
    for wrong in ({"on_breach": "ask"}, {"usd": 1, "on_breach": "defer"}, {"per": "day"},
                  {"agent": "a", "tenant": "b", "usd": 1}, {"usd": 1, "per": "soon"}):  # fmt: skip
        assert client.put("/api/v1/budgets", json=wrong).status_code == 422, wrong
    assert client.put("/api/v1/budgets", json={"tenant": "acme"}).json()["data"] == []
    actions = [row["action"] for row in client.get("/api/v1/audit").json()["data"]]
    assert actions == ["budget.lifted", "budget.set"]


def test_a_token_is_told_once_and_kept_nowhere(app: MemoryApp, client: TestClient) -> None:
    key = {"Idempotency-Key": "once"}
    first = client.post("/api/v1/tokens", json={"name": "ci"}, headers=key)
    again = client.post("/api/v1/tokens", json={"name": "ci"}, headers=key)
    assert (again.status_code, again.json()["code"]) == (409, "told_once")
    assert again.headers["idempotent-replayed"] == "true"
    assert len(app.store.access.tokens()) == 1
    secret = first.json()["token"]
    assert secret not in client.get("/api/v1/audit").text
    assert secret not in again.text
