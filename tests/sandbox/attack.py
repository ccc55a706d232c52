"""What an attack is. The scripts are real: a plain subprocess lets most of them succeed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.nightly import NIGHTLY

FULL, PARTIAL, MINIMAL = "full", "partial", "minimal"
EVERYWHERE = (FULL, PARTIAL, MINIMAL)
CLOSED = (FULL, PARTIAL)

# What Python attacks begin with, as far as they name it: imports are most of what an attack costs.
# `p` are the parameters: where the host's treasures are.
TOOLS = {
    **{
        name: f"import {name}"
        for name in ("os", "sys", "time", "signal", "socket", "struct", "errno")
    },
    "p": """
import json, os
p = json.load(open(os.environ["OFFHOURS_PARAMS"]))
""",
    "ctypes C call": """
import ctypes
C = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    ctypes.set_errno(0)
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return C.syscall(ctypes.c_long(number), *wide), ctypes.get_errno()
""",
    "breach": """
def breach(*words):
    print("BR" + "EACH", *words, flush=True)
""",
    "attempt": """
def attempt(function, *arguments):
    try:
        return function(*arguments)
    except (OSError, ValueError, RuntimeError, EOFError) as error:
        print("no:", type(error).__name__, error)
""",
}


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
        if self.language != "python":
            return self.script
        named = set(re.findall(r"\w+", self.script))
        tools = [tool for names, tool in TOOLS.items() if not named.isdisjoint(names.split())]
        return "\n".join([*tools, self.script])

    def levels_today(self) -> tuple[str, ...]:
        """By day the strictest and the weakest; what lies between them, by night."""
        return self.levels if NIGHTLY else tuple(dict.fromkeys((self.levels[0], self.levels[-1])))
