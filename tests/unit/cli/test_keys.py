"""Keys as a terminal sends them, and its new size."""

from __future__ import annotations

import os
import signal

import pytest

from offhours.cli.keys import RESIZED, Keys, _window

pytestmark = pytest.mark.skipif(os.name == "nt", reason="terminals of POSIX")


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_a_key_comes_by_itself(pipe) -> None:
    keys = Keys(pipe[0], None)
    os.write(pipe[1], b"q")
    assert keys.wait(5) == "q"
    assert keys.wait(0) is None


def test_an_arrow_is_no_escape(pipe) -> None:
    keys = Keys(pipe[0], None)
    os.write(pipe[1], b"\x1b[A")
    assert keys.wait(5) is None
    os.write(pipe[1], b"\x1b")
    assert keys.wait(5) == "\x1b"


def test_a_keyboard_that_is_gone_is_asked_no_more() -> None:
    heard, told = os.pipe()
    keys = Keys(heard, None)
    os.close(told)
    assert keys.wait(5) is None and keys.wait(0) is None
    os.close(heard)


def test_many_new_sizes_are_one_and_the_old_handler_comes_back() -> None:
    before = signal.getsignal(signal.SIGWINCH)
    with _window() as bell:
        keys = Keys(None, bell)
        for _ in range(3):
            signal.raise_signal(signal.SIGWINCH)
        assert keys.wait(5) == RESIZED
        assert keys.wait(0) is None
    assert signal.getsignal(signal.SIGWINCH) is before
