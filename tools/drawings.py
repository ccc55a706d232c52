"""`python -m tools.drawings` draws what the documentation shows of the code anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tools import floors, life

FOLDER = Path(__file__).parents[1] / "docs" / "drawings"
DRAWINGS: Mapping[str, Callable[[], str]] = {"states.svg": life.draw, "floors.svg": floors.draw}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, draw in DRAWINGS.items():
        (FOLDER / name).write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
