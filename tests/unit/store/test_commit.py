"""Group commit: everybody's work once, faults to whom they belong, and no one left waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import apsw
import pytest

from offhours.core.errors import StoreClosed
from offhours.store.commit import Driver, GroupCommit
from offhours.store.sqlite.faults import translate


@pytest.fixture
def commits() -> Iterator[GroupCommit]:
    connection = apsw.Connection(":memory:")
    connection.execute("create table t (n unique)")
    driver = Driver(apsw.Error, lambda db: db.execute("begin immediate"), translate)
    made = GroupCommit(connection, ":memory:", driver)
    yield made
    made.close()


def insert(number: int):
    return lambda db: db.execute("insert into t values (?)", (number,)) and None


def stored(commits: GroupCommit) -> list[int]:
    rows = commits.run(lambda db: db.execute("select n from t order by n").fetchall())
    return [n for (n,) in rows]


class Gate:
    """A unit that says when it is in its transaction, and stays until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go = threading.Event()

    def __call__(self, db: apsw.Connection) -> None:
        self.entered.set()
        assert self.go.wait(10)


def in_threads(commits: GroupCommit, units: list, results: list) -> list[threading.Thread]:
    def call(unit) -> None:
        try:
            results.append(commits.run(unit))
        except BaseException as error:
            results.append(error)

    threads = [threading.Thread(target=call, args=(unit,)) for unit in units]
    for thread in threads:
        thread.start()
    return threads


def wait_for_queue(commits: GroupCommit, length: int) -> None:
    pause = threading.Event()
    for _ in range(5000):
        if len(commits._waiting) == length:
            return
        pause.wait(0.001)
    raise AssertionError("they did not queue")


def test_those_who_wait_share_one_commit(commits: GroupCommit) -> None:
    gate, results = Gate(), []
    threads = in_threads(commits, [gate], results)
    assert gate.entered.wait(10)
    counts = []
    unit = lambda db: counts.append(db.total_changes()) or insert(len(counts))(db)
    threads += in_threads(commits, [unit] * 20, results)
    wait_for_queue(commits, 20)
    commit_count = []
    commits._connection.set_commit_hook(lambda: bool(commit_count.append(1)))
    gate.go.set()
    for thread in threads:
        thread.join(10)
    assert len(commit_count) == 2  # the one in whose way they were, and theirs
    assert stored(commits) == list(range(1, 21))
    assert results == [None] * 21


def test_a_fault_belongs_to_its_caller_only(commits: GroupCommit) -> None:
    gate, results = Gate(), []

    def bad(db: apsw.Connection) -> None:
        insert(99)(db)
        raise ValueError("mine")

    threads = in_threads(commits, [gate], results)
    assert gate.entered.wait(10)
    threads += in_threads(commits, [insert(1), bad, insert(2), insert(3)], results)
    wait_for_queue(commits, 4)
    gate.go.set()
    for thread in threads:
        thread.join(10)
    assert stored(commits) == [1, 2, 3]
    assert [str(r) for r in results if r is not None] == ["mine"]


def test_an_interrupted_leader_leaves_nobody_waiting(commits: GroupCommit) -> None:
    gate, results = Gate(), []

    def interrupted(db: apsw.Connection) -> None:
        insert(99)(db)
        gate(db)
        raise KeyboardInterrupt

    threads = in_threads(commits, [interrupted], results)
    assert gate.entered.wait(10)
    threads += in_threads(commits, [insert(n) for n in range(5)], results)
    wait_for_queue(commits, 5)
    gate.go.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert stored(commits) == [0, 1, 2, 3, 4]
    assert [type(r) for r in results if r is not None] == [KeyboardInterrupt]


def test_an_interrupt_in_a_shared_commit(commits: GroupCommit) -> None:
    gate, results, once = Gate(), [], []

    def interrupted(db: apsw.Connection) -> None:
        if not once:
            once.append(1)
            raise KeyboardInterrupt

    threads = in_threads(commits, [gate], results)
    assert gate.entered.wait(10)
    threads += in_threads(commits, [insert(1), interrupted, insert(2)], results)
    wait_for_queue(commits, 3)
    gate.go.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    done = stored(commits)
    failed = [r for r in results if r is not None]
    assert len(done) + len(failed) >= 2  # whose thread led took the interrupt; nobody hangs
    insert_again = commits.run(insert(7))
    assert insert_again is None


def test_a_closed_connection_is_refused(commits: GroupCommit) -> None:
    commits.close()
    with pytest.raises(StoreClosed):
        commits.run(insert(1))


def test_a_duplicate_rolls_back_wholly(commits: GroupCommit) -> None:
    commits.run(insert(1))

    def two(db: apsw.Connection) -> None:
        insert(2)(db)
        insert(1)(db)

    with pytest.raises(Exception, match="UNIQUE"):
        commits.run(two)
    assert stored(commits) == [1]
