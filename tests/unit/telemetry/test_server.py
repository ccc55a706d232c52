"""The server answers what it is for, and only that."""

from __future__ import annotations

import socket
from collections.abc import Callable
from http.client import HTTPConnection

import pytest

from offhours.core.errors import Busy, StoreClosed
from offhours.telemetry import server as module
from offhours.telemetry.server import MetricsServer


def ask(server: MetricsServer, method: str, path: str) -> tuple[int, str, str | None]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    found = answer.status, answer.read().decode(), answer.getheader("Allow")
    connection.close()
    return found


def test_one_path_and_get_only() -> None:
    with MetricsServer(lambda: "x 1\n", "text/plain") as server:
        assert ask(server, "GET", "/metrics?name[]=x")[:2] == (200, "x 1\n")
        assert ask(server, "GET", "/")[0] == 404
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "HEAD", "<script>"):
            assert ask(server, method, "/metrics")[::2] == (405, "GET")
        assert ask(server, "GET", "/" + "x" * 70_000)[0] == 414


def test_other_names_of_this_machine_are_not_answered() -> None:
    def status(server: MetricsServer, host: str) -> int:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", "/metrics", headers={"Host": host})
        found = connection.getresponse().status
        connection.close()
        return found

    with MetricsServer(lambda: "x 1\n", "text/plain") as server:
        assert (
            status(server, "evil.example") == status(server, f"evil.example:{server.port}") == 421
        )
        for name in ("localhost", f"127.0.0.1:{server.port}", f"[::1]:{server.port}"):
            assert status(server, name) == 200
    with MetricsServer(lambda: "x 1\n", "text/plain", host="") as server:
        assert status(server, "shop.internal:9464") == 200


def test_who_sends_drop_by_drop_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REQUEST_SECONDS", 0.05)
    with (
        MetricsServer(lambda: "x 1\n", "text/plain") as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=10) as slow,
    ):
        slow.sendall(b"GET /met")
        assert slow.recv(1) == b""


def test_it_listens_to_this_machine_only() -> None:
    with MetricsServer(lambda: "", "text/plain") as server:
        assert server._http.server_address[0] == "127.0.0.1"


def test_a_store_that_cannot_be_read_is_no_page_of_zeros() -> None:
    def fail() -> str:
        raise Busy("locked")

    with MetricsServer(fail, "text/plain") as server:
        status, text, _ = ask(server, "GET", "/metrics")
    assert status == 503
    assert "locked" not in text


def test_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch, until: Callable[..., None]) -> None:
    monkeypatch.setattr(module, "MOST_AT_ONCE", 2)
    with MetricsServer(lambda: "x 1\n", "text/plain") as server:
        idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(2)]
        until(lambda: server._http._room._value == 0)  # type: ignore[attr-defined]
        refused = socket.create_connection(("127.0.0.1", server.port))
        refused.settimeout(10)
        assert refused.recv(1) == b""
        for each in (*idle, refused):
            each.close()
        until(lambda: server._http._room._value == 2)  # type: ignore[attr-defined]
        assert ask(server, "GET", "/metrics")[0] == 200


def test_it_follows_between_scrapes_until_the_store_is_closed(
    monkeypatch: pytest.MonkeyPatch, until: Callable[..., None]
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.002)
    looks = []

    def follow() -> None:
        looks.append(1)
        if len(looks) == 2:
            raise Busy("locked")
        if len(looks) == 3:
            raise StoreClosed("closed")

    with MetricsServer(lambda: "x 1\n", "text/plain", follow=follow) as server:
        until(lambda: len(looks) == 3)
        assert ask(server, "GET", "/metrics")[0] == 200
    assert len(looks) == 3
