"""A log of tasks as numbers: each actor's kinds of task in order, and which tasks share a value."""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from offhours.optimize.records import Task

REACH = 4  # how many tasks of the same actor a step looks ahead for the next one
UNNAMED = 10
PAD = -1
_LINK_REACH = 12
_BY_CHANCE = 0.02  # a value that is met so often within reach says nothing
_MOST_REMEMBERED = 150_000
_OFTEN = 0.005  # the share of its type's tasks in which a value is no accident
_SAMPLE = 50_000
_USUAL = 0.4  # the share of pauses that are shorter than a usual one
_MUCH_LONGER = 30.0
_PLAIN = frozenset({str, int, bool, float, type(None)})
_WORD = re.compile(r"[^\W_]{3,}")


class Stream(NamedTuple):
    """The tasks, actor after actor, with a gap between two actors.

    kinds: the type of task that each number stands for
    levels: the number of the kind at each place, or `PAD`: by type, by type and the names of its
        parameters, and by those and the values that come again and again. What is rare at a level
        has the number of the level before
    task: which task stands at each place
    actor: the number of the actor at each place
    links: places that share a rare value with this one, near it
    reach: how far a step looks for the next one
    """

    kinds: list[str]
    levels: list[array[int]]
    task: array[int]
    actor: array[int]
    links: dict[int, tuple[int, ...]]
    reach: int


def stream_of(tasks: Sequence[Task], least: int, reach: int | None = None) -> Stream:
    """The stream of a log that is in order of time; what is there less often than `least` is rare.

    reach: how many tasks ahead a step is looked for; by default as the log needs it
    """
    actors: dict[str, array[int]] = defaultdict(lambda: array("i"))
    for index, task in enumerate(tasks):
        actors[task.actor].append(index)
    if reach is None:
        reach = REACH if len(actors) > 1 else UNNAMED
    order, actor = array("i"), array("i")
    gap = array("i", [PAD] * reach)
    longest = _longest_pause(tasks, actors.values())
    for number, indices in enumerate(actors.values()):
        for session in _sessions(tasks, indices, longest):
            order += session + gap
            actor += array("i", [number]) * (len(session) + reach)
    kinds: list[str] = []
    levels: list[array[int]] = []
    kind_of: array[int] | None = None
    for keys in (
        (task.task_type for task in tasks),
        ((task.task_type, *task.parameters) for task in tasks),
        _with_constants(tasks),
    ):
        kind_of = _number(keys, tasks, kinds, kind_of, least)
        levels.append(array("i", [PAD if index == PAD else kind_of[index] for index in order]))
    links = _links(tasks, order, _LINK_REACH * (1 if len(actors) > 1 else 3))
    return Stream(kinds, levels, order, actor, links, reach)


def _longest_pause(tasks: Sequence[Task], actors: Iterable[array[int]]) -> float:
    """The seconds after which an actor has begun something else."""
    pauses: list[float] = []
    for indices in actors:
        few = indices[:_SAMPLE]
        pauses += [_pause(tasks[a], tasks[b]) for a, b in pairwise(few)]
    pauses.sort()
    return _MUCH_LONGER * pauses[int(_USUAL * len(pauses))] if pauses else 0.0


def _sessions(tasks: Sequence[Task], indices: array[int], longest: float) -> Iterator[array[int]]:
    """The tasks of an actor from one long pause to the next."""
    first = 0
    if longest > 0:
        for n, (a, b) in enumerate(pairwise(indices), 1):
            if _pause(tasks[a], tasks[b]) > longest:
                yield indices[first:n]
                first = n
    yield indices[first:]


def _pause(one: Task, other: Task) -> float:
    return (other.timestamp - one.timestamp).total_seconds()


def _number(
    keys: Iterable[Hashable],
    tasks: Sequence[Task],
    kinds: list[str],
    coarser: array[int] | None,
    least: int,
) -> array[int]:
    """Each key as a number; `kinds` gets the type of task that it stands for."""
    numbers: dict[Hashable, int] = {}
    found = array("i", [numbers.setdefault(key, len(numbers)) for key in keys])
    if coarser is None:
        kinds += numbers  # type: ignore[arg-type]  # these keys are the types
        return found
    times = Counter(found)
    final: dict[int, int] = {}
    for place, number in enumerate(found):
        if times[number] < least:
            found[place] = coarser[place]
            continue
        if number not in final:
            final[number] = len(kinds)
            kinds.append(tasks[place].task_type)
        found[place] = final[number]
    return found


def _with_constants(tasks: Sequence[Task]) -> Iterator[Hashable]:
    """The type of each task with its parameters' names, and those values that come again often."""
    often = _frequent_values(tasks)
    for task in tasks:
        places = [(task.task_type, *item) for item in _plain_items(task)]
        yield (task.task_type, *task.parameters, *[place for place in places if place in often])


def _frequent_values(tasks: Sequence[Task]) -> set[tuple[str, str, Hashable]]:
    sample = tasks[:: -(-len(tasks) // _SAMPLE) or 1]
    of_type = Counter(task.task_type for task in sample)
    seen = Counter((task.task_type, *item) for task in sample for item in _plain_items(task))
    return {place for place, times in seen.items() if times >= max(3, _OFTEN * of_type[place[0]])}


def _plain_items(task: Task) -> Iterator[tuple[str, Hashable]]:
    for key, value in task.parameters.items():
        if type(value) in _PLAIN:
            yield key, (value, type(value) is bool)  # True is not 1


def _links(tasks: Sequence[Task], order: Sequence[int], reach: int) -> dict[int, tuple[int, ...]]:
    repeats = _repeats(tasks)
    most = max(2, int(_BY_CHANCE * len(tasks) / reach))
    last: dict[str, int] = {}
    links: dict[int, tuple[int, ...]] = {}
    for place, index in enumerate(order):
        if index == PAD or len(last) > _MOST_REMEMBERED:
            last.clear()
        if index == PAD:
            continue
        for word in _words(tasks[index].parameters.values()):
            if 0 < repeats.get(word, 0) <= most:
                before = last.get(word)
                if before is not None and place - before <= reach:
                    known = links.get(before, ())
                    if place not in known:
                        links[before] = (*known, place)
                        links[place] = (*links.get(place, ()), before)
                last[word] = place
    return links


def _repeats(tasks: Sequence[Task]) -> dict[str, int]:
    """How often a word came again; what came once, and long ago, is forgotten."""
    seen: set[str] = set()
    older: set[str] = set()
    repeats: dict[str, int] = {}
    for task in tasks:
        for word in _words(task.parameters.values()):
            if word in seen or word in older:
                repeats[word] = repeats.get(word, 0) + 1
            seen.add(word)
        if len(seen) > _MOST_REMEMBERED:
            seen, older = set(), seen
    return repeats


def _words(values: Iterable[Any]) -> Iterator[str]:
    """What in these values may tell that two tasks are about the same thing."""
    found: set[str] = set()
    for value in values:
        kind = type(value)
        if kind is str:
            found.update(_WORD.findall(value[:512]))
        elif kind is int:
            if value > 99:
                found.add(str(value))
        elif kind is list or kind is tuple:
            found.update(_words(value[:16]))
        elif kind is dict:
            found.update(_words(value.values()))
    return iter(found)
