"""`dumps`: a list, and one dump as a timeline."""

from __future__ import annotations

import re
from typing import Any

import pytest

from offhours.app import Offhours
from offhours.recorder import Dump, PerfCatcherInterceptor, workflow
from offhours.recorder.sinks.store import StoreSink
from offhours.testing import FakeClock


@pytest.fixture
def dump(app: Offhours) -> Dump:
    """Ten calls of 100 ms, one a second, then one of two seconds, in a workflow."""
    clock = FakeClock()
    recorder = PerfCatcherInterceptor(
        sinks=[StoreSink(app)], mode="fixed", fixed_limit="1s",
        clock=clock, timer=clock.monotonic, background=False,
    )  # fmt: skip
    for _ in range(10):
        clock.advance(1)
        recorder.record("lookup", 100, ["x"] * 7)
    clock.advance(2)
    with workflow("wf_1", "step_2"):
        recorder.record("slow\x1b[31m", 2000, error=TimeoutError())
    assert recorder.flush(20)
    recorder.close()
    [made] = recorder.dumps
    return made


def test_a_list(run: Any, dump: Dump) -> None:
    [head, row] = run("dumps").out.splitlines()
    assert head.split() == ["ID", "AT", "TOOL", "TOOK", "MEDIAN", "SEVERITY", "CALLS", "WHY"]
    assert row.startswith(dump.dump_id) and "slow\\x1b[31m" in row and "2.00 s" in row
    [told] = run("dumps", "--json").json["dumps"]
    assert told.items() <= dump.document().items() and "requests" not in told


def test_a_timeline(run: Any, dump: Dump) -> None:
    result = run("dumps", "show", dump.dump_id)
    assert (result.code, result.err) == (0, "")
    title, *lines = result.out.splitlines()
    assert title.startswith(f"dump {dump.dump_id}, medium: slow\\x1b[31m took 2.00 s at ")
    assert "  calls       11 in 11.0 s" in lines
    calls = [line for line in lines if "█" in line]
    assert len(calls) == 11
    assert re.fullmatch(r"    -11\.000 s   100\.0 ms █·{31} lookup +list of 7", calls[0])
    assert calls[-1].startswith(">    +0.000 s     2.00 s ·")
    assert calls[-1].endswith("█ slow\\x1b[31m Error: TimeoutError wf_1 step_2")


def test_the_newest_is_shown_without_an_id(run: Any, dump: Dump) -> None:
    assert run("dumps", "show").out.startswith(f"dump {dump.dump_id}")
    assert run("dumps", "show", "--json").json == dump.document()
    few = run("dumps", "show", "--limit", 3)
    assert few.out.count("lookup") == 2 and ">" in few.out
    assert few.err == "8 earlier calls not shown: --all\n"
    assert run("dumps", "show", "--limit", 3, "--all").out.count("lookup") == 10


def test_what_is_not_there(run: Any, app: Offhours) -> None:
    assert run("dumps").err.startswith("no dumps in offhours.db; ")
    assert run("dumps", "--json").json == {"dumps": []}
    assert run("dumps", "show") == (3, "", "offhours: no dumps in offhours.db\n")
    assert run("dumps", "show", "abc").code == 3
