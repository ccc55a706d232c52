"""`find` and `graph`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from offhours.app import Offhours
from offhours.cli.codes import Exit


@pytest.fixture(autouse=True)
def _words_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhours.search.installed_embedder", lambda: None)


def test_find_by_text(run, app: Offhours) -> None:
    app.schedule("t:add", "every day at 2am", name="nightly", args=(1,))
    app.submit("t:boom", name="x\x1b[2J", args=("nightly\x1b[2J news",))
    code, out, err = run("find", "nightly")
    assert (code, err) == (0, "") and "\x1b" not in out
    assert [line.split()[0] for line in out.splitlines()] == ["WHAT", "schedule_1", "job_1"]
    told = run("find", "nightly", "--json").json
    assert told["mode"] == "lexical" and [job["id"] for job in told["jobs"]] == [1]
    [found] = [each for each in told["found"] if each["type"] == "plan"]
    assert found["id"] == "schedule_1" and found["metadata"]["cron_expression"] == "0 2 * * *"
    assert set(found) == {
        "id", "type", "name", "description", "content", "tags", "metadata", "score",
    }  # fmt: skip


def test_find_by_tag_and_type(run, app: Offhours) -> None:
    app.schedule("t:add", "every day at 2am", name="nightly", args=(1,))
    app.submit("t:add", args=(1,))
    told = run("find", "--tag", "0 2 * * *", "--json").json
    assert [each["id"] for each in told["found"]] == ["schedule_1"] and told["jobs"] == []
    assert run("find", "t:add", "--type", "job", "--json").json["found"] == []
    told = run("find", "add", "--type", "function", "--json").json
    assert [each["type"] for each in told["found"]] == ["function"]


def test_find_nothing(run, app: Offhours) -> None:
    code, out, err = run("find", "zebra")
    assert (code, out) == (0, "") and "nothing like that in offhours.db" in err
    assert run("find").code == Exit.USAGE
    assert run("find", "x", "--limit", 0).code == Exit.USAGE


def test_graph_says_why_and_what_is_around(run, app: Offhours) -> None:
    app.submit("t:add", args=(1,), metadata={"origin_thought_id": "thought_\x07"})
    app.drain()
    code, out, _ = run("graph", 1)
    assert code == 0 and "\x07" not in out
    assert out.splitlines()[0] == "job_1, scheduled_task"
    assert "was wanted by thought_\\x07" in out and "EXECUTION_OF   job_1" in out
    told = run("graph", "exec_1.1", "--json").json
    assert told["node"]["execution_id"] == "exec_1.1"
    assert told["why"]["steps"][0] == "run 1 of job 1 is its first"
    assert told["edges"] == [{"src": "exec_1.1", "type": "EXECUTION_OF", "dst": "job_1"}]


def test_graph_as_a_file(run, app: Offhours, tmp_path: Path) -> None:
    app.submit("t:add", args=(1,))
    app.drain()
    result = run("graph", "--export", "all.json")
    assert result.out == "" and "3 nodes" in result.err
    assert len(json.loads((tmp_path / "all.json").read_text())["nodes"]) == 3
    assert run("graph", 1, "--export", "-", "--format", "graphml").out.startswith("<?xml")


def test_graph_of_what_is_not_there(run, app: Offhours) -> None:
    assert run("graph", 9).code == Exit.NOT_FOUND
    assert run("graph", "nobody").code == Exit.NOT_FOUND
    assert run("graph").code == Exit.USAGE
