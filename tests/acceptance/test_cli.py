"""The command line as a user has it: real processes, pipes, signals and a terminal."""

from __future__ import annotations

import json
import os
import pty
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from offhours import Offhours

OFFHOURS = [sys.executable, "-m", "offhours"]
FILE = """
import time
from pathlib import Path
from offhours import Offhours

app = Offhours("jobs.db")

@app.task
def add(a: int, b: int = 1) -> int:
    return a + b

@app.task
def boom() -> None:
    raise ValueError("no \\x1b]0;owned\\x07")

@app.task
def wait_for(path: str) -> str:
    while not Path(path).exists():
        time.sleep(0.005)
    return "seen"
"""


class House:
    """A folder with `app.py`, and the processes that were started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "OFFHOURS_DB")}
        self.env |= {"OFFHOURS_DB": "jobs.db", "TERM": "xterm-256color", "COLUMNS": "120"}
        self.started: list[subprocess.Popen[str]] = []
        (folder / "app.py").write_text(FILE)

    def run(self, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*OFFHOURS, *argv],
            cwd=self.folder, env=self.env | env, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip

    def json(self, *argv: str) -> dict:
        return json.loads(self.run(*argv, "--json").stdout)

    def stored(self, jobs: int = 1) -> None:
        """What others have submitted: without a program for each."""
        app = Offhours(self.folder / "jobs.db")
        for _ in range(jobs):
            app.submit_by_name("app:add", args=(1,))
        app.close()

    def start(self, *argv: str) -> subprocess.Popen[str]:
        """A worker, once it has said that it works."""
        process = subprocess.Popen(
            [*OFFHOURS, *argv],
            cwd=self.folder, env=self.env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.started.append(process)
        wait_for_line(process, "worker.started")
        return process

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()


def wait_for_line(process: subprocess.Popen[str], part: str) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if part in line:
            return line
    raise AssertionError(f"it ended and never said {part!r}")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def test_up_works_until_it_is_told_to_stop(house: House) -> None:
    worker = house.start("up", "app.py")
    done = house.run("submit", "app:add", "--arg", "2", "--kwarg", "b=40", "--wait")
    assert (done.returncode, done.stdout) == (0, "42\n")
    assert "job.succeeded 1 app:add" in wait_for_line(worker, "job.succeeded")
    worker.send_signal(signal.SIGTERM)
    out, err = worker.communicate(timeout=30)
    assert (worker.returncode, out) == (0, "")
    assert err.endswith("worker.stopped worker=1\nstopped\n")


def test_one_interrupt_lets_the_work_end(house: House) -> None:
    worker = house.start("worker", "app.py", "--threads", "1")
    house.run("submit", "app:wait_for", "--arg", "go")
    wait_for_line(worker, "job.started")
    worker.send_signal(signal.SIGINT)
    wait_for_line(worker, "Ctrl-C again")
    (house.folder / "go").touch()
    worker.communicate(timeout=30)
    assert worker.returncode == 0
    assert house.json("show", "1")["job"]["result"] == "seen"


def test_a_second_interrupt_hands_the_work_back(house: House) -> None:
    worker = house.start("worker", "app.py")
    house.run("submit", "app:wait_for", "--arg", "never")
    wait_for_line(worker, "job.started")
    worker.send_signal(signal.SIGINT)
    wait_for_line(worker, "Ctrl-C again")
    worker.send_signal(signal.SIGINT)
    worker.communicate(timeout=30)
    job = house.json("show", "1")["job"]
    assert (worker.returncode, job["state"], job["attempts"]) == (130, "pending", 0)


def test_a_killed_worker_is_told_by_the_next_one(house: House) -> None:
    first = house.start("worker", "app.py")
    house.run("submit", "app:wait_for", "--arg", "go")
    wait_for_line(first, "job.started")
    first.kill()
    first.wait()
    assert [w["alive"] for w in house.json("ls", "workers")["workers"]] == [False]
    (house.folder / "go").touch()
    second = subprocess.Popen(
        [*OFFHOURS, "up", "app.py", "--quiet"],
        cwd=house.folder, env=house.env, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    house.started.append(second)
    assert wait_for_line(second, "is lost").startswith("warning: worker 1 ")
    assert "1 app:wait_for" in wait_for_line(second, "job.rescued")


def test_a_failure_cannot_steer_the_terminal(house: House) -> None:
    house.start("worker", "app.py")
    failed = house.run("submit", "app:boom", "--name", "x\x1b[2J", "--wait")
    assert failed.returncode == 1
    for argv in (["show", "1"], ["ls"], ["top"], ["why", "1"], ["show", "1", "--json"]):
        done = house.run(*argv)
        assert done.returncode == 0
        assert "\x1b" not in done.stdout + done.stderr and "owned" in done.stdout
    assert "\x1b" not in failed.stderr and "owned\\x07" in failed.stderr


def test_ids_go_through_a_pipe(house: House) -> None:
    house.stored(3)
    shell = f"{sys.executable} -m offhours"
    done = subprocess.run(
        f"{shell} cancel $({shell} ls --ids) && {shell} retry $({shell} ls --ids) | wc -l",
        shell=True, cwd=house.folder, env=house.env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split("\n")[3].strip() == "3"


@pytest.mark.parametrize(
    "argv", [["ls"], ["ls", "--json"], ["schedule"], ["--help"], ["top"], ["doctor"]]
)
def test_a_reader_that_has_enough_is_no_error(house: House, argv: list[str]) -> None:
    house.stored()
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*OFFHOURS, *argv],
        cwd=house.folder, env=house.env, stdout=writing, stderr=subprocess.PIPE, text=True,
        check=False,
    )  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_disk_behind_stdout_is_one_line(house: House) -> None:
    house.stored()
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*OFFHOURS, "ls"],
            cwd=house.folder, env=house.env, stdout=full, stderr=subprocess.PIPE, text=True,
            check=False,
        )  # fmt: skip
    assert done.returncode == 5
    assert "No space left" in done.stderr and "Traceback" not in done.stderr


def on_terminal(
    house: House, *argv: str, until: str = "", answer: str = "", **env: str
) -> tuple[int, str]:
    """Run it on a terminal; with `until`, type the answer or else Ctrl-C once that was shown.

    Ctrl-C again when it goes on for seconds: Python swallows an interrupt that meets a finaliser.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*OFFHOURS, *argv],
        cwd=house.folder, env=house.env | env, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown, asked = b"", float("inf")
    while True:
        if select.select([ours], [], [], 1)[0]:
            try:
                part = os.read(ours, 65_536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
        first = asked == float("inf") and until.encode() in shown
        if answer and first and until:
            os.write(ours, answer.encode())
            asked = time.monotonic()
        elif until and not answer and (first or time.monotonic() - asked > 3):
            process.send_signal(signal.SIGINT)
            asked = time.monotonic()
    os.close(ours)
    return process.wait(30), shown.decode()


def test_top_is_live_on_a_terminal_until_ctrl_c(house: House) -> None:
    house.stored()
    code, shown = on_terminal(house, "top", "--interval", "0.1", until="1 ready")
    assert code == 0
    assert shown.rstrip().endswith("\x1b[?1049l")  # the screen is given back
    assert "Traceback" not in shown


def test_top_is_left_by_a_key_and_gives_the_keyboard_back(house: House) -> None:
    house.stored()
    code, shown = on_terminal(house, "top", until="1 ready", answer="q")
    assert code == 0 and shown.rstrip().endswith("\x1b[?1049l")
    assert "q" not in shown.rpartition("1 ready")[2].replace("queue", "").replace("QUEUE", "")


def test_colour_on_a_terminal_and_only_if_it_is_wanted(house: House) -> None:
    assert "\x1b[32mok" in on_terminal(house, "doctor")[1]
    assert "\x1b" not in on_terminal(house, "doctor", NO_COLOR="1")[1]
    assert "\x1b" not in on_terminal(house, "doctor", TERM="dumb")[1]
    assert "\x1b" not in house.run("doctor").stdout


def test_a_dumb_terminal_gets_one_snapshot(house: House) -> None:
    house.stored()
    code, shown = on_terminal(house, "top", TERM="dumb")
    assert code == 0 and "1 ready" in shown and "\x1b" not in shown


def test_schedules_from_the_first_word_to_the_last_job(house: House) -> None:
    unclear = house.run("schedule", "add", "every day at 9", "app:add", "--file", "app.py")
    assert (unclear.returncode, unclear.stdout) == (2, "")
    assert "               ^\n" in unclear.stderr and "every day at 9pm" in unclear.stderr
    line = ("schedule", "add", "every second", "app:add", "--arg", "1", "--name", "tick")
    worker = house.start("worker", "app.py")
    added = house.run(*line)
    assert added.returncode == 0 and "schedule 1 (tick): every second\n" in added.stdout
    assert house.run(*line).returncode == 6
    assert "1 app:add" in wait_for_line(worker, "job.succeeded")
    assert "made by schedule 1 " in house.run("show", "1").stdout
    assert "succeeded" in house.run("schedule", "ls").stdout
    assert "job 1 succeeded" in house.run("schedule", "calendar").stdout
    assert house.run("schedule", "pause", "tick", "--reason", "enough").returncode == 0
    assert house.json("schedule", "show", "tick")["why"]["code"] == "paused"
    assert house.run("schedule", "rm", "tick").returncode == 0
    assert house.run("schedule", "show", "tick").returncode == 3


def test_an_ambiguous_phrase_is_asked_on_a_terminal(house: House) -> None:
    line = ("schedule", "add", "every day at 9", "app:add", "--arg", "1", "--file", "app.py")
    code, shown = on_terminal(house, *line, until="Which one?", answer="2\n")
    assert code == 0 and "every day at 21:00" in shown
    assert house.json("schedule", "show", "1")["schedule"]["text"] == "every day at 9pm"
    code, shown = on_terminal(house, "schedule", "rm", "1", until="[y/N]", answer="n\n")
    assert code == 130 and "is kept" in shown
    assert on_terminal(house, *line, until="Which one?")[0] == 130


def test_a_narrow_encoding_is_no_error(house: House) -> None:
    house.run("submit", "app:add", "--arg", '"世界"', "--name", "世界")
    narrow = {"PYTHONIOENCODING": "latin-1"}
    assert "\\u4e16\\u754c" in house.run("ls", **narrow).stdout
    told = json.loads(house.run("show", "1", "--json", **narrow).stdout)
    assert (told["job"]["name"], told["job"]["arguments"][0]) == ("世界", ["世界"])


def test_help_is_cheap(house: House) -> None:
    def cpu() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    spent = []
    for _ in range(3):
        before = cpu()
        assert house.run("--help").returncode == 0
        spent.append(cpu() - before)
    assert min(spent) < 0.2
