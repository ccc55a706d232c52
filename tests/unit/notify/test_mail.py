"""Mail against real servers: never in the clear, nothing smuggled into a header."""

from __future__ import annotations

import time
from email import message_from_bytes, policy
from typing import Any

import pytest
from tests.unit.notify.doubles import MESSAGE, NOW, Authority, Inbox, drip, mail_server, web

from offhours.core.errors import ConfigError, DeliveryError
from offhours.notify import Mail, Message

LOGIN = {"user": "ann@example.com", "password": "right-password-1"}


def mail(port: int, authority: Authority, **changes: Any) -> Mail:
    given: dict[str, Any] = {
        "to": ["Bob Ünal <bob@example.com>", "eve@example.com"], "ca_file": authority.ca_file,
        **LOGIN, **changes,
    }  # fmt: skip
    return Mail("localhost", port=port, deadline=5, **given)


def test_a_message_arrives_by_starttls(authority: Authority) -> None:
    inbox = Inbox()
    with mail_server(inbox, authority.context("localhost")) as port:
        assert mail(port, authority).send(MESSAGE) == ""
    [envelope] = inbox.letters
    letter = message_from_bytes(envelope.content, policy=policy.default)
    assert envelope.rcpt_tos == ["bob@example.com", "eve@example.com"]
    assert letter["Subject"] == "job 7 failed"
    assert letter["Message-ID"] == "<key-1@example.com>"
    assert letter["From"] == "ann@example.com"
    assert letter["To"] == "Bob Ünal <bob@example.com>, eve@example.com"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter.get_content().strip() == "job 7 failed: no disk"
    assert inbox.logins == [(b"ann@example.com", b"right-password-1")]


def test_a_server_without_starttls_gets_nothing(authority: Authority) -> None:
    inbox = Inbox()
    with mail_server(inbox, None) as port, pytest.raises(DeliveryError, match="no STARTTLS"):
        mail(port, authority).send(MESSAGE)
    assert inbox.letters == [] and inbox.logins == []


def test_a_bad_certificate_gets_nothing(authority: Authority) -> None:
    inbox = Inbox()
    told = "certificate verify failed"
    with mail_server(inbox, authority.context("other.example.com")) as port:
        to_another = mail(port, authority)
        with pytest.raises(DeliveryError, match=told):
            to_another.send(MESSAGE)
    with mail_server(inbox, authority.context("localhost")) as port:
        with_the_systems_authorities = mail(port, authority, ca_file=None)
        with pytest.raises(DeliveryError, match=told):
            with_the_systems_authorities.send(MESSAGE)
    assert inbox.letters == [] and inbox.logins == []


def test_a_wrong_password_is_told_without_it(authority: Authority) -> None:
    inbox = Inbox()
    with mail_server(inbox, authority.context("localhost")) as port:
        wrong = mail(port, authority, password="wrong-password-2")
        with pytest.raises(DeliveryError, match="answered 535") as caught:
            wrong.send(MESSAGE)
    assert "wrong-password-2" not in str(caught.value) and inbox.letters == []


def test_a_recipient_that_is_refused_is_named(authority: Authority) -> None:
    inbox = Inbox(refuse=("bob@example.com",))
    with mail_server(inbox, authority.context("localhost")) as port:
        assert mail(port, authority).send(MESSAGE) == "refused: bob@example.com"
        inbox.refuse = ("bob@example.com", "eve@example.com")
        with pytest.raises(DeliveryError, match="refused all recipients") as caught:
            mail(port, authority).send(MESSAGE)
        assert caught.value.permanent
    assert [envelope.rcpt_tos for envelope in inbox.letters] == [["eve@example.com"]]


@pytest.mark.parametrize(("reply", "permanent"), [("451 try later", False), ("554 no spam", True)])
def test_a_letter_that_is_refused_is_a_failure(
    authority: Authority, reply: str, permanent: bool
) -> None:
    inbox = Inbox()
    inbox.reply = reply
    with mail_server(inbox, authority.context("localhost")) as port:
        refused = mail(port, authority)
        with pytest.raises(DeliveryError, match=reply) as caught:
            refused.send(MESSAGE)
    assert caught.value.permanent is permanent


