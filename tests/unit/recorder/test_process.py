"""The recorder in its process: pauses, forks, the end, and threads that nobody stops."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import pytest

from offhours.recorder import PerfCatcherInterceptor
from offhours.recorder.pauses import PauseWatch


class Times:
    def __init__(self) -> None:
        self.now = self.cpu = 0.0

    def pass_by(self, seconds: float, cpu: float) -> None:
        self.now += seconds
        self.cpu += cpu


@pytest.mark.parametrize(
    ("seconds", "cpu", "paused"),
    [(0.06, 0.0, False), (5.0, 0.0, True), (5.0, 4.9, False), (0.2, 0.0, False)],
)
def test_a_late_round_without_work_is_a_pause(seconds: float, cpu: float, paused: bool) -> None:
    times = Times()
    watch = PauseWatch(lambda: times.now, lambda: times.cpu)
    watch.expect(0.05)
    times.pass_by(seconds, cpu)
    watch.look()
    assert watch.covers(seconds / 2, seconds / 2 + 0.01) is paused
    assert not watch.covers(seconds + 1, seconds + 2)
    watch.forget()
    times.pass_by(60, 0)
    watch.look()
    assert not watch.covers(seconds + 10, seconds + 20)


STOPPED = """
import os, sys, threading, time
from offhours.recorder import PerfCatcherInterceptor

recorder = PerfCatcherInterceptor(sinks=())
tools = [recorder.wrap(f"tool{n}", lambda: time.sleep(0.004)) for n in range(4)]

def work(tool):
    for _ in range(60):
        tool()
    ready.wait()
    while not gone_on.is_set():
        tool()

ready, gone_on = threading.Barrier(5), threading.Event()
threads = [threading.Thread(target=work, args=(tool,)) for tool in tools]
for thread in threads:
    thread.start()
ready.wait()
recorder.flush()
before = len(recorder.dumps)
print("ready", flush=True)
sys.stdin.readline()
gone_on.set()
for thread in threads:
    thread.join()
recorder.flush()
late = [dump for dump in recorder.dumps[before:] if dump.observed_ms > 1000]
print(len(late), recorder._flight.examiner.paused_calls > 0 or any(
    d.paused_calls for d in recorder.dumps), flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP here")
def test_a_stopped_process_is_nobodys_fault() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(1.5)  # what is tested is that this much time goes missing
        process.send_signal(signal.SIGCONT)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "0 True\n"


def test_the_first_call_starts_the_thread_and_it_dumps_by_itself(until: Any) -> None:
    with PerfCatcherInterceptor(sinks=(), mode="fixed", fixed_limit="1ms") as recorder:
        tool = recorder.tool(time.sleep)
        assert not recorder._flight._drainer.running
        tool(0.002)
        until(lambda: recorder.dumps)
        assert recorder.dumps[0].triggered_by == "sleep"


def test_a_forgotten_recorder_goes(until: Any) -> None:
    recorder = PerfCatcherInterceptor(sinks=())
    recorder.wrap("abs", abs)(-1)
    flight = weakref.ref(recorder._flight)
    thread = recorder._flight._drainer._thread
    assert thread is not None
    del recorder
    gc.collect()
    until(lambda: not thread.is_alive())
    assert flight() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_records_for_itself() -> None:
    code = """
import os, time
from offhours.recorder import PerfCatcherInterceptor

recorder = PerfCatcherInterceptor(sinks=(), mode="fixed", fixed_limit="1ms")
tool = recorder.tool(time.sleep)
tool(0)
recorder.flush()
child = os.fork()
if child == 0:
    assert recorder.get_buffer_stats()["buffer_size"] == 0
    tool(0.002)
    end = time.monotonic() + 20
    while not recorder.dumps and time.monotonic() < end:
        time.sleep(0.001)
    os._exit(0 if recorder.dumps else 1)
assert os.waitpid(child, 0)[1] == 0
print("fine")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "fine\n", done.stderr


def test_the_end_of_the_program_writes_what_is_left(tmp_path: Path) -> None:
    code = """
import time
from offhours import get_perfcatcher_interceptor

tool = get_perfcatcher_interceptor().tool(time.sleep)
tool(0.002)
"""
    file = tmp_path / "dumps.jsonl"
    environment = {
        **os.environ,
        "PERFCATCHER_FILE": str(file),
        "PERFCATCHER_MODE": "fixed",
        "PERFCATCHER_FIXED_LIMIT": "1ms",
    }
    subprocess.run([sys.executable, "-c", code], env=environment, timeout=60, check=True)
    [dump] = map(json.loads, file.read_text().splitlines())
    assert dump["triggered_by"] == "sleep"


def test_memory_is_bounded_under_any_rate() -> None:
    with PerfCatcherInterceptor(sinks=(), max_requests=500) as recorder:
        tool = recorder.tool(abs)
        threads = [
            threading.Thread(target=lambda: [tool(-1) for _ in range(20_000)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(recorder._flight.buffer) == 500
        assert recorder.get_buffer_stats()["buffer_size"] == 500
        assert len(recorder._flight.examiner.suspects) <= 256
