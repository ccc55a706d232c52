"""What was moved to later: how often, why, and what most often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from offhours.core.agents import Deferral, DeferredOften
from offhours.core.times import Duration, parse_duration

if TYPE_CHECKING:
    from offhours.app import Offhours


class Summary(NamedTuple):
    """How often work was moved to later, the most common reasons, and what was moved most often."""

    times: int
    reasons: Sequence[tuple[str, int]]
    most: Sequence[DeferredOften]


class Deferrals:
    """The ledger of deferrals: `app.agents.deferrals`.

    It reads the events, so it goes back as far as those are kept; how often a job or a goal was
    moved to later stands with it for as long as it is there.

    >>> from offhours import Defer
    >>> from offhours.testing import memory_app
    >>> app = memory_app()
    >>> @app.task
    ... def ask() -> None:
    ...     raise Defer("1h", reason="rate limit")
    >>> job = ask.submit()
    >>> _ = app.drain()
    >>> app.agents.deferrals.reasons("1d")
    [('rate limit', 1)]
    """

    def __init__(self, app: Offhours) -> None:
        self._app = app
        self._table = app.store.agents

    def of_job(self, job_id: int) -> list[Deferral]:
        """Where a job was moved to, in order; `JobNotFound` when there is none."""
        self._app.record(job_id)
        return self._table.deferrals_of_job(job_id)

    def count(self, period: Duration = "7d") -> int:
        """How often work was moved to later in the last so long."""
        return self._table.deferrals_since(self._since(period))

    def reasons(self, period: Duration = "7d", limit: int = 10) -> Sequence[tuple[str, int]]:
        """The most common reasons in the last so long; gates by their names."""
        return self._table.reasons(self._since(period), limit)

    def most(self, limit: int = 10) -> Sequence[DeferredOften]:
        """The jobs and goals that were moved to later most often."""
        return self._table.deferred_often(limit)

    def summary(self, period: Duration = "7d", limit: int = 10) -> Summary:
        """All of that in one."""
        return Summary(self.count(period), self.reasons(period, limit), self.most(limit))

    def _since(self, period: Duration) -> int:
        return max(0, self._app.clock.micros() - parse_duration(period, "period"))
