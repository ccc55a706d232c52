"""The security rules of the API, each by its name."""

from __future__ import annotations

import contextlib
import json
import logging
import pickle
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import apsw
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from tests.unit.api.conftest import BASE, TOKEN

from offhours import Offhours
from offhours.api import Limits, make_app
from offhours.api.bodies import depth
from offhours.api.tokens import new_token
from offhours.core.access import Scope
from offhours.core.errors import OffhoursError
from offhours.testing import MemoryApp

LIVE = "ws://localhost/api/v1/live"
BEARER = {"authorization": f"Bearer {TOKEN}"}
OPEN = {("get", "/healthz"), ("get", "/readyz"), ("get", "/problems/{code}"),
        ("post", "/api/v1/session")}  # fmt: skip
OWN = (  # there for their tenant
    "/api/v1/jobs/", "/api/v1/operations/", "/api/v1/training/models/", "/api/v1/goals/",
    "/api/v1/thoughts/",
)  # fmt: skip
EVIL = ["http://evil.example", "null", "http://localhost.evil.example", "https://localhost:1"]


def routes(client: TestClient) -> Iterator[tuple[str, str]]:
    """Each method and path of the description, filled in."""
    paths = client.get("/openapi.json", headers=BEARER).json()["paths"]
    for path, methods in paths.items():
        for method in methods:
            yield method, path


def filled(path: str) -> str:
    return re.sub(r"\{[a-z_]+\}", "1", path)


# -- S2, S3: tokens ---------------------------------------------------------------------------


def test_s2_every_route_wants_a_token(stranger: TestClient) -> None:
    seen = 0
    for method, path in routes(stranger):
        answer = stranger.request(method, filled(path))
        if (method, path) in OPEN:
            assert answer.status_code in (200, 422), path
            continue
        seen += 1
        assert (answer.status_code, answer.json()["code"]) == (401, "no_token"), path
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert seen > 60
    assert stranger.get("/openapi.json").status_code == 401
    with pytest.raises(WebSocketDisconnect), stranger.websocket_connect(LIVE):
        pass


@pytest.mark.parametrize(
    "told", ["Bearer", "Bearer ", "Basic b2g6eA==", "Bearer oh_wrong", f"Token {TOKEN}", "\xe9"]
)
def test_s2_other_credentials_do_not_hold(stranger: TestClient, told: str) -> None:
    headers = [(b"authorization", told.encode("latin-1"))]
    assert stranger.get("/api/v1/jobs", headers=headers).status_code == 401


def test_s3_tokens_have_256_bits_and_are_kept_as_digests(app: MemoryApp, client) -> None:
    assert len({new_token() for _ in range(100)}) == 100 and len(new_token()) == 46
    made = client.post("/api/v1/tokens", json={"name": "ci", "scope": "read"}).json()
    kept = app.store.access.tokens()[0]
    assert made["token"] not in str(kept) and kept.digest != made["token"]
    assert "token" not in client.get("/api/v1/tokens").json()["data"][0]
    other = {"authorization": f"Bearer {made['token']}"}
    assert client.get("/api/v1/jobs", headers=other).status_code == 200
    assert client.delete(f"/api/v1/tokens/{made['id']}").status_code == 204
    assert client.get("/api/v1/jobs", headers=other).json()["code"] == "bad_token"
    assert client.delete(f"/api/v1/tokens/{made['id']}").status_code == 404


def test_s3_a_token_expires(app: MemoryApp, client: TestClient) -> None:
    made = client.post("/api/v1/tokens", json={"name": "ci", "expires": "1h"}).json()
    other = {"authorization": f"Bearer {made['token']}"}
    assert client.get("/api/v1/jobs", headers=other).status_code == 200
    app.clock.advance("61m")
    assert client.get("/api/v1/jobs", headers=other).status_code == 401


