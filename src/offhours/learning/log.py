"""What the log tells of a learning cycle: that it begins, how it ended, and why it failed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Self

from offhours.core.outcomes import Defer
from offhours.core.training import Cycle, CycleState, Model
from offhours.training import Finished

if TYPE_CHECKING:
    from offhours.app import Offhours
    from offhours.gates import ResourceMonitor

_BAD = (CycleState.FAILED, CycleState.REFUSED)

_log = logging.getLogger("offhours.training")


class CycleLog:
    """Stands around the work on a cycle, which says in `finished` how it ended.

    Each record has the cycle's `correlation_id`, `cycle`, `tenant`, `model`, `schedule_id` and
    `schedule`; the first one what the machine is used for, the last one the report, and of what
    was raised the trace.
    """

    finished: Finished

    def __init__(
        self, app: Offhours, model: Model, cycle: Cycle, monitor: ResourceMonitor | None
    ) -> None:
        found = None if cycle.schedule_id is None else app.store.schedules.get(cycle.schedule_id)
        self._usage = None if monitor is None else monitor.usage()
        self._told: dict[str, Any] = {
            "correlation_id": cycle.correlation, "cycle": cycle.id,
            "tenant": model.tenant, "model": model.name,
            "schedule_id": cycle.schedule_id, "schedule": None if found is None else found.name,
        }  # fmt: skip

    def __enter__(self) -> Self:
        usage = None if self._usage is None else self._usage._asdict()
        _log.info("cycle %d begins", self._told["cycle"], extra={**self._told, "usage": usage})
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            self._tell_end(self.finished)
        elif isinstance(error, Exception) and not isinstance(error, Defer):
            _log.warning("cycle %d failed: %r", self._told["cycle"], error, exc_info=error,
                         extra=self._told)  # fmt: skip
        else:  # cancelled, handed back, or put off
            _log.info("cycle %d stops here: %r", self._told["cycle"], error, extra=self._told)

    def _tell_end(self, ended: Finished) -> None:
        level = logging.WARNING if ended.status in _BAD else logging.INFO
        told = self._told | {"status": ended.status, "code": ended.code,
                             "version": ended.version, "report": ended.report}  # fmt: skip
        _log.log(level, "%s: %s", ended.status, ended.reason, extra=told)
