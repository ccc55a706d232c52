"""What travels in a job's metadata beside what its submitter attached: keys of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

OURS = "offhours:"
FORCE_KEY = "offhours:force"
"""A job that carries it passes the gates that a person may pass."""


def attach(metadata: str | None, key: str, value: object) -> str:
    """Stored metadata with something of ours in it.

    >>> attach('{"who":"ann"}', FORCE_KEY, True)
    '{"who":"ann","offhours:force":true}'
    """
    added = json.dumps({key: value}, separators=(",", ":"))
    return added if metadata in (None, "{}") else f"{str(metadata)[:-1]},{added[1:]}"


def attached(metadata: str | None, key: str) -> Any:
    """What stored metadata carries of ours under a key, or None."""
    return json.loads(metadata).get(key) if metadata and key in metadata else None


def without(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What the submitter attached, as they know it."""
    return {key: value for key, value in metadata.items() if not key.startswith(OURS)}
