"""Finds the housekeeping example: beside this file in a wheel, in `examples/` in a checkout."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any, Protocol, cast

from offhours.app import Offhours
from offhours.handles import TaskHandle

NAME = "housekeeping"
_HERE = Path(__file__).resolve().parent
PLACES = (_HERE / f"{NAME}.py", _HERE.parents[2] / "examples" / f"{NAME}.py")


class Housekeeping(Protocol):
    """What the demo uses of the example."""

    app: Offhours
    deduplicate: TaskHandle[[str], list[list[str]]]
    back_up: TaskHandle[[str, str], dict[str, int]]
    compress_log: TaskHandle[[str], int]
    check_links: TaskHandle[[str], list[str]]


def find() -> Path:
    """The file of the example."""
    for place in PLACES:
        if place.is_file():
            return place
    raise FileNotFoundError(f"this installation lacks the demo's example: no {PLACES[0]}")


def load(store: Path) -> Housekeeping:
    """The example as a module, with its app on `store`."""
    os.environ["HOUSEKEEPING_DB"] = str(store)
    spec = importlib.util.spec_from_file_location(NAME, find())
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    spec.loader.exec_module(module)
    return cast(Housekeeping, cast(Any, module))
