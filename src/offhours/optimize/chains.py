"""Finds chains of steps: pairs that come together more often than chance, grown step by step."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from itertools import pairwise
from typing import NamedTuple

from offhours.optimize.pairs import ABSENT, SEED_SCORE, TWO_LOOKS, Pairs, Run, evidence
from offhours.optimize.stream import PAD, Stream

_PAIR_SCORE = 15.0  # before a chain is a routine; less where few pairs were looked at
_STEP_SCORE = 5.0
_OUT_OF_ORDER = 0.3  # of the runs of a chain may be broken by steps that changed places
_PER_LOOK = 1.8  # the strongest of so many pairs grows with their logarithm, by chance alone
_AGAIN = 4  # times the evidence before a type of task is in a routine twice
_STEP_SHARE = 0.25  # of the runs so far that a further step must be in
_SAMPLE = 400
_MOST_STEPS = 80


class Chain(NamedTuple):
    """Steps (numbers of kinds), the runs that have them all, and those that lack some.

    score: the evidence in nats: how much less likely this is by chance
    """

    steps: tuple[int, ...]
    runs: list[Run]
    broken: list[Run]
    score: float


def find_chains(stream: Stream, least: int) -> list[Chain]:
    """All chains with at least `least` runs, the strongest first; their steps are types of task.

    `steps` are indices into `stream.kinds`, one for each type.
    """
    number: dict[str, int] = {}
    for n, kind in enumerate(stream.kinds):
        number.setdefault(kind, n)
    alike: dict[tuple[int, ...], Chain] = {}
    for chain in _Search(stream, least).run():
        steps = tuple(number[stream.kinds[step]] for step in chain.steps)
        known = alike.get(steps, Chain(steps, [], [], 0.0))
        alike[steps] = Chain(
            steps, known.runs + chain.runs, known.broken + chain.broken, known.score + chain.score
        )
    return without_remnants(sorted(alike.values(), key=lambda chain: -chain.score))


def without_remnants(chains: Sequence[Chain]) -> list[Chain]:
    """Without what is left of the broken runs of stronger chains: some of their steps, in the same
    order, or (then there are few) in another one."""
    return [
        chain
        for chain in chains
        if not any(_is_remnant(chain, other) for other in chains if other.score > chain.score)
    ]


def _is_remnant(chain: Chain, other: Chain) -> bool:
    if not set(chain.steps) <= set(other.steps):
        return False
    rest = iter(other.steps)
    in_order = all(step in rest for step in chain.steps)
    most = len(other.runs) + len(other.broken)
    return len(chain.runs) < (most if in_order else _OUT_OF_ORDER * most)


class _Search:
    def __init__(self, stream: Stream, least: int) -> None:
        self.stream = stream
        self.pairs = Pairs(stream, least)
        self.least = self.pairs.least
        self.enough = _PAIR_SCORE
        self.enough_for_step = min(_STEP_SCORE, math.log(len(stream.kinds) + 1) + 1.5)
        self.stamp = 0  # how many chains were taken out so far

    def run(self) -> list[Chain]:
        found: list[Chain] = []
        queue = self.pairs.seeds()
        self.enough = min(_PAIR_SCORE, _PER_LOOK * math.log(self.pairs.looked_at + 1))
        while queue:
            score, stamp, a, b = heappop(queue)
            pairs = self.pairs.of(a, b)
            if stamp != self.stamp or not found:
                score = -self.pairs.score_of(a, b, pairs)
                if -score < SEED_SCORE or len(pairs) < self.least:
                    continue
                if queue and score > queue[0][0] and stamp != self.stamp:
                    heappush(queue, (score, self.stamp, a, b))
                    continue
            chain = self._grow(a, b, pairs, -score)
            if chain is not None:
                found.append(chain)
                self.pairs.take_out(_all_runs(chain))
                self.stamp += 1
                heappush(queue, (score, -1, a, b))  # another routine may begin alike
        return found

    # -- growing --------------------------------------------------------------------------------

    def _grow(self, a: int, b: int, pairs: list[Run], score: float) -> Chain | None:
        chain = Chain((a, b), pairs, [], score)
        while True:
            steps, score = self._longer(chain)
            if len(steps) == len(chain.steps):
                break
            chain = self._match(steps, score)  # among whole runs, more may stand out
        if len(chain.steps) == 2:
            chain = self._match(chain.steps, score)
        chain = self._trimmed(chain)
        return chain if self._is_routine(chain) else None

    def _trimmed(self, chain: Chain) -> Chain:
        """Without steps that most runs do well without."""
        while len(chain.steps) > 2:
            lacking = Counter(run.index(ABSENT) for run in chain.broken if run.count(ABSENT) == 1)
            if not lacking:
                break
            [(slot, times)] = lacking.most_common(1)
            if times <= len(chain.runs):
                break
            chain = self._match(chain.steps[:slot] + chain.steps[slot + 1 :], chain.score)
        return chain

    def _longer(self, chain: Chain) -> tuple[tuple[int, ...], float]:
        """The steps of a chain and those that come with them, and the evidence for all."""
        stride = -(-len(chain.runs) // _SAMPLE) or 1
        steps, runs, score = list(chain.steps), chain.runs[::stride], chain.score
        while len(steps) < _MOST_STEPS:
            best = self._best_step(steps, runs)
            if best is None:
                break
            slot, kind, gained, found = best
            score += gained * stride
            steps.insert(slot, kind)
            runs = _extended(runs, slot, found)
        return tuple(steps), score

    def _best_step(
        self, steps: list[int], runs: list[Run]
    ) -> tuple[int, int, float, dict[int, int]] | None:
        """The step that most exceeds chance: where it goes, what, evidence, and its places."""
        seen: Counter[tuple[int, int]] = Counter()
        linked: Counter[tuple[int, int]] = Counter()
        next_to: Counter[tuple[int, int]] = Counter()
        room = [0] * (len(steps) + 1)
        sound = [n for n, run in enumerate(runs) if run.count(ABSENT) <= 0.3 * len(run)]
        for n in sound:
            options = self._options(runs[n], room)
            seen.update(options.keys())
            linked.update(key for key, (_, shares) in options.items() if shares)
            last = max(runs[n])
            next_to.update(key for key, (place, _) in options.items() if place == last + 1)
        known = {self.stream.kinds[kind] for kind in steps}
        best: tuple[float, int, int] | None = None
        for (slot, kind), k in seen.items():
            if k < self.least or k < _STEP_SHARE * len(sound):
                continue
            expected = room[slot] * self.pairs.left[kind] / max(1, self.pairs.total) + 0.1
            by_chance = len(sound) * self.pairs.left[kind] / max(1, self.pairs.total) + 0.1
            near = max(evidence(k, expected), evidence(next_to[slot, kind], by_chance) - TWO_LOOKS)
            gained = near + evidence(linked[slot, kind], 0.05 * expected + 0.1)
            again = self.stream.kinds[kind] in known
            if gained >= self.enough_for_step * (_AGAIN if again else 1) and (
                best is None or gained > best[0]
            ):
                best = gained, slot, kind
        if best is None:
            return None
        gained, slot, kind = best
        found = {}
        for n, run in enumerate(runs):
            place = self._options(run, None).get((slot, kind))
            if place is not None:
                found[n] = place[0]
        return slot, kind, gained, found

    def _options(self, run: Run, room: list[int] | None) -> dict[tuple[int, int], tuple[int, bool]]:
        """What else might belong to a run: (slot, kind) to (place, whether it shares a value)."""
        levels, used, reach = self.stream.levels, self.pairs.used, self.stream.reach
        known = [place for place in run if place != ABSENT]
        slots = [n for n, place in enumerate(run) if place != ABSENT]
        options: dict[tuple[int, int], tuple[int, bool]] = {}
        for place in known:
            for other in self.pairs.links.get(place, ()):
                if not used[other] and other not in run:
                    at = bisect_right(known, other)
                    slot = 0 if at == 0 else slots[at - 1] + 1
                    for seq in levels:
                        options[slot, seq[other]] = other, True
        for at in range(len(known) + 1):
            first = known[at - 1] + 1 if at else max(0, known[0] - reach)
            last = min(known[at], first + 3 * reach) if at < len(known) else first + reach
            slot = slots[at - 1] + 1 if at else 0
            places = range(first, last) if at else range(last - 1, first - 1, -1)
            looked_at = 0
            for other in places:
                if levels[0][other] == PAD:
                    break
                looked_at += 1
                if not used[other]:
                    for seq in levels:
                        options.setdefault((slot, seq[other]), (other, False))
            if room is not None:
                room[slot] += looked_at
        return options

    # -- the runs of a chain ----------------------------------------------------------------------

    def _match(self, steps: tuple[int, ...], score: float) -> Chain:
        runs: list[Run] = []
        broken: list[Run] = []
        taken: set[int] = set()
        spare = 0 if len(steps) < 3 else 1 if len(steps) < 5 else len(steps) // 3
        for head in range(1 + (spare > 0)):
            for place in self.pairs.places[steps[head]]:
                if self.pairs.used[place] or place in taken:
                    continue
                run = [ABSENT] * head + self._follow(place, steps[head:], spare - head, taken)
                absent = run.count(ABSENT)
                if not absent:
                    taken.update(run)
                    runs.append(run)
                elif absent <= spare and (len(run) - absent > 2 or self._is_linked(run)):
                    taken.update(run)
                    broken.append(run)
        return Chain(steps, runs, broken, score)

    def _follow(self, place: int, steps: Sequence[int], spare: int, taken: set[int]) -> Run:
        run, known = [place], [place]
        for n, kind in enumerate(steps[1:]):
            other = self.pairs.next(known[-1], kind, known, taken)
            if n == 0 and other != ABSENT and other not in self.pairs.links.get(place, ()):
                seq = self.stream.levels[self.pairs.level_of[steps[0]]]
                if steps[0] in seq[place + 1 : other]:  # it belongs to a later first step
                    other = ABSENT
            if other == ABSENT:
                spare -= 1
                if spare < 0:
                    return run + [ABSENT] * (len(steps) - len(run))
            else:
                known.append(other)
            run.append(other)
        return run

    def _is_routine(self, chain: Chain) -> bool:
        if len(chain.runs) < self.least or chain.score < self.enough:
            return False
        if len(chain.steps) > 2:
            return True
        a, b = chain.steps
        expected = self.pairs.expected(a, b)
        linked = sum(map(self._is_linked, chain.runs))
        return linked >= max(self.least, 0.3 * len(chain.runs)) or len(chain.runs) > 2.5 * expected

    def _is_linked(self, run: Run) -> bool:
        known = [place for place in run if place != ABSENT]
        return any(b in self.pairs.links.get(a, ()) for a, b in pairwise(known))


def _all_runs(chain: Chain) -> Iterator[Run]:
    yield from chain.runs
    yield from chain.broken


def _extended(runs: list[Run], slot: int, found: dict[int, int]) -> list[Run]:
    """Runs with one more step. While that splits them in two, only those that have it go on."""
    keep_others = len(found) >= 0.5 * len(runs)
    longer = []
    for n, run in enumerate(runs):
        if n in found or keep_others:
            new = run.copy()
            new.insert(slot, found.get(n, ABSENT))
            longer.append(new)
    return longer
