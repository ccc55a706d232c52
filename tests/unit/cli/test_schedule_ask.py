"""`schedule ls`, `show` and `calendar`, and what `ls`, `show` and `doctor` say of schedules."""

from __future__ import annotations

import re

import pytest

from offhours.app import Offhours
from offhours.core.schedules import ScheduleStatus
from offhours.schedules import schedule_dict


@pytest.fixture
def made(app: Offhours) -> Offhours:
    """One that ran well, one that was disabled, one with a name that wants to steer us."""
    well = app.schedule("t:add", "every day at 9am", args=(1,), name="well")
    ill = app.schedule("t:boom", "0 9 * * 1-5", args=("no\x1b[2J",), name="ill", disable_after=1)
    app.schedule("t:add", "in 2 days", args=(2,), name="世界")
    well.run_now()
    ill.run_now()
    app.drain()
    return app


def test_ls(run, made: Offhours) -> None:
    code, out, err = run("schedule", "ls")
    head, *rows = out.splitlines()
    assert (code, err) == (0, "")
    assert head.split() == ["ID", "NAME", "WHEN", "NEXT", "LAST", "FAILED", "STATUS"]
    assert re.search(r"^1 +well +every day at 09:00 +\w{3} \S+ 09:00:00 UTC \(in .*\)", rows[0])
    assert "succeeded" in rows[0] and "0 of 5" in rows[0] and rows[0].endswith("active")
    assert "failed" in rows[1] and rows[1].endswith("disabled: its job failed")
    assert run("ls", "schedules") == (code, out, err)


def test_ls_counts_equal_results(run, made: Offhours) -> None:
    for _ in range(2):
        made.schedules.get("well").run_now()
    made.drain()
    assert "  3 succeeded  " in run("schedule", "ls").out.splitlines()[1]


def test_ls_as_json(run, made: Offhours) -> None:
    told = run("schedule", "ls", "--json", "--limit", 1).json
    [schedule] = told["schedules"]
    assert told["next"] == 1
    assert schedule_dict(made.schedules.get(1).record).items() <= schedule.items()
    assert schedule["sentence"] == "every day at 09:00"
    assert [(fire["job"], fire["state"]) for fire in schedule["results"]] == [(1, "succeeded")]
    rest = run("schedule", "ls", "--json", "--after", 1).json
    assert [s["id"] for s in rest["schedules"]] == [2, 3] and rest["next"] is None


def test_ls_filters(run, made: Offhours) -> None:
    assert run("schedule", "ls", "--status", "disabled", "--ids").out == "2\n"
    assert run("schedule", "ls", "--task", "t:add", "--ids").out == "1\n3\n"
    assert run("ls", "schedules", "--task", "t:boom", "--ids").out == "2\n"
    assert run("schedule", "ls", "--task", "t:bom").err == (
        'no schedules of t:bom in offhours.db; did you mean "t:boom"?\n'
    )
    assert run("ls", "schedules", "--state", "failed").code == 2
    assert run("schedule", "ls", "--status", "gone").code == 2


def test_an_empty_list_says_what_to_type(run, app) -> None:
    result = run("schedule", "ls")
    assert (result.code, result.out) == (0, "") and "offhours schedule add" in result.err


def test_show_tells_everything(run, made: Offhours) -> None:
    code, out, err = run("schedule", "show", "well")
    assert (code, err) == (0, "")
    assert out.startswith("schedule 1 (well), t:add: active\nit fires next at ")
    assert "every day at 09:00 (written: every day at 9am)\n  cron 0 9 * * *\n  next: " in out
    assert "  catch_up       once\n" in out and "last fires\n" in out
    assert out.rstrip().endswith("job 1 succeeded, by hand")
    ill = run("schedule", "show", 2).out
    assert "offhours schedule resume 2" in ill and "\x1b" not in ill


def test_show_as_json(run, made: Offhours) -> None:
    told = run("schedule", "show", 1, "--json").json
    handle = made.schedules.get(1)
    assert told["schedule"] == schedule_dict(handle.record)
    assert told["why"]["code"] == "active" and told["delays"] is None
    assert told["explain"]["sentence"] == "every day at 09:00"
    assert set(told["fires"][0]) == {
        "schedule", "instant", "job", "code", "reason", "at", "delay_ms", "state",
    }  # fmt: skip
    assert run("schedule", "show", 1, "--json", "--fires", 0).json["fires"] == []


def test_the_help_names_each_field_of_a_schedule(run, made) -> None:
    described = run("schedule", "show", "--help").out.partition("a schedule has:")[2]
    told = run("schedule", "show", 1, "--json").json["schedule"]
    assert re.findall(r'"(\w+)"', described.partition("Example:")[0]) == list(told)


