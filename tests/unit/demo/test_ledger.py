"""The ledger keeps whole lines, in the order of one clock, whoever writes them."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from offhours.demo.ledger import Mark, Pen, read


def test_what_is_written_is_read(tmp_path: Path) -> None:
    before = time.monotonic_ns()
    with Pen(tmp_path / "ledger") as pen:
        started = pen.write("start", job=3, attempt=2)
        pen.write("killing", pid=77)
    first, second = read((tmp_path / "ledger").read_text().splitlines())
    assert first == Mark(3, 2, os.getpid(), "start", started)
    assert (second.job, second.pid, second.what) == (0, 77, "killing")
    assert before <= first.at <= second.at


def test_many_writers_leave_whole_lines(tmp_path: Path) -> None:
    def write(number: int) -> None:
        with Pen(tmp_path / "ledger") as pen:
            for _ in range(50):
                pen.write("start", job=number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(1, 9)))
    marks = list(read((tmp_path / "ledger").read_text().splitlines()))
    assert sorted(mark.job for mark in marks) == sorted([*range(1, 9)] * 50)


@pytest.mark.parametrize(
    "line", ["", "1 2 3 start", "1 2 3 begun 4", "1 2 3 start 4 5", "x 2 3 start 4"]
)
def test_a_line_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be read|invalid literal"):
        list(read([line]))
