"""Offhours in a real Flask application."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, current_app, session
from flask.testing import FlaskClient
from tests.forking import as_a_child

from offhours import Offhours
from offhours.core.errors import ConfigError, NotStarted
from offhours.integrations.flask import OffhoursFlask

TOKEN = "oh_a-token-that-nobody-guesses"
Wait = Callable[[Callable[[], bool]], None]


def greet(name: str) -> str:
    return f"{current_app.config['GREETING']} {name}"


async def greet_async(name: str) -> str:
    return greet(name)


@pytest.fixture
def flask(tmp_path: Path) -> Flask:
    made = Flask("shop")
    made.config.update(
        SECRET_KEY="k" * 32,
        GREETING="hello",
        OFFHOURS={"db": str(tmp_path / "jobs.db"), "page": "/ops", "linger": "10ms"},
    )
    return made


@pytest.fixture
def jobs(flask: Flask) -> Iterator[OffhoursFlask]:
    made = OffhoursFlask(flask)
    yield made
    with flask.app_context():
        made.close()
    made.app.close()


@pytest.fixture
def client(flask: Flask, jobs: OffhoursFlask) -> FlaskClient:
    return flask.test_client()


def signed(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_the_app_is_made_of_the_configuration(
    flask: Flask, jobs: OffhoursFlask, tmp_path: Path
) -> None:
    assert jobs.app.store.name == str(tmp_path / "jobs.db")
    with flask.app_context():
        assert current_app.extensions["offhours"].app is jobs.app is OffhoursFlask().app
    with pytest.raises(NotStarted, match="init_app"):
        _ = OffhoursFlask().app
    with Flask("bare").app_context():
        for look in (lambda: OffhoursFlask().app, OffhoursFlask().close):
            with pytest.raises(NotStarted, match=r"bare has no Offhours.*init_app"):
                look()


def test_all_faults_come_at_once(flask: Flask) -> None:
    flask.config["OFFHOURS"] = {"thread": 2, "page": "ops/", "foreground": "yes", "lease": "soon"}
    with pytest.raises(ConfigError) as told:
        OffhoursFlask(flask)
    faults = told.value.faults
    assert [fault.partition(":")[0] for fault in faults] == [
        "thread",
        "page",
        "foreground",
        "lease",
    ]
    assert 'did you mean "threads"?' in faults[0]
    flask.config["OFFHOURS"] = "jobs.db"
    with pytest.raises(ConfigError, match="OFFHOURS: expected a mapping, got str"):
        OffhoursFlask(flask)
    flask.config["OFFHOURS"] = {"threads": 2, "db": "other.db"}
    with pytest.raises(ConfigError, match=r"db: the app is given already.*threads:"):
        OffhoursFlask(flask, Offhours(":memory:"))


def test_runs_have_the_application_context(flask: Flask, jobs: OffhoursFlask) -> None:
    app = jobs.app
    plain, coroutine = app.task(greet), app.task(greet_async)
    with app:
        assert plain.submit("ann").result(timeout=20) == "hello ann"
        assert coroutine.submit("bob").result(timeout=20) == "hello bob"
        assert app.submit(lambda: greet("eve"), durable=False).result(timeout=20) == "hello eve"


def test_requests_hold_background_work_back(
    flask: Flask, jobs: OffhoursFlask, client: FlaskClient, eventually: Wait
) -> None:
    seen: list[int] = []

    def look() -> str:
        seen.append(current_app.extensions["offhours"]._in_front.inside)
        return "ok"

    def fail() -> str:
        look()
        raise RuntimeError("no luck")

    flask.add_url_rule("/plain", "plain", lambda: look())
    flask.add_url_rule("/front", "front", jobs.foreground(look))
    flask.add_url_rule("/fail", "fail", jobs.foreground(fail))
    for path in ("/plain", "/front", "/fail", "/nowhere"):
        client.get(path)
    assert seen == [0, 1, 1]
    inside = flask.extensions["offhours"]._in_front
    assert inside.inside == 0
    eventually(lambda: "foreground.left" in [event.kind for event in jobs.app.events()])


def test_all_views_but_some(tmp_path: Path) -> None:
    flask, seen = Flask("shop"), []
    flask.config["OFFHOURS"] = {"foreground": True}
    jobs = OffhoursFlask(flask, Offhours(tmp_path / "jobs.db"))

    def look() -> str:
        seen.append(flask.extensions["offhours"]._in_front.inside)
        return "ok"

    flask.add_url_rule("/shop", "shop", lambda: look())
    flask.add_url_rule("/health", "health", jobs.background(look))
    client = flask.test_client()
    assert client.get("/shop").text == client.get("/health").text == "ok"
    assert seen == [1, 0]
    with flask.app_context():
        jobs.close()
    jobs.app.close()


def test_the_page_and_the_api_below_a_prefix(
    flask: Flask, jobs: OffhoursFlask, client: FlaskClient
) -> None:
    work = jobs.app.task(name="work")(lambda: None)
    job = work.submit()
    assert client.get("/ops").status_code == 308
    page = client.get("/ops/")
    assert page.status_code == 200 and "text/html" in page.headers["content-type"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert client.get("/ops/core.js").status_code == 200
    assert client.get("/ops/api/v1/jobs").status_code == 401
    assert client.get(f"/ops/api/v1/jobs/{job.id}", headers=signed("wrong")).status_code == 401
    made = flask.test_cli_runner().invoke(args=["offhours", "token", "create", "ann"]).stdout
    shown = client.get(f"/ops/api/v1/jobs/{job.id}", headers=signed(made.split()[0]))
    assert shown.status_code == 200, (made, shown.text)


def test_no_answer_speaks_for_the_server_around_it(client: FlaskClient) -> None:
    # PEP 3333 forbids it, and wsgiref, which `runserver` is made of, then answers 500.
    much = client.post("/ops/api/v1/session", data=b" " * 5_000, content_type="application/json")
    assert much.status_code == 413
    assert "connection" not in much.headers


def test_a_token_of_ones_own(tmp_path: Path) -> None:
    flask = Flask("shop")
    flask.config["OFFHOURS"] = {"page": "/ops", "token": TOKEN, "hosts": ["shop.example.org"]}
    jobs = OffhoursFlask(flask, Offhours(tmp_path / "jobs.db"))
    jobs.app.task(name="work")(lambda: None)
    client = flask.test_client()
    made = client.post("/ops/api/v1/jobs", json={"task": "work"}, headers=signed())
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"jobs/{made.json['id']}"
    changes = client.get("/ops/api/v1/changes?cursor=0", headers=signed()).json
    assert made.json["id"] in [event["job"] for event in changes["events"]]
    named = {"base_url": "http://shop.example.org", "headers": signed()}
    assert client.get("/ops/api/v1/overview", **named).status_code == 200
    assert client.get("/ops/api/v1/overview", base_url="http://evil.example").status_code == 421
    stream = {"Accept": "text/event-stream", **signed()}
    refused = client.get("/ops/api/v1/events", headers=stream)
    assert refused.status_code == 406 and "changes" in refused.json["hint"]
    large = client.post("/ops/api/v1/jobs", data=b"x" * 2_000_000, headers=signed())
    assert large.status_code == 413
    with flask.app_context():
        jobs.close()
    jobs.app.close()


def test_a_session_holds_in_every_process(tmp_path: Path) -> None:
    """Two processes are two applications on one database that share a key."""
    clients = []
    for _ in range(2):
        flask = Flask("shop")
        flask.config["OFFHOURS"] = {"page": "/ops", "token": TOKEN}
        jobs = OffhoursFlask(flask, Offhours(tmp_path / "jobs.db"))
        clients.append((flask.test_client(use_cookies=False), flask, jobs))
    (one, *_), (two, *_) = clients
    begun = one.post("/ops/api/v1/session", json={"token": TOKEN})
    cookie = begun.headers["set-cookie"].partition(";")[0]
    by_page = {"Cookie": cookie, "X-CSRF-Token": begun.json["csrf"]}
    assert two.get("/ops/api/v1/overview", headers={"Cookie": cookie}).status_code == 200
    change = {"queue": "mail", "reason": "moved"}
    assert two.post("/ops/api/v1/pause", json=change, headers={"Cookie": cookie}).status_code == 403
    assert two.post("/ops/api/v1/pause", json=change, headers=by_page).status_code == 200
    for _, flask, jobs in clients:
        with flask.app_context():
            jobs.close()
        jobs.app.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_server_answers_on_its_own(
    flask: Flask, jobs: OffhoursFlask, client: FlaskClient
) -> None:
    """Whatever the master has begun before it forks: its loop and its threads stay with it."""
    flask.add_url_rule("/order", "order", lambda: str(jobs.app.submit_by_name("work").id))
    assert client.get("/ops/healthz").json == {"status": "ok"}
    children = []
    for _ in range(2):
        if not (child := os.fork()):
            with as_a_child():
                assert client.get("/ops/healthz").json == {"status": "ok"}
                assert client.get("/ops/core.js").status_code == 200
                assert int(client.get("/order").text) > 0
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    assert client.get("/ops/healthz").json == {"status": "ok"}
    assert len(jobs.app.jobs()) == 2


def test_who_asks_is_who_the_host_says(tmp_path: Path) -> None:
    flask = Flask("shop", static_folder=None)
    flask.config.update(SECRET_KEY="k" * 32, OFFHOURS={"page": "/ops"})

    def who() -> tuple[str, str] | None:
        return ("ann", "operate") if session.get("user") == "ann" else None

    def login() -> str:
        session["user"] = "ann"
        return "welcome"

    flask.add_url_rule("/login", "login", login)
    jobs = OffhoursFlask(flask, Offhours(tmp_path / "jobs.db"), who=who)
    client = flask.test_client()
    assert client.get("/ops/api/v1/session").status_code == 401
    client.get("/login")
    told: Any = client.get("/ops/api/v1/session").json
    assert (told["name"], told["scope"]) == ("ann", "operate")
    change = {"queue": "mail", "reason": "moved"}
    csrf = {"X-CSRF-Token": told["csrf"]}
    forged = {**csrf, "Origin": "http://evil.example"}
    assert client.post("/ops/api/v1/pause", json=change).json["code"] == "csrf"
    assert client.post("/ops/api/v1/pause", json=change, headers=forged).json["code"] == "csrf"
    assert client.post("/ops/api/v1/pause", json=change, headers=csrf).status_code == 200
    assert client.put("/ops/api/v1/limits", json={}, headers=csrf).status_code == 403
    assert jobs.app.audit()[0].actor == "ann"
    with flask.app_context():
        jobs.close()
    jobs.app.close()


def test_a_page_needs_a_key_that_processes_share(tmp_path: Path) -> None:
    flask = Flask("shop")
    flask.config["OFFHOURS"] = {"page": "/ops"}
    app = Offhours(tmp_path / "jobs.db")
    with pytest.raises(ConfigError, match="SECRET_KEY"):
        OffhoursFlask(flask, app)
    app.close()


def test_a_process_may_work_from_its_first_request_on(tmp_path: Path) -> None:
    flask = Flask("shop")
    flask.config["OFFHOURS"] = {"work": True}
    jobs = OffhoursFlask(flask, Offhours(tmp_path / "jobs.db"))
    assert not jobs.app.running
    flask.test_client().get("/")
    assert jobs.app.running
    jobs.app.close()


def test_the_command_line(flask: Flask, jobs: OffhoursFlask) -> None:
    jobs.app.task(name="work")(lambda: 5)
    runner = flask.test_cli_runner()
    done = runner.invoke(args=["offhours", "submit", "work"])
    assert (done.exit_code, done.stdout) == (0, "1\n")
    done = runner.invoke(args=["offhours", "why", "1", "--json"])
    assert done.exit_code == 0 and '"id":1' in done.stdout
    assert runner.invoke(args=["offhours", "why", "99"]).exit_code == 3
    assert "Usage: shop offhours [OPTIONS]" in runner.invoke(args=["offhours", "--help"]).stdout
