"""Finds chains of steps: pairs that come together more often than chance, grown step by step."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush
from itertools import groupby, pairwise
from typing import NamedTuple

from offhours.optimize.stream import PAD, Stream

ABSENT = -1
_SEED_SCORE = 2.0  # nats of evidence before a pair is worth growing
_PAIR_SCORE = 15.0  # before a chain is a routine; less where few pairs were looked at
_STEP_SCORE = 5.0
_OUT_OF_ORDER = 0.3  # of the runs of a chain may be broken by steps that changed places
_PER_LOOK = 1.8  # the strongest of so many pairs grows with their logarithm, by chance alone
_TWO_LOOKS = 1.0  # nats taken off for having looked for a pair in two ways
_AGAIN = 4  # times the evidence before a type of task is in a routine twice
_STEP_SHARE = 0.25  # of the runs so far that a further step must be in
_SAMPLE = 400
_STRETCH = 2_000
_MOST_TRIED = 3_000  # places of a kind from which a pair is looked for
_FINE_SEED_SCORE = 6.0  # at the finer levels there are many more pairs
_MOST_COUNTED = 200_000  # tasks among which pairs are counted
_MOST_STEPS = 80

Run = list[int]  # a place for each step, ABSENT where the step is missing


class Chain(NamedTuple):
    """Steps (numbers of kinds), the runs that have them all, and those that lack some.

    score: the evidence in nats: how much less likely this is by chance
    """

    steps: tuple[int, ...]
    runs: list[Run]
    broken: list[Run]
    score: float


def evidence(seen: float, expected: float) -> float:
    """How much chance is strained by seeing so many, in nats (0 when it is not).

    >>> round(evidence(20, 5), 1), evidence(4, 5)
    (12.7, 0.0)
    """
    if seen <= expected:
        return 0.0
    return seen * math.log(seen / expected) - (seen - expected)


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
        self.stream, self.links = stream, stream.links
        self.least = max(2, least)
        self.used = bytearray(len(stream.task))
        self.places = [array("i") for _ in stream.kinds]
        self.level_of = [0] * len(stream.kinds)
        known = PAD
        for number, level in enumerate(stream.levels):
            for place, kind in enumerate(level):
                if kind > known:
                    self.places[kind].append(place)
                    self.level_of[kind] = number
            known = max(known, max(level, default=PAD))
        self.left = [len(places) for places in self.places]
        self.total = sum(kind != PAD for kind in stream.levels[0])
        self.density = _pairs_within(stream) / max(1, self.total) ** 2
        self.of_actor = Counter(stream.actor)
        self.by_actor: dict[int, Counter[int]] = {}
        self.enough = _PAIR_SCORE
        self.enough_for_step = min(_STEP_SCORE, math.log(len(stream.kinds) + 1) + 1.5)
        self.stamp = 0  # how many chains were taken out so far

    def run(self) -> list[Chain]:
        found: list[Chain] = []
        queue = self._seeds()
        while queue:
            score, stamp, a, b = heappop(queue)
            pairs = self._pairs(a, b)
            if stamp != self.stamp or not found:
                score = -self._pair_score(a, b, pairs)
                if -score < _SEED_SCORE or len(pairs) < self.least:
                    continue
                if queue and score > queue[0][0] and stamp != self.stamp:
                    heappush(queue, (score, self.stamp, a, b))
                    continue
            chain = self._grow(a, b, pairs, -score)
            if chain is not None:
                found.append(chain)
                self._take_out(chain)
                self.stamp += 1
                heappush(queue, (score, -1, a, b))  # another routine may begin alike
        return found

    # -- pairs ----------------------------------------------------------------------------------

    def _seeds(self) -> list[tuple[float, int, int, int]]:
        seeds: dict[tuple[int, int], float] = {}
        kinds, reach = self.stream.kinds, self.stream.reach
        counted = self._counted()
        gap = array("i", [PAD] * reach)
        inside = bytearray(len(self.used))
        for first, last in counted:
            inside[first:last] = b"\1" * (last - first)
        share = sum(inside) / max(1, len(inside))
        looked_at = 0
        for number, level in enumerate(self.stream.levels):
            seq = array("i")
            for first, last in counted:
                seq += level[first:last] + gap
            next_to = Counter(pairwise(seq))
            near = next_to.copy()
            for distance in range(2, reach + 1):
                near.update(zip(seq, seq[distance:], strict=False))
            linked = Counter(
                (level[place], level[other])
                for place, others in self.links.items()
                if inside[place]
                for other in others
                if place < other
            )
            least_score = _FINE_SEED_SCORE if number else _SEED_SCORE
            looked_at = max(looked_at, len(near))
            often = [pair for pair, times in near.items() if times >= self.least]
            often += [pair for pair, n in linked.items() if n >= self.least > near[pair]]
            for pair in often:
                a, b = pair
                if PAD in pair or kinds[a] == kinds[b]:
                    continue
                score = self._score(
                    a, b, next_to[pair] / share, near[pair] / share, linked[pair] / share
                )
                if score >= max(least_score, seeds.get(pair, 0.0)):
                    seeds[pair] = score
        self.enough = min(_PAIR_SCORE, _PER_LOOK * math.log(looked_at + 1))
        queue = [(-score, -1, a, b) for (a, b), score in seeds.items()]
        heapify(queue)
        return queue

    def _counted(self) -> list[tuple[int, int]]:
        """The stretches of a long log among which pairs are counted."""
        size = len(self.used)
        every = -(-size // _MOST_COUNTED) * _STRETCH
        stretch = size if every == _STRETCH else _STRETCH
        return [(n, min(n + stretch, size)) for n in range(0, size, max(every, stretch))]

    def _expected(self, a: int, b: int) -> float:
        """How often `b` comes within reach after `a` by chance."""
        everywhere = self.left[a] * self.left[b] * self.density
        ones, others = self._actors(a), self._actors(b)
        of_actors = sum(
            times * others[actor] / self.of_actor[actor] for actor, times in ones.items()
        )
        scale = self.density * self.total * self._rest(a) * self._rest(b)
        return max(everywhere, of_actors * scale)

    def _actors(self, kind: int) -> Counter[int]:
        known = self.by_actor.get(kind)
        if known is None:
            actor = self.stream.actor
            known = self.by_actor[kind] = Counter(actor[place] for place in self.places[kind])
        return known

    def _rest(self, kind: int) -> float:
        return self.left[kind] / (sum(self._actors(kind).values()) or 1)

    def _score(self, a: int, b: int, next_to: float, near: float, linked: float) -> float:
        most = 0.9 * min(self.left[a], self.left[b])
        expected = min(self.left[a] * self.left[b] * self.density, most)
        score = self._together(next_to, near, linked, expected)
        if score < _SEED_SCORE:
            return score
        return self._together(next_to, near, linked, min(self._expected(a, b), most))

    def _together(self, next_to: float, near: float, linked: float, expected: float) -> float:
        """The evidence in how often two kinds are near each other, and share a value."""
        place = max(
            evidence(near, expected + 0.1),
            evidence(next_to, expected / self.stream.reach + 0.1) - _TWO_LOOKS,
        )
        return place + evidence(linked, 0.05 * expected + 0.1)

    def _pair_score(self, a: int, b: int, pairs: Sequence[Run]) -> float:
        next_to = sum(1 for i, j in pairs if j == i + 1)
        near = sum(1 for i, j in pairs if j - i <= self.stream.reach)
        linked = sum(1 for i, j in pairs if j in self.links.get(i, ()))
        stride = -(-len(self.places[a]) // _MOST_TRIED) or 1
        return self._score(a, b, next_to * stride, near * stride, linked * stride)

    def _pairs(self, a: int, b: int) -> list[Run]:
        """Each place of `a` with the `b` that belongs to it: one that shares a value, else near."""
        pairs: list[Run] = []
        taken: set[int] = set()
        for place in self._some_places(a):
            if not self.used[place]:
                other = self._next(place, b, (place,), taken)
                if other != ABSENT:
                    taken.add(other)
                    pairs.append([place, other])
        return pairs

    def _some_places(self, kind: int) -> Sequence[int]:
        places = self.places[kind]
        return places[:: -(-len(places) // _MOST_TRIED) or 1]

    def _next(self, last: int, kind: int, known: Sequence[int], taken: set[int]) -> int:
        """The place of the next step after `last`, or ABSENT."""
        seq, used = self.stream.levels[self.level_of[kind]], self.used
        for place in known:
            for other in self.links.get(place, ()):
                if other > last and seq[other] == kind and not used[other] and other not in taken:
                    return other
        first = last + 1
        window = seq[first : first + self.stream.reach]  # gaps are as wide: it ends at one
        if kind in window:
            for other, found in enumerate(window, first):
                if found == kind and not used[other] and other not in taken:
                    return other
        return ABSENT

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
            expected = room[slot] * self.left[kind] / max(1, self.total) + 0.1
            by_chance = len(sound) * self.left[kind] / max(1, self.total) + 0.1
            near = max(evidence(k, expected), evidence(next_to[slot, kind], by_chance) - _TWO_LOOKS)
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
        levels, used, reach = self.stream.levels, self.used, self.stream.reach
        known = [place for place in run if place != ABSENT]
        slots = [n for n, place in enumerate(run) if place != ABSENT]
        options: dict[tuple[int, int], tuple[int, bool]] = {}
        for place in known:
            for other in self.links.get(place, ()):
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
            for place in self.places[steps[head]]:
                if self.used[place] or place in taken:
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
            other = self._next(known[-1], kind, known, taken)
            if n == 0 and other != ABSENT and other not in self.links.get(place, ()):
                seq = self.stream.levels[self.level_of[steps[0]]]
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
        expected = self._expected(a, b)
        linked = sum(map(self._is_linked, chain.runs))
        return linked >= max(self.least, 0.3 * len(chain.runs)) or len(chain.runs) > 2.5 * expected

    def _is_linked(self, run: Run) -> bool:
        known = [place for place in run if place != ABSENT]
        return any(b in self.links.get(a, ()) for a, b in pairwise(known))

    def _take_out(self, chain: Chain) -> None:
        for run in _all_runs(chain):
            for place in run:
                if place != ABSENT and not self.used[place]:
                    self.used[place] = 1
                    self.total -= 1
                    for kind in {seq[place] for seq in self.stream.levels}:
                        self.left[kind] -= 1


def _all_runs(chain: Chain) -> Iterator[Run]:
    yield from chain.runs
    yield from chain.broken


def _pairs_within(stream: Stream) -> int:
    """How many pairs of tasks are within reach of each other."""
    pairs, reach = 0, stream.reach
    for is_gap, places in groupby(stream.levels[0], key=lambda kind: kind == PAD):
        if not is_gap:
            size = sum(1 for _ in places)
            near = min(reach, size - 1)
            pairs += near * size - near * (near + 1) // 2
    return pairs


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
