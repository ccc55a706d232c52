"""What a sandboxed run costs: `python benchmarks/sandbox.py [--write]`.

Starts: a script that does nothing, at each level and in each language, taken in turns with a bare
interpreter and a bare shell, so that both sides meet the same machine. Limits: how long after its
wall limit a script is gone and its result is there. Leavings: descriptors, memory, processes,
mounts, control groups and temporary files after many runs.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median, quantiles

import machine
import report
from offhours.sandbox import SandboxManager
from offhours.sandbox.arguments import interpreter

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
NOTHING = {"python": "pass", "bash": ":"}
LEVELS = ("full", "partial", "minimal")
WALL = 0.3
STUBBORN = {
    "sleeps": "import time; time.sleep(60)",
    "ignores every signal, busy": """
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True: pass
""",
    "forks until it may not": """
import os
while True:
    try: os.fork()
    except OSError: pass
""",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--write", action="store_true", help="put the tables into the page")
    asked = parser.parse_args()
    text = "\n".join(
        [
            "#### Starting\n",
            report.markdown(starts(asked.rounds)),
            "#### Ending at the wall limit\n",
            report.markdown(limits(max(3, asked.rounds // 6))),
            f"#### Left behind by {asked.runs:,} runs, three at once\n",
            report.markdown(leavings(asked.runs)),
            f"*{machine.description()}; {backend()}; `python benchmarks/sandbox.py --write`*\n",
        ]
    )
    print(text)
    if asked.write:
        report.write(PAGE, "sandbox", text)
    return 0


def starts(rounds: int) -> report.Rows:
    """Whole runs, from the call to the result."""
    bare = {
        "python": [interpreter().executable, "-I", "-S", "-B", "-c", "pass"],
        "bash": ["bash", "-c", ":"],
    }
    contenders: dict[str, tuple[str, Callable[[], object]]] = {
        f"a bare {language}": (language, _plain(command)) for language, command in bare.items()
    }
    managers = {level: SandboxManager(level) for level in LEVELS}
    for level, manager in managers.items():
        for language, script in NOTHING.items():
            contenders[f"{level}, {language}"] = (language, _run(manager, script, language))
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, (_, deed) in contenders.items():
            taken[name].append(_milliseconds(deed))
    rows = [["run", "ms least", "ms p50", "ms p95", "times a bare one (p50)"]]
    for name, (language, _) in contenders.items():
        ratio = median(taken[name]) / median(taken[f"a bare {language}"])
        p95 = quantiles(taken[name], n=20)[-1]
        least, p50 = min(taken[name]), median(taken[name])
        rows.append([name, f"{least:.1f}", f"{p50:.1f}", f"{p95:.1f}", f"{ratio:.1f}"])
    for manager in managers.values():
        manager.close()
    return rows


def limits(rounds: int) -> report.Rows:
    """How late a script is ended, and how late the caller has its result."""
    rows = [["a script that", "level", "wall limit ms", "ended late by ms p50 / most", "result"]]
    for name, script in STUBBORN.items():
        for level in LEVELS:
            with SandboxManager(level, timeout_seconds=WALL) as manager:
                late, results = [], []
                for _ in range(rounds):
                    began = time.perf_counter()
                    result = manager.run(script)
                    results.append((time.perf_counter() - began - WALL) * 1000)
                    late.append(result.duration_ms - WALL * 1000)
                    assert result.status == "timeout", result
            ended = f"{median(late):.0f} / {max(late):.0f}"
            there = f"{median(results):.0f} / {max(results):.0f} later, start included"
            rows.append([name, level, f"{WALL * 1000:.0f}", ended, there])
    return rows


def leavings(runs: int) -> report.Rows:
    """What is there before and after."""
    script = "import os; open('x', 'w').write('y' * 10000); os.fork()"
    with (
        tempfile.TemporaryDirectory() as folder,
        SandboxManager(timeout_seconds=20) as manager,
        ThreadPoolExecutor(3) as threads,
    ):
        tempfile.tempdir = folder  # where others do not put anything
        list(threads.map(lambda _: manager.run(script), range(1100)))  # fills the history
        before = _traces()
        began = time.perf_counter()
        assert all(threads.map(lambda _: manager.run(script).success, range(runs)))
        took = time.perf_counter() - began
        after = _traces()
        tempfile.tempdir = None
    rows = [["what", "before", "after"]]
    rows += [[name, str(before[name]), str(after[name])] for name in before]
    rows.append(["runs/s", "", f"{runs / took:.1f}"])
    return rows


def _traces() -> dict[str, object]:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    groups = [one for one in Path("/sys/fs/cgroup").glob("*/**/offhours-sandbox-*") if _empty(one)]
    memory = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    ipc = sum(len(Path(f"/proc/sysvipc/{kind}").read_text().splitlines()) - 1
              for kind in ("shm", "sem", "msg"))  # fmt: skip
    return {
        "processes": len(children),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "mounts": len(Path("/proc/self/mounts").read_text().splitlines()),
        "control groups that nobody lives in": len(groups),
        "System V objects": ipc,
        "temporary files": len(os.listdir(tempfile.gettempdir())),
        "memory of the worker, MB": round(memory / 1e6, 1),
    }


def _empty(group: Path) -> bool:
    """Other workers of this machine may have runs at this moment."""
    try:
        return not (group / "cgroup.procs").read_text()
    except OSError:
        return False


def _run(manager: SandboxManager, script: str, language: str) -> Callable[[], object]:
    def run() -> None:
        result = manager.run(script, language)
        assert result.success, result

    return run


def _plain(command: list[str]) -> Callable[[], object]:
    return lambda: subprocess.run(command, check=True, env={}, stdin=subprocess.DEVNULL)


def _milliseconds(deed: Callable[[], object]) -> float:
    began = time.perf_counter()
    deed()
    return (time.perf_counter() - began) * 1000


def backend() -> str:
    with SandboxManager() as manager:
        return str(manager.check())


if __name__ == "__main__":
    sys.exit(main())
