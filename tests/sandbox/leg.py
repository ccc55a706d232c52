"""Plays attacks as whoever runs it; one JSON line each: name, level, status, what was broken.

python leg.py full partial minimal      the suite at these levels
python leg.py plain                     without a sandbox, to show that the attacks are real
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from tests.nightly import NIGHTLY
from tests.sandbox.all_attacks import ATTACKS, SLOW
from tests.sandbox.arena import arena, play, play_plain, survivors

AT_ONCE = 3
ENOUGH = 3  # of a class, to see by day that it is real
ABOUT_WHAT_IS_LEFT = {4, 15}  # what they are aimed at, a plain subprocess has not


class Outcome(NamedTuple):
    name: str
    level: str
    status: str
    broken: list[str]


def suite(level: str) -> Iterator[Outcome]:
    """All attacks of a level, some at once; at the end nobody of theirs may be alive."""
    chosen = [attack for attack in ATTACKS if level in attack.levels_today()]
    with arena() as place, ThreadPoolExecutor(AT_ONCE) as threads:
        results = threads.map(lambda attack: play(attack, level, place), chosen)
        for attack, (result, broken) in zip(chosen, results, strict=True):
            yield Outcome(attack.name, level, str(result.status), broken)
        yield Outcome("survivors", level, "", survivors())


def plain() -> Iterator[Outcome]:
    """The harmless ones of them without a sandbox, one after the other; by day some of a class."""
    succeeded: Counter[int] = Counter()
    with arena() as place:
        for attack in ATTACKS:
            enough = attack.kind in ABOUT_WHAT_IS_LEFT or succeeded[attack.kind] == ENOUGH
            if attack.harmful or attack.name in SLOW or (enough and not NIGHTLY):
                continue
            broken = play_plain(attack, place)
            succeeded[attack.kind] += bool(broken)
            yield Outcome(attack.name, "plain", "", broken)


def main(levels: list[str]) -> None:
    for level in levels:
        for outcome in plain() if level == "plain" else suite(level):
            print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
