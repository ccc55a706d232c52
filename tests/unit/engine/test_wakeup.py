"""Wake-ups between processes: who is woken, and that nothing breaks where none can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from offhours.core.clock import Signal
from offhours.engine.wakeup import LocalWakeUps, TokenPipe, send_wake

Listen = Callable[[TokenPipe], tuple[Signal, SimpleQueue[str]]]
SECONDS = 20


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Listen at a pipe: the signal that says whether one is hungry, and the wake-ups."""
    stops = []

    def start(pipe: TokenPipe) -> tuple[Signal, SimpleQueue[str]]:
        hungry, woken = Signal(), SimpleQueue[str]()
        stops.append(pipe.listen([hungry], lambda: woken.put("woken")))
        return hungry, woken

    yield start
    for stop in stops:
        stop()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "wake")


def test_a_token_wakes_who_is_hungry_and_makes_it_sated(path: str, listen: Listen) -> None:
    pipe = TokenPipe(path)
    busy, nothing = listen(TokenPipe(path))
    hungry, woken = listen(TokenPipe(path))
    pipe.put()
    hungry.set()
    assert woken.get(timeout=SECONDS) == "woken"
    assert not hungry.is_set()
    assert not busy.is_set() and nothing.empty()
    pipe.close()


def test_a_token_that_comes_while_busy_is_left_to_others(path: str, listen: Listen) -> None:
    pipe = TokenPipe(path)
    first, nothing = listen(TokenPipe(path))
    first.set()
    first.clear()  # it waits for a token, and is busy with something else when it comes
    pipe.put()
    second, woken = listen(TokenPipe(path))
    second.set()
    assert woken.get(timeout=SECONDS) == "woken"
    assert nothing.empty()
    pipe.close()


def test_more_tokens_than_a_pipe_holds_hold_nobody_up(path: str, listen: Listen) -> None:
    pipe = TokenPipe(path)
    hungry, woken = listen(pipe)
    for _ in range(70_000):
        pipe.put()
    hungry.set()
    assert woken.get(timeout=SECONDS) == "woken"
    pipe.close()


@pytest.mark.parametrize("kind", ["a file", "no directory", "none"])
def test_where_no_pipe_can_be_polls_serve(tmp_path: Path, listen: Listen, kind: str) -> None:
    file = tmp_path / "wake"
    file.write_bytes(b"somebody's")
    path = {"a file": str(file), "no directory": str(file / "wake"), "none": None}[kind]
    pipe = TokenPipe(path)
    hungry, woken = listen(pipe)
    hungry.set()
    for _ in range(2):
        pipe.put()
    pipe.close()
    assert woken.empty() and hungry.is_set()
    assert file.read_bytes() == b"somebody's"


def test_a_pipe_that_is_closed_makes_no_new_one(path: str) -> None:
    pipe = TokenPipe(path)
    pipe.close()
    pipe.put()
    assert not Path(path).exists()


def test_all_others_are_told_and_oneself_is_not() -> None:
    addresses: list[str] = ["", "9"]  # of a worker that hears nothing, and of one that is gone
    rooms = [LocalWakeUps(None, lambda: addresses) for _ in range(3)]
    heard = [SimpleQueue[str]() for _ in rooms]
    addresses += [room.hear(box.put) for room, box in zip(rooms, heard, strict=True)]
    rooms[0].tell("c")
    assert [box.get(timeout=SECONDS) for box in heard[1:]] == ["c", "c"]
    rooms[1].unhear()
    rooms[0].tell("f")
    assert heard[2].get(timeout=SECONDS) == "f"
    for room in rooms:
        room.close()
    assert heard[0].empty() and heard[1].empty()


def test_one_letter_is_believed_of_what_is_told() -> None:
    heard: SimpleQueue[str] = SimpleQueue()
    room = LocalWakeUps(None, list)
    address = room.hear(heard.put)
    send_wake([address], "cancel everything")
    send_wake([address], "\u00e9")
    assert heard.get(timeout=SECONDS) == "c"
    assert heard.get(timeout=SECONDS) == "\ufffd"
    room.close()