def test_s3_scopes_in_order(client_of) -> None:
    needed = {
        ("get", "/api/v1/jobs"): Scope.READ,
        ("post", "/api/v1/jobs"): Scope.SUBMIT,
        ("post", "/api/v1/jobs/1/retry"): Scope.SUBMIT,
        ("post", "/api/v1/jobs/1/cancel"): Scope.OPERATE,
        ("post", "/api/v1/jobs/1/defer"): Scope.OPERATE,
        ("post", "/api/v1/pause"): Scope.OPERATE,
        ("post", "/api/v1/alerts/1/acknowledge"): Scope.OPERATE,
        ("post", "/api/v1/schedules/1/run"): Scope.OPERATE,
        ("get", "/api/v1/tokens"): Scope.ADMIN,
        ("get", "/api/v1/settings"): Scope.ADMIN,
    }
    for scope in Scope:
        client = client_of(scope.value)
        for (method, path), least in needed.items():
            refused = client.request(method, path).status_code == 403
            assert refused is not scope.includes(least), (scope, path)


# -- S4 to S6: hosts, pages, origins ----------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "localhost:80@evil.example",
     "[::1]evil.example", "localhost,evil.example", "localhost@evil.example", "localhost."],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/healthz", "/api/v1/jobs", "/api/v1/events"])
def test_s4_other_hosts_are_refused(client: TestClient, host: str, path: str) -> None:
    accept = {"accept": "text/event-stream"}
    assert client.get(path, headers={"host": host, **accept}).status_code == 421


def test_s4_own_names_are_not(app: MemoryApp) -> None:
    client = TestClient(make_app(app, token=TOKEN, hosts=["nas"]), base_url="http://nas:8787")
    assert client.get("/healthz").status_code == 200
    assert client.get("/healthz", headers={"host": "localhost"}).status_code == 421
    for host in ("127.0.0.1:1", "localhost", "LOCALHOST:8787", "[::1]:5"):
        local = TestClient(make_app(app, token=TOKEN), base_url=BASE)
        assert local.get("/healthz", headers={"host": host}).status_code == 200


def session(client: TestClient) -> tuple[dict[str, str], str]:
    answer = client.post("/api/v1/session", json={"token": TOKEN})
    assert answer.status_code == 201, answer.text
    cookie = answer.headers["set-cookie"]
    return {"x-csrf-token": answer.json()["csrf"]}, cookie


def test_s5_the_cookie_is_for_our_page_only(stranger: TestClient) -> None:
    csrf, cookie = session(stranger)
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and TOKEN not in cookie
    assert stranger.get("/api/v1/overview").status_code == 200
    assert stranger.get("/api/v1/session").json()["csrf"] == csrf["x-csrf-token"]
    new = {"task": "shop:work"}
    assert stranger.post("/api/v1/jobs", json=new).json()["code"] == "csrf"
    wrong = {"x-csrf-token": "x" * 43}
    assert stranger.post("/api/v1/jobs", json=new, headers=wrong).status_code == 403
    assert stranger.post("/api/v1/jobs", json=new, headers=csrf).status_code == 201
    own = {**csrf, "origin": BASE}
    assert stranger.post("/api/v1/jobs", json=new, headers=own).status_code == 201
    assert stranger.get("/api/v1/audit").json()["data"][0]["face"] == "page"
    for origin in EVIL:
        answer = stranger.post("/api/v1/jobs", json=new, headers={**csrf, "origin": origin})
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf")
    form = {"content-type": "text/plain", **csrf}
    assert stranger.post("/api/v1/jobs", content='{"task":"x"}', headers=form).status_code == 415
    stranger.delete("/api/v1/session", headers=csrf)
    assert stranger.get("/api/v1/overview").status_code == 401


def test_s5_a_session_ends_with_its_token_and_its_time(app, client, stranger) -> None:
    made = client.post("/api/v1/tokens", json={"name": "ann", "scope": "read"}).json()
    page = TestClient(client.app, base_url=BASE)
    assert page.post("/api/v1/session", json={"token": made["token"]}).status_code == 201
    assert page.get("/api/v1/jobs").status_code == 200
    client.delete(f"/api/v1/tokens/{made['id']}")
    assert page.get("/api/v1/jobs").status_code == 401
    session(stranger)
    app.clock.advance("13h")
    assert stranger.get("/api/v1/jobs").status_code == 401


