"""Runs: what goes in, what comes out, how many at once, and what is left of them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from offhours.core.errors import NotStarted
from offhours.core.sandbox import RunStatus, SandboxLevel
from offhours.sandbox import Limits, SandboxManager
from offhours.testing import FakeClock

HONEST = """
import asyncio, csv, io, json, os, sqlite3, tempfile, threading, zipfile, random, re, decimal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass

@dataclass
class Row:
    name: str

def square(n): return n * n

async def later():
    await asyncio.sleep(0.001)
    return await asyncio.to_thread(square, 3)

def execute(params):
    with sqlite3.connect("a.db") as db:
        db.execute("create table t (x)"); db.execute("insert into t values (7)")
        seven = db.execute("select x from t").fetchone()[0]
    db.close()
    with zipfile.ZipFile("a.zip", "w") as z: z.writestr("x.txt", "hello")
    with tempfile.TemporaryDirectory() as d: open(os.path.join(d, "x"), "w").close()
    with open("a.csv", "w", newline="") as f: csv.writer(f).writerow([1, 2])
    with ThreadPoolExecutor(8) as pool: squares = list(pool.map(square, range(5)))
    with ProcessPoolExecutor(2) as pool: more = list(pool.map(square, range(3)))
    threads = [threading.Thread(target=square, args=(n,)) for n in range(20)]
    [t.start() for t in threads]; [t.join() for t in threads]
    home = open(os.path.expanduser("~/x"), "w"); home.close()
    return [seven, squares, more, asyncio.run(later()), os.getcwd() == os.path.realpath("/tmp")]
"""


@pytest.mark.parametrize("level", SandboxLevel)
def test_honest_work_passes(level: str, at_level: Callable[[str], SandboxManager]) -> None:
    result = at_level(level).run(HONEST)
    assert result.success, result.stderr
    assert result.data == [7, [0, 1, 4, 9, 16], [0, 1, 4], 9, True]
    assert set(result.files) == {"a.db", "a.zip", "a.csv", "x"}


@pytest.mark.parametrize("level", SandboxLevel)
def test_honest_shell_passes(level: str, at_level: Callable[[str], SandboxManager]) -> None:
    script = """
declare -A seen; while read -r word; do seen[$word]=1; done < words.txt
echo "${#seen[@]} ${BASH_VERSINFO[0]}" > out/count.txt; (echo sub); printf '%03d\\n' 7
echo '{"success": true, "words": 2}' > "$OFFHOURS_RESULT"
"""
    files = {"words.txt": b"a\nb\na\n", "out/.keep": b""}
    result = at_level(level).run(script, "bash", files=files)
    assert result.success, result.stderr
    assert result.output == "sub\n007\n" and result.data == {"success": True, "words": 2}
    assert result.files["out/count.txt"].startswith(b"2 ")


@pytest.mark.parametrize("level", ["partial", "minimal"])
def test_programs_run_below_full(level: str, at_level: Callable[[str], SandboxManager]) -> None:
    script = (
        "printf '#!/bin/sh\\necho own' > tool; chmod +x tool; ./tool; echo x | tr x y; sort tool"
    )
    result = at_level(level).run(script, "bash")
    assert result.success and result.output.startswith("own\ny\n")


def test_what_a_script_says(sandbox: SandboxManager) -> None:
    result = sandbox.run("import sys; print('out'); print('err', file=sys.stderr); exit(4)")
    assert (result.status, result.exit_code) == (RunStatus.FAILED, 4)
    assert (result.output, result.stderr) == ("out\n", "err\n")
    assert result.error == "the script ended with exit code 4"
    assert result.duration_ms > 0 and result.usage.cpu > 0 and result.usage.memory > 1 << 20
    assert "bubblewrap" in result.backend and result.guarantees["files_private"]


def test_process_one_loads_nothing_that_each_run_would_pay_for(sandbox: SandboxManager) -> None:
    dear = ["ctypes", "json", "os", "re", "socket", "typing"]
    result = sandbox.run(f"import sys; print([name for name in {dear} if name in sys.modules])")
    assert result.output == "[]\n"


def test_a_traceback_shows_the_script_alone(sandbox: SandboxManager) -> None:
    result = sandbox.run("def f():\n    raise ValueError('no')\nf()")
    assert result.stderr.startswith("Traceback") and result.stderr.endswith("ValueError: no\n")
    assert result.stderr.count("File ") == 2 == result.stderr.count("script.py")


def test_execute_may_be_a_coroutine_function(sandbox: SandboxManager) -> None:
    result = sandbox.run("async def execute(params): return params['a'] + 1", params={"a": 1})
    assert result.data == 2


def test_a_script_with_execute_is_not_run_as_main(sandbox: SandboxManager) -> None:
    script = "def execute(params): return __name__\nif __name__ == '__main__': execute(1 / 0)"
    assert sandbox.run(script).data == "automation"
    assert sandbox.run("print(__name__)").output == "__main__\n"


def test_who_says_that_it_failed_has_failed(sandbox: SandboxManager) -> None:
    result = sandbox.run("def execute(params): return {'success': False, 'why': 'no file'}")
    assert result.status is RunStatus.FAILED and result.data == {"success": False, "why": "no file"}
    assert "did not succeed" in result.error


def test_what_execute_returns_must_be_json(sandbox: SandboxManager) -> None:
    result = sandbox.run("def execute(params): return {1, 2}")
    assert result.status is RunStatus.FAILED and "not JSON serializable" in result.stderr


def test_artefacts_and_what_is_none(sandbox: SandboxManager) -> None:
    script = """
