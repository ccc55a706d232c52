"""What an attack is. The scripts are real: a plain subprocess lets most of them succeed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FULL, PARTIAL, MINIMAL = "full", "partial", "minimal"
EVERYWHERE = (FULL, PARTIAL, MINIMAL)
CLOSED = (FULL, PARTIAL)

# What Python attacks begin with. `p` are the parameters: where the host's treasures are.
TOOLS = """
import ctypes, os, sys, json, time, signal, socket, struct, errno
C = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    ctypes.set_errno(0)
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return C.syscall(ctypes.c_long(number), *wide), ctypes.get_errno()
def breach(*words):
    print("BR" + "EACH", *words, flush=True)
def attempt(function, *arguments):
    try:
        return function(*arguments)
    except (OSError, ValueError, RuntimeError, EOFError) as error:
        print("no:", type(error).__name__, error)
p = json.load(open(os.environ["OFFHOURS_PARAMS"]))
"""


@dataclass(frozen=True)
class Attack:
    """A script, and how its run may end.

    The host judges: no secret comes out, nothing changes, nobody is touched, nobody survives.
    Where only the script can see it (a system call that answered), it prints BREACH.
    `ends`: the statuses that are fine; empty for any but an error of ours.
    `harmful`: never to be run without a sandbox.
    """

    name: str
    kind: int
    script: str
    language: str = "python"
    levels: tuple[str, ...] = EVERYWHERE
    ends: tuple[str, ...] = ()
    limits: Mapping[str, Any] = field(default_factory=dict)
    harmful: bool = False

    @property
    def text(self) -> str:
        return TOOLS + self.script if self.language == "python" else self.script
