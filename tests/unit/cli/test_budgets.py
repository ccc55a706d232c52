"""`budget`, `quota`, `defer` and `deferrals`."""

from __future__ import annotations

import pytest

from offhours import Defer, context
from offhours.app import Offhours


def test_a_budget_is_set_used_and_lifted(run, app: Offhours) -> None:
    run("budget", "set", "--agent", "scout", "--usd", "5", "--seconds", "10m", "--per", "day")

    def spend() -> None:
        context().spend(usd=1.5)

    app.task(name="t:spend")(spend)
    app.agent("scout").submit("t:spend")
    app.drain()
    [told] = run("budget", "ls", "--json").json["budgets"]
    assert (told["scope"], told["name"], told["per_ms"]) == ("agent", "scout", 86_400_000)
    assert told["limits"] == {"tokens": None, "usd": 5.0, "seconds": 600.0, "tool_calls": None}
    assert (told["used"]["usd"], told["runs"], told["on_breach"]) == (1.5, 1, "stop")
    assert "1.5 of 5" in run("budget", "ls").out
    assert run("budget", "lift", "--agent", "scout").out == "agent scout has no budget\n"
    assert run("budget", "lift", "--agent", "scout", "--json").json == {"lifted": False}
    assert run("budget", "ls").err.startswith("no budgets")


def test_a_budget_of_all_work_defers_when_it_is_told_to(run, app: Offhours) -> None:
    done = run("budget", "set", "--all", "--tokens", 10, "--per", "1h", "--on-breach", "defer")
    assert done.out == "all work has a budget\n"
    assert app.agents.budgets()[0].budget.on_breach == "defer"


@pytest.mark.parametrize(
    "line",
    ["budget set --agent a", "budget set --usd 5", "budget set --all --tenant t --usd 5",
     "budget set --all --usd -1", "budget set --all --usd 1 --on-breach defer",
     "budget set --all --seconds soon", "quota set --agent a", "quota set --active 3",
     "quota set --tenant t --active -1", "budget lift", "quota lift"],
)  # fmt: skip
def test_what_cannot_be_is_refused(run, app: Offhours, line: str) -> None:
    assert run(*line.split()).code == 2
    assert app.agents.budgets() == [] and app.agents.quotas() == []


def test_seconds_may_be_a_bare_number(run, app: Offhours) -> None:
    run("budget", "set", "--tenant", "acme", "--seconds", "90")
    assert app.agents.budgets()[0].budget.seconds == 90_000_000


def test_a_quota_is_set_told_and_lifted(run, app: Offhours) -> None:
    run("quota", "set", "--tenant", "acme", "--active", 2)
    app.submit("t:add", args=(1,), tenant="acme")
    [told] = run("quota", "ls", "--json").json["quotas"]
    assert (told["name"], told["limits"]["active"], told["used"]["active"]) == ("acme", 2, 1)
    assert "1 of 2" in run("quota", "ls").out
    app.submit("t:add", args=(1,), tenant="acme")
    assert run("quota", "lift", "--tenant", "acme").code == 0
    app.submit("t:add", args=(1,), tenant="acme")
    assert run("quota", "ls", "--json").json["quotas"][0]["limits"]["active"] is None


def test_a_job_is_moved_to_later(run, app: Offhours) -> None:
    app.submit("t:add", args=(1,))
    moved = run("defer", 1, "2099-01-01T00:00Z", "--reason", "the moon")
    assert moved.code == 0 and "2099-01-01" in moved.out
    assert run("defer", 1, "10m", "--json").json["run_at"] < "2099"
    assert run("defer", 9, "10m").code == 3 and run("defer", 1, "soon").code == 2
    app.cancel(1)
    assert run("defer", 1, "10m").code == 6


def test_who_keeps_postponing_and_why(run, app: Offhours) -> None:
    assert run("deferrals").err.startswith("nothing was moved to later")

    def ask() -> None:
        raise Defer("2h", reason="rate limit")

    app.task(name="t:ask")(ask)
    app.submit("t:ask")
    app.drain()
    told = run("deferrals", "--json").json
    assert told["count"] == 1 and told["reasons"] == [{"reason": "rate limit", "times": 1}]
    assert told["most"] == [{"kind": "job", "id": 1, "name": "t:ask", "times": 1}]
    assert "rate limit" in run("deferrals").out and "job 1" in run("deferrals").out
    of_job = run("deferrals", "--job", 1, "--json").json
    assert [each["reason"] for each in of_job["deferrals"]] == ["rate limit"]
    assert "its task" in run("deferrals", "--job", 1).out
    assert run("deferrals", "--job", 9).code == 3
    assert run("deferrals", "--period", "soon").code == 2
