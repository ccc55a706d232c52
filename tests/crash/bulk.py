"""Run as a script: does a verb to all jobs of a queue until it is killed, or has done it.

bulk.py DB VERB POINT NTH       die at the NTH time that POINT is reached ("" : never)
bulk.py DB go_on POINT NTH      go on with what is not finished
"""

from __future__ import annotations

import os
import signal
import sys

from offhours import Offhours
from offhours.bulk import room
from offhours.core import points

STEP = 7


def main() -> None:
    database, verb, point, nth = sys.argv[1:5]
    left = int(nth)

    def bomb(name: str) -> None:
        nonlocal left
        if name == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    room.AT_ONCE = STEP
    app = Offhours(database)
    points.on_reach = bomb
    if verb == "go_on":
        for operation in app.bulk.unfinished():
            app.bulk.go_on(operation.id)
    else:
        with app.acting_as("ann"):
            getattr(app.bulk, verb)(queue="many", reason="by hand")
    app.close()


if __name__ == "__main__":
    main()
