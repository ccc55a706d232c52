"""Gates on the machine: averages over a window, one spike decides nothing."""

from __future__ import annotations

import asyncio
import threading

import pytest

from offhours.core.errors import OptionError
from offhours.core.gates import OPEN, Verdict
from offhours.core.model import Claimed
from offhours.gates import Battery, Cpu, Disk, Load, Memory, ResourceMonitor
from offhours.gates.machine import MachineGate
from offhours.gates.resources import MachineReader, Reading, shared_monitor
from offhours.testing import FakeClock, memory_app

CALM = Reading(0, 0, 1_000, 25, 0.5, 50_000, None, True)


class Machine:
    """A machine of which every second is told."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.now = CALM
        self.monitor = ResourceMonitor(read=lambda: self.now, clock=self.clock)
        self.monitor.start = lambda: None  # type: ignore[method-assign]  # no thread: we sample

    def passes(self, seconds: int, cpu: float = 0.0, **changes: object) -> None:
        for _ in range(seconds):
            self.clock.advance("1s")
            busy, total = self.now.busy + cpu / 100, self.now.total + 1
            self.now = CALM._replace(**changes)._replace(busy=busy, total=total)
            self.monitor.sample()


@pytest.fixture
def machine() -> Machine:
    return Machine()


def look(gate: MachineGate, machine: Machine, job: Claimed) -> Verdict:
    return gate.look(job, machine.clock.micros(), memory_app().store)


def test_nothing_is_decided_before_half_a_window(machine: Machine, job: Claimed) -> None:
    gate = Cpu(most=80, monitor=machine.monitor)
    machine.passes(1, cpu=1)
    shut = look(gate, machine, job)
    assert not shut.open and "being measured" in shut.reason
    assert shut.again_at == machine.clock.micros() + 5_000_000
    machine.passes(5, cpu=1)
    assert look(gate, machine, job) == OPEN


def test_one_spike_decides_nothing(machine: Machine, job: Claimed) -> None:
    gates = [Cpu(80, monitor=machine.monitor), Memory(80, monitor=machine.monitor)]
    machine.passes(9, cpu=10)
    machine.passes(1, cpu=100, memory_percent=99)
    assert [look(gate, machine, job).open for gate in gates] == [True, True]
    machine.passes(9, cpu=100, memory_percent=99)
    assert [look(gate, machine, job).open for gate in gates] == [False, False]
    machine.passes(1, cpu=0)  # nor does one dip
    assert [look(gate, machine, job).open for gate in gates] == [False, False]


def test_a_hold_names_figure_limit_and_when(machine: Machine, job: Claimed) -> None:
    machine.passes(20, cpu=91)
    shut = look(Cpu(80, monitor=machine.monitor, again="2m"), machine, job)
    assert shut.figure == pytest.approx(91)
    assert (shut.limit, shut.again_at) == (80, machine.clock.micros() + 120_000_000)
    assert shut.reason == (
        "the processors' share in use is 91 % on average over 10 s (at most 80 %)"
    )
    assert shut.forceable


@pytest.mark.parametrize(
    ("gate", "bad"),
    [
        (lambda m: Memory(80, monitor=m), {"memory_percent": 81}),
        (lambda m: Memory(mb=2048, monitor=m), {"memory_mb": 2049}),
        (lambda m: Load(1.5, monitor=m), {"load_per_core": 1.6}),
        (lambda m: Disk(1024, monitor=m), {"disk_free_mb": 1023}),
        (lambda m: Battery(30, monitor=m), {"battery_percent": 29, "plugged": False}),
    ],
)
def test_each_figure_has_its_gate(machine: Machine, job: Claimed, gate, bad) -> None:
    made = gate(machine.monitor)
    machine.passes(12)
    assert look(made, machine, job) == OPEN
    machine.passes(12, **bad)
    shut = look(made, machine, job)
    assert not shut.open
    assert shut.figure == pytest.approx(next(iter(bad.values())))


def test_what_the_machine_has_not_holds_nothing(machine: Machine, job: Claimed) -> None:
    machine.passes(12, load_per_core=None, battery_percent=5, plugged=True)
    assert look(Load(0.1, monitor=machine.monitor), machine, job) == OPEN
    assert look(Battery(99, monitor=machine.monitor), machine, job) == OPEN


def test_what_was_seen_long_ago_says_nothing(machine: Machine, job: Claimed) -> None:
    machine.passes(12, cpu=1)
    machine.clock.advance("1h")
    assert "being measured" in look(Cpu(80, monitor=machine.monitor), machine, job).reason


def test_limits_are_checked() -> None:
    for make in (lambda: Cpu(0), lambda: Memory(), lambda: Memory(50, mb=1), lambda: Load("1")):  # type: ignore[arg-type]
        with pytest.raises(OptionError):
            make()
    with pytest.raises(OptionError):
        ResourceMonitor(window="1s", every="2s")


def test_the_machine_itself_is_read() -> None:
    reading = MachineReader()()
    assert reading.total > reading.busy > 0 and reading.memory_mb > 0
    assert reading.disk_free_mb > 0 and 0 < reading.memory_percent < 100


def test_usage_is_answered_at_once_and_then_averaged() -> None:
    sampled = threading.Event()
    times = iter(range(1_000_000))

    def read() -> Reading:
        n = next(times)
        if n > 20:
            sampled.set()
        return CALM._replace(busy=n * 0.25, total=n)

    monitor = ResourceMonitor(window="0.2s", every="0.01s", read=read)
    first = asyncio.run(monitor.get_current_usage())
    assert first["cpu_percent"] == 25 and first["memory_mb"] == 1_000
    monitor.start()
    monitor.start()
    assert sampled.wait(20)
    monitor.stop()
    assert asyncio.run(monitor.get_current_usage())["memory_percent"] == 25


def test_a_process_has_one_monitor_a_disk(tmp_path) -> None:
    one = shared_monitor(tmp_path)
    assert shared_monitor(tmp_path) is one
    one.stop()


def test_what_cannot_be_read_now_is_read_again(caplog: pytest.LogCaptureFixture) -> None:
    read_again = threading.Event()
    tries = iter(range(1_000_000))

    def read() -> Reading:
        if next(tries) < 3:
            raise OSError("the disk is being changed")
        read_again.set()
        return CALM

    monitor = ResourceMonitor(window="0.2s", every="0.01s", read=read)
    monitor.start()
    assert read_again.wait(20)
    monitor.stop()
    assert caplog.text.count("the machine cannot be measured") == 1
