"""`notify`: routes, tests of them, and what was sent."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from offhours.app import Offhours
from offhours.core.errors import DeliveryError
from offhours.core.notices import DeliveryState
from offhours.notify import Memory, Message, Route

ROUTES = """
[notify]
every = "5m"
[notify.routes.here]
channel = "log"
on = ["alert.*"]
severity = "high"
[notify.routes.hook]
channel = "webhook"
url = "https://127.0.0.1/T0/secret-token"
"""


class Closed:
    kind = "closed"
    deadline = 5.0

    def send(self, message: Message) -> str:
        raise DeliveryError("it is closed", permanent=message.severity == "high")


def test_the_routes_of_the_configuration(run: Any) -> None:
    assert "no routes in the section `notify`" in run("notify", "ls").err
    assert run("notify", "test").code == 3
    Path("offhours.toml").write_text(ROUTES, encoding="utf-8")
    here, hook = run("notify", "ls", "--json").json["routes"]
    assert (here["name"], here["tells"], here["severity"], here["every"]) == (
        "here", "alert.*", "high", "5m",
    )  # fmt: skip
    assert hook["channel"] == "Webhook('https://127.0.0.1/***')"
    head, *rows = run("notify", "ls").out.splitlines()
    assert head.split()[:3] == ["NAME", "CHANNEL", "TELLS"] and len(rows) == 2


def test_a_test_says_what_came_of_it(run: Any) -> None:
    Path("offhours.toml").write_text(ROUTES, encoding="utf-8")
    assert run("notify", "test", "here") == (0, "here: sent in 0.0 s\n", "")
    all_of_them = run("notify", "test")
    assert all_of_them.code == 1
    assert "hook: failed" in all_of_them.out and "not on the public network" in all_of_them.out
    assert "secret-token" not in all_of_them.out
    told = run("notify", "test", "--json").json["routes"]
    assert (told["here"]["ok"], told["hook"]["ok"]) == (True, False)
    assert 'no route "her"; did you mean "here"?' in run("notify", "test", "her").err


def test_the_routes_of_a_file(run: Any) -> None:
    Path("shop.py").write_text(
        "from offhours import Offhours\nfrom offhours.notify import Memory, Route\n"
        "app = Offhours('shop.db')\napp.notify(Route(Memory(), name='page'))\n", encoding="utf-8",
    )  # fmt: skip
    assert run("notify", "test", "--file", "shop.py").out.startswith("page: sent")
    sys.modules.pop("shop")  # its app was closed
    assert "page" in run("notify", "ls", "--file", "shop.py").out


def test_what_was_sent_and_what_was_not(run: Any, app: Offhours) -> None:
    assert "no messages in offhours.db" in run("notify", "recent").err
    notifications = app.notify(Route(Memory()), Route(Closed()))
    notifications.send("The disk is full", severity="high")
    notifications.send("The disk is fuller", to="closed")
    head, *rows = run("notify", "recent").out.splitlines()
    assert head.split() == ["STATE", "ROUTE", "WHEN", "TRIES", "SUBJECT", "NOTE"]
    assert [row.split()[:2] for row in rows] == [
        ["waiting", "closed"], ["failed", "closed"], ["sent", "memory"],
    ]  # fmt: skip
    [failed] = run("notify", "recent", "--state", "failed", "--json").json["deliveries"]
    assert (failed["subject"], failed["error"], failed["attempt"], failed["next_at"]) == (
        "The disk is full", "it is closed", 1, None,
    )  # fmt: skip
    assert len(run("notify", "recent", "--limit", 1).out.splitlines()) == 2
    assert app.store.notices.deliveries(DeliveryState.WAITING)[0].subject == "The disk is fuller"
