"""The demos, as a user runs them: figures that hold, and a failure when a promise is broken."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

FEW = ("--jobs", "150", "--workers", "3")  # as little as it takes
# Whoever runs the tests in the background has SIGINT ignored, and hands that down.
DEMO = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from offhours.cli.demo import demo
demo()
"""


class Stage:
    """A folder for all that a demo makes, and the demos that were started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = os.environ | {"TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str, broken: str = "") -> subprocess.Popen[str]:
        """Start a demo; `broken` is a program that each of its processes runs first."""
        env = self.env
        if broken:
            tampered = self.folder.with_name("tampered")
            tampered.mkdir()
            (tampered / "sitecustomize.py").write_text(broken)
            env = env | {"PYTHONPATH": str(tampered)}
        process = subprocess.Popen(
            [sys.executable, "-c", DEMO, *arguments], env=env, cwd=self.folder,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0,
        )  # fmt: skip
        self.started.append(process)
        return process

    def run(self, *arguments: str, broken: str = "") -> tuple[int, str, str]:
        process = self.start(*arguments, broken=broken)
        out, err = process.communicate(timeout=90)
        return process.returncode, out, err

    def left(self) -> list[str]:
        """What is still there: files, and processes that were told of one."""
        found = sorted(path.name for path in self.folder.iterdir())
        for command in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if str(self.folder) in command.read_text(errors="replace"):
                    found.append(command.parent.name)
        return found


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    folder = tmp_path / "stage"
    folder.mkdir()
    made = Stage(folder)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def figures(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {figure["name"]: figure for part in report["parts"] for figure in part["figures"]}


def missed(report: dict[str, Any]) -> set[str]:
    return {name for name, figure in figures(report).items() if not figure["ok"]}


def test_housekeeping_reaches_every_figure_and_leaves_nothing(stage: Stage) -> None:
    code, out, err = stage.run("--headless", "--seconds", "5")
    assert code == 0, out
    lines = out.splitlines()
    assert lines[-1].startswith("ok: all ")
    rows = [line for line in lines if line.endswith((" ok", " failed"))]
    assert len(rows) >= 15 and all(line.endswith(" ok") for line in rows)
    assert "\x1b" not in out + err, "no colours off a terminal"
    assert "the foreground workflow wf_report begins" in err
    assert 'why() of a waiting job: "background work waits while' in out
    assert stage.left() == []


def test_housekeeping_fails_when_work_is_done_wrongly_or_in_the_way(stage: Stage) -> None:
    broken = """
import contextlib, offhours.app
from pathlib import Path
offhours.app.Offhours.foreground = lambda self, name: contextlib.nullcontext()
real = Path.replace
def replace(self, target):
    if str(target).endswith(".backup"):
        self.write_bytes(self.read_bytes()[:-8192])
    return real(self, target)
Path.replace = replace
"""
    code, out, _ = stage.run("--json", "--seconds", "4", broken=broken)
    report = json.loads(out)
    assert code == 1 and report["ok"] is False
    assert {
        "databases backed up, sound, with every row",
        "running jobs that stepped aside",
        "waiting jobs whose why() names it",
        "share of a core that all else used",
    } <= missed(report)


def test_kill_loses_nothing_and_keeps_its_ledger_when_asked(stage: Stage) -> None:
    code, out, err = stage.run("kill", *FEW, "--json", "--keep")
    report = json.loads(out)
    assert code == 0 and report["ok"], missed(report)
    found = figures(report)
    assert found["done: a run came to its end, its result is kept"]["value"] == 150
    for name in ("lost", "run twice at once"):
        assert found[name]["value"] == 0
    for name in ("processes killed", "jobs retried", "stale results refused"):
        assert found[name]["value"] >= 1
    [kept] = [Path(line.split()[-1]) for line in err.splitlines() if line.startswith("kept: ")]
    words = {line.split()[3] for line in (kept / "ledger.txt").read_text().splitlines()}
    assert {"submitted", "start", "end", "killing", "stopped", "waking"} <= words
    assert stage.left() == [kept.name]


def test_kill_fails_when_living_workers_are_taken_for_dead(stage: Stage) -> None:
    broken = """
import random
from offhours.engine.lifeline import Lifeline
Lifeline._cause_of_death = lambda self, worker: "a rumour" if random.random() < 0.3 else None
"""
    code, out, _ = stage.run("kill", *FEW, "--seconds", "10", "--json", broken=broken)
    assert code == 1
    assert "run twice at once" in missed(json.loads(out))


def test_kill_says_at_once_when_its_workers_cannot_work(stage: Stage) -> None:
    broken = """
import os, sys
if sys.argv[0] == "-m":
    os.write(2, b"no such luck\\n")
    os._exit(1)
"""
    code, out, _ = stage.run("kill", *FEW, "--headless", broken=broken)
    assert code == 1 and stage.left() == []
    assert "the workers' last words: no such luck" in out
    assert "still waiting when time was up" in out.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "number"),
    [(["--seconds", "4"], signal.SIGTERM), (["kill", *FEW], signal.SIGINT)],
    ids=["housekeeping", "kill"],
)
def test_an_interrupt_cleans_everything_up(
    stage: Stage, arguments: list[str], number: signal.Signals
) -> None:
    process = stage.start(*arguments, "--headless")
    assert process.stderr is not None
    process.stderr.readline()  # it has begun
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert stage.left() == []


def test_workers_do_not_outlive_a_demo_that_is_killed(stage: Stage) -> None:
    process = stage.start("kill", *FEW, "--headless")
    assert process.stderr is not None
    told: list[str] = []
    while not told or "stopped process" not in told[-1]:
        told.append(process.stderr.readline())
        assert told[-1], "".join(told)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 10
    while len(stage.left()) > 1:
        assert time.monotonic() < deadline, stage.left()
        time.sleep(0.05)
