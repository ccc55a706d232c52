"""Run as a script by the tests: one deed in one thread, which says "bye" if it comes to its end.

deeds.py [STRACE ... --] DEED, which is done under strace if its command is given; the deeds are

submit DB LEDGER DURABILITY NUMBER  submit; write down each number that was acknowledged
tick DB                             fire and run what is due
prune DB                            delete what is finished
upgrade DB                          bring the schema to versions that are still to come
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.next_schemas import known

from offhours import Offhours
from offhours.engine.pruner import Pruner


def submit(database: str, ledger: str, durability: str, number: str) -> None:
    app = Offhours(database, durability=durability)
    file = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for n in range(int(number)):
        os.write(file, f"{app.submit_by_name('work', args=(n,)).id}\n".encode())
    app.close()


def tick(database: str) -> None:
    app = Offhours(database, executor="inline", threads=1)
    app.task(name="tick", retries=0)(lambda: None)
    app.drain()
    app.close()


def prune(database: str) -> None:
    app = Offhours(database)
    pruner = Pruner(app.store, age=0, keep=0)
    for _ in range(4):
        pruner.tick(app.clock.micros())
    app.close()


def upgrade(database: str) -> None:
    with known():
        Offhours(database).close()


def go_on_under(strace: list[str]) -> None:
    """In a child. What we have imported until here would take several times as long under it."""
    child = os.fork()
    if child:
        os.execvp(strace[0], [*strace, "-p", str(child)])
    while "TracerPid:\t0\n" in Path("/proc/self/status").read_text():
        pass


if __name__ == "__main__":
    words = sys.argv[1:]
    if "--" in words:
        go_on_under(words[: words.index("--")])
        words = words[words.index("--") + 1 :]
    deed = {"submit": submit, "tick": tick, "prune": prune, "upgrade": upgrade}[words[0]]
    deed(*words[1:])
    os.write(1, b"bye\n")
