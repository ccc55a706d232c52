"""What one client may cost the server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what comes from outside. Each refusal is an answer that says which one it was.

    body: bytes of a request; depth: levels of JSON in it; body_seconds: how long it may take
    rate: requests a second for one token, and burst: how many more at once
    bad_tokens: refused tokens a minute from one address, until it is told to wait
    streams: SSE and WebSocket clients at once; backlog: messages that wait for one of them
    connections: sockets at once; head_seconds: how long the head of a request may take
    """

    body: int = 1_000_000
    depth: int = 64
    body_seconds: float = 15.0
    rate: float = 2_000.0
    burst: int = 4_000
    bad_tokens: int = 20
    streams: int = 100
    backlog: int = 64
    connections: int = 500
    head_seconds: float = 10.0