def test_s5_a_cookie_is_sealed(app, stranger: TestClient) -> None:
    _, cookie = session(stranger)
    name, _, key = cookie.partition(";")[0].partition("=")
    digest, until, nonce, seal = key.split(".")
    forged = [f"{digest}.{int(until) + 1}.{nonce}.{seal}", f"{digest}.{until}.{nonce}.", "", "...",
              f"{'0' * 64}.{until}.{nonce}.{seal}", seal, f"{key}x", "\xe4.1.1.1"]  # fmt: skip
    nobody = TestClient(stranger.app, base_url=BASE)
    for wrong in forged:
        told = {"cookie": f"{name}={wrong}".encode("latin-1")}
        assert nobody.get("/api/v1/overview", headers=told).status_code == 401, wrong
    other = TestClient(make_app(app, token="oh_the-token-of-another-server"), base_url=BASE)
    own = {"cookie": f"{name}={key}"}
    assert nobody.get("/api/v1/overview", headers=own).status_code == 200
    assert other.get("/api/v1/overview", headers=own).status_code == 401


def test_s5_a_socket_with_a_cookie_names_its_origin(stranger: TestClient) -> None:
    session(stranger)
    for headers in [{}, *({"origin": origin} for origin in EVIL)]:
        with (
            pytest.raises(WebSocketDisconnect),
            stranger.websocket_connect(LIVE, headers=headers),
        ):
            pass
    with stranger.websocket_connect(LIVE, headers={"origin": BASE}) as socket:
        assert socket.receive_json()["type"] == "hello"


def test_s5_every_answer_forbids_foreign_script_and_frames(client: TestClient) -> None:
    for path in ("/", "/healthz", "/api/v1/jobs", "/api/v1/none", "/api/v1/jobs/99"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "http" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("origin", EVIL)
def test_s6_no_origin_is_ever_allowed(client: TestClient, origin: str) -> None:
    asked = {"origin": origin, "access-control-request-method": "POST"}
    for method, path in (("OPTIONS", "/api/v1/jobs"), ("GET", "/api/v1/jobs"), ("GET", "/")):
        answer = client.request(method, path, headers=asked)
        assert not [name for name in answer.headers if name.startswith("access-control")]


# -- S7 to S9: what comes out, what is looked up, what is read ---------------------------------

SCRIPTS = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "\x1b[31mred", "‮"]


@pytest.mark.parametrize("text", SCRIPTS)
def test_s7_what_was_stored_comes_out_as_data(app: MemoryApp, client: TestClient, text) -> None:
    app.submit("shop:work", args=(text,), name=text, metadata={"x": text})
    for path in ("/api/v1/jobs", "/api/v1/jobs/1", "/api/v1/jobs/1/history", "/api/v1/overview"):
        answer = client.get(path)
        assert answer.headers["content-type"].startswith("application/json")
        assert "\x1b" not in answer.text
    assert client.get("/api/v1/jobs/1").json()["name"] == text
    problem = client.post("/api/v1/jobs", json={"task": text})
    assert problem.headers["content-type"] == "application/problem+json"
    assert "html" not in client.get(f"/problems/{quote(text)}").headers["content-type"]


@pytest.mark.parametrize(
    "task", ["os.system", "os:system", "subprocess:run", "builtins.eval", "builtins:len", "local:1"]
)
def test_s8_tasks_are_looked_up_and_never_imported(app, client: TestClient, task: str) -> None:
    answer = client.post("/api/v1/jobs", json={"task": task, "args": ["touch /tmp/x"]})
    assert (answer.status_code, answer.json()["code"]) == (422, "task_not_found")
    assert app.counts()["ready"] == 0


def test_s9_only_json_is_read(app: MemoryApp, client: TestClient) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (pytest.fail, ("a pickle was loaded",))

    for kind in ("application/x-pickle", "application/yaml", "text/plain", "application/xml"):
        answer = client.post(
            "/api/v1/jobs", content=pickle.dumps(Bomb()), headers={"content-type": kind}
        )
        assert answer.status_code == 415
    as_json = {"content-type": "application/json"}
    answer = client.post("/api/v1/jobs", content=pickle.dumps(Bomb()), headers=as_json)
    assert answer.status_code in (400, 422)
    tagged = {"task": "shop:work", "args": [{"$": "object", "v": {"__class__": "os.system"}}]}
    answer = client.post("/api/v1/jobs", json=tagged)
    assert answer.status_code == 201
    app.drain()
    assert client.get("/api/v1/jobs/1").json()["state"] in ("failed", "succeeded")


