"""A process that runs jobs for a worker, driven from within: what it makes of what it is told."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.unit.engine.test_lane import job

from offhours import Context
from offhours.core import wire
from offhours.core.outcomes import Deferred, Failed, Outcome, Stopped
from offhours.engine import child as module
from offhours.engine.child import Child


def answers(ctx: Context) -> object:
    return ctx.step("one", int, "7")


def listens(ctx: Context) -> None:
    ctx.checkpoint()


def defers() -> None:
    from offhours import Defer

    raise Defer("13:00", "lunch")


class Still:
    """Surroundings that leave the process of the tests alone."""

    problem: Exception | None = None

    def note(self) -> None: ...

    def restore(self) -> None:
        if self.problem is not None:
            raise self.problem


class Pair:
    """A child in this thread, and what its worker hears."""

    def __init__(self) -> None:
        self.ours, theirs = socket.socketpair()
        self.ours.settimeout(20)
        self.child = Child(theirs)
        self.inbox = wire.inbox_of_worker()
        self.theirs = theirs

    def tell(self, message: wire.ToChild) -> None:
        [heard] = wire.inbox_of_child().feed(wire.pack(message))
        self.child._hear(heard)

    def order(self, function: str, zone: str | int | None = None, **rest: Any) -> None:
        values = {"args": "[[],{}]", **rest}
        place = wire.Place(__name__, function)
        self.tell(wire.Order(list(job(1, **values)), place, "finish", 1_000, zone, [], [], 0))
        self.tell(wire.Go())

    def run(self) -> wire.Ended:
        order = self.child._orders.get()
        assert order is not None
        self.child._obey(order)
        return self.heard(wire.Ended)[0]

    def heard(self, kind: type[Any]) -> list[Any]:
        """What it said of one kind, in order; there must be some."""
        found: list[Any] = []
        while not found:
            data = self.ours.recv(1 << 16)
            found += [message for message in self.inbox.feed(data) if isinstance(message, kind)]
        return found

    def outcome(self, function: str, zone: str | int | None = None) -> Outcome:
        self.order(function, zone)
        return self.run().outcome


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setattr(module, "Surroundings", Still)
    made = Pair()
    yield made
    made.ours.close()
    made.theirs.close()


def test_what_cannot_be_imported_says_so_and_spoils_the_process(pair: Pair) -> None:
    pair.order("gone")
    ended = pair.run()
    assert isinstance(ended.outcome, Failed) and ended.outcome.code == "import"
    assert "gone is not in" in ended.outcome.error
    assert ended.spoilt == "an import failed half way"


def test_a_process_that_cannot_be_tidied_up_runs_nothing_more(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Still, "problem", OSError("too many open files"))
    pair.order("defers")
    assert pair.run().spoilt == "it cannot be tidied up: too many open files"


@pytest.mark.parametrize("cancelled", [True, False])
def test_a_wish_to_stop_that_came_before_the_run_holds_for_it(pair: Pair, cancelled: bool) -> None:
    pair.order("listens")
    pair.tell(wire.Stop(cancelled))
    outcome = pair.run().outcome
    if cancelled:
        assert outcome == Stopped()
    else:
        assert isinstance(outcome, Failed) and outcome.code == "timeout"


def test_what_a_run_asks_of_its_desk_is_answered_by_the_worker(pair: Pair) -> None:
    pair.order("answers")
    pair.tell(wire.Answer([]))
    pair.tell(wire.Answer(True))
    order = pair.child._orders.get()
    assert order is not None
    pair.child._obey(order)
    said = pair.heard(wire.Ask)
    assert [(ask.verb, ask.args) for ask in said] == [
        ("steps", []), ("record", [["one", "7", None, None], None]),
    ]  # fmt: skip


def test_what_the_desk_cannot_do_fails_the_run_in_its_words(pair: Pair) -> None:
    pair.order("answers")
    pair.tell(wire.Answer(None, "Busy: locked until the deadline"))
    failed = pair.run().outcome
    assert isinstance(failed, Failed) and "Busy: locked until the deadline" in failed.error


def test_log_records_go_to_the_worker_with_their_tracebacks(pair: Pair) -> None:
    logger = logging.Logger("shop")
    logger.addHandler(module._Forward(pair.child._log))
    try:
        raise OSError("the network")
    except OSError:
        logger.exception("no %s", "parcels \ud800")
    [told] = pair.heard(wire.Log)
    assert (told.logger, told.level, told.text) == ("shop", logging.ERROR, "no parcels \\ud800")
    assert told.trace.endswith("OSError: the network")


def test_a_record_that_cannot_be_said_does_not_hurt_who_logs(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.Logger("shop")
    logger.addHandler(module._Forward(pair.child._log))
    logger.error("%d parcels", "many")
    assert "TypeError" in capsys.readouterr().err


@pytest.mark.parametrize(("zone", "hour"), [("Asia/Kolkata", 7), (7_200_000_000, 11), (0, 13)])
def test_times_of_day_are_those_of_the_worker(pair: Pair, zone: str | int, hour: int) -> None:
    outcome = pair.outcome("defers", zone=zone)
    assert isinstance(outcome, Deferred) and outcome.reason == "lunch"
    assert time.gmtime(outcome.until // 1_000_000).tm_hour == hour
