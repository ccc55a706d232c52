"""Run as a script by the tests, under strace: submit on a disk that fails once.

failing.py DB NUMBER    tells what was acknowledged, what was refused and why, as JSON
"""

from __future__ import annotations

import json
import sys

from offhours import Offhours
from offhours.core.errors import StoreError


def main() -> None:
    app = Offhours(sys.argv[1], durability="full")
    first = app.store._db._connections[0]
    acknowledged, refused = [], []
    for n in range(int(sys.argv[2])):
        try:
            acknowledged.append(app.submit_by_name("t", args=(n, "x" * 100)).id)
        except StoreError as error:
            refused.append(f"{type(error).__name__}: {error}")
    reopened = app.store._db._connections[0] is not first
    print(json.dumps({"acknowledged": acknowledged, "refused": refused, "reopened": reopened}))
    app.close()


if __name__ == "__main__":
    main()
