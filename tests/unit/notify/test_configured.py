"""Routes from configuration files: used, or every fault told by its key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from offhours import Offhours
from offhours.core.errors import ConfigError
from offhours.core.notices import NewAlert
from offhours.notify import Mail, Route, Secret, Webhook
from offhours.notify.configured import Configured
from offhours.sources.configuration import read
from offhours.testing import FakeClock

FILE = """
timezone = "Europe/Berlin"
[notify]
every = "5m"
quiet = "22:00-07:00"
[notify.routes.ops]
channel = "mail"
host = "smtp.example.com"
to = ["ann@example.com"]
user = "offhours@example.com"
password = "hunter2"
tasks = ["mail.*"]
priority = "HIGH"
[notify.routes.pager]
channel = "webhook"
url = "https://hooks.example.com/T0/secret-token"
headers = { Authorization = "Bearer hunter3" }
on = ["alert.*"]
severity = "critical"
every = 0
quiet = "01:00-02:00"
timezone = "UTC"
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def routes(text: str) -> list[Route]:
    Path("offhours.toml").write_text(text, encoding="utf-8")
    found = read(environment={})
    return Configured(found.section("notify"), found.settings["timezone"].value).routes()


def test_a_route_has_what_its_table_says_and_else_what_the_section_says() -> None:
    ops, pager = routes(FILE)
    assert (ops.name, ops.every, ops.wait, ops.quiet) == ("ops", "5m", "5s", "22:00-07:00")
    assert isinstance(ops.channel, Mail) and ops.channel.to == ("ann@example.com",)
    assert (ops.timezone, ops.rules[0].tasks, ops.rules[0].priority) == (
        "Europe/Berlin", ("mail.*",), 10,
    )  # fmt: skip
    assert isinstance(pager.channel, Webhook)
    assert (pager.every, pager.quiet, pager.timezone) == (0, "01:00-02:00", "UTC")
    assert (pager.rules[0].on, pager.rules[0].severity) == (("alert.*",), "critical")


def test_it_can_be_switched_off_as_a_whole() -> None:
    assert routes(FILE.replace("[notify]", "[notify]\nenabled = false")) == []
    assert routes("[notify]\nevery = '1m'") == []


def test_all_faults_of_all_routes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        routes(
            'notify.routes.a.chanel = "log"\n'
            '[notify.routes.b]\nchannel = "mail"\nhost = "x y"\nto = ["bad"]\nsevrity = "high"\n'
            '[notify.routes.c]\nchannel = "webhook"\nurl = "http://example.com/"\nports = [0]\n'
            '[notify.routes.d]\nchannel = "log"\non = ["jobs.failed"]\nwait = "soon"\n'
            '[notify.routes."e/f"]\nchannel = "log"\n'
            '[notify.routes.g]\nchannel = "mail"\n'
        )
    place = "offhours.toml: notify.routes."
    starts = [fault.removeprefix(place).partition(" ")[0] for fault in caught.value.faults]
    assert starts == [
        "a.channel:", "b.sevrity:", "b.to:", "b.host:", "c.ports:", "d.wait:", "e/f.name:",
        "g.host:", "g.to:",
    ]  # fmt: skip


def test_a_variable_holds_them_as_json() -> None:
    told = {"OFFHOURS_NOTIFY__ROUTES": json.dumps({"ops": {"channel": "log"}})}
    found = read(environment=told, files=False)
    assert [route.name for route in Configured(found.section("notify")).routes()] == ["ops"]
    for text in ("[]", "no json", '{"ops": 5}', '{"ops": {"channel": "pigeon"}}'):
        with pytest.raises(ConfigError, match="OFFHOURS_NOTIFY__ROUTES"):
            read(environment={"OFFHOURS_NOTIFY__ROUTES": text}, files=False)


def test_no_secret_is_shown() -> None:
    Path("offhours.toml").write_text(FILE, encoding="utf-8")
    shown = str(read(environment={}).settings["notify.routes"].shown)
    assert "ann@example.com" in shown and "***" in shown
    assert not [word for word in ("hunter2", "hunter3", "secret-token") if word in shown]
    assert Secret("hunter2") == Mail("h", "a@b.c", user="u", password="hunter2").password


def test_an_app_of_the_configuration_tells(caplog: pytest.LogCaptureFixture) -> None:
    Path("offhours.toml").write_text(
        '[notify]\nwait = 0\n[notify.routes.here]\nchannel = "log"\non = "alert.firing"\n'
        .replace('"alert.firing"', '["alert.firing"]'), encoding="utf-8",
    )  # fmt: skip
    app = Offhours.from_config(clock=FakeClock(), executor="inline")
    app.store.notices.fire(NewAlert("errors", "all", "high", "all of them fail"), 5)
    for _ in range(2):
        app.notify().tick()
    app.close()
    assert "all of them fail" in caplog.text
