"""The rules for files, ports and signals that a script takes on itself before it begins."""

from __future__ import annotations

import struct

from offhours.core.sandbox import SandboxLevel
from offhours.sandbox.stage0 import BOX

EXECUTE, WRITE, READ, LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHARACTER_DEVICE, _MAKE_BLOCK_DEVICE = 1 << 6, 1 << 11
_DEVICE_COMMANDS = 1 << 15
_FILES_SINCE = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: _DEVICE_COMMANDS}  # by ABI
_NETWORK_SINCE, _BIND_AND_CONNECT = 4, 3
_SCOPES_SINCE, ABSTRACT_SOCKETS_AND_SIGNALS = 6, 3

_DEVICES = {
    "null": READ | WRITE,
    "full": READ | WRITE,
    "zero": READ,
    "random": READ,
    "urandom": READ,
}


def rules(
    abi: int, level: SandboxLevel, programs: tuple[str, ...] = ()
) -> tuple[bytes, list[tuple[str, int]]]:
    """The ruleset's attributes and what is allowed below which path; no attributes without ABI.

    `programs`: files that may be started at `full` too, which is how Bash itself comes to run.
    """
    if abi == 0:
        return b"", []
    files = 0
    for since, rights in _FILES_SINCE.items():
        files |= rights if abi >= since else 0
    own = files & ~(_MAKE_CHARACTER_DEVICE | _MAKE_BLOCK_DEVICE | _DEVICE_COMMANDS)
    system = READ | LIST
    if level is SandboxLevel.FULL:
        own &= ~EXECUTE
    else:
        system |= EXECUTE
    paths = [("/", system), (BOX, own), ("/dev/shm", own & ~EXECUTE)]
    paths += [(f"/dev/{device}", rights) for device, rights in _DEVICES.items()]
    if level is SandboxLevel.FULL:
        paths += [(program, EXECUTE | READ) for program in programs]
    return _attributes(abi, level, files), paths


def _attributes(abi: int, level: SandboxLevel, files: int) -> bytes:
    """`struct landlock_ruleset_attr`, as long as this kernel knows it."""
    fields = [files]
    if abi >= _NETWORK_SINCE:
        fields.append(0 if level is SandboxLevel.MINIMAL else _BIND_AND_CONNECT)
    if abi >= _SCOPES_SINCE:
        fields.append(ABSTRACT_SOCKETS_AND_SIGNALS)
    return struct.pack(f"={len(fields)}Q", *fields)
