"""`goal` and `thoughts`: what agents are told, looked at and steered by hand."""

from __future__ import annotations

import pytest

from offhours.app import Offhours


@pytest.fixture
def goal(run, app: Offhours) -> str:
    options = ("--agent", "scout", "--name", "papers", "--goal", "know more")
    made = run("goal", "add", "every day at 7am", "Look for papers.", *options)
    assert made.code == 0 and "it fires next at" in made.err
    return made.out.strip()


def test_a_goal_is_made_by_a_person(run, app: Offhours, goal: str) -> None:
    [told] = run("goal", "ls", "--json").json["goals"]
    assert (told["id"], told["agent"], told["created_by"]) == (goal, "scout", "human")
    assert (told["prompt"], told["goal"], told["status"]) == (
        "Look for papers.", "know more", "PENDING",
    )  # fmt: skip
    assert app.agent("scout").goals()[0].task_id == goal
    assert "scout" in run("goal", "ls").out and "papers" in run("goal", "ls").out
    assert run("goal", "ls", "--agent", "kay").err.startswith("no goals")


def test_who_fires_goals_is_said_when_nobody_does(run, app: Offhours) -> None:
    made = run("goal", "add", "in 2 hours", "Ask Ann.", "--agent", "scout")
    assert "no running worker fires goals" in made.err


def test_a_moment_is_no_phrase(run, app: Offhours) -> None:
    made = run("goal", "add", "2099-06-01T09:00+02:00", "Ask Ann.", "--agent", "scout", "--json")
    assert made.json["goal"]["next_at"] == "2099-06-01T07:00:00.000000Z"
    assert not made.json["goal"]["recurring"]


def test_what_is_ambiguous_is_refused(run, app: Offhours) -> None:
    refused = run("goal", "add", "every blue moon", "Look.", "--agent", "scout")
    assert refused.code == 2 and app.agent("scout").goals() == []


def test_a_goal_is_shown_with_its_prompt_and_where_it_was_moved_to(run, goal: str) -> None:
    run("goal", "defer", goal, "2099-01-01T00:00Z", "--reason", "not yet")
    told = run("goal", "show", goal, "--json").json
    assert told["goal"]["next_at"].startswith("2099-01-01") and told["goal"]["deferrals"] == 1
    assert [each["reason"] for each in told["deferrals"]] == ["not yet"]
    out = run("goal", "show", goal).out
    assert "Look for papers." in out and "not yet" in out


def test_a_goal_is_paused_let_go_and_ended(run, goal: str) -> None:
    assert "it is paused: holidays" in run("goal", "pause", goal, "--reason", "holidays").out
    assert " paused " in run("goal", "ls").out
    assert "it fires next" in run("goal", "resume", goal).out
    assert run("goal", "cancel", goal).out == f"{goal} is cancelled\n"
    assert run("goal", "cancel", goal).out == f"{goal} is cancelled already\n"
    assert run("goal", "defer", goal, "2h").code == 6


@pytest.mark.parametrize("verb", ["show", "pause", "resume", "cancel"])
def test_a_goal_that_is_not_there_is_told(run, app: Offhours, verb: str) -> None:
    result = run("goal", verb, "task_1")
    assert result.code == 3 and "no goal 'task_1'" in result.err


def test_thoughts_are_listed_without_taking_them(run, app: Offhours) -> None:
    agent = app.agent("scout")
    agent.think("Remember the milk.", key="milk")
    app.agent("kay").think("Tidy up.", key="tidy")
    told = run("thoughts", "ls", "--json").json["thoughts"]
    assert [(each["agent"], each["taken"]) for each in told] == [("kay", 0), ("scout", 0)]
    assert "Remember the milk." in run("thoughts", "ls", "--agent", "scout").out
    assert run("thoughts", "ls", "--before", 2, "--json").json["thoughts"][0]["id"] == 1
    assert run("thoughts", "ls", "--state", "expired").err.startswith("no expired thoughts")
    agent.take()
    assert "taken, " in run("thoughts", "ls").out


def test_a_thought_is_seen_to(run, app: Offhours) -> None:
    app.agent("scout").think("Remember the milk.", key="milk")
    assert run("thoughts", "ack", 1, "--answer", "bought").out == "thought 1 is acknowledged\n"
    [told] = run("thoughts", "ls", "--state", "all", "--json").json["thoughts"]
    assert (told["state"], told["answer"]) == ("acknowledged", "bought")
    again = run("thoughts", "ack", 1)
    assert (again.code, again.err) == (6, "offhours: thought 1 is acknowledged already\n")
    assert run("thoughts", "snooze", 1, "2h").code == 6
    assert run("thoughts", "ack", 9).code == 3


def test_a_thought_is_snoozed(run, app: Offhours) -> None:
    app.agent("scout").think("Remember the milk.", key="milk")
    told = run("thoughts", "snooze", 1, "2099-01-01T00:00Z", "--json").json
    assert told == {"snoozed": 1, "until": "2099-01-01T00:00:00.000000Z"}
    assert "snoozed, " in run("thoughts", "ls").out
    assert app.agent("scout").take() == []
