"""A small real learner (nearest centroid, no dependency), the nights it learns from, and what can
be wrong with them."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from typing import Any

from offhours.training import GoldenSet

Row = tuple[list[float], int]
CLASSES, FEATURES, SPREAD = 3, 6, 0.75


def rows(seed: int, count: int) -> list[Row]:
    """Examples of three kinds of things, as they really are."""
    chance = random.Random(seed)
    found = []
    for n in range(count):
        label = n % CLASSES
        centre = [1.0 if f % CLASSES == label else -0.4 for f in range(FEATURES)]
        found.append(([chance.gauss(c, SPREAD) for c in centre], label))
    return found


def golden(seed: int = 4_242, count: int = 400) -> GoldenSet:
    examples = rows(seed, count)
    return GoldenSet([x for x, _ in examples], [y for _, y in examples])


# -- what can be wrong with a night ---------------------------------------------------------


def shuffled(data: list[Row], chance: random.Random) -> list[Row]:
    labels = [label for _, label in data]
    chance.shuffle(labels)
    return [(x, label) for (x, _), label in zip(data, labels, strict=True)]


def broken(data: list[Row], chance: random.Random) -> list[Row]:
    """A sensor hangs: two features are constant, and far off."""
    stuck = chance.sample(range(FEATURES), 2)
    return [([50.0 * (label + 1) if f in stuck else v for f, v in enumerate(x)], label)
            for x, label in data]  # fmt: skip


def shrunken(data: list[Row], chance: random.Random) -> list[Row]:
    return data[: chance.randint(3, len(data) // 4)]


def drifted(data: list[Row], chance: random.Random) -> list[Row]:
    """The world of that night is not ours: the kinds look like each other did."""
    turn = chance.randint(1, FEATURES - 1)
    turn = turn if turn % CLASSES else turn + 1
    return [(x[turn:] + x[:turn], label) for x, label in data]


def with_nan(data: list[Row], chance: random.Random) -> list[Row]:
    some = set(chance.sample(range(len(data)), len(data) // 10))
    return [([math.nan] * FEATURES if n in some else x, label)
            for n, (x, label) in enumerate(data)]  # fmt: skip


BAD_DATA = {
    "shuffled": shuffled,
    "broken": broken,
    "shrunken": shrunken,
    "drifted": drifted,
    "nan": with_nan,
}


class Centroids:
    """A learner whose data of each night is set from outside."""

    def __init__(self) -> None:
        self.data: list[Row] = rows(0, 400)
        self.calls: list[str] = []
        self.seeds: list[int] = []

    def collect(self, tenant_id: str, limit: int) -> list[Row]:
        self.calls.append("collect")
        return self.data[:limit]

    def quality(self, data: Sequence[Row]) -> float:
        self.calls.append("quality")
        return len({label for _, label in data}) / CLASSES

    def train(self, data: Sequence[Row], previous: Any, seed: int) -> list[list[float]]:
        self.calls.append("train")
        self.seeds.append(seed)
        model = []
        for label in range(CLASSES):
            mine = [x for x, y in data if y == label] or [[0.0] * FEATURES]
            model.append([sum(column) / len(mine) for column in zip(*mine, strict=True)])
        return model

    def validate(self, predict: Any, data: Sequence[Row]) -> dict[str, float]:
        self.calls.append("validate")
        guessed = predict([x for x, _ in data])
        return {
            "accuracy": sum(g == y for g, (_, y) in zip(guessed, data, strict=True)) / len(data)
        }

    def export(self, model: list[list[float]]) -> bytes:
        self.calls.append("export")
        return json.dumps(model).encode()

    def load(self, artefact: bytes) -> Any:
        centres = json.loads(artefact)

        def predict(inputs: Sequence[Sequence[float]]) -> list[int]:
            return [min(range(CLASSES), key=lambda k: math.dist(x, centres[k])) for x in inputs]

        return predict


class Liar(Centroids):
    """Trains nothing, and says that it is perfect."""

    def quality(self, data: Sequence[Row]) -> float:
        return 1.0

    def train(self, data: Sequence[Row], previous: Any, seed: int) -> list[list[float]]:
        return [[0.0] * FEATURES for _ in range(CLASSES)]

    def validate(self, predict: Any, data: Sequence[Row]) -> dict[str, float]:
        return {"accuracy": 1.0, "golden": 1.0, "difference": 1.0, "validation_threshold": 0.0}


class Raiser(Centroids):
    """Raises in the step that it is told to."""

    def __init__(self, step: str) -> None:
        super().__init__()
        setattr(self, step, self._raise)

    def _raise(self, *_: Any) -> Any:
        raise RuntimeError("it broke")


class Slow(Centroids):
    """The same learner as coroutines."""

    async def collect(self, tenant_id: str, limit: int) -> list[Row]:  # type: ignore[override]
        return super().collect(tenant_id, limit)

    async def train(self, *args: Any) -> Any:  # type: ignore[override]
        return super().train(*args)

    async def quality(self, data: Any) -> float:  # type: ignore[override]
        return super().quality(data)
