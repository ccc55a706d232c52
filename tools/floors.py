"""The house, drawn from its imports: what stands on what, floor above floor.

A part of the package stands one floor above the highest part that it imports. So nothing imports
what stands beside it or above it, and a circle would have no floor at all.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import grimp

import offhours
from tools import svg

SOURCE = Path(offhours.__file__).parent
WIDTH, NAME, GAP = 900, 130, 10
WHOLE = {"__init__", "__main__"}  # the doors of the house, which lead everywhere


def draw() -> str:
    """The drawing, the ground floor at the bottom."""
    parts: list[str] = []
    top = 0
    for rooms in reversed(floors()):
        tall = svg.LINE * len(rooms) + GAP
        parts.append(svg.box(0, top, WIDTH, tall, "band"))
        names = [f"{name}/" if (SOURCE / name).is_dir() else f"{name}.py" for name in rooms]
        parts += svg.lines(GAP, top + svg.LINE, names, "name")
        parts += svg.lines(GAP + NAME, top + svg.LINE, map(purpose, rooms))
        top += tall + GAP // 2
    return svg.page("The floors of the package", WIDTH, top, parts)


def floors() -> list[list[str]]:
    """The parts of the package by their floor, the ground floor first."""
    imports, levels = imported(), dict[str, int]()

    def level(room: str, way: tuple[str, ...] = ()) -> int:
        if room in way:
            raise ValueError(f"these import each other: {', '.join((*way, room))}")
        if room not in levels:
            levels[room] = max((level(each, (*way, room)) + 1 for each in imports[room]), default=0)
        return levels[room]

    found = defaultdict(list)
    for room in sorted(imports):
        found[level(room)].append(room)
    return [found[number] for number in sorted(found)]


def imported() -> dict[str, set[str]]:
    """Which parts of the package each part imports, at its start or on use."""
    graph = grimp.build_graph("offhours", exclude_type_checking_imports=True, cache_dir=None)
    found: dict[str, set[str]] = {}
    for module in graph.modules:
        room = room_of(module)
        others = {room_of(each) for each in graph.find_modules_directly_imported_by(module)}
        found.setdefault(room, set()).update(others - {room} - WHOLE)
    return {room: others for room, others in found.items() if room not in WHOLE}


def room_of(module: str) -> str:
    return [*module.split("."), "__init__"][1]


def purpose(room: str) -> str:
    """The first line of its docstring."""
    file = SOURCE / room / "__init__.py" if (SOURCE / room).is_dir() else SOURCE / f"{room}.py"
    said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return said.partition("\n")[0].replace("`", "")
