"""An app in memory, an embedder that knows a few meanings, and a small model on disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from offhours.testing import MemoryApp, memory_app

MEANINGS = (("backup", "save", "copy", "records"), ("mail", "letter", "send"), ("log", "trace"))


class Known:
    """Texts about the same thing are near each other."""

    name = "known"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked += texts
        return [
            [0.1, *(float(sum(word in text.lower() for word in words)) for words in MEANINGS)]
            for text in texts
        ]


@pytest.fixture
def app() -> MemoryApp:
    return memory_app(timezone="UTC")


@pytest.fixture
def known() -> Known:
    return Known()


@pytest.fixture
def model(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A model of two layers with weights from a dice, in the files of a real one."""
    rng, width, wide = np.random.default_rng(7), 16, 40
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "save", "the", "data", "##base", "##s", ",", "."]
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(words), width),
        "embeddings.position_embeddings.weight": (256, width),
        "embeddings.token_type_embeddings.weight": (2, width),
        "embeddings.LayerNorm.weight": (width,),
        "embeddings.LayerNorm.bias": (width,),
    }
    for layer in range(2):
        place = f"encoder.layer.{layer}."
        for name, shape in {
            "attention.self.query": (width, width),
            "attention.self.key": (width, width),
            "attention.self.value": (width, width),
            "attention.output.dense": (width, width),
            "attention.output.LayerNorm": (width,),
            "intermediate.dense": (wide, width),
            "output.dense": (width, wide),
            "output.LayerNorm": (width,),
        }.items():
            shapes[f"{place}{name}.weight"] = shape
            shapes[f"{place}{name}.bias"] = shape[:1]
    tensors = {name: rng.normal(0, 0.7, shape).astype("<f4") for name, shape in shapes.items()}
    write_safetensors(tmp_path / "model.safetensors", tensors)
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    config = {"num_attention_heads": 2, "layer_norm_eps": 1e-12, "num_hidden_layers": 2}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return tmp_path, tensors


def write_safetensors(path: Path, tensors: dict[str, Any]) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + tensor.nbytes]}  # fmt: skip
        data += tensor.tobytes()
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(len(head).to_bytes(8, "little") + head + data)
