"""Webhooks against servers of every temper."""

from __future__ import annotations

import gzip
import json
import ssl
import time

import pytest
from tests.unit.notify.doubles import MESSAGE, Authority, answer, drip, flood, web

from offhours.core.errors import ConfigError, DeliveryError
from offhours.notify import Webhook, verify
from offhours.notify.channels.webhook import MOST_READ
from offhours.testing import FakeClock


def test_a_message_arrives_signed() -> None:
    clock = FakeClock()
    with web(answer("204 No Content", body=b"")) as server:
        hook = server.webhook(secret="signing-secret", headers={"X-Team": "ops"}, clock=clock)
        assert hook.send(MESSAGE) == ""
    [request] = server.requests
    headers = request.headers
    assert request.line == "POST /hook/secret-token-1 HTTP/1.1"
    assert (headers["x-team"], headers["content-type"]) == ("ops", "application/json")
    assert headers["accept-encoding"] == "identity"
    assert headers["webhook-id"] == "key-1"
    seconds, signature = int(headers["webhook-timestamp"]), headers["webhook-signature"]
    assert seconds == clock.micros() // 1_000_000
    assert verify("signing-secret", "key-1", seconds, request.body, signature)
    assert not verify("signing-secret", "key-1", seconds + 1, request.body, signature)
    assert not verify("signing-secret", "key-1", seconds, request.body + b" ", signature)
    assert not verify("another", "key-1", seconds, request.body, signature)
    told = json.loads(request.body)
    assert (told["id"], told["subject"], told["severity"]) == ("key-1", "job 7 failed", "medium")


def test_slack_gets_what_slack_understands() -> None:
    with web(answer("200 OK")) as server:
        message = MESSAGE.__class__("k", "job.failed", "s", "a <b> & <!channel>", 0)
        server.webhook(form="slack").send(message)
    told = json.loads(server.requests[0].body)
    assert told == {"text": "a &lt;b&gt; &amp; &lt;!channel&gt;"}
    auto = Webhook("https://hooks.slack.com/services/T/B/x")
    assert json.loads(auto._body(MESSAGE, auto._place())) == {"text": MESSAGE.text}


@pytest.mark.parametrize("status", ["500 Broken", "404 Not Found", "301 Moved"])
def test_any_other_answer_is_a_failure(status: str) -> None:
    with web(answer(status)) as server, pytest.raises(DeliveryError, match=status):
        server.webhook().send(MESSAGE)


@pytest.mark.parametrize(
    ("status", "permanent"),
    [("400 Bad", True), ("401 Who", True), ("404 Not Found", True), ("410 Gone", True),
     ("408 Late", False), ("425 Early", False), ("429 Slower", False), ("500 Broken", False),
     ("503 Busy", False), ("302 Found", False)],
)  # fmt: skip
def test_a_refusal_that_would_be_the_same_again_is_permanent(status: str, permanent: bool) -> None:
    with web(answer(status)) as server, pytest.raises(DeliveryError) as caught:
        server.webhook().send(MESSAGE)
    assert caught.value.permanent is permanent


def test_a_redirect_is_not_followed() -> None:
    with web(answer("200 OK")) as inside:
        target = f"Location: http://127.0.0.1:{inside.port}/admin"
        for status in ("301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent"):
            with (
                web(answer(status, target)) as server,
                pytest.raises(DeliveryError, match=status[:3]),
            ):
                server.webhook().send(MESSAGE)
        assert inside.requests == []


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7), ("Thu, 01 Jan 2026 00:01:00 GMT", 60), ("soon", None)]
)
def test_the_other_side_may_say_when(value: str, seconds: float | None) -> None:
    too_many = answer("429 Too Many", f"Retry-After: {value}")
    with web(too_many) as server, pytest.raises(DeliveryError) as caught:
        server.webhook(clock=FakeClock()).send(MESSAGE)
    assert caught.value.retry_after == seconds


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("first", "then"),
    [(b"", b"H"), (HEAD, b"X"), (HEAD, b"X-A: b\r\n"), (b"HTTP/1.1 100 Continue\r\n\r\n", b"")],
    ids=["status", "header", "headers", "continue"],
)
def test_a_server_that_drips_meets_the_deadline(first: bytes, then: bytes) -> None:
    started = time.monotonic()
    with web(drip(first, then)) as server, pytest.raises(DeliveryError):
        server.webhook(deadline=0.4).send(MESSAGE)
    assert time.monotonic() - started < 2


