"""`cancel` and `retry`, for one job and for many."""

from __future__ import annotations

from offhours.app import Offhours


def test_cancel_says_for_each_job_what_became_of_it(run, app: Offhours) -> None:
    for n in range(2):
        app.submit("t:add", args=(n,))
    assert run("cancel", 1, 2, 1, "--reason", "not now") == (0, "1 cancelled\n2 cancelled\n", "")
    assert [app.record(n).reason for n in (1, 2)] == ["not now", "not now"]


def test_a_refused_one_does_not_stop_the_others(run, app: Offhours) -> None:
    app.submit("t:add", args=(1,))
    app.drain()
    app.submit("t:add", args=(2,))
    code, out, err = run("cancel", 1, 9, 2)
    assert (code, out) == (6, "2 cancelled\n")
    assert err.splitlines() == [
        "offhours: job 1 is succeeded and cannot be cancelled",
        "offhours: no job 9 in offhours.db",
    ]
    assert run("cancel", 9, 1).code == 3


def test_cancel_as_json(run, app: Offhours) -> None:
    app.submit("t:add", args=(1,))
    result = run("cancel", 1, 9, "--json")
    assert (result.code, result.err) == (3, "")
    assert result.json == {
        "results": [
            {"id": 1, "ok": True, "outcome": "cancelled"},
            {
                "id": 9, "ok": False, "code": "job_not_found",
                "message": "no job 9 in offhours.db",
            },
        ]
    }  # fmt: skip


def test_a_running_job_is_asked_to_stop(run, app: Offhours) -> None:
    said = []

    def cancel_me() -> None:
        said.append(run("cancel", 1))

    app.submit(cancel_me, durable=False)
    app.drain()
    assert said == [(0, "1 asked to stop\n", "")]
    assert app.record(1).cancel_at is not None


def test_retry_prints_the_new_ids(run, app: Offhours) -> None:
    app.submit("t:boom", args=("x",))
    app.submit("t:add", args=(1,))
    app.drain()
    assert run("retry", 1, 2) == (0, "3\n4\n", "")
    assert [app.record(n).retry_of for n in (3, 4)] == [1, 2]


def test_what_is_not_finished_cannot_be_retried(run, app: Offhours) -> None:
    app.submit("t:add", args=(1,))
    code, out, err = run("retry", 1)
    assert (code, out) == (6, "") and "only a finished job" in err
    assert len(app.jobs()) == 1


def test_retry_as_json(run, app: Offhours) -> None:
    app.submit("t:add", args=(1,))
    app.drain()
    [result] = run("retry", 1, "--json").json["results"]
    assert (result["id"], result["ok"]) == (1, True)
    assert (result["job"]["id"], result["job"]["retry_of"]) == (2, 1)


def test_an_id_is_needed(run, app) -> None:
    assert run("cancel").code == run("retry").code == 2
