"""Plays attacks as whoever runs it; one JSON line each: name, level, status, what was broken.

python leg.py full partial minimal      the suite at these levels
python leg.py plain                     without a sandbox, to show that the attacks are real
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from tests.sandbox.all_attacks import ATTACKS, SLOW
from tests.sandbox.arena import arena, play, play_plain, survivors

AT_ONCE = 3


class Outcome(NamedTuple):
    name: str
    level: str
    status: str
    broken: list[str]


def suite(level: str) -> Iterator[Outcome]:
    """All attacks of a level, some at once; at the end nobody of theirs may be alive."""
    chosen = [attack for attack in ATTACKS if level in attack.levels]
    with arena() as place, ThreadPoolExecutor(AT_ONCE) as threads:
        results = threads.map(lambda attack: play(attack, level, place), chosen)
        for attack, (result, broken) in zip(chosen, results, strict=True):
            yield Outcome(attack.name, level, str(result.status), broken)
        yield Outcome("survivors", level, "", survivors())


def plain() -> Iterator[Outcome]:
    """The harmless ones of them without a sandbox, one after the other."""
    with arena() as place:
        for attack in ATTACKS:
            if not attack.harmful and attack.name not in SLOW:
                yield Outcome(attack.name, "plain", "", play_plain(attack, place))


def main(levels: list[str]) -> None:
    for level in levels:
        for outcome in plain() if level == "plain" else suite(level):
            print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
