"""`alerts`: what is wrong, and saying that one looks after it."""

from __future__ import annotations

from offhours.app import Offhours
from offhours.core.notices import NewAlert


def fire(app: Offhours, subject: str = "task t") -> None:
    alert = NewAlert("error_rate", subject, "high", "half of them fail", 0.5, 0.1)
    app.store.notices.fire(alert, app.clock.micros())


def test_what_is_wrong(run, app: Offhours) -> None:
    assert run("alerts") == (0, "", "nothing is wrong on offhours.db\n")
    fire(app)
    fire(app, "task u")
    head, *rows = run("alerts").out.splitlines()
    assert head.split() == ["ID", "STATE", "SEVERITY", "SUBJECT", "SINCE", "MESSAGE"]
    assert [row.split()[0] for row in rows] == ["2", "1"]
    assert rows[0].endswith("half of them fail") and "firing" in rows[0]
    app.store.notices.resolve("error_rate", "task u", app.clock.micros())
    [found] = run("alerts", "--json").json["alerts"]
    assert (found["id"], found["state"], found["value"], found["threshold"]) == (
        1, "firing", 0.5, 0.1,
    )  # fmt: skip
    assert [a["id"] for a in run("alerts", "--all", "--json").json["alerts"]] == [2, 1]
    assert [a["id"] for a in run("alerts", "--all", "--limit", 1, "--json").json["alerts"]] == [2]


def test_looking_after_one(run, app: Offhours) -> None:
    fire(app)
    assert run("alerts", "ack", 1, "--by", "ann") == (0, "ann looks after alert 1\n", "")
    assert "acknowledged by ann" in run("alerts").out
    again = run("alerts", "ack", 1, "--by", "bob")
    assert (again.code, again.err) == (6, "offhours: alert 1 is acknowledged already\n")
    assert run("alerts", "ack", 7).err.endswith("no alert 7 in offhours.db\n")
    assert run("alerts", "ack", 7).code == 3
    assert run("alerts", "ack", "x").code == 2
    fire(app, "task u")
    assert run("alerts", "ack", 2, "--by", "ann", "--json").json == {
        "acknowledged": 2, "by": "ann",
    }  # fmt: skip
    assert app.store.notices.alerts()[0].acknowledged_by == "ann"
