"""What a process that runs jobs for a worker is: the engine's child, its spans those of the run."""

from __future__ import annotations

CHILD = "offhours.child"


def main(descriptor: int, parent: int) -> None:
    """Serve the worker at the other end of a socket until it hangs up."""
    from offhours.engine import child
    from offhours.telemetry.away import AwayTracing

    child.main(descriptor, parent, AwayTracing())
