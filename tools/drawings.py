"""`python -m tools.drawings` draws what the documentation shows of the code anew."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tools import floors, life

FOLDER = Path(__file__).parents[1] / "docs" / "drawings"


def drawings() -> Mapping[str, str]:
    """The name and the text of each file."""
    return {"states.svg": life.draw(), "floors.svg": floors.draw()}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in drawings().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
