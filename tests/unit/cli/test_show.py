"""`show` and `why`."""

from __future__ import annotations

import re

import pytest

from offhours.app import Offhours
from offhours.handles import job_dict


def test_show_tells_the_record_the_reason_and_the_history(run, app: Offhours) -> None:
    app.submit("t:boom", args=("bad\x1b[2J",), name="n\x07ame", metadata={"who": "ann"})
    app.drain()
    code, out, err = run("show", 1)
    assert (code, err) == (0, "")
    assert out.startswith("job 1 (n\\x07ame), t:boom: failed\nit failed at ")
    assert '  metadata      {"who":"ann"}\n' in out
    assert "ValueError: bad\\x1b[2J" in out and "\x1b" not in out
    assert [line.split()[2] for line in out.splitlines()[-3:]] == [
        "job.submitted", "job.started", "job.failed",
    ]  # fmt: skip


def test_show_as_json(run, app: Offhours) -> None:
    app.submit("t:add", args=(1,))
    app.drain()
    told = run("show", 1, "--json").json
    assert told["job"] == job_dict(app.record(1)) and told["job"]["result"] == 2
    assert told["why"]["code"] == "succeeded"
    assert [event["kind"] for event in told["history"]] == [
        "job.submitted", "job.started", "job.succeeded",
    ]  # fmt: skip
    assert set(told["history"][0]) == {"seq", "at", "kind", "job", "attempt", "data"}


def test_the_help_names_each_field_of_a_job(run, app: Offhours) -> None:
    app.submit("t:add", args=(1,))
    described = run("show", "--help").out.partition("a job has:")[2].partition("Options:")[0]
    assert re.findall(r'"(\w+)"', described) == list(run("show", 1, "--json").json["job"])


def test_why_is_the_sentence_and_nothing_else(run, app: Offhours) -> None:
    app.submit("t:add", args=(1,))
    assert run("why", 1) == (0, f"{app.why(1).sentence}\n", "")
    assert run("why", 1, "--json").json == {"id": 1, **app.why(1).to_dict()}


@pytest.mark.parametrize("command", ["show", "why"])
def test_a_job_that_is_not_there(run, app, command: str) -> None:
    assert run(command, 9) == (3, "", "offhours: no job 9 in offhours.db\n")


@pytest.mark.parametrize("text", ["x", "0", "-1", "1.5", "٣", str(2**63)])
def test_an_id_is_a_positive_number(run, app, text: str) -> None:
    result = run("why", "--", text)
    assert result.code == 2 and "expected a number such as 42" in result.err