@pytest.mark.parametrize("first", [b"", b"220-", b"220 hello\r\n250-"])
def test_a_server_that_drips_meets_the_deadline(first: bytes) -> None:
    started = time.monotonic()
    with web(drip(first, b"x"), listens=False) as server:
        slow = Mail("127.0.0.1", ["bob@example.com"], port=server.port, deadline=0.4)
        with pytest.raises(DeliveryError, match=r"within 0\.4 s"):
            slow.send(MESSAGE)
    assert time.monotonic() - started < 2


def test_a_handshake_that_drips_meets_the_deadline() -> None:
    def behave(connection: Any, server: Any) -> None:
        connection.sendall(b"220 hello\r\n")
        connection.recv(1_000)
        connection.sendall(b"250-hello\r\n250 STARTTLS\r\n")
        connection.recv(1_000)
        connection.sendall(b"220 go on\r\n")
        connection.recv(1_000)
        drip(b"\x16\x03\x03\x40\x00", b"\2")(connection, server)

    with web(behave, listens=False) as server:
        slow = Mail("127.0.0.1", ["bob@example.com"], port=server.port, deadline=0.4)
        with pytest.raises(DeliveryError, match=r"within 0\.4 s"):
            slow.send(MESSAGE)


def test_clear_text_is_for_this_machine_and_without_a_password() -> None:
    inbox = Inbox()
    with mail_server(inbox, None) as port:
        Mail("127.0.0.1", "bob@example.com", port=port, tls="none").send(MESSAGE)
    assert len(inbox.letters) == 1
    for host, login in (("mail.example.com", {}), ("127.0.0.1", LOGIN)):
        with pytest.raises(ConfigError, match="none is only for a server on this machine"):
            Mail(host, "bob@example.com", tls="none", **login)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "address",
    ["bob@example.com\r\nBcc: eve@example.com", "bob@example.com\nX: y", "bob@example.com\0",
     "Bob\r\nBcc: eve@example.com <bob@example.com>", "bob", "", "@", "bob@", "@example.com",
     "bob@example.com, eve@example.com", "bob@exa mple.com", "<script>@x", "bob@@example.com",
     "bob\x0b@example.com", "bob\u2028@example.com", "a" * 250 + "@example.com"],
)  # fmt: skip
def test_an_address_must_be_one(address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Mail("mail.example.com", [address], sender=address or "x")
    assert all(fault.startswith(("to:", "sender:")) for fault in caught.value.faults)


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\0", "\u2028", "\x85", "\x0b"])
def test_what_a_job_is_called_cannot_write_headers(authority: Authority, break_: str) -> None:
    subject = f"job failed{break_}Bcc: eve@example.com{break_}{break_}body"
    inbox = Inbox()
    with mail_server(inbox, authority.context("localhost")) as port:
        mail(port, authority).send(Message("k", "job.failed", subject, f"a{break_}b\0", NOW))
    letter = message_from_bytes(inbox.letters[0].content, policy=policy.default)
    assert letter["Bcc"] is None
    assert letter["Subject"].startswith("job failed Bcc: eve@example.com")
    assert inbox.letters[0].rcpt_tos == ["bob@example.com", "eve@example.com"]
    assert "\0" not in letter.get_content()


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Mail("", [f"p{n}@example.com" for n in range(51)], port=0, tls="startls", user="ann")
    assert [fault.partition(":")[0] for fault in caught.value.faults] == [
        "to", "host", "port", "tls", "password",
    ]  # fmt: skip
    assert 'did you mean "starttls"?' in str(caught.value)
    with pytest.raises(ConfigError, match="1 to 50 recipients, got 0"):
        Mail("mail.example.com", [])