import os
os.makedirs('a/b'); open('a/b/c.txt', 'w').write('deep'); os.symlink('/etc', 'link')
os.mkfifo('pipe'); open('x', 'w').close(); os.link('x', 'y')
"""
    result = sandbox.run(script, files={"given": b"1"})
    assert result.files == {"a/b/c.txt": b"deep", "given": b"1"}
    assert result.left_out == {
        "link": "is a symbolic link, not a file",
        "pipe": "is a named pipe, not a file",
        "x": "has several names (hard links)",
        "y": "has several names (hard links)",
    }


def test_files_can_be_changed_by_the_script(sandbox: SandboxManager) -> None:
    result = sandbox.run("open('d/n', 'a').write('2')", files={"d/n": b"1"})
    assert result.files == {"d/n": b"12"}, result.stderr


def test_history_is_short_and_bounded(sandbox: SandboxManager) -> None:
    for _ in range(1005):
        sandbox.run("", "python")
    sandbox.run("open('x', 'w').write('y'); print('z' * 20000)")
    assert len(sandbox.history) == 1000
    last = sandbox.history[-1]
    assert last.artefacts == () and len(last.stdout) == 10_000


def test_the_clock_is_asked_for_the_date() -> None:
    clock = FakeClock()
    with SandboxManager(clock=clock) as manager:
        assert manager.run("print(1)").started_at == clock.micros()


def test_no_more_at_once_than_allowed() -> None:
    with SandboxManager(max_concurrent=2, timeout_seconds=20) as manager:
        most = 0
        done = threading.Event()

        def watch() -> None:
            nonlocal most
            while not done.wait(0.002):
                most = max(most, manager.running)

        async def all_of_them() -> list[RunStatus]:
            script = "import time; time.sleep(0.05)"
            runs = [manager.run_test(f"a{n}", script) for n in range(6)]
            return [result.status for result in await asyncio.gather(*runs)]

        watcher = threading.Thread(target=watch)
        watcher.start()
        assert asyncio.run(all_of_them()) == [RunStatus.PASSED] * 6
        done.set()
        watcher.join()
        assert most == 2


def test_waiting_is_not_part_of_the_time_limit() -> None:
    with SandboxManager(max_concurrent=1, timeout_seconds=5) as manager:

        async def both() -> list[RunStatus]:
            script = "import time; time.sleep(0.4)"
            runs = [manager.run_test("a", script, timeout=2) for _ in range(6)]
            return [result.status for result in await asyncio.gather(*runs)]

        assert asyncio.run(both()) == [RunStatus.PASSED] * 6


def test_a_cancelled_run_ends_at_once() -> None:
    with SandboxManager(timeout_seconds=60) as manager:

        async def cancel() -> None:
            task = asyncio.create_task(manager.run_test("a", "import time; time.sleep(60)"))
            while not manager.running:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(cancel())
        assert manager.running == 0
        assert manager.history[-1].status is RunStatus.KILLED
        assert manager.history[-1].error == "the run was cancelled"


def test_closing_ends_what_runs() -> None:
    manager = SandboxManager(timeout_seconds=60)
    results = []
    thread = threading.Thread(
        target=lambda: results.append(manager.run("import time; time.sleep(60)"))
    )
    thread.start()
    while not manager.running:
        time.sleep(0.01)
    manager.close()
    thread.join()
    assert results[0].status is RunStatus.KILLED
    with pytest.raises(NotStarted):
        manager.run("print(1)")


def test_runs_leave_nothing_behind(sandbox: SandboxManager) -> None:
    sandbox.run("print(1)")
    before = _traces()
    for _ in range(5):
        sandbox.run("import os; os.fork(); open('x', 'w').write('y')")
    assert _traces() == before


def _traces() -> tuple[list[str], list[str], list[str], int]:
    """Descriptors, mounts, control groups and children of this process."""
    descriptors = sorted(os.listdir("/proc/self/fd"))
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob("*/**/offhours-sandbox-*")]
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return descriptors, mounts, [g for g in groups if _is_empty(g)], len(children)


def _is_empty(group: str) -> bool:
    """One that other tests use at this moment has processes."""
    try:
        return not Path(group, "cgroup.procs").read_text()
    except OSError:
        return False


WORKER = """
from offhours.sandbox import SandboxManager
SandboxManager("partial", timeout_seconds=60).run('''
import os, time
if os.fork() == 0: os.setsid()
print("SLEEPING", flush=True)
while True: time.sleep(0.1)
''')
"""


def test_a_worker_killed_midway_takes_its_runs_along() -> None:
    worker = subprocess.Popen([sys.executable, "-c", WORKER])
    try:
        below = _wait_for(lambda: _descendants(worker.pid) if _is_asleep(worker.pid) else None)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert len(below) >= 4  # bubblewrap, process 1, the script and its fork
    _wait_for(lambda: not any(_lives(pid) for pid in below) or None)


def _wait_for(found: Callable[[], object]) -> list[int]:
    until = time.monotonic() + 30
    while (value := found()) is None:
        assert time.monotonic() < until
        time.sleep(0.01)
    return value if isinstance(value, list) else []


def _is_asleep(worker: int) -> bool:
    return len(_descendants(worker)) >= 4


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *_descendants(child)]
    return found


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def test_limits_of_ones_own() -> None:
    limits = Limits(disk=1 << 20, output=400, processes=5)
    with SandboxManager(limits=limits) as manager:
        assert manager.run("print('x' * 500)").status is RunStatus.OUTPUT_LIMIT
        result = manager.run("open('x', 'wb').write(bytes(2 << 20))")
        assert result.status in (RunStatus.DISK_LIMIT, RunStatus.FAILED)
        assert result.usage.disk <= 1 << 20
