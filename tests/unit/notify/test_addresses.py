"""What a webhook must never call."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.unit.notify.doubles import MESSAGE, answer, web

from offhours.core.errors import ConfigError, DeliveryError, InputError
from offhours.notify import Webhook
from offhours.notify.addresses import checked_addresses, parse_networks, parse_url

# Refused by their text, or at the latest when their host is an address.
HOSTILE = [
    "http://127.0.0.1/", "http://localhost/", "http://localhost./", "http://LOCALHOST/",
    "http://127.1/", "http://127.0.1/", "http://2130706433/", "http://0x7f000001/",
    "http://0x7f.0.0.1/", "http://0x7f.1/", "http://017700000001/", "http://0177.0.0.1/",
    "http://127.0.0.01/", "http://127.000.000.001/", "http://0/", "http://0.0.0.0/",
    "http://00000000000/", "http://127.0.0.1./", "http://１２７.0.0.1/", "http://①②⑦.0.0.1/",
    "http://127。0。0。1/", "http://127.0.0.1:80/", "http://10.0.0.1/", "http://10.255.255.255/",
    "http://172.16.0.1/", "http://172.31.255.254/", "http://192.168.0.1/", "http://169.254.169.254/",
    "http://100.64.0.1/", "http://100.100.100.200/", "http://192.0.0.192/", "http://198.18.0.1/",
    "http://192.88.99.1/", "http://224.0.0.1/", "http://239.255.255.255/", "http://240.0.0.1/",
    "http://255.255.255.255/", "http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/", "http://[::ffff:8.8.8.8]/", "http://[::127.0.0.1]/",
    "http://[2002:7f00:1::]/", "http://[64:ff9b::7f00:1]/", "http://[64:ff9b:1::a00:1]/",
    "http://[2001:0:7f00:1::]/", "http://[fe80::1]/", "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/", "http://[fc00::1]/", "http://[fd00:ec2::254]/", "http://[ff02::1]/",
    "http://[fec0::1]/", "http://[100::1]/", "http://[2001:db8::1]/", "http://[0:0:0:0:0:0:0:1]/",
    "http://[::1/", "http://::1/", "http://[127.0.0.1]/", "http://[]/",
    "http://user@example.com/", "http://user:pass@example.com/", "http://@example.com/",
    "http://example.com@127.0.0.1/", "http://127.0.0.1#@example.com/", "http://127.0.0.1\\@example.com/",
    "http://example.com\\.evil.com/", "http:\\\\127.0.0.1\\", "http://exa mple.com/",
    "http://example.com/a b", "http://example.com/\r\nHost: other", "http://example.com/\n",
    "http://example.com/\0", "http://example.com\0.evil.com/", "http://example.com/\x7f",
    "\thttp://example.com/", " http://example.com/", "http://example.com/ü",
    "http://example.com:22/", "http://example.com:25/", "http://example.com:6379/",
    "http://example.com:0/", "http://example.com:99999/", "http://example.com:-1/",
    "http://example.com:/", "http://example.com:8o/", "http://", "http:///path", "http://./",
    "http://../", "http://a..b/", "http://-/", "http://exa%6dple.com/", "http://127.0.0.1%00/",
    "ftp://example.com/", "file:///etc/passwd", "gopher://127.0.0.1:70/_x", "dict://127.0.0.1/",
    "javascript:alert(1)", "unix:///run/docker.sock", "//example.com/", "example.com", "",
    "http:example.com", "http://" + "a" * 64 + ".com/", "http://example.com/" + "a" * 2050,
]  # fmt: skip


def as_the_system(host: str, port: int) -> Sequence[str]:
    """Literals are themselves, and so is what a careless resolver makes of localhost."""
    return ["127.0.0.1"] if host.rstrip(".") == "localhost" else [host]


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_address_is_refused(url: str) -> None:
    with pytest.raises((InputError, DeliveryError)) as caught:
        checked_addresses(parse_url(url, http=True), (), as_the_system)
    assert "secret" not in str(caught.value)


def test_there_are_enough_of_them() -> None:
    assert len(set(HOSTILE)) >= 60


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://example.com", "example.com", 443),
        ("HTTPS://EXAMPLE.com:443/x?y=1#z", "example.com", 443),
        ("https://bücher.example/", "xn--bcher-kva.example", 443),
        ("http://93.184.215.14/", "93.184.215.14", 80),
        ("https://[2606:2800:21f::1]/", "2606:2800:21f::1", 443),
        ("https://a_b.example.com/%0d%0a", "a_b.example.com", 443),
    ],
)
def test_an_honest_address_is_taken(url: str, host: str, port: int) -> None:
    place = parse_url(url, http=True)
    assert (place.host, place.port) == (host, port)
    if place.host[0].isdigit():
        assert checked_addresses(place, (), as_the_system) == [place.host]


def test_http_is_by_a_flag() -> None:
    with pytest.raises(InputError, match="http=True"):
        parse_url("http://example.com/")


def test_every_address_of_a_host_is_checked() -> None:
    place = parse_url("https://example.com/")
    for bad in ("127.0.0.1", "::1", "10.0.0.1", "::ffff:10.0.0.1", "not an address"):
        with pytest.raises(DeliveryError):
            checked_addresses(place, (), lambda host, port, bad=bad: ["93.184.215.14", bad])
    with pytest.raises(DeliveryError, match="no address"):
        checked_addresses(place, (), lambda host, port: [])


def test_internal_networks_are_called_when_they_are_named() -> None:
    place = parse_url("https://chat.example.com/")
    inside = parse_networks(["10.1.0.0/16"])
    assert checked_addresses(place, inside, lambda host, port: ["10.1.2.3"]) == ["10.1.2.3"]
    with pytest.raises(DeliveryError, match=r"10\.2\.2\.3"):
        checked_addresses(place, inside, lambda host, port: ["10.1.2.3", "10.2.2.3"])
    with pytest.raises(ConfigError, match="networks"):
        Webhook("https://example.com/", networks=["10.1.0.0/99"])


def test_a_name_that_answers_differently_the_second_time_gains_nothing() -> None:
    """Rebinding: it is asked once a call, and what it said is what is connected to."""
    asked: list[str] = []
    with web(answer("200 OK")) as server:

        def rebinding(host: str, port: int) -> list[str]:
            asked.append(host)
            return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

        hook = server.webhook(resolve=rebinding)
        hook.send(MESSAGE)
        assert asked == ["hooks.example.com"] and len(server.requests) == 1
        assert server.requests[0].headers["host"] == f"hooks.example.com:{server.port}"
        with pytest.raises(DeliveryError, match=r"169\.254\.169\.254"):
            hook.send(MESSAGE)
        assert len(server.requests) == 1


def test_a_local_server_is_not_called_unless_it_is_allowed() -> None:
    with web(answer("200 OK")) as server:
        with pytest.raises(DeliveryError, match="not on the public network"):
            server.webhook(networks=()).send(MESSAGE)
        assert server.requests == []


def test_the_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with web(answer("200 OK")) as proxy, web(answer("200 OK")) as server:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        server.webhook().send(MESSAGE)
        assert (len(proxy.requests), len(server.requests)) == (0, 1)
