"""Pairs of steps that come together more often than chance allows, and what is left of a log."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from heapq import heapify
from itertools import groupby, pairwise

from offhours.optimize.stream import PAD, Stream

ABSENT = -1
SEED_SCORE = 2.0  # nats of evidence before a pair is worth growing
TWO_LOOKS = 1.0  # nats taken off for having looked for a pair in two ways
_FINE_SEED_SCORE = 6.0  # at the finer levels there are many more pairs
_STRETCH = 2_000
_MOST_TRIED = 3_000  # places of a kind from which a pair is looked for
_MOST_COUNTED = 200_000  # tasks among which pairs are counted

Run = list[int]  # a place for each step, ABSENT where the step is missing
Seed = tuple[float, int, int, int]  # score (negative), how many chains it knew of, two kinds


def evidence(seen: float, expected: float) -> float:
    """How much chance is strained by seeing so many, in nats (0 when it is not).

    >>> round(evidence(20, 5), 1), evidence(4, 5)
    (12.7, 0.0)
    """
    if seen <= expected:
        return 0.0
    return seen * math.log(seen / expected) - (seen - expected)


class Pairs:
    """The pairs in a stream, of whose places some are used up as chains are found.

    places: those of each kind; left: how many of them are not used up; total: of all kinds
    looked_at: among how many pairs the seeds were chosen
    """

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
        self.looked_at = 0

    def seeds(self) -> list[Seed]:
        """The pairs that are worth growing, as a heap, the strongest first."""
        seeds: dict[tuple[int, int], float] = {}
        kinds, reach = self.stream.kinds, self.stream.reach
        counted = self._counted()
        gap = array("i", [PAD] * reach)
        inside = bytearray(len(self.used))
        for first, last in counted:
            inside[first:last] = b"\1" * (last - first)
        share = sum(inside) / max(1, len(inside))
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
            least_score = _FINE_SEED_SCORE if number else SEED_SCORE
            self.looked_at = max(self.looked_at, len(near))
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
        queue = [(-score, -1, a, b) for (a, b), score in seeds.items()]
        heapify(queue)
        return queue

    def _counted(self) -> list[tuple[int, int]]:
        """The stretches of a long log among which pairs are counted."""
        size = len(self.used)
        every = -(-size // _MOST_COUNTED) * _STRETCH
        stretch = size if every == _STRETCH else _STRETCH
        return [(n, min(n + stretch, size)) for n in range(0, size, max(every, stretch))]

    def expected(self, a: int, b: int) -> float:
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
        if score < SEED_SCORE:
            return score
        return self._together(next_to, near, linked, min(self.expected(a, b), most))

    def _together(self, next_to: float, near: float, linked: float, expected: float) -> float:
        """The evidence in how often two kinds are near each other, and share a value."""
        place = max(
            evidence(near, expected + 0.1),
            evidence(next_to, expected / self.stream.reach + 0.1) - TWO_LOOKS,
        )
        return place + evidence(linked, 0.05 * expected + 0.1)

    def score_of(self, a: int, b: int, pairs: Sequence[Run]) -> float:
        next_to = sum(1 for i, j in pairs if j == i + 1)
        near = sum(1 for i, j in pairs if j - i <= self.stream.reach)
        linked = sum(1 for i, j in pairs if j in self.links.get(i, ()))
        stride = -(-len(self.places[a]) // _MOST_TRIED) or 1
        return self._score(a, b, next_to * stride, near * stride, linked * stride)

    def of(self, a: int, b: int) -> list[Run]:
        """Each place of `a` with the `b` that belongs to it: one that shares a value, else near."""
        pairs: list[Run] = []
        taken: set[int] = set()
        for place in self._some_places(a):
            if not self.used[place]:
                other = self.next(place, b, (place,), taken)
                if other != ABSENT:
                    taken.add(other)
                    pairs.append([place, other])
        return pairs

    def _some_places(self, kind: int) -> Sequence[int]:
        places = self.places[kind]
        return places[:: -(-len(places) // _MOST_TRIED) or 1]

    def next(self, last: int, kind: int, known: Sequence[int], taken: set[int]) -> int:
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

    def take_out(self, runs: Iterable[Run]) -> None:
        """Use up the places of some runs."""
        for run in runs:
            for place in run:
                if place != ABSENT and not self.used[place]:
                    self.used[place] = 1
                    self.total -= 1
                    for kind in {seq[place] for seq in self.stream.levels}:
                        self.left[kind] -= 1


def _pairs_within(stream: Stream) -> int:
    """How many pairs of tasks are within reach of each other."""
    pairs, reach = 0, stream.reach
    for is_gap, places in groupby(stream.levels[0], key=lambda kind: kind == PAD):
        if not is_gap:
            size = sum(1 for _ in places)
            near = min(reach, size - 1)
            pairs += near * size - near * (near + 1) // 2
    return pairs
