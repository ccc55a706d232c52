"""Which addresses a webhook may call: not ours, not our network's, not what only looks foreign."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

from offhours.core.errors import DeliveryError, InputError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Sequence[str]]

PORTS = (80, 443)
_LONGEST_URL = 2048

# What is not the public network. The `ipaddress` module's own opinion changes with its version.
_INTERNAL_V4 = [
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
]  # fmt: skip
# Of IPv6 only 2000::/3 is public. Outside it lie loopback, private, link-local, multicast and all
# spellings of an IPv4 address but 6to4 and Teredo, which lie inside.
_PUBLIC_V6 = ip_network("2000::/3")
_INTERNAL_V6 = [
    ip_network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
]
_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_][a-z0-9_-]{0,62}\.)*[a-z0-9_][a-z0-9_-]{0,62}\.?")
_NUMBER_LIKE = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)\Z")


class Place(NamedTuple):
    """A web address taken apart; its host is lower-case ASCII or an IP address."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def tls(self) -> bool:
        return self.scheme == "https"

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


def parse_url(url: str, *, http: bool = False, ports: Iterable[int] = PORTS) -> Place:
    """A web address that may be called as far as its text goes; its host is not looked up.

    http: also without TLS
    ports: those allowed

    What must not be called raises `InputError`. No message repeats the address, which may hold a
    token.

    >>> parse_url("https://example.com/hook?id=7")
    Place(scheme='https', host='example.com', port=443, path='/hook?id=7')
    """
    if not 0 < len(url) <= _LONGEST_URL:
        raise InputError(f"expected an address of up to {_LONGEST_URL} characters")
    if any(ord(char) <= 0x20 or char in "\\\x7f" for char in url):
        raise InputError("the address has a space, control character or backslash in it")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise InputError("this is no web address") from error
    allowed = ("https", "http") if http else ("https",)
    if parts.scheme not in allowed:
        hint = "" if http or parts.scheme != "http" else "; http=True allows http, unencrypted"
        raise InputError(f"expected an address with {' or '.join(allowed)}{hint}")
    if "@" in parts.netloc:
        raise InputError("the address has a user in it; put credentials into a header")
    if parts.netloc.endswith(":"):
        raise InputError("the address has no port after its colon")
    port = port if port is not None else 443 if parts.scheme == "https" else 80
    if port not in tuple(ports):
        known = " ".join(map(str, ports))
        raise InputError(f"port {port} is not allowed; allowed: {known}; `ports` sets others")
    path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    if not path.isascii():
        raise InputError("the address has characters after its host that need %-encoding")
    return Place(parts.scheme, _host(host, parts.netloc), port, path)


def _host(host: str, netloc: str) -> str:
    if netloc.startswith("["):
        try:
            found = IPv6Address(host)
        except ValueError as error:
            raise InputError("what stands in the brackets is no IPv6 address") from error
        if found.scope_id is not None:
            raise InputError("the address names a network interface")
        return str(found)
    try:
        host = host.encode("idna").decode().lower()
    except UnicodeError as error:
        raise InputError("the address has no host that could exist") from error
    if not _NAME.fullmatch(host):
        raise InputError("the address has no host that could exist")
    if _NUMBER_LIKE.fullmatch(host.rstrip(".").rpartition(".")[2]):
        try:
            return str(IPv4Address(host))
        except ValueError as error:
            raise InputError("a host of numbers must be written like 93.184.215.14") from error
    return host


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks such as `10.1.0.0/16`. Raises `InputError`."""
    try:
        return tuple(ip_network(text) for text in texts)
    except (ValueError, TypeError) as error:
        raise InputError(f"{error}; write it like 10.1.0.0/16") from error


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host, as the machine resolves it."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(entry[4][0]) for entry in found]


def checked_addresses(place: Place, allowed: Sequence[Network], resolve: Resolve) -> list[str]:
    """The addresses of a host, all of which may be called. Connect to one of these, not to the
    name: asked again, it may answer something else.

    allowed: internal networks that may be called

    Raises `DeliveryError` when one of them is internal, or there is none.
    """
    try:
        texts = resolve(place.host, place.port)
    except (OSError, UnicodeError) as error:
        raise DeliveryError(f"{place.host} cannot be found: {error}") from error
    try:
        found = [ip_address(text) for text in texts]
    except ValueError as error:
        raise DeliveryError(f"{place.host} has an address that is none") from error
    if not found:
        raise DeliveryError(f"{place.host} has no address")
    for address in found:
        if is_internal(address) and not any(address in network for network in allowed):
            raise DeliveryError(
                f"{place.host} is {address}, which is not on the public network; "
                "`networks` allows internal ones"
            )
    return list(dict.fromkeys(map(str, found)))


def is_internal(address: Address) -> bool:
    """Whether an address is not one of the public network, or not surely so.

    >>> is_internal(ip_address("::ffff:8.8.8.8")), is_internal(ip_address("8.8.8.8"))
    (True, False)
    """
    if isinstance(address, IPv4Address):
        return any(address in network for network in _INTERNAL_V4)
    return address not in _PUBLIC_V6 or any(address in network for network in _INTERNAL_V6)
