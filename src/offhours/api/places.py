"""What a server needs to know before anything heavy is loaded."""

from __future__ import annotations

from pathlib import Path

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
DASHBOARD = Path(__file__).parent.parent / "dashboard"
