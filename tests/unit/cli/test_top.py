"""`top` off a terminal, and what its live view draws."""

from __future__ import annotations

import io

from rich.console import Console

from offhours.app import Offhours
from offhours.cli.top import Snapshot, drawn
from offhours.handles import job_dict


def test_one_snapshot_off_a_terminal(run, app: Offhours) -> None:
    app.submit("t:boom", args=("bad\x1b[2J",))
    app.drain()
    app.submit("t:add", args=(1,), delay="1h")
    with app.foreground("wf\x07"):
        code, out, err = run("top")
    assert (code, err) == (0, "")
    assert "1 later" in out and "1 failed" in out and "workflow wf\\x07" in out
    assert "ValueError: bad\\x1b[2J" in out
    assert "workers" in out and "running" not in out.splitlines()


def test_a_snapshot_as_json(run, app: Offhours) -> None:
    app.submit("t:boom", args=("x",))
    app.drain()
    with app.foreground("wf"):
        told = run("top", "--json").json
    assert set(told) == {
        "database", "at", "counts", "workers", "running", "failed", "foreground",
    }  # fmt: skip
    assert told["failed"] == [job_dict(app.record(1))]
    assert [lease["workflow"] for lease in told["foreground"]] == ["wf"]
    assert set(told["counts"]) == {
        "ready", "later", "running", "held", "succeeded", "failed", "cancelled",
    }  # fmt: skip


def test_the_live_view_shows_the_same_and_no_markup(app: Offhours) -> None:
    app.submit("t:boom", args=("[red]\x1b[2J",), name="[bold]n")
    app.drain()
    screen = io.StringIO()
    Console(file=screen, width=160).print(drawn(Snapshot.of(app), 2.5))
    text = screen.getvalue()
    assert "2.5 jobs/s" in text and "1 failed" in text
    assert "[bold]n" in text and "ValueError: [red]\\x1b[2J" in text and "\x1b" not in text


def test_finished_counts_all_ends(app: Offhours) -> None:
    app.submit("t:boom", args=("x",))
    app.submit("t:add", args=(1,))
    app.drain()
    app.submit("t:add", args=(1,)).cancel()
    assert Snapshot.of(app).finished == 3
