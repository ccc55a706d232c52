"""Worker processes to be killed, stopped and woken; the ledger is told of each deed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from offhours.demo.ledger import Pen

PATIENCE = 10.0


class Member:
    """One process, in a process group of its own."""

    def __init__(self, command: Sequence[str], pen: Pen, log: Path) -> None:
        self._pen = pen
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=file, stderr=file, process_group=0
            )
        self.pid = self._process.pid
        self.started = time.monotonic()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone.

        It is made to stand still just before: what it did last lies before that moment, and who
        takes over its job must come after it. Else the two could not be told apart.
        """
        self._freeze()
        self._pen.write("killing", pid=self.pid)
        self._send(signal.SIGKILL)
        self._process.wait()
        self._pen.write("reaped", pid=self.pid)
        self._close()

    def stop(self) -> None:
        """SIGSTOP, and wait until it stands still."""
        self._pen.write("stopping", pid=self.pid)
        self._freeze()
        self._pen.write("stopped", pid=self.pid)

    def wake(self) -> None:
        """SIGCONT."""
        self._pen.write("waking", pid=self.pid)
        self._send(signal.SIGCONT)

    def ask_to_end(self) -> None:
        """SIGTERM, as an administrator would."""
        self._send(signal.SIGTERM)

    def ended(self, seconds: float) -> bool:
        """Whether it ends in good order within this time; else it is killed."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        self._close()
        return code == 0

    @property
    def fallen(self) -> bool:
        """Whether it has ended though nobody asked it to."""
        return self._process.poll() is not None

    def disowned(self) -> None:
        """Note that the store has given its jobs to others."""
        self._pen.write("disowned", pid=self.pid)

    def _freeze(self) -> None:
        self._send(signal.SIGSTOP)
        with suppress(ChildProcessError):  # it has ended by itself and was waited for
            os.waitpid(self.pid, os.WUNTRACED)

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def _close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()


class Fleet:
    """As many processes as were asked for, oldest first. Leaving the block kills what is left."""

    def __init__(self, size: int, store: Path, pen: Pen) -> None:
        self._command = [sys.executable, "-m", "offhours.demo.killable", str(store)]
        self._pen = pen
        self._log = store.with_name("workers.log")
        self.members = [self._another() for _ in range(size)]
        self.kills = 0

    @property
    def fallen(self) -> int:
        """How many have ended though nobody asked them to."""
        return sum(member.fallen for member in self.members)

    def _another(self) -> Member:
        return Member(self._command, self._pen, self._log)

    def replace(self, member: Member) -> None:
        """Kill one and start another at once."""
        member.kill()
        self.kills += 1
        self.members.remove(member)
        self.members.append(self._another())

    def end(self) -> int:
        """Let all finish; how many did so in good order."""
        for member in self.members:
            member.ask_to_end()
        deadline, orderly = time.monotonic() + PATIENCE, 0
        while self.members:
            orderly += self.members[0].ended(max(0.0, deadline - time.monotonic()))
            del self.members[0]
        return orderly

    def last_words(self) -> str:
        """What the processes said last."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line for line in reversed(lines) if line), "nothing")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        while self.members:
            self.members.pop().kill()
