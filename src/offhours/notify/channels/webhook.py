"""Messages by HTTP POST, to the public network only, and never longer than a deadline."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import partial

from offhours.core.clock import Clock, SystemClock
from offhours.core.errors import ConfigError, DeliveryError, InputError, did_you_mean
from offhours.core.times import SECOND
from offhours.notify import addresses
from offhours.notify.addresses import PORTS, Place, Resolve
from offhours.notify.channels import FORMS, attempt, check_seconds
from offhours.notify.deadline import Deadline, deadline
from offhours.notify.message import Message, lines, one_line
from offhours.notify.secrets import Secret, redacted
from offhours.notify.signing import sign

MOST_READ = 64_000
_SHORTEST_TOKEN = 8
_SLACK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
_PASSING = (408, 425, 429)  # of the refusals from 400 to 499, those that pass
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = frozenset(
    (
        "host", "content-length", "transfer-encoding", "connection", "accept-encoding", "expect",
        "upgrade", "te", "trailer", "webhook-id", "webhook-timestamp", "webhook-signature",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Webhook:
    """By HTTPS. All that is wrong with it raises one `ConfigError`.

    url: may be `env:NAME` or `file:PATH`, as may the values of `headers`, and `secret`
    secret: signs each message, as standardwebhooks.com has it
    form: `json`, `slack`, or `auto`: by the address
    http: also without TLS
    ports: those that may be called
    networks: internal networks that may be called, such as `10.1.0.0/16`; others never are
    deadline: seconds for the whole call
    ca_file: trust the certificates in this file instead of the system's

    Redirects are not followed, proxies of the environment not used, and of the answer no more is
    looked at than its status. `webhook-id` is the same each time that a message is sent.

    >>> Webhook("https://hooks.example.com/T000/secret")
    Webhook('https://hooks.example.com/***')
    """

    url: str | Secret = field(repr=False)
    headers: Mapping[str, str | Secret] = field(default_factory=dict, repr=False)
    secret: str | Secret | None = field(default=None, repr=False)
    form: str = "auto"
    http: bool = False
    ports: Sequence[int] = PORTS
    networks: Sequence[str] = ()
    deadline: float = 30
    ca_file: str | None = None
    kind: str = "webhook"
    resolve: Resolve = field(default=addresses.resolve, repr=False)
    clock: Clock = field(default_factory=SystemClock, repr=False)

    def __post_init__(self) -> None:
        url = Secret(self.url)
        object.__setattr__(self, "url", url)
        headers = {name: Secret(value) for name, value in dict(self.headers).items()}
        object.__setattr__(self, "headers", headers)
        if self.secret is not None:
            object.__setattr__(self, "secret", Secret(self.secret))
        faults: list[str] = []
        if not url.referred:
            attempt(faults, "url", self._place)
        attempt(faults, "networks", lambda: addresses.parse_networks(self.networks))
        for name, value in headers.items():
            attempt(faults, "headers", partial(_check_header, name, value))
        if self.form not in FORMS:
            hint = did_you_mean(self.form, FORMS)
            faults.append(f'form: expected {", ".join(FORMS)}, got "{self.form}"{hint}')
        check_seconds(self.deadline, "deadline", faults)
        if faults:
            raise ConfigError(faults)

    def __repr__(self) -> str:
        url = Secret(self.url)
        if url.referred:
            return f"Webhook({url!r})"
        place = self._place()
        return f"Webhook('{place.scheme}://{place.host_header}/***')"

    def _place(self) -> Place:
        return addresses.parse_url(Secret(self.url).reveal(), http=self.http, ports=self.ports)

    def send(self, message: Message) -> str:
        """Post it; any status from 200 to 299 says that it arrived."""
        secrets: list[str] = []
        try:
            self._send(message, secrets)
        except DeliveryError as error:
            told = one_line(redacted(str(error), secrets))
            raise DeliveryError(told, error.retry_after, permanent=error.permanent) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            told = one_line(redacted(str(error) or type(error).__name__, secrets))
            raise DeliveryError(told) from None
        return ""

    def _send(self, message: Message, secrets: list[str]) -> None:
        place = self._place()
        pieces = re.split(r"[/?&=]", place.path)
        secrets += [place.path, *(piece for piece in pieces if len(piece) >= _SHORTEST_TOKEN)]
        headers = {name: Secret(value).reveal() for name, value in self.headers.items()}
        for name, value in headers.items():
            _check_header(name, Secret(value))
            secrets += [value, *value.split(" ")[1:]]
        secret = None if self.secret is None else Secret(self.secret).reveal()
        if secret is not None:
            secrets.append(secret)
        body = self._body(message, place)
        given = {name.lower() for name in headers}
        ours = _standard_headers(message, place)
        headers |= {name: value for name, value in ours.items() if name.lower() not in given}
        if secret is not None:
            seconds = self.clock.micros() // SECOND
            headers["webhook-timestamp"] = str(seconds)
            headers["webhook-signature"] = sign(secret, message.key, seconds, body)
        self._post(place, body, headers)

    def _body(self, message: Message, place: Place) -> bytes:
        slack = place.host in _SLACK_HOSTS if self.form == "auto" else self.form == "slack"
        told = _slack(message) if slack else message.as_json()
        return json.dumps(told).encode()

    def _post(self, place: Place, body: bytes, headers: Mapping[str, str]) -> None:
        allowed = addresses.parse_networks(self.networks)
        with deadline(self.deadline, place.host) as until:
            found = addresses.checked_addresses(place, allowed, self.resolve)
            context = ssl.create_default_context(cafile=self.ca_file) if place.tls else None
            connection = _Connection(place, found, context, until)
            try:
                connection.request("POST", place.path, body, dict(headers))
                answer = connection.getresponse()
                until.check()  # cut off by us, a head may look whole
                with suppress(OSError, http.client.HTTPException):  # its status was all we want
                    answer.read(MOST_READ)
            finally:
                connection.close()
        if not 200 <= answer.status < 300:
            raise DeliveryError(
                f"{place.host} answered {answer.status} {answer.reason}",
                self._retry_after(answer.headers.get("Retry-After")),
                permanent=400 <= answer.status < 500 and answer.status not in _PASSING,
            )

    def _retry_after(self, value: str | None) -> float | None:
        """Seconds, or a date."""
        if value is None:
            return None
        if value.strip().isdecimal():
            return float(value[:9])
        try:
            return max(0.0, (parsedate_to_datetime(value) - self.clock.now()).total_seconds())
        except (ValueError, TypeError, OverflowError):
            return None


class _Connection(http.client.HTTPConnection):
    """A connection to addresses that were checked; the name serves the certificate only."""

    def __init__(
        self, place: Place, found: Sequence[str], tls: ssl.SSLContext | None, until: Deadline
    ) -> None:
        super().__init__(place.host, place.port)
        self._place = place
        self._found = found
        self._tls = tls
        self._until = until

    def connect(self) -> None:
        connection = self._first_that_answers()
        connection.settimeout(self._until.seconds)
        self._until.watch(connection)
        if self._tls is not None:
            name = self._place.host.rstrip(".")
            connection = self._tls.wrap_socket(connection, server_hostname=name)
        self.sock = connection

    def _first_that_answers(self) -> socket.socket:
        problem: OSError | None = None
        for address in self._found:
            try:
                to = (address, self._place.port)
                return socket.create_connection(to, self._until.connect_seconds)
            except OSError as error:
                problem = error
            if self._until.over:
                break
        raise problem or OSError("there is no address to connect to")


def _standard_headers(message: Message, place: Place) -> dict[str, str]:
    return {
        "Host": place.host_header,
        "Content-Type": "application/json",
        "User-Agent": "offhours",
        "Accept-Encoding": "identity",
        "Connection": "close",
        "webhook-id": message.key,
    }


def _check_header(name: str, value: Secret) -> None:
    if not _TOKEN.fullmatch(name):
        raise InputError(f"{one_line(repr(name), 60)} cannot be the name of a header")
    if name.lower() in _OURS:
        raise InputError(f"{name} is set by Offhours itself")
    text = "" if value.referred else value.reveal()
    if not all(char == "\t" or (" " <= char <= "ÿ" and char != "\x7f") for char in text):
        raise InputError(f"the value of {name} has a line break, control or foreign character")


def _slack(message: Message) -> dict[str, str]:
    text = lines(message.text)
    for char, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(char, name)
    return {"text": text}
