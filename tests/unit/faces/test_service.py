"""The task scheduler service, where its document is silent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from offhours import TaskSchedulerService
from offhours.core.errors import OptionError
from offhours.testing import memory_app


@pytest.mark.parametrize("context", [{"load": object()}, {"load": float("nan")}])
def test_a_context_that_is_no_json_is_refused_by_its_name(context: dict[str, Any]) -> None:
    service = TaskSchedulerService(app=memory_app())
    deferring = service.schedule_deferred_task("t1", "job", "2026-02-01T00:00Z", "load", context)
    with pytest.raises(OptionError, match="context: expected plain JSON"):
        asyncio.run(deferring)
    assert asyncio.run(service.get_scheduled_tasks()) == []
