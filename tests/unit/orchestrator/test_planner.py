"""Plans: what comes before what, what is refused, and what the default planner makes of a text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.orchestrator.texts import WORDS

from offhours.core.errors import InputError, PlanError
from offhours.core.flows import IfFailed
from offhours.orchestrator import DevelopmentPlanner, Need, Phase, Plan


def needs(plan: Plan) -> dict[str, list[str]]:
    return {phase.name: [need.phase for need in phase.edges] for phase in plan.phases}


def test_a_plan_stands_in_order() -> None:
    plan = Plan("x", [Phase("c", "h", needs=["b", "a"]), Phase("b", "h", needs=["a"]),
                      Phase("a", "h"), Phase("d", "h", needs=["b"])])  # fmt: skip
    assert plan.names == ("a", "b", "c", "d")
    assert plan.before("d") == ["a", "b"] and plan.before("a") == []


def test_all_faults_of_a_plan_come_at_once() -> None:
    phases = [
        Phase("read", "h", needs=["rad"]),
        Phase("read", "h"),
        Phase("show", "h", needs=["x"]),
    ]
    with pytest.raises(PlanError) as caught:
        Plan("x", phases)
    assert caught.value.faults == (
        "phases: 'read' is there twice",
        "needs: read needs 'rad', no phase; did you mean \"read\"?",
        "needs: show needs 'x', no phase",
    )
    with pytest.raises(PlanError, match="at least one"):
        Plan("x", [])


def test_a_cycle_is_named() -> None:
    phases = [Phase("a", "h", needs=["c"]), Phase("b", "h", needs=["a"]),
              Phase("c", "h", needs=["b"]), Phase("own", "h")]  # fmt: skip
    with pytest.raises(
        PlanError, match="a waits for c waits for b waits for a; a plan cannot have"
    ):
        Plan("x", phases)
    with pytest.raises(PlanError, match="a waits for a"):
        Plan("x", [Phase("a", "h", needs=["a"])])


def test_all_faults_of_a_phase_come_at_once() -> None:
    with pytest.raises(PlanError) as caught:
        Phase("a\nb", "", retries=-1, repair="")
    told = caught.value.faults
    assert [fault.split(": ")[1] for fault in told] == ["name", "handler", "repair", "retries"]
    for wrong in ({"needs": [3]}, {"timeout": 0}, {"timeout": "soon"},
                  {"needs": [Need("b", "maybe")]}):  # type: ignore[arg-type]  # fmt: skip
        with pytest.raises(PlanError, match=r"needs|timeout"):
            Phase("a", "h", **wrong)  # type: ignore[arg-type]


def test_a_phase_is_stored_and_comes_back() -> None:
    phase = Phase("a", "h", ["b", Need("c", IfFailed.HOLD)], "do it", "p", {"n": [1]}, "5m", 2, "r")
    assert Phase.from_dict(phase.to_dict()) == Phase(
        "a", "h", [Need("b"), Need("c", IfFailed.HOLD)], "do it", "p", {"n": [1]}, 300, 2, "r"
    )


def test_the_documents_request() -> None:
    plan = DevelopmentPlanner().plan("Develop a web API with authentication")
    assert needs(plan) == {
        "analysis": [],
        "design": ["analysis"],
        "code web API": ["design"],
        "code authentication": ["design"],
        "tests web API": ["code web API", "code authentication"],
        "tests authentication": ["code authentication"],
        "integration": ["tests web API", "tests authentication"],
        "review": ["integration"],
        "docs": ["integration"],
        "packaging": ["review", "docs"],
    }
    assert plan.phase("packaging").edges == (Need("review"), Need("docs", IfFailed.IGNORE))
    assert plan.phase("tests authentication").repair == "code"


def test_parts_that_use_another_are_written_behind_it() -> None:
    plan = DevelopmentPlanner().plan("Write a parser, and a formatter using the parser")
    found = needs(plan)
    assert found["code formatter using the parser"] == ["design", "code parser"]
    assert found["tests parser"] == ["code parser"]  # it does not hold the formatter together


def test_phases_that_are_not_wanted_are_left_out() -> None:
    plan = DevelopmentPlanner().plan("Build an app with a login. No tests, docs or review.")
    assert needs(plan) == {
        "analysis": [], "design": ["analysis"], "code app": ["design"], "code login": ["design"],
        "packaging": ["code app", "code login"],
    }  # fmt: skip
    all_gone = DevelopmentPlanner().plan("A script. No tests, docs, packaging or review.")
    assert all_gone.names == ("analysis", "design", "code script")


def test_what_is_wished_of_a_phase_is_its_brief() -> None:
    plan = DevelopmentPlanner().plan("Build an app. Deploy it to the cloud.")
    assert plan.phase("packaging").brief == "Deploy it to the cloud"


def test_timeout_and_retries_are_those_of_the_planner() -> None:
    plan = DevelopmentPlanner(timeout="5m", retries=4).plan("a script")
    assert {phase.timeout for phase in plan.phases} == {300.0}
    assert (plan.phase("code script").retries, plan.phase("review").retries) == (4, 0)


@given(st.lists(WORDS, max_size=30).map(" ".join))
@settings(max_examples=80, deadline=None)
def test_any_request_gives_a_plan_or_is_refused(text: str) -> None:
    if not re.search(r"\w", text):
        with pytest.raises(InputError, match="in words"):
            DevelopmentPlanner().plan(text)
        return
    plan = DevelopmentPlanner().plan(text)
    assert plan == DevelopmentPlanner().plan(text)
    assert plan.names[:2] == ("analysis", "design")
    assert plan.request == text