def test_s9_what_is_planted_in_the_database_is_not_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "went-off",))

    planted = [
        pickle.dumps(Bomb()), pickle.dumps(Bomb(), 0), b'{"$":"pickle","v":"gASVAAAA"}',
        b'[[{"$":"object","v":{"__class__":"pathlib.Path"}}],{}]',
        b"!!python/object/apply:os.abort []", b"__import__('os').abort()",
    ]  # fmt: skip
    path = str(tmp_path / "jobs.db")
    with Offhours(path, executor="inline") as house:
        house.task(name="shop:work", retries=0)(lambda *args: [str(each) for each in args])
        jobs = [house.submit("shop:work", delay="1h") for _ in planted]
        database = apsw.Connection(path)
        for job, data in zip(jobs, planted, strict=True):
            told = (data.decode("latin-1"), data.decode("latin-1"), job.id)
            database.execute("update jobs set args = ?, metadata = ? where id = ?", told)
        database.close()
        for job in jobs:
            with contextlib.suppress(OffhoursError):
                house.defer(job.id, 0)
        house.drain()
        states = {house.store.job(job.id).state.value for job in jobs}
    assert states <= {"failed", "succeeded", "held"} and "failed" in states
    assert not (tmp_path / "went-off").exists()


# -- S10, S25: who may change the house --------------------------------------------------------


def test_s10_s25_schedules_limits_and_tokens_are_for_admins(client_of) -> None:
    operator = client_of("operate")
    for method, path, body in (
        ("post", "/api/v1/schedules", {"task": "shop:work", "when": "every day at 9am"}),
        ("patch", "/api/v1/schedules/1", {"when": "every day at 9am"}),
        ("delete", "/api/v1/schedules/1", None),
        ("put", "/api/v1/limits", {"queue": "x", "concurrency": 1}),
        ("post", "/api/v1/tokens", {"name": "mine", "scope": "admin"}),
        ("delete", "/api/v1/tokens/1", None),
        ("get", "/api/v1/settings", None),
    ):
        assert operator.request(method, path, json=body).status_code == 403, path


def test_s25_no_documentation_from_elsewhere(client: TestClient) -> None:
    for path in ("/docs", "/redoc", "/docs/oauth2-redirect", "/console"):
        assert client.get(path).status_code == 404
    assert "http" not in client.get("/openapi.json").text.replace("application/http", "").replace(
        '"type": "http"', ""
    )


# -- S11: tenants ------------------------------------------------------------------------------


def test_s11_tenants_see_their_own(app: MemoryApp, client_of) -> None:
    ann, bob = client_of("operate", "ann"), client_of("operate", "bob")
    mine = ann.post("/api/v1/jobs", json={"task": "shop:work"}).json()
    assert mine["tenant"] == "ann" and app.record(mine["id"]).tenant == "ann"
    app.submit("shop:work")  # nobody's
    stolen = bob.post("/api/v1/jobs", json={"task": "shop:work", "tenant": "ann"})
    assert stolen.status_code == 403
    assert [job["id"] for job in ann.get("/api/v1/jobs?count=true").json()["data"]] == [1]
    assert bob.get("/api/v1/jobs").json()["data"] == []
    assert bob.get("/api/v1/jobs?tenant=ann").status_code == 403
    assert bob.get("/api/v1/changes?cursor=0").json()["events"] == []
    assert {e["job"] for e in ann.get("/api/v1/changes?cursor=0").json()["events"]} == {1}


def test_s11_each_route_with_another_tenant_s_id(app: MemoryApp, client_of) -> None:
    bob = client_of("admin", "bob")
    app.submit("shop:work", tenant="ann")
    app.schedule("shop:work", "every day at 9am")
    app.store.access.begin_operation("jobs.retry", "ann", "ann", 1, app.clock.micros())
    bodies = {
        "defer": {"until": "1h"},
        "snooze": {"until": "1h"},
        "restore": {"version": 1},
        "signal": {"signal": "go"},
    }
    for method, path in routes(bob):
        if (method, path) in OPEN or "{" not in path:
            continue
        body = bodies.get(path.rpartition("/")[2])
        answer = bob.request(method, filled(path), json=body)
        hidden = path.startswith(OWN)
        assert answer.status_code == (404 if hidden else 403), (method, path)
    body = {"ids": [1], "confirm": 1}
    assert bob.post("/api/v1/jobs:cancel", json={"ids": [1]}).json()["count"] == 0
    assert bob.post("/api/v1/jobs:cancel", json=body).status_code == 409
    assert app.counts()["ready"] == 1


