"""Flows, approvals, signals, the audit log and the kill switch on the command line."""

from __future__ import annotations

import json

import pytest

from offhours import Context, Flow, JobState
from offhours.app import Offhours


@pytest.fixture
def flow(app: Offhours) -> int:
    made = Flow("report")
    made.step("read", len, args=("four",))
    made.step("write", abs, args=(-1,), after=["read"])
    return app.submit_flow(made).id


class TestFlow:
    def test_listed_and_shown(self, run, app: Offhours, flow: int) -> None:
        [found] = run("flow", "ls", "--json").json["flows"]
        assert (found["id"], found["name"], found["state"]) == (flow, "report", "pending")
        assert (found["done"], found["total"]) == (0, 2)
        assert "report" in run("flow", "ls").out and "0/2" in run("flow", "ls").out
        shown = run("flow", "show", flow, "--json").json
        assert [step["step"] for step in shown["steps"]] == ["read", "write"]
        assert "write" in run("flow", "show", flow).out
        assert run("flow", "show", 99).code == 3

    def test_a_name_steers_no_terminal(self, run, app: Offhours) -> None:
        made = Flow("\u202eegrahc")
        made.step("read", len, args=("four",))
        assert "\\u202eegrahc: " in run("flow", "show", app.submit_flow(made).id).out

    def test_none(self, run, app: Offhours) -> None:
        assert run("flow", "ls") == (0, "", "no flows on offhours.db\n")

    def test_cancelled_and_done_again(self, run, app: Offhours, flow: int) -> None:
        assert run("flow", "cancel", flow, "--json").json == {"cancelled": 2}
        assert run("flow", "retry", flow).out.split() == ["3", "4"]
        assert app.job(4).status is JobState.HELD
        assert run("flow", "retry", flow, "--from", "read").code == 6  # it is not finished


class TestApprovals:
    @pytest.fixture
    def asked(self, app: Offhours) -> int:
        with Offhours(app.store.location) as worker:

            @worker.task(name="mail")
            def mail(ctx: Context) -> bool:
                return bool(ctx.approve("send it", args=["ann"]))

            job = mail.submit()
            while not worker.approvals():
                pass
        worker.close()
        return job.id

    def test_asked_and_answered(self, run, app: Offhours, asked: int) -> None:
        [found] = run("approvals", "--json").json["approvals"]
        assert (found["job"], found["question"], found["arguments"]) == (asked, "send it", ["ann"])
        assert "send it" in run("approvals").out
        assert run("approve", 1, "--digest", "x").code == 6
        assert run("approve", 1, "--by", "ann").out == "1 is approved\n"
        assert run("deny", 1, "--by", "bob").code == 6
        assert run("deny", 9).code == 3
        assert run("approvals").err == "nobody is asked anything on offhours.db\n"
        [decided] = run("approvals", "--all", "--json").json["approvals"]
        assert (decided["state"], decided["decided_by"]) == ("approved", "ann")


def test_a_signal_is_sent(run, app: Offhours) -> None:
    job = app.submit_by_name("t")
    assert run("signal", job.id, "go", '{"n": 1}').out == f"job {job.id} was sent go\n"
    assert app.store.approvals.first_signal(job.id, "go") == (1, '{"n":1}')
    assert run("signal", job.id, "go", "not json").code == 2
    assert run("signal", 99, "go").code == 3


def test_who_did_what(run, app: Offhours) -> None:
    assert run("audit") == (0, "", "nobody has steered anything on offhours.db\n")
    run("pause", "--queue", "mail", "--reason", "it moves")
    app.resume(queue="mail")
    newest, oldest = run("audit", "--json").json["audit"]
    assert (newest["actor"], newest["action"]) == ("code", "limit.resumed")
    assert oldest["actor"].endswith("(command line)") and oldest["became"]["reason"] == "it moves"
    assert run("audit", "--by", "code", "--json").json["audit"] == [newest]
    assert "limit.paused" in run("audit", "--before", newest["id"]).out


def test_everything_stops(run, app: Offhours) -> None:
    assert run("stop").code == 2
    told = run("stop", "--all", "--reason", "a runaway")
    assert told.out == "all work is paused; 0 running jobs were asked to stop\n"
    assert "a runaway" in json.dumps([limit.reason for limit in app.limits()])
    assert run("stop", "--all", "--json").json == {"stopped": 0}
