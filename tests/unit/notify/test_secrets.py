"""Secrets are where they are needed, and nowhere else."""

from __future__ import annotations

import io
import json
import logging
import re
from pathlib import Path

import pytest
from tests.unit.notify.doubles import LOCAL, Authority, Inbox, mail_server, web

from offhours import Offhours
from offhours.core.errors import ConfigError, DeliveryError
from offhours.notify import Apprise, Mail, Route, Rule, Secret, Webhook
from offhours.testing import FakeClock, memory_app


def test_a_secret_is_read_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_TOKEN", "from-the-environment")
    (tmp_path / "token").write_text("from-a-file\n")
    assert Secret("env:THE_TOKEN").reveal() == "from-the-environment"
    assert Secret(f"file:{tmp_path}/token").reveal() == "from-a-file"
    assert Secret(Secret("given")).reveal() == "given"
    assert Secret("a") == Secret("a") != Secret("b") and len({Secret("a"), Secret("a")}) == 1
    for missing in ("env:NOT_THERE_AT_ALL", f"file:{tmp_path}/no", f"file:{tmp_path}"):
        with pytest.raises(DeliveryError, match=re.escape(missing.partition(":")[2])):
            Secret(missing).reveal()


def echo(connection: object, server: object) -> None:
    """Answer with all that we were told, as a careless server does."""
    request = server.requests[-1]  # type: ignore[attr-defined]
    told = " ".join([request.line, *request.headers.values()])
    connection.sendall(f"HTTP/1.1 500 {told}\r\nX: {told}\r\n\r\n{told}".encode())  # type: ignore[attr-defined]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Apprise itself
def test_twenty_canaries_are_seen_nowhere(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    canaries = [f"canary-{n:02}-{n * 7919:08x}" for n in range(20)]
    c = iter(canaries)
    monkeypatch.setenv("CANARY_HEADER", next(c))
    monkeypatch.setenv("CANARY_PASSWORD", next(c))
    monkeypatch.setenv("CANARY_URL", f"https://hooks.example.com/{next(c)}?t={next(c)}")
    (tmp_path / "secret").write_text(next(c))
    (tmp_path / "password").write_text(next(c))
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    root.addHandler(handler)
    monkeypatch.setattr(root, "level", logging.DEBUG)
    for theirs in ("apprise", "urllib3"):  # which write addresses into their DEBUG log
        monkeypatch.setattr(logging.getLogger(theirs), "level", logging.INFO)
    inbox = Inbox()
    clock = FakeClock()
    app = Offhours(tmp_path / "jobs.db", clock=clock, executor="inline")
    shown: list[str] = []
    with mail_server(inbox, authority.context("localhost")) as port, web(echo) as server:
        at = f"http://127.0.0.1:{server.port}"
        local = {"http": True, "ports": [server.port], "networks": LOCAL}

        def mail(password: str) -> Mail:
            return Mail(
                "localhost", "bob@example.com", port=port, user="ann", password=password,
                ca_file=authority.ca_file,
            )  # fmt: skip

        channels = [
            Webhook(f"{at}/{next(c)}/{next(c)}?token={next(c)}", **local),
            Webhook(f"{at}/x", headers={"Authorization": f"Bearer {next(c)}"}, **local),
            Webhook(f"{at}/x", headers={"X-Api-Key": next(c), "X-B": f"a {next(c)}"}, **local),
            Webhook(f"{at}/x", headers={"X-Key": "env:CANARY_HEADER"}, secret=next(c), **local),
            Webhook(f"{at}/x", secret=f"file:{tmp_path}/secret", **local),
            Webhook("env:CANARY_URL", resolve=lambda host, port: ["10.0.0.1"]),
            Webhook(f"https://127.0.0.1/{next(c)}"),
            mail(next(c)), mail("env:CANARY_PASSWORD"), mail(f"file:{tmp_path}/password"),
            Apprise(f"unknown-scheme://{next(c)}"),
            Apprise(f"json://user:{next(c)}@127.0.0.1:1/{next(c)}"),
        ]  # fmt: skip
        for url in (f"https://user:{next(c)}@example.com/", f"https://[{next(c)}]/"):
            with pytest.raises(ConfigError) as caught:
                Webhook(url)
            shown += [str(caught.value), repr(caught.value)]
        assert next(c, None) is None
        routes = [
            Route(each, Rule(on="job.failed"), name=f"r{n}") for n, each in enumerate(channels)
        ]
        notifications = app.notify(*routes)
        shown += [repr(routes), repr(channels), repr(notifications.routes)]
        trials = notifications.test()
        assert not any(trial.ok for trial in trials.values())
        shown += [repr(trials), repr(notifications.send("a subject", "a text"))]
        for _ in range(5):
            clock.advance("1h")
            notifications.tick()
    assert {each.state for each in notifications.recent()} == {"failed"}
    shown += [repr(notifications.recent()), repr(list(app.events())), written.getvalue()]
    assert len([event for event in app.events() if event.kind == "delivery.failed"]) == 12
    root.removeHandler(handler)
    app.close()
    shown += [file.read_text(errors="replace") for file in tmp_path.glob("jobs.db*")]
    everything = "\n".join([*shown, json.dumps(shown)])
    assert [canary for canary in canaries if canary in everything] == []
    assert "attempt 5 of 5" in everything


class Leaky:
    """A channel of the user's own that tells its secret."""

    kind = "leaky"
    deadline = 1.0
    token = "canary-of-their-own"

    def send(self, message: object) -> str:
        raise ValueError(self.token)


def test_a_channel_of_ones_own_may_fail_as_it_likes(caplog: pytest.LogCaptureFixture) -> None:
    app = memory_app()
    notifications = app.notify(Route(Leaky(), Rule()))
    assert notifications.test()["leaky"].error == "the channel failed with ValueError"
    assert "Leaky" not in caplog.text and "canary" not in caplog.text
    assert "in send" in caplog.text