def test_s11_what_is_everybody_s_is_not_a_tenant_s(client_of) -> None:
    ann = client_of("admin", "ann")
    for path in ("overview", "events", "schedules", "workers", "audit", "tokens", "failures",
                 "timeline", "queues", "tasks", "alerts", "deferrals"):  # fmt: skip
        assert ann.get(f"/api/v1/{path}").status_code == 403, path
    assert ann.get("/metrics").status_code == 403
    assert ann.post("/api/v1/session", json={"token": "oh_admin_ann"}).status_code == 403
    with pytest.raises(WebSocketDisconnect), ann.websocket_connect(LIVE):
        pass


@pytest.mark.parametrize("key", ["unique", "concurrency_key"])
def test_s11_a_tenant_s_keys_are_its_own(
    app: MemoryApp, client: TestClient, client_of, key
) -> None:
    ann, bob = client_of("submit", "ann"), client_of("submit", "bob")
    new = {"task": "shop:work", "delay": "1h", key: "daily"}
    first = ann.post("/api/v1/jobs", json=new).json()["id"]
    again = ann.post("/api/v1/jobs", json=new).json()["id"]
    assert (again == first) is (key == "unique")
    other = bob.post("/api/v1/jobs", json=new)
    assert other.status_code == 201 and other.json()["tenant"] == "bob"
    many = bob.post("/api/v1/jobs:submit", json={"jobs": [new]}).json()["jobs"]
    assert {app.record(job).tenant for job in many} == {"bob"}
    shared = client.post("/api/v1/jobs", json=new).json()
    assert shared["tenant"] is None and shared["id"] not in (first, other.json()["id"])
    within = {**new, key: "b/daily", "tenant": "a"}  # is not "daily" of the tenant "a/b"
    assert client_of("submit", "a").post("/api/v1/jobs", json=within).status_code == 201
    a_b = client_of("submit", "a/b").post("/api/v1/jobs", json=new | {key: "daily"})
    assert a_b.json()["tenant"] == "a/b"


