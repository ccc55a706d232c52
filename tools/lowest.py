"""`python -m tools.lowest` prints the lowest versions that pyproject.toml allows, as constraints.

python -m tools.lowest >lowest.txt && pip install . --constraint lowest.txt
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def lowest(extras: Iterable[str] = ()) -> list[str]:
    """A line for each dependency, and for those of these extras."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    needed = [*project["dependencies"], *(each for extra in extras for each in optional[extra])]
    return [_constraint(requirement) for requirement in needed]


def _constraint(requirement: str) -> str:
    """
    >>> _constraint("celery[redis]>=5.5; sys_platform == 'linux'")
    "celery==5.5; sys_platform == 'linux'"
    """
    name, _, version = requirement.partition(">=")
    return f"{name.partition('[')[0]}=={version}" if version else requirement


if __name__ == "__main__":
    print(*lowest(), sep="\n")
