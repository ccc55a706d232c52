"""The golden set: examples that never change, on which every model is judged alike."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

from offhours.core.errors import ConfigError, InputError
from offhours.core.payload import to_plain
from offhours.training.learner import Predict

Score = Callable[[Any, Any], float]
"""How good an output is for what was expected, from 0 to 1."""


def exact(output: Any, expected: Any) -> float:
    """1 when they are equal, else 0."""
    return 1.0 if bool(output == expected) else 0.0


class GoldenSet:
    """Inputs with what is expected of a model for each.

    inputs: handed to the model all at once
    expected: one for each input
    score: `score(output, expected)` for one of them, from 0 to 1; equality by default

    Its content is frozen with the model's first cycle: another one is refused until somebody says
    `freeze`. Empty, uneven, or of what cannot be read, it raises one `ConfigError`.

    >>> golden = GoldenSet([1, 2, 3], ["odd", "even", "odd"])
    >>> golden.scores(lambda inputs: ["odd" for _ in inputs])
    [1.0, 0.0, 1.0]
    """

    def __init__(self, inputs: Any, expected: Sequence[Any], score: Score = exact) -> None:
        faults = []
        if len(inputs) != len(expected):
            faults.append(f"golden: {len(inputs):,} inputs, and {len(expected):,} expected outputs")
        if len(expected) == 0:
            faults.append("golden: expected some examples, got none")
        if not callable(score):
            faults.append(f"golden: score is no function: {score!r}")
        if faults:
            raise ConfigError(faults)
        self.inputs = inputs
        self.expected = expected
        self._score = score
        self.digest = _digest(inputs, expected)

    def __len__(self) -> int:
        return len(self.expected)

    def scores(self, predict: Predict) -> list[float]:
        """The score of each example. Not as many outputs as inputs is an `InputError`."""
        outputs = predict(self.inputs)
        if len(outputs) != len(self):
            raise InputError(
                f"the model gave {len(outputs):,} outputs for {len(self):,} golden inputs"
            )
        return [
            _share(self._score(output, expected))
            for output, expected in zip(outputs, self.expected, strict=True)
        ]

    def is_unchanged(self) -> bool:
        """Whether the content is still what it was when this was made."""
        return _digest(self.inputs, self.expected) == self.digest


def _share(score: Any) -> float:
    number = float(score)
    return number if math.isnan(number) else min(1.0, max(0.0, number))


def _digest(*parts: Any) -> str:
    found = blake2b(digest_size=16)
    for part in parts:
        found.update(_bytes(part))
        found.update(b"\x1f")
    return found.hexdigest()


def _bytes(part: Any) -> bytes:
    """What an array or plain data consists of."""
    if hasattr(part, "tobytes") and hasattr(part, "dtype") and part.dtype != object:
        return f"{part.dtype} {part.shape} ".encode() + bytes(part.tobytes())
    try:
        return json.dumps(to_plain(part, "golden"), sort_keys=True).encode()
    except (InputError, TypeError, ValueError) as error:
        raise ConfigError([f"golden: expected arrays or plain data: {error}"]) from error
