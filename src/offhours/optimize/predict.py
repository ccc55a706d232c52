"""What is likely to be done next: learnt from what was done, and kept only if that helps."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from offhours.optimize.records import Task

_ORDERS = (3, 2, 1)  # how many tasks back, the longest context first
_HELD_BACK = 0.25
_FEWEST = 40
_DISCOUNT = 1.0  # seen that often, a context counts half


class Judgement(NamedTuple):
    """How a predictor did on history that it had not seen: shares that were right.

    baseline: always saying what is most frequent after the last task's type; chance: the most
    frequent type of all
    """

    right: float
    baseline: float
    chance: float
    tasks: int

    @property
    def helps(self) -> bool:
        """Whether it beats both by more than luck: a standard error."""
        if not self.tasks:
            return False
        spread = math.sqrt(self.right * (1 - self.right) / self.tasks)
        return self.right - spread > max(self.baseline, self.chance)


class NextStep:
    """Predicts the type of the next task of an actor from its last few.

    Contexts of up to three tasks are blended, longer ones counting more the more often they were
    seen; a context may skip a task, so that what came in between does not hide a routine.

    >>> from datetime import datetime
    >>> tasks = [Task(str(n), "abac"[n % 4], "", {}, datetime(2026, 6, 1, 0, n), 1, True)
    ...          for n in range(60)]
    >>> learnt = NextStep.learn(tasks)
    >>> learnt is not None and learnt.predict(["b", "a"])[0][0]
    'c'
    """

    def __init__(self) -> None:
        self._after: dict[tuple[object, ...], Counter[str]] = defaultdict(Counter)
        self.judgement = Judgement(0.0, 0.0, 0.0, 0)

    @classmethod
    def learn(cls, tasks: Sequence[Task]) -> NextStep | None:
        """Learn from tasks in order of time; None unless it beats the baseline on the last quarter.

        What is returned has learnt from all of them.
        """
        if len(tasks) < _FEWEST:
            return None
        lines = _lines(tasks)
        earlier = _lines(tasks[: int((1 - _HELD_BACK) * len(tasks))])
        judgement = _judge(_learnt(cls, earlier), earlier, lines)
        if not judgement.helps:
            return None
        whole = _learnt(cls, lines)
        whole.judgement = judgement
        return whole

    def add(self, line: Sequence[str]) -> None:
        """Learn from the types of one actor's tasks, in order."""
        for n, kind in enumerate(line):
            self._add_one(line[max(0, n - 4) : n], kind)

    def _add_one(self, before: Sequence[str], kind: str) -> None:
        for context in _contexts(before):
            self._after[context][kind] += 1

    def predict(self, before: Sequence[str], most: int = 3) -> list[tuple[str, float]]:
        """The likeliest types after these, with how likely each is (0 to 1)."""
        blend: dict[str, float] = defaultdict(float)
        rest = 1.0
        for context in _contexts(before[-4:]):
            seen = self._after.get(context)
            if not seen:
                continue
            total = sum(seen.values())
            weight = rest * total / (total + _DISCOUNT * len(seen))
            for kind, times in seen.items():
                blend[kind] += weight * times / total
            rest -= weight
        return sorted(blend.items(), key=lambda item: (-item[1], item[0]))[:most]


def _contexts(before: Sequence[str]) -> list[tuple[object, ...]]:
    """The contexts of a place, the most telling first."""
    found: list[tuple[object, ...]] = []
    for order in _ORDERS:
        if len(before) >= order:
            found.append((order, *before[-order:]))
        if order == 2 and len(before) >= 3:
            found.append(("skip", before[-3], before[-2]))
    return [*found, ()]


def _lines(tasks: Sequence[Task]) -> dict[str, list[str]]:
    lines: dict[str, list[str]] = defaultdict(list)
    for task in tasks:
        lines[task.actor].append(task.task_type)
    return lines


def _learnt(kind: type[NextStep], lines: dict[str, list[str]]) -> NextStep:
    made = kind()
    for line in lines.values():
        made.add(line)
    return made


def _judge(
    learnt: NextStep, earlier: dict[str, list[str]], lines: dict[str, list[str]]
) -> Judgement:
    overall = learnt._after[()]
    [(common, _)] = overall.most_common(1)
    right = baseline = chance = count = 0
    for actor, line in lines.items():
        for n in range(len(earlier.get(actor, ())), len(line)):
            before, kind = line[max(0, n - 4) : n], line[n]
            guess = learnt.predict(before, 1)
            last = learnt._after.get((1, line[n - 1])) if n else None
            count += 1
            right += bool(guess) and guess[0][0] == kind
            baseline += (last.most_common(1)[0][0] if last else common) == kind
            chance += common == kind
    return Judgement(right / count, baseline / count, chance / count, count)
