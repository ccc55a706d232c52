"""Gates that fail: work is held and not lost, and what was counted wrongly ends no run."""

from __future__ import annotations

import pytest

from offhours.core.gates import OPEN, Verdict
from offhours.core.model import Claimed, JobState
from offhours.core.ports import Store
from offhours.core.times import Micros
from offhours.testing import MemoryApp, memory_app


class Odd:
    """A gate whose sensor works again after a while, and that cannot count."""

    name = "odd"

    def __init__(self, *faults: str) -> None:
        self.faults = list(faults)

    def look(self, job: Claimed, now: Micros, store: Store) -> Verdict:
        if self.faults:
            raise OSError(self.faults.pop())
        return OPEN

    def settle(self, job: Claimed, took: Micros, now: Micros, store: Store) -> None:
        raise ZeroDivisionError("no share")


@pytest.fixture
def app() -> MemoryApp:
    return memory_app()


def test_a_gate_that_cannot_look_holds_its_job_for_a_minute(app: MemoryApp) -> None:
    task = app.task(name="t", gates=[Odd("no sensor")])(lambda: "done")
    job = task.submit()
    app.drain()
    assert job.status is JobState.PENDING
    assert "it cannot look: OSError: no sensor" in str(job.why())
    app.clock.advance("1m")
    app.drain()
    assert job.result() == "done"


def test_what_cannot_be_counted_after_a_run_does_not_take_its_result(
    app: MemoryApp, caplog: pytest.LogCaptureFixture
) -> None:
    task = app.task(name="t", gates=[Odd()])(lambda: "done")
    assert task.submit().result() == "done"
    assert "what it has used could not be counted" in caplog.text


@pytest.mark.parametrize("executor", ["thread", "coroutine"])
def test_gates_hold_coroutines_as_well(app: MemoryApp, executor: str) -> None:
    async def work() -> str:
        return "done"

    task = app.task(name="t", gates=[Odd("no sensor")])(
        work if executor == "coroutine" else lambda: "done"
    )
    job = task.submit()
    app.drain()
    assert job.status is JobState.PENDING and job.record.attempts == 0
    app.clock.advance("1m")
    assert job.result() == "done"
