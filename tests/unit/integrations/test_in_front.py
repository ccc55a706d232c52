"""One lease for all requests of a busy time, which no request waits for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.forking import as_a_child

from offhours import Offhours
from offhours.core.errors import TimeError
from offhours.integrations.in_front import InFront
from offhours.integrations.processes import PerProcess

Wait = Callable[[Callable[[], bool]], None]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Offhours]:
    made = Offhours(tmp_path / "jobs.db")
    yield made
    made.close()


def test_a_busy_time_has_one_lease(app: Offhours, eventually: Wait) -> None:
    in_front = InFront(app, "shop", linger="50ms")
    for _ in range(200):
        with in_front, in_front:
            pass
    with in_front:
        eventually(lambda: len(app.foreground_leases()) == 1)
        assert app.foreground_leases()[0].workflow == "shop"
        assert in_front.inside == 1
    eventually(lambda: not app.foreground_leases())
    kinds = [event.kind for event in app.events() if event.kind.startswith("foreground")]
    assert kinds == ["foreground.entered", "foreground.left"]
    in_front.close()


def test_it_begins_again_and_is_given_back(app: Offhours, eventually: Wait) -> None:
    in_front = InFront(app, linger="1ms")
    for _ in range(2):
        with in_front:
            eventually(lambda: bool(app.foreground_leases()))
        eventually(lambda: not app.foreground_leases())
    in_front.enter()
    eventually(lambda: bool(app.foreground_leases()))
    in_front.close()
    assert not app.foreground_leases() and in_front.inside == 0


def test_a_request_never_fails_by_the_database(app: Offhours) -> None:
    in_front = InFront(app)
    app.close()
    with in_front:
        assert in_front.inside == 1
    in_front.close()


def test_those_of_before_a_close_do_not_count_afterwards(app: Offhours, eventually: Wait) -> None:
    in_front = InFront(app, linger="1ms")
    in_front.enter()
    in_front.close()
    in_front.enter()
    in_front.leave()
    in_front.leave()  # the one of before
    assert in_front.inside == 0
    eventually(lambda: not app.foreground_leases())
    in_front.close()


def test_what_cannot_be_a_time_is_refused(app: Offhours) -> None:
    with pytest.raises(TimeError, match="linger"):
        InFront(app, linger="soon")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_counts_for_itself(app: Offhours, eventually: Wait) -> None:
    in_front = InFront(app, "parent", linger="1ms")
    own = PerProcess(os.getpid)
    with in_front:
        eventually(lambda: bool(app.foreground_leases()))
        assert own.get() == os.getpid()
        child = os.fork()
        if not child:
            with as_a_child():
                assert own.get() == os.getpid() and in_front.inside == 0
                in_front.leave()  # of a request of the parent's
                with in_front:
                    eventually(lambda: len(app.foreground_leases()) == 2)
        assert os.waitpid(child, 0)[1] == 0
    in_front.close()
