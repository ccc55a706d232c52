"""Logs of tasks with routines planted in them, and what a miner ought to find.

Each routine has steps whose parameters follow from the run: the same each time, copied from an
earlier step, with something before or after it, the day of the run, a number that counts, or free.
Around them are tasks of the same types with parameters of their own, steps that are missing or
swapped, and runs of two routines at once.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

from offhours.optimize import Task

FIRST = datetime(2026, 3, 2, 8, tzinfo=UTC)
KEYS = ("path", "name", "target", "value", "ref", "mode")
WORDS = ("alpha", "bravo", "delta", "echo", "lima", "kilo", "oscar", "papa", "quebec", "romeo")
FREE = "free"


class Tier(NamedTuple):
    """How hard a log is. Shares are of tasks (`share`), of steps (`gaps`), of runs (the others)."""

    routines: int = 8
    share: float = 0.35
    gaps: float = 0.10
    broken: float = 0.08
    interleaved: float = 0.05
    types: int = 40
    actors: int = 6
    named: bool = True


DEFAULT = Tier()
HARD = Tier(routines=30, share=0.25, gaps=0.30, broken=0.25, interleaved=0.15, types=60, actors=8)
HARD_UNNAMED = HARD._replace(named=False)


@dataclass
class Planted:
    """A routine: the types of its steps, and how each parameter of each step comes about."""

    steps: tuple[str, ...]
    rules: list[dict[str, tuple[str, Any]]]
    counters: dict[tuple[int, str], Iterator[int]] = field(default_factory=dict)

    def run(self, at: datetime, rng: random.Random) -> list[tuple[str, dict[str, Any]]]:
        made: list[tuple[str, dict[str, Any]]] = []
        for n, (kind, rules) in enumerate(zip(self.steps, self.rules, strict=True)):
            values = {}
            for key, (rule, detail) in rules.items():
                values[key] = self._value(rule, detail, (n, key), made, at, rng)
            made.append((kind, values))
        return made

    def _value(
        self,
        rule: str,
        detail: Any,
        place: tuple[int, str],
        made: Sequence[tuple[str, dict[str, Any]]],
        at: datetime,
        rng: random.Random,
    ) -> Any:
        match rule:
            case "constant":
                return detail
            case "copy":
                step, key = detail
                return made[step][1][key]
            case "around":
                step, key, before, after = detail
                return f"{before}{made[step][1][key]}{after}"
            case "date":
                form, before, after = detail
                return f"{before}{at.strftime(form)}{after}"
            case "counter":
                return next(self.counters[place])
            case _:
                return free_value(rng, detail)


class Truth(NamedTuple):
    """One run as it was planted: of which routine, which tasks in order, and whether unbroken."""

    routine: int
    tasks: tuple[int, ...]
    whole: bool


class Log(NamedTuple):
    """A log and what was planted in it."""

    tasks: list[Task]
    routines: list[Planted]
    runs: list[Truth]


def free_value(rng: random.Random, form: str) -> Any:
    word = rng.choice(WORDS)
    match form:
        case "file":
            return f"/data/{word}/{_letters(rng)}_{rng.randrange(1000)}.csv"
        case "id":
            return f"{word[:2].upper()}-{rng.randrange(10_000, 99_999)}"
        case "number":
            return rng.randrange(100_000)
        case _:
            return f"{_letters(rng)} {word}"


def _letters(rng: random.Random) -> str:
    return "".join(rng.choices(string.ascii_lowercase, k=6))


FORMS = ("file", "id", "text", "number")
DATES = (("%Y-%m-%d", "", ""), ("%Y%m%d", "backup_", ".tar"), ("%d.%m.%Y", "", ""))


def plant_routines(tier: Tier, rng: random.Random) -> list[Planted]:
    kinds = [f"{rng.choice(WORDS)}_{n}" for n in range(tier.types)]
    found: list[Planted] = []
    seen: set[tuple[str, ...]] = set()
    while len(found) < tier.routines:
        steps = tuple(rng.sample(kinds, rng.randint(2, 7)))
        if steps[:2] not in seen and not any(_within(steps, other.steps) for other in found):
            seen.add(steps[:2])
            found.append(plant_rules(steps, rng))
    return found


def _within(one: Sequence[str], other: Sequence[str]) -> bool:
    short, long = sorted((one, other), key=len)
    rest = iter(long)
    return all(step in rest for step in short)


def plant_rules(steps: tuple[str, ...], rng: random.Random) -> Planted:
    planted = Planted(steps, [])
    earlier: list[tuple[int, str]] = []
    for n in range(len(steps)):
        rules: dict[str, tuple[str, Any]] = {}
        for key in rng.sample(KEYS, rng.randint(1, 3)):
            rules[key] = plant_rule(planted, n, key, earlier, rng)
        planted.rules.append(rules)
        earlier += [(n, key) for key, (rule, _) in rules.items() if rule != "constant"]
    return planted


def plant_rule(
    planted: Planted, n: int, key: str, earlier: Sequence[tuple[int, str]], rng: random.Random
) -> tuple[str, Any]:
    earlier = [place for place in earlier if place[0] < n]
    kinds = ["constant", "date", "counter", FREE]
    weights = [0.25, 0.1, 0.08, 0.57] if not earlier else [0.2, 0.08, 0.05, 0.12]
    if earlier:
        kinds += ["copy", "around"]
        weights += [0.35, 0.2]
    match rng.choices(kinds, weights)[0]:
        case "constant":
            return "constant", rng.choice([rng.choice(WORDS), rng.randrange(9), True, "/srv/out"])
        case "date":
            return "date", rng.choice(DATES)
        case "counter":
            planted.counters[n, key] = count(rng.randrange(1000), 1)
            return "counter", None
        case "copy":
            return "copy", rng.choice(earlier)
        case "around":
            before, after = rng.choice([("copy of ", ""), ("", ".bak"), ("/archive/", ".gz")])
            return "around", (*rng.choice(earlier), before, after)
        case _:
            return FREE, rng.choice(FORMS)


def plant(tier: Tier, tasks: int, seed: int) -> Log:
    """A log of about so many tasks."""
    rng = random.Random(seed)
    routines = plant_routines(tier, rng)
    kinds = sorted({step for planted in routines for step in planted.steps})
    kinds += [f"noise_{n}" for n in range(max(0, tier.types - len(kinds)))]
    rng.shuffle(kinds)
    weights = [1 / (n + 3) ** 0.5 for n in range(len(kinds))]
    writer = _Writer(tier, kinds, weights, rng)
    mean_length = sum(len(planted.steps) for planted in routines) / len(routines)
    noise_a_run = mean_length * (1 - tier.share) / tier.share
    while len(writer.tasks) < tasks:
        writer.noise_between(noise_a_run)
        number = rng.randrange(len(routines))
        other = rng.randrange(len(routines)) if rng.random() < tier.interleaved else None
        writer.write_runs(routines, [number] if other in (None, number) else [number, other])
    return writer.log(routines)


class _Writer:
    """Writes each actor's tasks in turn; the log is in order of time."""

    def __init__(
        self, tier: Tier, kinds: list[str], weights: list[float], rng: random.Random
    ) -> None:
        self.tier, self.kinds, self.weights, self.rng = tier, kinds, weights, rng
        self.tasks: list[tuple[datetime, str, str, dict[str, Any]]] = []
        self.runs: list[tuple[int, list[int], bool]] = []
        self.clocks = {f"user{n}": FIRST for n in range(tier.actors)}
        self.actor = "user0"

    def noise_between(self, mean: float) -> None:
        self.actor = min(self.clocks, key=self.clocks.__getitem__)
        for _ in range(round(self.rng.expovariate(1 / mean))):
            self.noise()

    def noise(self) -> None:
        [kind] = self.rng.choices(self.kinds, self.weights)
        keys = self.rng.sample(KEYS, self.rng.randint(1, 3))
        self.write(kind, {key: self.noise_value() for key in keys})

    def noise_value(self) -> Any:
        if self.rng.random() < 0.3:
            return self.rng.choice([self.rng.choice(WORDS), self.rng.randrange(9), True])
        return free_value(self.rng, self.rng.choice(FORMS))

    def write(self, kind: str, parameters: dict[str, Any], pause: float = 60) -> int:
        self.clocks[self.actor] += timedelta(seconds=1 + self.rng.expovariate(1 / pause))
        self.tasks.append((self.clocks[self.actor], self.actor, kind, parameters))
        return len(self.tasks) - 1

    def write_runs(self, routines: list[Planted], numbers: list[int]) -> None:
        self.clocks[self.actor] += timedelta(seconds=self.rng.expovariate(1 / 600))
        queues = [self._steps(routines[number]) for number in numbers]
        written: list[list[int]] = [[] for _ in numbers]
        left = [n for n, (steps, _) in enumerate(queues) if steps]
        while left:
            n = self.rng.choice(left)
            steps, _ = queues[n]
            kind, parameters = steps.pop(0)
            if written[n] and self.rng.random() < self.tier.gaps:
                for _ in range(self.rng.randint(1, 2)):
                    self.noise()
            written[n].append(self.write(kind, parameters, 15))
            left = [n for n, (steps, _) in enumerate(queues) if steps]
        for number, places, (_, whole) in zip(numbers, written, queues, strict=True):
            self.runs.append((number, places, whole))

    def _steps(self, planted: Planted) -> tuple[list[tuple[str, dict[str, Any]]], bool]:
        steps = planted.run(self.clocks[self.actor], self.rng)
        if self.rng.random() >= self.tier.broken:
            return steps, True
        spoil: Callable[[], object] = self.rng.choice(
            [
                lambda: steps.pop(self.rng.randrange(len(steps))),
                lambda: steps.__delitem__(slice(self.rng.randrange(1, len(steps)), None)),
                lambda: steps.insert(0, steps.pop(self.rng.randrange(1, len(steps)))),
            ]
        )
        spoil()
        return steps, False

    def log(self, routines: list[Planted]) -> Log:
        order = sorted(range(len(self.tasks)), key=lambda n: self.tasks[n][0])
        place = {old: new for new, old in enumerate(order)}
        tasks = []
        for new, old in enumerate(order):
            at, actor, kind, parameters = self.tasks[old]
            tasks.append(
                Task(
                    f"t{new}", kind, kind, parameters, at, 400.0 + 37 * (new % 11), True,
                    actor=actor if self.tier.named else "",
                )
            )  # fmt: skip
        runs = [Truth(n, tuple(place[each] for each in old), w) for n, old, w in self.runs]
        return Log(tasks, routines, runs)
