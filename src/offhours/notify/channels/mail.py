"""Messages by e-mail, never in the clear."""

from __future__ import annotations

import base64
import re
import smtplib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from offhours.core.errors import ConfigError, DeliveryError, InputError, did_you_mean
from offhours.core.times import to_datetime
from offhours.notify.channels import TLS, check_seconds, has_breaks
from offhours.notify.deadline import Deadline, deadline
from offhours.notify.message import Message, lines, one_line
from offhours.notify.secrets import Secret, redacted

MOST_RECIPIENTS = 50
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+")
_NAMED = re.compile(r"([^<>]*)<([^<>]*)>")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Mail:
    """By SMTP. All that is wrong with it raises one `ConfigError`.

    to: up to 50 recipients, `ann@example.com` or `Ann <ann@example.com>`
    sender: who it is from; else the user, if that is an address, else the first recipient
    user, password: `password` may be `env:NAME` or `file:PATH`
    tls: `starttls`, as servers want it on port 587; `tls` from the first byte, as on port 465;
        `none` only without a password and to this machine
    deadline: seconds for one message, from the first packet to the last
    ca_file: trust the certificates in this file instead of the system's

    A server that offers no STARTTLS, or has a bad certificate, gets neither message nor password.

    >>> Mail("smtp.example.com", to=["ann@example.com"], user="me", password="env:SMTP_PASSWORD")
    Mail('smtp.example.com', port=587, to=('ann@example.com',), tls='starttls')
    """

    host: str
    to: Sequence[str]
    port: int = 587
    sender: str | None = None
    user: str | None = None
    password: str | Secret | None = field(default=None, repr=False)
    tls: str = "starttls"
    deadline: float = 30
    ca_file: str | None = None
    kind: str = "mail"

    def __post_init__(self) -> None:
        if isinstance(self.to, str):
            object.__setattr__(self, "to", (self.to,))
        if self.password is not None:
            object.__setattr__(self, "password", Secret(self.password))
        if faults := [*self._address_faults(), *self._server_faults()]:
            raise ConfigError(faults)
        object.__setattr__(self, "to", tuple(self.to))

    def __repr__(self) -> str:
        return f"Mail({self.host!r}, port={self.port}, to={self.to}, tls={self.tls!r})"

    def _address_faults(self) -> list[str]:
        faults = []
        if not self.to or len(self.to) > MOST_RECIPIENTS:
            faults.append(f"to: expected 1 to {MOST_RECIPIENTS} recipients, got {len(self.to)}")
        given = [("to", text) for text in self.to]
        for key, text in [*given, *([("sender", self.sender)] if self.sender else [])]:
            try:
                parse_address(text)
            except InputError as error:
                faults.append(f"{key}: {error}")
        return faults

    def _server_faults(self) -> list[str]:
        faults: list[str] = []
        if not self.host or has_breaks(self.host) or any(char.isspace() for char in self.host):
            faults.append("host: expected the name of a mail server")
        if not 0 < self.port < 65_536:
            faults.append(f"port: expected 1 to 65535, got {self.port}")
        if self.tls not in TLS:
            known = ", ".join(TLS)
            faults.append(f'tls: expected {known}, got "{self.tls}"{did_you_mean(self.tls, TLS)}')
        elif self.tls == "none" and (self.password is not None or self.host not in _LOOPBACK):
            faults.append("tls: none is only for a server on this machine, without a password")
        if (self.user is None) != (self.password is None):
            faults.append("password: a user needs a password, and a password a user")
        check_seconds(self.deadline, "deadline", faults)
        return faults

    def send(self, message: Message) -> str:
        """Send it to all recipients in one conversation.

        A recipient that the server refuses is named in the answer; the others have got it.
        """
        password = Secret(self.password).reveal() if self.password is not None else None
        secrets = [password, *_as_sent(self.user or "", password)] if password else []
        try:
            with deadline(self.deadline, self.host) as until:
                refused = self._converse(self._letter(message), password, until)
        except DeliveryError as error:
            raise DeliveryError(one_line(redacted(str(error), secrets))) from None
        except (OSError, smtplib.SMTPException, ValueError) as error:
            told = one_line(redacted(_told(error), secrets))
            raise DeliveryError(told, permanent=_is_permanent(error)) from None
        return f"refused: {', '.join(refused)}" if refused else ""

    def _converse(
        self, letter: EmailMessage, password: str | None, until: Deadline
    ) -> Sequence[str]:
        context = ssl.create_default_context(cafile=self.ca_file)
        with _Connection(self, context, until) as server:
            if self.tls == "starttls":
                server.ehlo_or_helo_if_needed()
                if not server.has_extn("starttls"):
                    raise DeliveryError(f"{self.host} offers no STARTTLS; nothing was sent")
                server.starttls(context=context)
            if self.user is not None and password is not None:
                server.login(self.user, password)
            return sorted(server.send_message(letter))

    def _letter(self, message: Message) -> EmailMessage:
        user = self.user if self.user and _ADDRESS.fullmatch(self.user) else None
        sender = parse_address(self.sender or user or self.to[0])
        letter = EmailMessage()
        letter["From"] = sender
        letter["To"] = [parse_address(text) for text in self.to]
        letter["Subject"] = one_line(message.subject)
        letter["Date"] = format_datetime(to_datetime(message.at))
        letter["Message-ID"] = f"<{message.key}@{sender.domain}>"
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(lines(message.text) + "\n")
        return letter


def parse_address(text: str) -> Address:
    """`ann@example.com` or `Ann <ann@example.com>`. Raises `InputError`.

    >>> parse_address("Ann <ann@example.com>").addr_spec
    'ann@example.com'
    """
    if not isinstance(text, str) or has_breaks(text) or not text.isprintable():
        raise InputError("an address must be one line of text without control characters")
    named = _NAMED.fullmatch(text.strip())
    name, address = (named[1].strip().strip('"'), named[2]) if named else ("", text.strip())
    if not _ADDRESS.fullmatch(address) or len(address) > 254:
        raise InputError(f"{one_line(text, 80)!r} is no address; write it like ann@example.com")
    try:
        return Address(display_name=name, addr_spec=address)
    except (ValueError, IndexError) as error:
        raise InputError(f"{one_line(text, 80)!r} is no address: {error}") from error


class _Connection(smtplib.SMTP):
    """A conversation that ends with its deadline; with `tls`, encrypted from the first byte."""

    def __init__(self, mail: Mail, context: ssl.SSLContext, until: Deadline) -> None:
        self._tls = context if mail.tls == "tls" else None
        self._until = until
        # Our name would else be asked of a name server, for as long as that takes.
        super().__init__(mail.host, mail.port, socket.gethostname(), until.seconds)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection = socket.create_connection((host, port), self._until.connect_seconds)
        connection.settimeout(timeout)
        self._until.watch(connection)
        if self._tls is None:
            return connection
        return self._tls.wrap_socket(connection, server_hostname=host)


def _as_sent(user: str, password: str) -> list[str]:
    """What a server may repeat to us."""
    spellings = (f"\0{user}\0{password}", password)
    return [base64.b64encode(text.encode()).decode() for text in spellings]


def _is_permanent(error: Exception) -> bool:
    """Whether the server said 5xx: of the recipients, to all of them."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(500 <= code < 600 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPResponseException) and 500 <= error.smtp_code < 600


def _told(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        told = error.smtp_error
        said = told.decode(errors="replace") if isinstance(told, bytes) else told
        return f"the mail server answered {error.smtp_code} {said}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"the mail server refused all recipients: {error.recipients}"
    return str(error) or type(error).__name__
