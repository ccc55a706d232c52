"""The filter of system calls: what the kernel makes of it, and what it says for each machine."""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable, Iterator

import pytest

from offhours.core.sandbox import SandboxLevel
from offhours.sandbox import SandboxManager, kernel
from offhours.sandbox.filter import ALLOW, ENOSYS, EPERM, KILL, ONLY_ON_ITSELF, Cookie, build
from offhours.sandbox.syscalls import DENIED, EXAMINED, MACHINES, NEWEST, denied

FULL, PARTIAL, MINIMAL = SandboxLevel.FULL, SandboxLevel.PARTIAL, SandboxLevel.MINIMAL
COOKIE = Cookie(0x1_2345_6000, 0x2_2345_7000, 0x3_2345_8000)


def instructions(program: bytes) -> Iterator[tuple[int, int, int, int]]:
    for place in range(0, len(program), 8):
        yield struct.unpack_from("=HBBI", program, place)


def answer(program: bytes, audit: int, number: int, *arguments: int) -> int:
    """What the kernel would say: a small machine for the instructions that we use."""
    data = struct.pack("=IIQ6Q", number, audit, 0, *(arguments + (0,) * (6 - len(arguments))))
    code = list(instructions(program))
    place = accumulator = 0
    while True:
        kind, hit, miss, value = code[place]
        place += 1
        if kind == 0x20:
            accumulator = struct.unpack_from("=I", data, value)[0]
        elif kind == 0x54:
            accumulator &= value
        elif kind == 0x06:
            return value
        else:
            tests = {
                0x15: accumulator == value,
                0x25: accumulator > value,
                0x35: accumulator >= value,
                0x45: accumulator & value != 0,
            }
            place += hit if tests[kind] else miss


@pytest.fixture(params=sorted(MACHINES))
def ask(request: pytest.FixtureRequest) -> Callable[..., int]:
    machine = MACHINES[request.param]

    def ask(
        name: str | int,
        *arguments: int,
        level: SandboxLevel = FULL,
        cookie: Cookie | None = None,
        shared_memory: bool = False,
    ) -> int:
        program = build(machine, level, cookie=cookie, shared_memory=shared_memory)
        number = EXAMINED[name][machine.column] if isinstance(name, str) else name
        return answer(program, machine.audit, number, *arguments)

    ask.machine = machine  # type: ignore[attr-defined]
    return ask


@pytest.mark.parametrize("level", SandboxLevel)
def test_the_kernel_refuses_every_denied_call(
    level: SandboxLevel, at_level: Callable[[str], SandboxManager]
) -> None:
    numbers = denied(MACHINES[kernel.machine()])
    script = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def execute(params):
    told = []
    for number in params["numbers"]:
        ctypes.set_errno(0)
        libc.syscall(ctypes.c_long(number), 0, 0, 0, 0, 0, 0)
        told.append(ctypes.get_errno())
    return told
"""
    result = at_level(level).run(script, params={"numbers": numbers})
    assert result.success, result.stderr
    assert result.data == [errno.EPERM] * len(numbers)


def test_no_number_stands_for_two_calls() -> None:
    for machine in MACHINES.values():
        both = [*DENIED.values(), *EXAMINED.values()]
        numbers = [pair[machine.column] for pair in both if pair[machine.column] is not None]
        assert len(numbers) == len(set(numbers))
        assert max(n for n in numbers if n is not None) <= NEWEST


def test_denied_on_every_machine(ask: Callable[..., int]) -> None:
    machine = ask.machine  # type: ignore[attr-defined]
    assert {ask(number) for number in denied(machine)} == {EPERM}


def test_other_machines_and_conventions_are_killed() -> None:
    machine = MACHINES["x86_64"]
    program = build(machine, MINIMAL, cookie=None, shared_memory=True)
    assert answer(program, 0x40000003, 20) == KILL
    assert answer(program, machine.audit, 0x40000000 + 39) == KILL
    assert answer(program, machine.audit, NEWEST + 1) == ENOSYS


def test_programs_start_at_full_by_the_cookie_alone(ask: Callable[..., int]) -> None:
    assert ask("execve", *COOKIE, cookie=COOKIE) == ALLOW
    assert ask("execve", *COOKIE) == EPERM
    for place in range(3):
        for change in (1, 1 << 32):
            wrong = [*COOKIE]
            wrong[place] += change
            assert ask("execve", *wrong, cookie=COOKIE) == EPERM
    assert ask("execveat", *COOKIE, cookie=COOKIE) == EPERM
    assert ask("execve", 1, 2, 3, level=PARTIAL) == ALLOW


def test_sockets_by_level(ask: Callable[..., int]) -> None:
    def allowed(level: SandboxLevel) -> set[int]:
        return {family for family in range(50) if ask("socket", family, level=level) == ALLOW}

    assert allowed(FULL) == set()
    assert allowed(PARTIAL) == {1}
    assert allowed(MINIMAL) == {1, 2, 10, 16}
    assert ask("socket", 16, 3, 9, level=MINIMAL) == EPERM
    assert ask("socket", 2, 1, 132, level=MINIMAL) == EPERM
    assert ask("socket", 2, 1, 6, level=MINIMAL) == ALLOW
    assert ask("socket", 1 << 32 | 2, 1, 0, level=PARTIAL) == EPERM
    assert ask("socketpair", 1) == ALLOW and ask("socketpair", 2) == EPERM


def test_memory_of_nobody_needs_a_group_that_counts_it(ask: Callable[..., int]) -> None:
    for flags in (0x21, 0x23):
        assert ask("mmap", 0, 4096, 3, flags) == EPERM
        assert ask("mmap", 0, 4096, 3, flags, shared_memory=True) == ALLOW
    assert ask("mmap", 0, 4096, 3, 0x22) == ALLOW  # private
    assert ask("mmap", 0, 4096, 3, 0x01) == ALLOW  # a file's pages
    assert ask("mmap", 0, 4096, 3, 0x40022, shared_memory=True) == EPERM  # huge pages
    assert ask("memfd_create") == EPERM
    assert ask("memfd_create", shared_memory=True) == ALLOW


def test_arguments_that_make_the_difference(ask: Callable[..., int]) -> None:
    for bit in (17, 25, 26, 27, 28, 29, 30):
        assert ask("clone", 1 << bit | 17) == EPERM
    assert ask("clone", 0x3D0F00) == ALLOW  # a thread
    assert ask("clone3") == ENOSYS
    for upper in (0, 1 << 32):
        for command in (0x5412, 0x541C, 0x5423):
            assert ask("ioctl", 1, command + upper) == EPERM
    assert ask("ioctl", 1, 0x5401) == ALLOW
    assert ask("personality", 0xFFFFFFFF) == ALLOW and ask("personality", 0) == EPERM


def test_a_process_changes_itself_only(ask: Callable[..., int]) -> None:
    for name, arguments in ONLY_ON_ITSELF.items():
        own = dict(arguments)
        given = [own.get(index, 0) for index in range(2)]
        assert ask(name, *given) == ALLOW
        for index in own:
            wrong = [*given]
            wrong[index] += 1
            assert ask(name, *wrong) == EPERM