def test_a_tls_handshake_that_drips_meets_the_deadline() -> None:
    started = time.monotonic()
    with web(drip(b"\x16\x03\x03\x40\x00", b"\x02"), listens=False) as server:
        hook = Webhook(
            f"https://hooks.example.com:{server.port}/", ports=[server.port],
            networks=["127.0.0.0/8"], resolve=lambda host, port: ["127.0.0.1"], deadline=0.4,
        )  # fmt: skip
        with pytest.raises(DeliveryError, match=r"within 0\.4 s"):
            hook.send(MESSAGE)
    assert time.monotonic() - started < 2


def test_an_endless_body_is_not_read() -> None:
    with web(flood(HEAD + b"Content-Length: 10000000000\r\n\r\n")) as server:
        server.webhook().send(MESSAGE)
    # What lies in the buffers of two sockets comes on top of what was read.
    assert getattr(server, "sent", 0) < MOST_READ + 20_000_000


def test_a_body_that_drips_ends_with_the_deadline() -> None:
    with web(drip(HEAD + b"Content-Length: 1000\r\n\r\n", b"x")) as server:
        assert server.webhook(deadline=0.4).send(MESSAGE) == ""


def test_a_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    with web(answer("200 OK", "Content-Encoding: gzip", body=bomb)) as server:
        started = time.process_time()
        server.webhook().send(MESSAGE)
        assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "junk", [b"", b"\0\1\2\n\n", b"HTTP/9.9 abc\r\n\r\n", HEAD + b"A: b\r\n" * 200 + b"\r\n",
             b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n\r\n"],
)  # fmt: skip
def test_junk_is_a_failure(junk: bytes) -> None:
    behave = lambda connection, server: connection.sendall(junk)
    with web(behave) as server, pytest.raises(DeliveryError):
        server.webhook().send(MESSAGE)


def test_nobody_there_is_a_failure() -> None:
    with web(answer("200 OK")) as server:
        pass
    with pytest.raises(DeliveryError, match="refused"):
        server.webhook().send(MESSAGE)

    def unknown(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    with pytest.raises(DeliveryError, match="cannot be found"):
        server.webhook(resolve=unknown).send(MESSAGE)


def test_tls_is_checked_by_the_name_in_the_address(authority: Authority) -> None:
    good = authority.context("hooks.example.com")
    with web(answer("200 OK"), good) as server:
        server.webhook(ca_file=authority.ca_file).send(MESSAGE)
        with pytest.raises(DeliveryError, match="certificate verify failed"):
            server.webhook().send(MESSAGE)  # the system does not trust it
        assert len(server.requests) == 1
    with web(answer("200 OK"), authority.context("other.example.com")) as server:
        with pytest.raises(DeliveryError, match="certificate verify failed"):
            server.webhook(ca_file=authority.ca_file).send(MESSAGE)
        assert server.requests == []


def test_old_tls_is_refused(authority: Authority) -> None:
    old = authority.context("hooks.example.com")
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with web(answer("200 OK"), old) as server, pytest.raises(DeliveryError):
        server.webhook(ca_file=authority.ca_file).send(MESSAGE)
    assert server.requests == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "b\r\nX-Injected: yes"), ("X-A", "b\nX-Injected: yes"), ("X-A", "b\0"),
        ("X-A\r\nX-Injected", "yes"), ("X-A:", "b"), ("", "b"), ("X A", "b"), ("X-A", "☃"),
        ("Host", "other"), ("content-length", "5"), ("Transfer-Encoding", "chunked"),
        ("Webhook-Id", "forged"), ("webhook-signature", "v1,forged"),
    ],
)  # fmt: skip
def test_headers_cannot_be_injected(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Webhook("https://example.com/", headers={name: value})
    assert "Injected: yes" not in str(caught.value)


def test_a_header_by_reference_is_checked_when_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_TOKEN", "x\r\nX-Injected: yes")
    with web(answer("200 OK")) as server:
        with pytest.raises(DeliveryError, match="X-Token"):
            server.webhook(headers={"X-Token": "env:HOOK_TOKEN"}).send(MESSAGE)
        monkeypatch.setenv("HOOK_TOKEN", "good")
        server.webhook(headers={"X-Token": "env:HOOK_TOKEN"}).send(MESSAGE)
    assert [request.headers["x-token"] for request in server.requests] == ["good"]


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Webhook("http://u:p@x/", headers={"Host": "a", "B C": "d"}, form="slak", deadline=0)
    told = " | ".join(caught.value.faults)
    assert len(caught.value.faults) == 5
    assert 'did you mean "slack"?' in told and "deadline" in told and "p@x" not in told
