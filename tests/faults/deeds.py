"""Run as a script by the tests: one deed in one thread, which says "bye" if it comes to its end.

deeds.py submit DB LEDGER DURABILITY NUMBER   submit; write down each number that was acknowledged
deeds.py tick DB                              fire and run what is due
deeds.py prune DB                             delete what is finished
deeds.py upgrade DB                           bring the schema to versions that are still to come
"""

from __future__ import annotations

import os
import sys

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


if __name__ == "__main__":
    {"submit": submit, "tick": tick, "prune": prune, "upgrade": upgrade}[sys.argv[1]](*sys.argv[2:])
    os.write(1, b"bye\n")
