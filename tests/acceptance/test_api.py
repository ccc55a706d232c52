"""The API on the wire: streams that resume, clients that are slow or gone, what `up` serves."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from offhours import Offhours
from offhours.api import ApiServer, Limits

FAST = Limits(head_seconds=0.5, body_seconds=0.5, connections=60, streams=20, backlog=4)
PROGRAM = """
    from offhours import Offhours
    app = Offhours({db!r})
    @app.task(name="shop:work")
    def work() -> str:
        return "done"
"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Offhours]:
    made = Offhours(tmp_path / "jobs.db")
    made.task(name="shop:work")(lambda: "done")
    yield made
    made.close()


@pytest.fixture
def server(app: Offhours) -> Iterator[ApiServer]:
    with ApiServer(app, limits=FAST) as made:
        assert made.wait()
        yield made


def call(server: ApiServer, path: str, body: Any = None, **headers: str) -> Any:
    data = None if body is None else json.dumps(body).encode()
    told = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    with urlopen(Request(server.url + path, data, told | headers), timeout=20) as answer:
        return json.load(answer)


def wire(server: ApiServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def head(server: ApiServer, path: str, **headers: str) -> bytes:
    lines = [f"GET /{path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}",
             f"Authorization: Bearer {server.token}"]  # fmt: skip
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


class Stream:
    """A client of the event stream."""

    def __init__(self, server: ApiServer, query: str = "", **headers: str) -> None:
        self._socket = wire(server)
        asked = head(server, f"api/v1/events{query}", Accept="text/event-stream", **headers)
        self._socket.sendall(asked)
        self._file = self._socket.makefile("rb")

    def events(self, until: str) -> list[dict[str, Any]]:
        """What comes until an event of this kind, or of a job that has ended."""
        found: list[dict[str, Any]] = []
        while not found or found[-1]["kind"] != until:
            line = self._file.readline()
            assert line, "the stream ended"
            if line.startswith(b"data: "):
                found.append(json.loads(line[6:]))
        return found

    def close(self) -> None:
        self._file.close()
        self._socket.close()


@contextmanager
def stream(server: ApiServer, query: str = "", **headers: str) -> Iterator[Stream]:
    with closing(Stream(server, query, **headers)) as made:
        yield made


def test_a_job_is_followed_to_its_end(app: Offhours, server: ApiServer) -> None:
    with stream(server, "?after=0") as follower, app:
        job = call(server, "api/v1/jobs", {"task": "shop:work"})
        told = follower.events("job.succeeded")
        kinds = [event["kind"] for event in told if event["job"] == job["id"]]
        assert kinds == ["job.submitted", "job.started", "job.succeeded"]
        assert [e["seq"] for e in told] == sorted(e["seq"] for e in told)
        assert call(server, f"api/v1/jobs/{job['id']}")["result"] == "done"


def test_a_stream_resumes_where_it_was(app: Offhours, server: ApiServer) -> None:
    with stream(server, "?after=0") as follower:
        app.submit("shop:work")
        last = follower.events("job.submitted")[-1]["seq"]
    for _ in range(2_500):  # more than a page, while nobody looks
        app.store.tell(app.clock.micros(), "foreground.entered", None, None)
    app.pause(reason="the end")
    with stream(server, Last_Event_ID=str(last)) as follower:
        told = follower.events("limit.paused")
    assert [event["seq"] for event in told] == list(range(last + 1, last + 2_502))


def test_a_stream_of_some_kinds(app: Offhours, server: ApiServer) -> None:
    with stream(server, "?kind=limit.paused&kind=limit.resumed&after=0") as follower:
        app.submit("shop:work")
        app.pause()
        app.submit("shop:work")
        app.resume()
        assert [e["kind"] for e in follower.events("limit.resumed")] == [
            "limit.paused", "limit.resumed",
        ]  # fmt: skip


def live(server: ApiServer, **options: Any) -> Any:
    headers = {"Authorization": f"Bearer {server.token}"}
    address = f"ws://127.0.0.1:{server.port}/api/v1/live"
    return connect(address, additional_headers=headers, **options)


def test_the_page_sees_a_job_at_once(app: Offhours, server: ApiServer) -> None:
    with live(server) as page:
        assert json.loads(page.recv(20))["type"] == "hello"
        job = call(server, "api/v1/jobs", {"task": "shop:work"})
        told = json.loads(page.recv(20))
        assert told["type"] == "changes"
        assert [row["id"] for row in told["jobs"]] == [job["id"]]
        assert told["events"][0]["kind"] == "job.submitted"


def test_a_socket_without_a_token_is_refused(server: ApiServer) -> None:
    for headers in ({}, {"Authorization": "Bearer oh_x"}, {"Host": "evil.example"}):
        address = f"ws://127.0.0.1:{server.port}/api/v1/live"
        with pytest.raises((InvalidStatus, ConnectionClosed)):
            connect(address, additional_headers=headers).recv(5)


def test_a_client_that_takes_nothing_harms_nobody(app, server, until) -> None:
    deaf = wire(server)
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    deaf.sendall(head(server, "api/v1/events?after=0", Accept="text/event-stream"))
    with live(server) as page, stream(server, "?after=0") as follower:
        page.recv(20)
        for _ in range(20):
            for _ in range(500):
                app.store.tell(app.clock.micros(), "foreground.entered", None, None)
        app.pause()
        told = follower.events("limit.paused")
        assert len(told) == 10_001  # nothing is left out, though it is much
        cursor = 0
        while cursor < told[-1]["seq"]:
            message = json.loads(page.recv(20))
            cursor = message["cursor"]
    deaf.close()
    assert call(server, "healthz") == {"status": "ok"}


def test_slow_heads_and_slow_bodies_are_cut_off(server: ApiServer) -> None:
    slow = [wire(server) for _ in range(30)]
    for each in slow:
        each.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127")
    assert call(server, "healthz") == {"status": "ok"}
    for each in slow:
        assert each.recv(100) == b""  # closed, without an answer
        each.close()
    body = wire(server)
    asked = head(server, "api/v1/jobs", Content_Type="application/json", Content_Length="100")
    body.sendall(asked.replace(b"GET", b"POST") + b'{"task"')
    assert b" 408 " in body.recv(1000)
    body.close()


def test_the_second_head_of_a_connection_is_timed_too(server: ApiServer) -> None:
    with closing(wire(server)) as kept:
        kept.sendall(head(server, "healthz"))
        answer = kept.recv(10_000)
        assert b'{"status":"ok"}' in answer or b'{"status":"ok"}' in kept.recv(10_000)
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHo")
        assert kept.recv(100) == b""


def test_more_connections_than_allowed_are_turned_away(server: ApiServer) -> None:
    with stream(server):
        held = [wire(server) for _ in range(80)]
        codes = set()
        for each in held[-5:]:
            each.sendall(head(server, "healthz"))
            try:
                codes.add(each.recv(1000).split(b" ")[1])
            except ConnectionResetError:  # turned away before it had asked
                codes.add(b"503")
        assert codes <= {b"503", b"200"} and b"503" in codes
        for each in held:
            each.close()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            assert call(server, "healthz") == {"status": "ok"}
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail("it did not recover")


def test_ten_thousand_bad_tokens_harm_nobody(server: ApiServer) -> None:
    """A tenth of them, from ten clients at once."""
    codes: list[bytes] = []

    def knock() -> None:
        with closing(wire(server)) as door, door.makefile("rb") as answers:
            for n in range(100):
                asked = head(server, "api/v1/jobs").replace(server.token.encode(), b"oh_%d" % n)
                door.sendall(asked)
                codes.append(answers.readline().split(b" ")[1])
                length = 0
                while (line := answers.readline()) not in (b"\r\n", b""):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                answers.read(length)

    threads = [threading.Thread(target=knock) for _ in range(10)]
    for thread in threads:
        thread.start()
    assert call(server, "api/v1/jobs")["data"] == []
    for thread in threads:
        thread.join()
    assert len(codes) == 1_000 and set(codes) == {b"401", b"429"}
    assert call(server, "api/v1/jobs")["data"] == []


def hear_all(page: Any) -> None:
    while True:
        page.recv(20)


def test_a_stop_ends_streams(app: Offhours) -> None:
    with ApiServer(app) as server:
        assert server.wait()
        follower, page = Stream(server, "?after=0"), live(server)
        app.submit("shop:work")
        follower.events("job.submitted")
        page.recv(20)
    with pytest.raises((AssertionError, OSError)):
        follower.events("never")
    with pytest.raises(ConnectionClosed):
        hear_all(page)
    follower.close()
    page.close()


# -- what `up` serves --------------------------------------------------------------------------


@contextmanager
def up(tmp_path: Path, *options: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    file = tmp_path / "shop.py"
    file.write_text(textwrap.dedent(PROGRAM.format(db=str(tmp_path / "shop.db"))))
    process = subprocess.Popen(
        [sys.executable, "-m", "offhours", "up", str(file), *options],
        stderr=subprocess.PIPE, text=True, env={**os.environ, **environment},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_up_prints_a_link_that_works(tmp_path: Path, until: Callable[..., None]) -> None:
    with up(tmp_path, "--port", "0") as process:
        assert process.stderr is not None
        found = None
        while found is None:
            line = process.stderr.readline()
            assert line
            found = re.search(r"(http://127\.0\.0\.1:\d+/)#token=(oh_\S+)", line)
        url, token = found.groups()

        def ready() -> bool:
            try:
                return urlopen(f"{url}healthz", timeout=20).status == 200  # type: ignore[no-any-return]
            except OSError:
                return False

        until(ready)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        new = Request(f"{url}api/v1/jobs", b'{"task": "shop:work"}', headers)
        job = json.load(urlopen(new, timeout=20))

        def done() -> bool:
            asked = Request(f"{url}api/v1/jobs/{job['id']}", headers=headers)
            return bool(json.load(urlopen(asked, timeout=20))["state"] == "succeeded")

        until(done)
        process.terminate()
        assert process.wait(30) == 0


@pytest.mark.parametrize(
    ("options", "token", "said"),
    [
        (("--host", "0.0.0.0"), "", "--public"),
        (("--host", "0.0.0.0", "--public"), "", "token of your own"),
        (("--host", "0.0.0.0"), "x" * 40, "--public"),
        (("--host", "0.0.0.0", "--public"), "short", "could be guessed"),
        (("--host", "::", "--public"), "", "token of your own"),
    ],
)
def test_s1_nothing_is_opened_to_others_by_accident(
    tmp_path: Path, options: tuple[str, ...], token: str, said: str
) -> None:
    with up(tmp_path, "--port", "0", *options, OFFHOURS_TOKEN=token) as process:
        assert process.stderr is not None
        told = process.stderr.read()
        assert process.wait(30) == 2 and said in told, told


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with up(tmp_path, "--port", str(taken.getsockname()[1])) as process:
            assert process.stderr is not None
            assert "Address already in use" in process.stderr.read() and process.wait(30) == 2


BODY = b'{"task":"shop:work"}'
CHUNKS = b"14\r\n" + BODY + b"\r\n0\r\n\r\n"
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize(
    "told",
    [b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
     b"Transfer-Encoding: chunked\r\nContent-Length: 20\r\n\r\n" + CHUNKS,
     b"Content-Length: 20\r\nContent-Length: 5\r\n\r\n" + BODY,
     b"Content-Length: +20\r\n\r\n" + BODY,
     b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKS,
     b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKS,
     b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + CHUNKS,
     b"Transfer-Encoding:\x0bchunked\r\n\r\n" + CHUNKS,
     b"Transfer-Encoding : chunked\r\n\r\n" + CHUNKS,
     b"Transfer-Encoding: chunked\r\n\r\n-14\r\n" + BODY + b"\r\n0\r\n\r\n",
     b"X: a\rContent-Length: 20\r\n\r\n" + BODY,
     b"X: a\0b\r\nContent-Length: 20\r\n\r\n" + BODY,
     b"Host: evil.example\r\nContent-Length: 20\r\n\r\n" + BODY,
     b"X: " + b"a" * 1_000_000 + b"\r\nContent-Length: 20\r\n\r\n" + BODY],
)  # fmt: skip
def test_a_request_of_which_a_proxy_may_think_otherwise_ends_the_connection(
    app: Offhours, server: ApiServer, told: bytes
) -> None:
    lines = [b"POST /api/v1/jobs HTTP/1.1", b"Host: 127.0.0.1", b"Content-Type: application/json",
             b"Authorization: Bearer " + server.token.encode()]  # fmt: skip
    with closing(wire(server)) as connection:
        answer = b""
        try:
            connection.sendall(b"\r\n".join([*lines, told + SMUGGLED]))
            while part := connection.recv(100_000):
                answer += part
        except ConnectionError:
            pass  # it was ended while we were still speaking
    assert b" 200 " not in answer and b" 201 " not in answer
    assert app.jobs() == []


def test_what_a_client_says_of_its_address_is_not_believed(server: ApiServer) -> None:
    codes = set()
    for number in range(30):
        claim = dict.fromkeys(("X-Forwarded-For", "X-Real-IP", "Forwarded"), f"10.0.0.{number}")
        with pytest.raises(HTTPError) as refused:
            call(server, "api/v1/jobs", Authorization=f"Bearer oh_{number}", **claim)
        codes.add(refused.value.code)
        refused.value.close()
    assert codes == {401, 429}


@pytest.mark.parametrize("name", ["token", "access_token", "key", "authorization"])
def test_a_token_in_the_address_does_not_hold(server: ApiServer, name: str) -> None:
    with (
        pytest.raises(HTTPError) as refused,
        urlopen(f"{server.url}api/v1/jobs?{name}={server.token}"),
    ):
        pass
    assert refused.value.code == 401
    refused.value.close()
