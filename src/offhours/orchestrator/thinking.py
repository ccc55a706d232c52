"""The phases that come before any code: what is asked for, and how its parts fit together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from offhours.core.flows import in_order
from offhours.orchestrator.handlers import PhaseContext, PhaseFailed
from offhours.orchestrator.request import Reading, read
from offhours.orchestrator.words import VAGUE


class Analysis:
    """Says what a request asks for, and what it leaves open.

    The result has `subject`, `parts` (`name`, `text`, `needs`), `constraints`, `technologies`,
    `wishes`, `without`, and `questions` that the text does not answer.

    >>> from offhours.orchestrator import Phase
    >>> found = Analysis().run(PhaseContext("A fast parser in Python", Phase("one", "analysis")))
    >>> found["questions"]
    ['"fast": what exactly would be enough?', 'which parts has "fast parser"? none is named']
    """

    def run(self, context: PhaseContext, /) -> dict[str, Any]:
        reading = read(context.request)
        return {
            "subject": reading.subject,
            "parts": [
                {"name": part.name, "text": part.text, "needs": list(part.needs)}
                for part in reading.parts
            ],
            "constraints": list(reading.constraints),
            "technologies": list(reading.technologies),
            "wishes": {phase: list(said) for phase, said in reading.wishes.items()},
            "without": sorted(reading.without),
            "questions": list(_questions(context.request, reading)),
        }


def _questions(request: str, reading: Reading) -> Sequence[str]:
    asked = [] if reading.technologies else ["in which language, with which technology?"]
    vague = dict.fromkeys(found[0].casefold() for found in VAGUE.finditer(request))
    asked += [f'"{word}": what exactly would be enough?' for word in vague]
    if len(reading.parts) == 1:
        asked.append(f'which parts has "{reading.subject}"? none is named')
    return asked


class Design:
    """Gives each part a module, and says in which order they can be made.

    The result has `modules` (`part`, `module`, `needs`), each behind those that it needs, and
    `subject_module`, that of what holds the others together.
    """

    def run(self, context: PhaseContext, /) -> dict[str, Any]:
        analysis = context.results.get("analysis")
        if not isinstance(analysis, dict) or not analysis.get("parts"):
            raise PhaseFailed("design: needs a phase analysis before it, whose result has parts")
        parts = {part["name"]: part for part in analysis["parts"]}
        names = module_names(list(parts))
        order = in_order({name: part.get("needs", ()) for name, part in parts.items()})
        modules = [
            {
                "part": name,
                "module": names[name],
                "needs": [names[other] for other in parts[name].get("needs", ())],
            }
            for name in order
        ]
        return {"modules": modules, "subject_module": names[next(iter(parts))]}


def module_names(parts: Sequence[str]) -> dict[str, str]:
    """A name for each part's module, each of its own.

    >>> module_names(["web API", "web-API", "2 players"])
    {'web API': 'web_api', 'web-API': 'web_api_2', '2 players': 'part_2_players'}
    """
    found: dict[str, str] = {}
    for part in parts:
        plain = re.sub(r"[^a-z0-9]+", "_", part.casefold()).strip("_") or "part"
        plain = plain if plain[0].isalpha() else f"part_{plain}"
        name, number = plain, 1
        while name in found.values():
            number += 1
            name = f"{plain}_{number}"
        found[part] = name
    return found
