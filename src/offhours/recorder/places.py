"""Where a call happens: the workflow and the step that are being worked on here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from offhours.core.here import Place, place

__all__ = ["Place", "place", "workflow"]


@contextmanager
def workflow(workflow_id: str | None, step_id: str | None = None) -> Iterator[None]:
    """Calls inside the block, in this thread or coroutine, carry these ids in every dump.

    >>> with workflow("workflow_123", "step_5"):
    ...     place.get()
    ('workflow_123', 'step_5')
    """
    token = place.set((workflow_id, step_id))
    try:
        yield
    finally:
        place.reset(token)
