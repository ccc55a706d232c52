"""PrefixSpan on a log: reads sequences of kinds of task as JSON, writes patterns and seconds."""

from __future__ import annotations

import json
import sys
import time

from prefixspan import PrefixSpan


def main() -> None:
    told = json.load(sys.stdin)
    began = time.perf_counter()
    search = PrefixSpan(told["sequences"])
    search.minlen, search.maxlen = 2, 8
    found = search.frequent(told["least"], closed=True)
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "patterns": [steps for _, steps in found]}))


if __name__ == "__main__":
    main()