@pytest.mark.parametrize(
    "task", ["train:spam", "offhours automation", "offhours.handle:desk", "phase:build"]
)
def test_s11_own_tasks_are_for_who_may_do_what_they_do(app, client_of, task: str) -> None:
    app.task(name=task)(lambda *args: None)
    new = {"task": task, "args": ["ann"]}
    for who in [client_of("submit"), client_of("operate"), client_of("admin", "bob")]:
        for path, body in (("jobs", new), ("jobs:submit", {"jobs": [new]})):
            answer = who.post(f"/api/v1/{path}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), task
    assert app.counts()["ready"] == 0
    assert client_of("admin").post("/api/v1/jobs", json=new).status_code == 201


# -- S12, S13: bounds --------------------------------------------------------------------------

INJECTIONS = ["' or 1=1 --", "%", "_", "\\", '"', "*", "a AND", "NEAR(", "\x1f", "x'||'y", "{0}"]


@pytest.mark.parametrize("text", INJECTIONS)
def test_s12_text_is_only_ever_text(app: MemoryApp, client: TestClient, text: str) -> None:
    app.submit("shop:work", name="plain")
    for name in ("q", "task", "queue"):
        answer = client.get("/api/v1/jobs", params={name: text})
        assert (answer.status_code, answer.json()["data"]) == (200, [])
    assert client.get("/api/v1/jobs", params={"sort": text}).status_code == 422
    assert client.get("/api/v1/events", params={"kind": text}).json()["data"] == []


def test_s13_bodies_are_bounded(client: TestClient) -> None:
    as_json = {"content-type": "application/json"}
    large = b'{"task": "' + b"x" * 1_000_001 + b'"}'
    assert client.post("/api/v1/jobs", content=large, headers=as_json).status_code == 413

    def drip() -> Iterator[bytes]:
        for _ in range(30):
            yield b"x" * 100_000

    assert client.post("/api/v1/jobs", content=drip(), headers=as_json).status_code == 413
    for deep in (b"[" * 65 + b"]" * 65, b"[" * 100_000, b'{"a":' * 500 + b"1" + b"}" * 500):
        answer = client.post("/api/v1/jobs", content=deep, headers=as_json)
        assert answer.status_code == 422, deep[:10]
    levels: Any = 1
    for _ in range(60):
        levels = [levels]
    kept = client.post("/api/v1/jobs", json={"task": "shop:work", "args": levels})
    assert kept.status_code == 201


def test_s13_depth_is_told_apart_from_length(client: TestClient) -> None:
    flat = {"task": "shop:work", "kwargs": {"how": [[]] * 500}}
    assert client.post("/api/v1/jobs", json=flat).status_code == 201


@pytest.mark.parametrize(
    ("body", "levels"),
    [(b'["[[[[ \\"[[["]', 1), (b'{"a": [{"b": []}], "c": "]"}', 4), (b'["\\\\", [1]]', 2),
     (b'["not closed \\" [[[[', 1), (b'"', 0), (b"]][[", 0), (b'["\\', 1), (b"[" * 900, 900)],
)  # fmt: skip
def test_s13_depth_is_counted_as_json_has_it(body: bytes, levels: int) -> None:
    assert depth(body) == levels


@pytest.mark.parametrize(
    "body",
    ['{"task": "shop:work", "task": "shop:other"}',
     '{"task": "shop:work", "kwargs": {"how": [{"a": 1, "\\u0061": 2}]}}'],
)  # fmt: skip
def test_s13_no_object_has_a_name_twice(client: TestClient, body: str) -> None:
    told = client.post("/api/v1/jobs", content=body, headers={"content-type": "application/json"})
    assert told.status_code == 422 and " twice" in told.json()["detail"]
    assert client.get("/api/v1/jobs").json()["data"] == []


def test_s13_a_name_that_stands_twice_is_found_in_linear_time(client: TestClient) -> None:
    names = ",".join(f'"{number:x}": 0' for number in range(50_000))
    body = f'{{{names}, "c34f": 1}}'.encode()  # 50,000 - 1 again, at the very end
    started = time.process_time()
    told = client.post("/api/v1/jobs", content=body, headers={"content-type": "application/json"})
    assert "'c34f' twice" in told.json()["detail"]
    assert time.process_time() - started < 1


@pytest.mark.parametrize("part", [b'\\"', b'"', b'"\\', b"[]", b'"a"', b"\\"])
def test_s13_depth_is_counted_in_linear_time(part: bytes) -> None:
    started = time.process_time()
    depth(b'["' + part * (1_000_000 // len(part)))
    assert time.process_time() - started < 1


def test_s13_a_stranger_sends_next_to_nothing(stranger: TestClient) -> None:
    large = {"token": "x", "more": "x" * 4_000}
    assert stranger.post("/api/v1/session", json=large).status_code == 413
    chunks = iter([b"[" * 3_000] * 2)
    as_json = {"content-type": "application/json"}
    assert stranger.post("/api/v1/session", content=chunks, headers=as_json).status_code == 413
    longest = stranger.post("/api/v1/session", json={"token": "x" * 500})
    assert longest.json()["code"] == "bad_token"


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-32"])
def test_s13_only_utf_8_is_read(client: TestClient, coding: str) -> None:
    text = json.dumps({"task": "shop:work"}).encode(coding)
    as_json = {"content-type": "application/json"}
    assert client.post("/api/v1/jobs", content=text, headers=as_json).status_code == 400


def test_s13_requests_are_counted(app: MemoryApp) -> None:
    limits = Limits(rate=1, burst=3)
    client = TestClient(make_app(app, token=TOKEN, limits=limits), base_url=BASE, headers=BEARER)
    assert [client.get("/api/v1/jobs").status_code for _ in range(5)] == [200] * 3 + [429] * 2
    assert client.get("/api/v1/jobs").headers["retry-after"] == "1"
    app.clock.advance(1)
    assert client.get("/api/v1/jobs").status_code == 200


def test_s13_streams_are_counted(app: MemoryApp) -> None:
    made = make_app(app, token=TOKEN, limits=Limits(streams=1))
    with (
        TestClient(made, base_url=BASE, headers=BEARER) as client,
        client.websocket_connect(LIVE) as socket,
    ):
        socket.receive_json()
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(LIVE):
            pass
        answer = client.get("/api/v1/events", headers={"accept": "text/event-stream"})
        assert answer.status_code == 429


# -- S18, S19, S21, S22: secrets, files, phrases, errors ---------------------------------------


def test_s18_secrets_reach_nothing(app: MemoryApp, client: TestClient, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    made = client.post("/api/v1/tokens", json={"name": "canary", "scope": "admin"}).json()["token"]
    other = {"authorization": f"Bearer {made}"}
    client.post("/api/v1/jobs", json={"task": "shop:work"}, headers=other)
    page = TestClient(client.app, base_url=BASE)
    page.post("/api/v1/session", json={"token": made})
    page.post("/api/v1/session", json={"token": made + "x"})
    refused = page.post("/api/v1/session", json={"token": made, "more": made})
    assert refused.status_code == 422 and made not in refused.text
    client.get("/api/v1/jobs", headers={"authorization": f"Bearer {made}x"})
    app.drain()
    told = [
        client.get(path).text
        for path in ("/api/v1/audit", "/api/v1/events?limit=500", "/api/v1/tokens", "/metrics",
                     "/api/v1/settings", "/api/v1/overview", "/openapi.json")
    ]  # fmt: skip
    events = [str(event) for event in app.events()]
    for canary in (made, TOKEN, next(iter(page.cookies.values()))):
        assert canary and not [text for text in [*told, *events, caplog.text] if canary in text]


@pytest.mark.parametrize(
    "path",
    ["../pyproject.toml", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "a/../../x.js",
     "....//x.js", "/etc/passwd", "C:\\x.js", "x.js%00.html", "index.html/../../x.json",
     "secret.py", "sub/.hidden", "x" * 5000 + ".js"],
)  # fmt: skip
def test_s19_the_page_s_folder_is_not_left(app: MemoryApp, tmp_path: Path, path: str) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html>")
    (folder / "secret.py").write_text("secret")
    (tmp_path / "x.js").write_text("secret")
    (tmp_path / "x.json").write_text("secret")
    (folder / "link.js").symlink_to(tmp_path / "x.js")
    client = TestClient(make_app(app, token=TOKEN, page=folder), base_url=BASE)
    assert client.get("/").headers["content-type"] == "text/html; charset=utf-8"
    for asked in (path, "link.js"):
        answer = client.get(f"/{asked}")
        assert answer.status_code == 404 and "secret" not in answer.text


@pytest.mark.parametrize(
    "phrase",
    ["every " * 83, "at 9 and " * 55, "1-5," * 120, "*/" * 250, "mon-" * 120, "9" * 500,
     "every 1 " + "and 1 " * 80],
)  # fmt: skip
def test_s21_no_phrase_is_too_much(client: TestClient, phrase: str) -> None:
    answer = client.post("/api/v1/schedules:preview", json={"when": phrase})
    assert answer.status_code == 422


def test_s22_errors_say_nothing_of_the_inside(app, client: TestClient, caplog, monkeypatch) -> None:
    def fail() -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(app, "workers", fail)
    quiet = TestClient(client.app, base_url=BASE, headers=BEARER, raise_server_exceptions=False)
    answer = quiet.get("/api/v1/workers")
    problem = answer.json()
    assert answer.status_code == 500 and "hunter2" not in answer.text
    assert "Traceback" not in answer.text and problem["request_id"] in caplog.text


def test_s22_wrong_tokens_are_slowed_down_and_right_ones_never(app, stranger, client_of) -> None:
    codes = [
        stranger.get("/api/v1/jobs", headers={"authorization": f"Bearer oh_{n}"}).status_code
        for n in range(20)
    ]
    assert codes == [401] * 5 + [429] * 15
    assert stranger.get("/api/v1/jobs", headers=BEARER).status_code == 200
    client_of("read")
    right = {"authorization": "Bearer oh_read_None"}
    assert stranger.get("/api/v1/jobs", headers=right).status_code == 200
    app.clock.advance("1m")
    wrong = {"authorization": "Bearer oh_x"}
    assert stranger.get("/api/v1/jobs", headers=wrong).status_code == 401


# -- S23, S24, S26, S27: logs, audit, labels, data ----------------------------------------------


def test_s23_log_lines_stay_lines(app: MemoryApp) -> None:
    from offhours.cli.follow import log_line

    client = TestClient(make_app(app, token=TOKEN), base_url=BASE, headers=BEARER)
    client.post("/api/v1/tokens", json={"name": "evil\nINFO all is well\x1b[2J", "scope": "admin"})
    client.post("/api/v1/pause", json={"reason": "a\nb\x1b[0m"})
    for event in app.events():
        line = log_line(event)
        assert "\n" not in line and "\x1b" not in line


def test_s24_each_change_has_a_row(app: MemoryApp, client_of) -> None:
    ann = client_of("admin")
    ann.post("/api/v1/jobs", json={"task": "shop:work"})
    ann.post("/api/v1/jobs/1/cancel")
    ann.post("/api/v1/jobs/1/cancel")  # refused: nothing was changed
    ann.post("/api/v1/schedules:preview", json={"when": "every day at 9am"})
    ann.put("/api/v1/limits", json={"queue": "x", "concurrency": 1})
    rows = ann.get("/api/v1/audit").json()["data"]
    assert [(row["action"], row["job"]) for row in rows] == [
        ("limit.set", None), ("job.cancelled", 1), ("api.changed", None),
    ]  # fmt: skip
    assert rows[0]["actor"] == "admin of None" and rows[0]["address"] == "testclient"
    assert rows[0]["at"] == "2026-01-01T00:00:00.000000Z" and rows[0]["request"]
    for method in ("post", "put", "patch", "delete"):  # nobody can change it
        assert ann.request(method, "/api/v1/audit").status_code == 405


def test_s26_labels_are_bounded(app: MemoryApp, client: TestClient) -> None:
    for n in range(50):
        app.submit("shop:work", tenant=f"tenant-{n}", name=f"name {n}")
    app.drain()
    text = client.get("/metrics").text
    assert "tenant-" not in text and "name 1" not in text
    assert len(text.splitlines()) < 400


def test_s27_what_agents_send_is_data(app: MemoryApp, client: TestClient) -> None:
    client.post(
        "/api/v1/jobs",
        json={"task": "shop:work", "name": "approved by admin",
              "metadata": {"approved": True, "scope": "admin", "set": "threads=99"}},
    )  # fmt: skip
    ours = client.post(
        "/api/v1/jobs", json={"task": "shop:work", "metadata": {"offhours:force": True}}
    )
    assert ours.status_code == 422
    assert app.settings.threads == 4 and client.get("/api/v1/tokens").json()["data"] == []


# -- mounted -----------------------------------------------------------------------------------


def test_mounted_under_a_prefix(app: MemoryApp) -> None:
    host = Starlette(routes=[Mount("/ops", make_app(app, token=TOKEN))])
    client = TestClient(host, base_url=BASE)
    assert client.get("/ops/healthz").status_code == 200
    assert client.get("/ops/api/v1/jobs").status_code == 401
    made = client.post("/ops/api/v1/jobs", json={"task": "shop:work"}, headers=BEARER)
    assert made.url.join(made.headers["location"]).path == "/ops/api/v1/jobs/1"
    problem = client.get("/ops/api/v1/jobs/9", headers=BEARER).json()
    assert problem["type"] == "/ops/problems/job_not_found"
    assert client.get(problem["type"]).status_code == 200
    begun = client.post("/ops/api/v1/session", json={"token": TOKEN})
    assert "Path=/ops/" in begun.headers["set-cookie"]
    assert client.get("/ops/api/v1/overview").status_code == 200
    assert client.get("/api/v1/jobs").status_code == 404
    with client.websocket_connect(
        "ws://localhost/ops/api/v1/live", headers={"origin": BASE}
    ) as socket:
        assert socket.receive_json()["type"] == "hello"


def test_problems_are_json_without_surprises(client: TestClient) -> None:
    answer = client.post(
        "/api/v1/jobs",
        content=json.dumps({"task": "\ud800"}),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 422
