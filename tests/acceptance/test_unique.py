"""One job of a key: what happens to a second one, and however many submit it at once."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from offhours import JobState, Offhours
from offhours.core.errors import IdempotencyConflict, OptionError, UniqueConflict
from offhours.testing import MemoryApp, memory_app

PENDING = JobState.PENDING


class House:
    def __init__(self) -> None:
        self.app: MemoryApp = memory_app()
        self.ran: list[str] = []
        self.meanwhile: Callable[[], object] | None = None

        @self.app.task(name="save")
        def save(word: str) -> str:
            self.ran.append(word)
            call, self.meanwhile = self.meanwhile, None
            if call is not None:
                call()
            return word

        self.task = save


@pytest.fixture
def house() -> House:
    return House()


def test_the_one_that_is_there_is_the_answer(house: House) -> None:
    first = house.task.options(unique="k").submit("a")
    second = house.task.options(unique="k").submit("b")
    assert first.id == second.id
    house.app.drain()
    assert house.ran == ["a"]
    assert house.task.options(unique="k").submit("c").id != first.id


def test_or_it_is_an_error(house: House) -> None:
    task = house.task.options(unique="k", on_conflict="reject")
    first = task.submit("a")
    with pytest.raises(UniqueConflict, match=f"job {first.id} has the key 'k' already"):
        task.submit("b")
    assert len(house.app.jobs()) == 1


def test_replace_takes_the_arguments_and_keeps_the_time(house: House) -> None:
    first = house.task.options(unique="k", delay="10m").submit("a")
    again = house.task.options(unique="k", on_conflict="replace", delay="1h", priority="high")
    assert again.submit("b").id == first.id
    assert [e.kind for e in first.history()] == ["job.submitted", "job.replaced"]
    house.app.clock.advance("10m")
    house.app.drain()
    assert house.ran == ["b"] and first.record.priority == 10


def test_debounce_begins_the_time_again(house: House) -> None:
    task = house.task.options(unique="k", on_conflict="debounce", delay="10m")
    for word in "abc":
        task.submit(word)
        house.app.clock.advance("9m")
        house.app.drain()
    assert house.ran == []
    house.app.clock.advance("1m")
    house.app.drain()
    assert house.ran == ["c"]


@pytest.mark.parametrize("how", ["replace", "debounce"])
def test_what_comes_while_it_runs_is_done_behind_it(house: House, how: str) -> None:
    task = house.task.options(unique="k", on_conflict=how)
    late: list[object] = []

    def meanwhile() -> None:
        late.extend(task.submit(word).id for word in ("b", "c"))

    house.meanwhile = meanwhile
    first = task.submit("a")
    house.app.drain()
    assert house.ran == ["a", "c"]
    assert late[0] == late[1] != first.id


def test_what_comes_while_the_second_runs_waits_for_that(house: House) -> None:
    task = house.task.options(unique="k", on_conflict="replace")

    def while_a_runs() -> None:
        task.submit("b")
        house.meanwhile = lambda: task.submit("c")  # while b runs

    house.meanwhile = while_a_runs
    task.submit("a")
    house.app.drain()
    assert house.ran == ["a", "b", "c"]


def test_an_idempotency_key_makes_one_job_for_good(house: House) -> None:
    task = house.task.options(idempotency_key="order-7")
    first = task.submit("a")
    house.app.drain()
    assert task.submit("a").id == first.id and house.ran == ["a"]
    with pytest.raises(IdempotencyConflict, match=f"has stored job {first.id} with other"):
        task.submit("b")
    assert house.task.options(idempotency_key="order-8").submit("a").id != first.id


def test_what_makes_no_sense_is_refused(house: House) -> None:
    with pytest.raises(OptionError, match="on_conflict: expected return_existing, reject"):
        house.task.options(unique="k", on_conflict="explode")
    with pytest.raises(OptionError, match="without a unique key"):
        house.task.options(on_conflict="reject")
    with pytest.raises(OptionError, match="several jobs"):
        house.task.options(idempotency_key="k").submit_many([("a",), ("b",)])
    with house.app.transaction() as tx, pytest.raises(OptionError, match="transaction of your own"):
        house.task.options(connection=tx, idempotency_key="k").submit("a")


SUBMITTER = """
    import sys, threading
    from offhours import Offhours

    app = Offhours(sys.argv[1])
    go = threading.Barrier(int(sys.argv[2]))

    class Back(Exception): ...

    def one(number):
        go.wait()
        try:
            with app.transaction() as tx:
                app.submit_by_name("t", args=(number,), unique="only", connection=tx)
                if number % 2:
                    raise Back
        except Back:
            pass

    threads = [threading.Thread(target=one, args=(n,)) for n in range(int(sys.argv[2]))]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_sixty_four_threads_in_three_processes_store_one(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Half of them roll back. One job lives, whenever one of them committed."""
    where = (
        str(tmp_path / "jobs.db") if kind == "sqlite" else request.getfixturevalue("postgres_url")
    )
    app = Offhours(where)
    program = tmp_path / "submitter.py"
    program.write_text(textwrap.dedent(SUBMITTER))
    counts = (22, 21, 21)
    processes = [
        subprocess.Popen([sys.executable, str(program), where, str(count)]) for count in counts
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    [job] = app.jobs()
    assert job.state is PENDING and job.unique_key == "only"
    app.close()
