"""`failures`, `logs`, `ls queues` and `openapi`."""

from __future__ import annotations

import json
import threading

from offhours.app import Offhours


def test_failures_come_in_groups_by_their_cause(run, app: Offhours) -> None:
    assert run("failures").err.startswith("nothing has failed")
    for text in ("row 1", "row 22", "no \x1b[2J disk"):
        app.submit("t:boom", args=(text,))
    app.drain()
    told = run("failures", "--json").json
    assert told["looked_at"] == 3
    assert [(group["count"], group["newest"]) for group in told["data"]] == [(2, [2, 1]), (1, [3])]
    out = run("failures").out
    assert "ValueError: row 22" in out and "\x1b" not in out
    assert len(run("failures", "--limit", 1, "--json").json["data"]) == 1


def test_queues_tell_what_waits_and_what_holds_it(run, app: Offhours) -> None:
    assert run("ls", "queues").err.startswith("nothing waits")
    app.submit("t:add", args=(1,), queue="mail")
    app.submit("t:add", args=(1,), queue="mail", delay="1h")
    app.pause(queue="mail", reason="bounces")
    app.limit(queue="mail", concurrency=3, rate="10/s")
    [told] = run("ls", "queues", "--json").json["queues"]
    assert (told["queue"], told["ready"], told["later"]) == ("mail", 1, 1)
    out = run("ls", "queues").out
    assert "3 at once, 10 in 1.0 s" in out and "paused" in out and "bounces" in out


def test_the_log_of_a_job_is_its_history(run, app: Offhours) -> None:
    app.submit("t:boom", args=("x",))
    app.drain()
    kinds = [line.split()[2] for line in run("logs", 1).out.splitlines()]
    assert kinds == ["job.submitted", "job.started", "job.failed"]
    lines = [json.loads(line) for line in run("logs", 1, "--json").out.splitlines()]
    assert [line["kind"] for line in lines] == kinds
    assert run("logs", 9).code == 3


def test_a_log_is_followed_until_the_job_is_finished(run, app: Offhours) -> None:
    app.submit("t:add", args=(1,))
    worker = threading.Timer(0.1, app.drain)
    worker.start()
    out = run("logs", 1, "-f").out
    worker.join()
    assert out.splitlines()[-1].split()[2] == "job.succeeded"


def test_the_api_is_described(run) -> None:
    told = run("openapi").json
    assert told["openapi"].startswith("3.1") and "/api/v1/jobs" in told["paths"]
