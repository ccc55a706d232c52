"""What every executor promises about a run, those in other processes included."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from offhours import JobState, Offhours
from offhours.core.errors import JobFailed, ResultNotStored

WAIT = 20
EXECUTORS = ("thread", "async", "inline", "process", "process-async")


def _tasks() -> ModuleType:
    path = Path(__file__).with_name("everywhere_tasks.py")
    spec = importlib.util.spec_from_file_location("everywhere_tasks", path)
    assert spec is not None and spec.loader is not None
    module = sys.modules["everywhere_tasks"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tasks: Any = _tasks()


class House:
    """An app whose tasks all run on one kind of executor."""

    def __init__(self, kind: str, path: str) -> None:
        self.kind = kind
        mode = "inline" if kind == "inline" else "thread"
        self.app = Offhours(path, executor=mode, poll=0.05, processes=1)

    def submit(self, name: str, *args: Any, **options: Any) -> Any:
        return self.task(name, **options).submit(*args)

    def task(self, name: str, **options: Any) -> Any:
        options = {"backoff": 0, **options}
        functions = tasks.ASYNC if self.kind.endswith("async") else tasks.SYNC
        if self.kind.startswith("process"):
            options["executor"] = "process"
        return self.app.task(**options)(functions[name])


@pytest.fixture(scope="module", params=EXECUTORS)
def house(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[House]:
    if request.param.startswith("process") and os.name != "posix":
        pytest.skip("needs POSIX")
    made = House(request.param, str(tmp_path_factory.mktemp("jobs") / "jobs.db"))
    with made.app:
        yield made
    made.app.close()


def test_arguments_in_result_out(house: House) -> None:
    job = house.task("join").submit("a", "b", end="!")
    assert job.result(WAIT) == {"text": "a b!"}
    assert (job.status, job.record.attempts) == (JobState.SUCCEEDED, 1)
    assert house.submit("nothing").result(WAIT) is None


def test_failure_keeps_type_message_and_traceback(house: House) -> None:
    job = house.submit("explode")
    with pytest.raises(JobFailed, match="the fuse was wet") as caught:
        job.result(WAIT)
    assert caught.value.code == "error"
    assert "ValueError: the fuse was wet" in caught.value.error
    assert "in explode" in caught.value.error


def test_retries(house: House) -> None:
    assert house.submit("flaky", retries=2).result(WAIT) == 3
    job = house.submit("explode", retries=2)
    assert job.wait(WAIT) is JobState.FAILED
    assert job.record.attempts == 3
    job = house.submit("wrong", retries=5, give_up_on=(LookupError,))
    assert job.wait(WAIT) is JobState.FAILED
    assert job.record.attempts == 1
    assert house.submit("patient", retries=1, backoff="1h").result(WAIT) == "done"


def test_deferral_spends_no_attempt(house: House, tmp_path: Path) -> None:
    job = house.submit("later", str(tmp_path / "tries"))
    assert job.result(WAIT) == "now"
    assert (job.record.attempts, job.record.deferrals) == (1, 3)
    assert all("rate limit" in e.data for e in job.history() if e.kind == "job.deferred")


def test_a_deferral_that_makes_no_sense_fails(house: House) -> None:
    job = house.submit("lost", retries=3)
    assert job.wait(WAIT) is JobState.FAILED
    assert job.record.code == "bad_defer"


@pytest.mark.parametrize("name", ["leave", "interrupt"])
def test_a_task_cannot_take_its_worker_along(house: House, name: str) -> None:
    job = house.submit(name, retries=3)
    assert job.wait(WAIT) is JobState.FAILED
    assert {"leave": "SystemExit", "interrupt": "KeyboardInterrupt"}[name] in job.record.error
    assert (job.record.attempts, job.record.crashes) == (1, 0)
    assert house.submit("stay").result(WAIT) == 1


@pytest.mark.parametrize(
    ("name", "expected"), [("lie", "Liar"), ("odd_text", "nul \\0 and"), ("huge", "ValueError")]
)
def test_strange_exceptions(house: House, name: str, expected: str) -> None:
    job = house.submit(name)
    assert job.wait(WAIT) is JobState.FAILED
    assert expected in job.record.error
    assert len(job.record.error) <= 64_000


def test_deep_recursion(house: House) -> None:
    job = house.submit("fall", 0)
    assert job.wait(WAIT) is JobState.FAILED
    assert "RecursionError" in job.record.error


def test_a_result_that_cannot_be_stored_is_no_failure(house: House) -> None:
    job = house.submit("produce")
    assert job.wait(WAIT) is JobState.SUCCEEDED
    house.app._work.local._results.clear()
    with pytest.raises(ResultNotStored, match="result"):
        job.result()


def test_the_context_tells_and_knows(house: House) -> None:
    if not house.kind.endswith("async"):  # its wrapper has no parameter of that kind
        job = house.submit("steps")
        job.wait(WAIT)
        assert job.progress == {"fraction": 1.0, "message": "step 4", "partial": [4]}
    job = house.task("who").options(metadata={"who": "ann"}).submit()
    found = job.result(WAIT)
    assert (found["id"], found["meta"]) == (job.id, {"who": "ann"})
    assert str(job.id) in found["key"]


def test_a_task_that_stops_when_asked(house: House) -> None:
    assert house.submit("stop", retries=3).wait(WAIT) is JobState.CANCELLED


def test_checkpoint_enforces_the_timeout(house: House) -> None:
    job = house.submit("slow", timeout=0.1)
    assert job.wait(WAIT) is JobState.FAILED
    assert job.record.code == "timeout"


def test_output_of_many_jobs(house: House) -> None:
    jobs = house.task("double").submit_many([(n,) for n in range(300)])
    assert [job.result(WAIT) for job in jobs] == [2 * n for n in range(300)]
