"""Named points in the code at which a test can kill the process, or look."""

from __future__ import annotations

from collections.abc import Callable

NAMES = frozenset(
    {
        "after bulk step",
        "after claim",
        "after effect",
        "after training step",
        "after step",
        "before apply",
        "before commit",
        "in fire",
        "in group commit",
        "in heartbeat",
        "in promotion",
        "in training step",
        "step recorded",
    }
)

on_reach: Callable[[str], None] | None = None


def reach(name: str) -> None:
    """Tell whoever watches that this point was reached. Nobody does outside of tests."""
    if on_reach is not None:
        on_reach(name)
