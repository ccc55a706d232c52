"""A gate holds a job just before it runs, and says so; a person may pass it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from offhours import Offhours
from offhours.core.errors import OptionError
from offhours.core.gates import OPEN, Verdict
from offhours.core.model import Claimed, JobState
from offhours.core.ports import Store
from offhours.core.times import MINUTE, Micros
from offhours.testing import memory_app


@dataclass
class Heat:
    """Shut while the machine is hot."""

    figure: float = 91.0
    forceable: bool = True
    name: str = "heat"

    def look(self, job: Claimed, now: Micros, store: Store) -> Verdict:
        if self.figure <= 80:
            return OPEN
        again = now + 5 * MINUTE
        return Verdict(
            False, f"{self.figure:g} degrees of 80", again, self.figure, 80, self.forceable
        )


class Broken:
    name = "broken"

    def look(self, job: Claimed, now: Micros, store: Store) -> Verdict:
        raise OSError("no sensor")


def told(app: Offhours, kind: str) -> list[dict[str, Any]]:
    return [json.loads(event.data or "{}") for event in app.events() if event.kind == kind]


def test_a_held_job_says_which_gate_its_figure_its_limit_and_when_it_is_asked_again() -> None:
    app, heat = memory_app(), Heat()
    ran: list[int] = []
    job = app.task(name="burn", gates=[heat])(lambda: ran.append(1)).submit()
    app.drain()
    assert job.status is JobState.PENDING and not ran
    why = job.why()
    assert why.code == "gate"
    assert "heat: 91 degrees of 80" in str(why) and "asked again at 00:05:00" in str(why)
    [event] = told(app, "job.deferred")
    assert (event["gate"], event["figure"], event["limit"]) == ("heat", 91.0, 80)
    assert (job.record.attempts, job.record.deferrals) == (0, 1)
    app.clock.advance("4m")
    assert app.drain() == 0
    app.clock.advance("1m")
    heat.figure = 60
    app.drain()
    assert job.status is JobState.SUCCEEDED and ran == [1] and job.record.attempts == 1


def test_force_passes_it_and_is_told() -> None:
    app = memory_app()
    task = app.task(name="burn", gates=[Heat()])(lambda: "done")
    job = task.options(force=True, metadata={"who": "ann"}).submit()
    assert job.result() == "done"
    assert told(app, "job.forced") == [{"gate": "heat", "reason": "91 degrees of 80"}]
    from offhours.handles import job_dict

    assert job_dict(job.record)["metadata"] == {"who": "ann"}


def test_force_does_not_pass_a_gate_that_nobody_may_pass() -> None:
    app = memory_app()
    task = app.task(name="burn", gates=[Heat(name="warm"), Heat(forceable=False)])(lambda: 1)
    job = task.options(force=True).submit()
    app.drain()
    assert job.status is JobState.PENDING and "heat: 91" in str(job.why())
    assert told(app, "job.forced") == []


def test_a_gate_that_cannot_look_does_not_open() -> None:
    app = memory_app()
    job = app.task(name="burn", gates=[Broken()])(lambda: 1).submit()
    app.drain()
    assert job.status is JobState.PENDING
    assert "it cannot look: OSError: no sensor" in str(job.why())


def test_a_cancelled_job_is_not_moved_by_a_gate() -> None:
    app = memory_app()
    job = app.task(name="burn", gates=[Heat()])(lambda: 1).submit()
    app.drain()
    assert job.cancel() is True and job.status is JobState.CANCELLED


@pytest.mark.parametrize("executor", ["thread", "process"])
def test_gates_hold_threads_processes_and_coroutines(tmp_path: Path, executor: str) -> None:
    async def wait(seconds: float) -> None: ...

    with Offhours(tmp_path / "jobs.db") as app:
        if executor == "process":
            job: Any = app.task(gates=[Heat()], executor="process")(time.sleep).submit(0)
        else:
            job = app.task(name="wait", gates=[Heat()])(wait).submit(0)
        while job.record.deferrals == 0:
            time.sleep(0.01)
        assert job.why().code == "gate"
    app.close()


def test_what_is_no_gate_is_refused() -> None:
    app = memory_app()
    with pytest.raises(OptionError, match="gates: expected a list of gates"):
        app.task(name="x", gates=[object()])(lambda: 1)  # type: ignore[list-item]
    with pytest.raises(OptionError, match="force: expected true or false"):
        app.task(name="y")(lambda: 1).options(force=1)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="taken by Offhours"):
        app.task(name="z")(lambda: 1).options(metadata={"offhours:force": True}).submit()