def test_a_schedule_that_is_not_there(run, made: Offhours) -> None:
    assert run("schedule", "show", 9) == (3, "", "offhours: no schedule 9 in offhours.db\n")
    result = run("schedule", "show", "wel")
    assert result.code == 3 and 'did you mean "well"?' in result.err
    for key in ("\x1b[2J", "x" * 1_000_000, "9" * 5_000, "", "-1", "٣"):
        result = run("schedule", "show", "--", key)
        assert (result.code, result.out) == (3, "") and len(result.err) < 300
        assert result.err.strip().isprintable()


def test_a_name_may_be_a_number(run, made: Offhours) -> None:
    made.schedule("t:add", "every hour", args=(1,), name="77")
    assert run("schedule", "show", "77", "--json").json["schedule"]["id"] == 4


def test_calendar_lists_what_is_to_come(run, made: Offhours) -> None:
    code, out, err = run("schedule", "calendar", "tomorrow", "--days", 7)
    head, *rows = out.splitlines()
    assert (code, err) == (0, "")
    assert head.split() == ["TIME", "ID", "NAME", "TASK", "OUTCOME"]
    assert sum(" well " in row for row in rows) == 7 and sum(" 世界 " in row for row in rows) == 1
    assert rows == sorted(rows, key=lambda row: row.split()[1:3])
    assert not any(" ill " in row for row in rows)


def test_calendar_tells_what_became_of_past_fires(run, made: Offhours) -> None:
    run("schedule", "backfill", "well", "--from", "2026-03-02", "--to", "2026-03-03")
    made.drain()
    out = run("schedule", "calendar", "2026-03-02").out
    assert out.splitlines()[1].split()[:4] == ["09:00:00", "1", "well", "t:add"]
    assert "job 3 succeeded, backfilled" in out
    told = run("schedule", "calendar", "2026-03-02", "--json", "--timezone", "Asia/Tokyo").json
    assert told["start"] == "2026-03-01T15:00:00.000000Z" and told["more"] is False
    assert told["fires"] == [
        {
            "instant": "2026-03-02T09:00:00.000000Z", "schedule": 1, "name": "well",
            "task": "t:add", "job": 3, "state": "succeeded", "code": "backfilled", "reason": None,
        }
    ]  # fmt: skip


def test_calendar_says_when_there_is_more_or_nothing(run, made: Offhours) -> None:
    made.schedule("t:add", "every minute", args=(1,), name="dense")
    cut = run("schedule", "calendar", "tomorrow", "--limit", 5)
    assert len(cut.out.splitlines()) == 6 and "larger --limit" in cut.err
    assert run("schedule", "calendar", "2150-01-01", "--limit", 2, "--json").json["more"] is True
    assert "nothing fires" in run("schedule", "calendar", "1999-01-01").err


@pytest.mark.parametrize(
    "line",
    [
        ["someday"], ["2026-13-01"], ["9999-12-31"], ["0001-01-01"], ["--days", "0"],
        ["--timezone", "Nowhere"], ["x" * 100_000],
    ],
    ids=lambda line: " ".join(line)[:20],
)  # fmt: skip
def test_a_day_that_is_none(run, app, line: list[str]) -> None:
    result = run("schedule", "calendar", *line)
    assert (result.code, result.out) == (2, "") and result.err.count("\n") == 1


def test_a_job_names_its_schedule_and_the_instant(run, made: Offhours) -> None:
    made.schedules.get("well").backfill("2026-03-02T00:00Z", "2026-03-03T00:00Z")
    out = run("show", 3).out
    assert "made by schedule 1 for its fire of 2026-03-02 09:00:00Z\n" in out
    assert "made by" not in run("show", made.submit("t:add", args=(1,)).id).out


def check(run) -> dict[str, str]:
    [found] = [c for c in run("doctor", "--json").json["checks"] if c["name"] == "schedules"]
    return found


def test_doctor_and_the_schedules(run, app: Offhours, monkeypatch) -> None:
    from offhours.cli import checks_db

    assert check(run)["message"] == "none is active"
    app.schedule("t:add", "every day at 9am", args=(1,), name="well")
    assert check(run)["status"] == "ok" and "the next one, 1, " in check(run)["message"]
    monkeypatch.setattr(checks_db, "LATE", -(2**50))
    assert check(run)["status"] == "ok"  # nobody works: that is another line's matter
    with app:
        assert check(run)["status"] == "warn" and "overdue" in check(run)["message"]
    ill = app.schedule("t:boom", "every day at 9am", args=("x",), disable_after=1)
    ill.run_now()
    app.drain()
    assert ill.status is ScheduleStatus.DISABLED
    assert "offhours schedule resume" in check(run)["remedy"]
