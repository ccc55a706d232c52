"""The seccomp filter: a program for the kernel that looks at each system call of a script."""

from __future__ import annotations

import errno
import struct
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from offhours.core.sandbox import SandboxLevel
from offhours.sandbox.syscalls import EXAMINED, NEWEST, Machine, denied

KILL = 0x80000000
ALLOW = 0x7FFF0000
EPERM = 0x00050000 | errno.EPERM
ENOSYS = 0x00050000 | errno.ENOSYS

_LOAD, _EQUAL, _GREATER, _AT_LEAST, _ANY_BIT, _RETURN, _AND = (
    0x20, 0x15, 0x25, 0x35, 0x45, 0x06, 0x54,
)  # fmt: skip

_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data

_NAMESPACES = 0x7E020000  # every CLONE_NEW* that clone() takes
_SHARED_ANONYMOUS = 0x21  # MAP_SHARED (or MAP_SHARED_VALIDATE) with MAP_ANONYMOUS
_HUGE_PAGES = 0x40000
_ASK_PERSONALITY = 0xFFFFFFFF
_TERMINAL_TRICKS = (0x5412, 0x541C, 0x5423)  # TIOCSTI, TIOCLINUX, TIOCSETD

_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_ROUTE = 0
_INTERNET_PROTOCOLS = (0, 6, 17, 1, 58)  # default, TCP, UDP, and ICMP of both kinds (ping)


# Calls that change a process: which arguments mean the caller itself. Process 1 is of the same
# account in a user namespace, and a script must not slow it down.
ONLY_ON_ITSELF: dict[str, tuple[tuple[int, int], ...]] = {
    "prlimit64": ((0, 0),),
    "sched_setaffinity": ((0, 0),),
    "sched_setattr": ((0, 0),),
    "sched_setparam": ((0, 0),),
    "sched_setscheduler": ((0, 0),),
    "setpriority": ((0, 0), (1, 0)),
    "ioprio_set": ((0, 1), (1, 0)),
}


class Instruction(NamedTuple):
    """One instruction; `hit` and `miss` are how many to skip."""

    code: int
    value: int = 0
    hit: int = 0
    miss: int = 0

    def pack(self) -> bytes:
        return struct.pack("=HBBI", self.code, self.hit, self.miss, self.value)


class Cookie(NamedTuple):
    """Three secret addresses: the one execve() that is allowed hands over exactly these."""

    path: int
    arguments: int
    environment: int


def build(
    machine: Machine, level: SandboxLevel, *, cookie: Cookie | None, shared_memory: bool
) -> bytes:
    """The filter of a run.

    `cookie`: at `full`, the only way to start a program; None for no way at all.
    `shared_memory`: whether memory that belongs to no process may be had, because a control group
    counts it.
    """
    program = []
    if level is SandboxLevel.FULL:
        program += _look_at(machine, "execve", _only(cookie))
        program += _look_at(machine, "execveat", [Instruction(_RETURN, EPERM)])
    program.append(Instruction(_RETURN, ALLOW))
    return _for_all(machine, level, shared_memory) + _packed(program)


@cache
def _for_all(machine: Machine, level: SandboxLevel, shared_memory: bool) -> bytes:
    """What the filters of all such runs begin with: everything but the cookie."""
    program = [
        *_machine(machine),
        *_refuse_all(denied(machine)),
        *_look_at(machine, "clone3", [Instruction(_RETURN, ENOSYS)]),  # libc falls back to clone
        *_look_at(machine, "clone", _refuse_bits(0, _NAMESPACES)),
        *_look_at(machine, "ioctl", _refuse_values(1, _TERMINAL_TRICKS)),
        *_look_at(machine, "personality", _allow_values(0, (_ASK_PERSONALITY,))),
        *_look_at(machine, "socket", _sockets(level)),
        *_look_at(machine, "socketpair", _allow_values(0, (_UNIX,))),
        *_look_at(machine, "mmap", _mappings(shared_memory)),
    ]
    for name, arguments in ONLY_ON_ITSELF.items():
        program += _look_at(machine, name, _all_of(arguments))
    if not shared_memory:
        program += _look_at(machine, "memfd_create", [Instruction(_RETURN, EPERM)])
    return _packed(program)


def _packed(program: list[Instruction]) -> bytes:
    return b"".join(instruction.pack() for instruction in program)


def _machine(machine: Machine) -> list[Instruction]:
    """Calls of another machine or convention have other numbers: their maker is killed."""
    return [
        Instruction(_LOAD, _ARCH),
        Instruction(_EQUAL, machine.audit, hit=1),
        Instruction(_RETURN, KILL),
        Instruction(_LOAD, _NUMBER),
        Instruction(_AT_LEAST, machine.other_calls_from, miss=1),
        Instruction(_RETURN, KILL),
        Instruction(_GREATER, NEWEST, miss=1),
        Instruction(_RETURN, ENOSYS),
    ]


def _refuse_all(numbers: list[int]) -> list[Instruction]:
    """One comparison each, all with the same end."""
    return [*_bridged(numbers), Instruction(_RETURN, EPERM)]


def _bridged(values: Sequence[int]) -> list[Instruction]:
    """Whoever is one of the values goes on right behind; anybody else skips one more."""
    *others, last = values
    hits = (len(others) - place for place in range(len(others)))
    linked = [Instruction(_EQUAL, value, hit=hit) for value, hit in zip(others, hits, strict=True)]
    return [*linked, Instruction(_EQUAL, last, miss=1)]


def _look_at(machine: Machine, name: str, then: list[Instruction]) -> list[Instruction]:
    """For this call: `then`, which always ends in an answer. Else go on."""
    return [Instruction(_EQUAL, EXAMINED[name][machine.column], miss=len(then)), *then]


def _argument(index: int) -> Instruction:
    """The lower half of an argument: all that the kernel looks at in an int."""
    return Instruction(_LOAD, _ARGUMENTS + 8 * index)


def _refuse_bits(index: int, bits: int) -> list[Instruction]:
    return [
        _argument(index),
        Instruction(_ANY_BIT, bits, miss=1),
        Instruction(_RETURN, EPERM),
        Instruction(_RETURN, ALLOW),
    ]


def _refuse_values(index: int, values: tuple[int, ...]) -> list[Instruction]:
    return [
        _argument(index),
        *_bridged(values),
        Instruction(_RETURN, EPERM),
        Instruction(_RETURN, ALLOW),
    ]


def _allow_values(index: int, values: tuple[int, ...]) -> list[Instruction]:
    return [
        _argument(index),
        *_bridged(values),
        Instruction(_RETURN, ALLOW),
        Instruction(_RETURN, EPERM),
    ]


def _all_of(arguments: tuple[tuple[int, int], ...]) -> list[Instruction]:
    program: list[Instruction] = []
    for place, (index, value) in enumerate(arguments):
        left = len(arguments) - place - 1
        program += [_argument(index), Instruction(_EQUAL, value, miss=2 * left + 1)]
    return [*program, Instruction(_RETURN, ALLOW), Instruction(_RETURN, EPERM)]


def _sockets(level: SandboxLevel) -> list[Instruction]:
    """Full: none. Partial: Unix. Minimal: also the internet, and netlink to ask for routes."""
    if level is SandboxLevel.FULL:
        return [Instruction(_RETURN, EPERM)]
    if level is SandboxLevel.PARTIAL:
        return _allow_values(0, (_UNIX,))
    internet = _allow_values(2, _INTERNET_PROTOCOLS)
    routes = _allow_values(2, (_ROUTE,))
    return [
        _argument(0),
        Instruction(_EQUAL, _UNIX, miss=1),
        Instruction(_RETURN, ALLOW),
        Instruction(_EQUAL, _INET, hit=1),
        Instruction(_EQUAL, _INET6, miss=len(internet)),
        *internet,
        Instruction(_EQUAL, _NETLINK, miss=len(routes)),
        *routes,
        Instruction(_RETURN, EPERM),
    ]


def _mappings(shared_memory: bool) -> list[Instruction]:
    """Huge pages are counted for nobody. Neither are shared pages that were unmapped again."""
    if shared_memory:
        return _refuse_bits(3, _HUGE_PAGES)
    return [
        _argument(3),
        Instruction(_ANY_BIT, _HUGE_PAGES, hit=2),
        Instruction(_AND, _SHARED_ANONYMOUS),
        Instruction(_EQUAL, _SHARED_ANONYMOUS, miss=1),
        Instruction(_RETURN, EPERM),
        Instruction(_RETURN, ALLOW),
    ]


def _only(cookie: Cookie | None) -> list[Instruction]:
    """The call whose three pointers are the cookie's; nobody else knows these numbers."""
    if cookie is None:
        return [Instruction(_RETURN, EPERM)]
    halves = []
    for index, address in enumerate(cookie):
        halves.append((_ARGUMENTS + 8 * index, address & 0xFFFFFFFF))
        halves.append((_ARGUMENTS + 8 * index + 4, address >> 32))
    program: list[Instruction] = []
    for place, (offset, half) in enumerate(halves):
        left = len(halves) - place - 1
        program += [Instruction(_LOAD, offset), Instruction(_EQUAL, half, miss=2 * left + 1)]
    return [*program, Instruction(_RETURN, ALLOW), Instruction(_RETURN, EPERM)]
