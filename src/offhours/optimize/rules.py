"""Where the value of a parameter comes from: the rules, what they answer, how they read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

Place = tuple[int, str]  # the number of a step, and the name of one of its parameters
Values = Sequence[Mapping[str, Any]]  # the parameters of the steps so far

RUN_AT, COUNTERS = "run_at", "counters"  # what a script is told beside its parameters
TOKEN = re.compile(r"[^\W_]+")


class Unknown(LookupError):
    """The run has not what a rule needs."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a rule may look at: when the run began, what was asked for, and the steps so far.

    counters: the value that each counting parameter had in the run before
    """

    at: datetime
    inputs: Mapping[str, Any]
    values: Values
    counters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Constant:
    """The same in each run."""

    value: Any

    def answer(self, run: Situation) -> Any:
        return self.value

    def describe(self) -> str:
        return f"always {self.value!r}"


@dataclass(frozen=True, slots=True)
class Source:
    """A part of an earlier parameter: `whole`, a part of a path, or a word by its number."""

    place: Place
    part: str = "whole"

    def answer(self, run: Situation) -> Any:
        step, key = self.place
        try:
            return part_of(run.values[step][key], self.part)
        except (IndexError, KeyError, TypeError):
            raise Unknown(f"step {step + 1} has no {self.part} of {key!r}") from None

    def describe(self) -> str:
        step, key = self.place
        what = "" if self.part == "whole" else f"the {self.part} of "
        return f"{what}{key!r} of step {step + 1}"


@dataclass(frozen=True, slots=True)
class Date:
    """The day (or time) of the run, `days` later, as `form` writes it."""

    form: str
    days: int = 0

    def answer(self, run: Situation) -> Any:
        return _date_text(run.at, self.form, self.days)

    def describe(self) -> str:
        when = {0: "the day of the run", -1: "the day before the run"}.get(
            self.days, f"{self.days:+} days from the run"
        )
        return f"{when} as {self.form}"


@lru_cache(maxsize=8192)  # the same day is asked for again and again while rules are looked for
def _date_text(at: datetime, form: str, days: int) -> str:
    return (at + timedelta(days=days)).strftime(form)


@dataclass(frozen=True, slots=True)
class Counter:
    """A number that grows by `step` from run to run; with leading zeros up to `width`."""

    name: str
    step: int
    last: int
    width: int = 0

    def answer(self, run: Situation) -> Any:
        number = run.counters.get(self.name, self.last) + self.step
        return str(number).zfill(self.width) if self.width else number

    def read(self, rule: Rule, value: Any, run: Situation) -> int | None:
        """What it counted to in a run whose parameter was `value`, if that can be told."""
        if rule is self:
            return int(value) if str(value).isdecimal() else None
        pattern = ""
        for part in rule.parts if isinstance(rule, Template) else ():
            if part is self:
                pattern += r"(\d+)"
                continue
            try:
                text = part if isinstance(part, str) else part.answer(run)
            except Unknown:
                return None
            pattern += re.escape(str(text))
        found = re.fullmatch(pattern, value) if isinstance(value, str) else None
        return int(found[1]) if found else None

    def describe(self) -> str:
        return f"counts on by {self.step}"


@dataclass(frozen=True, slots=True)
class Input:
    """Free: whoever runs it says it. `kind` is its type, `examples` what it was."""

    name: str
    kind: str
    examples: tuple[Any, ...] = ()

    def answer(self, run: Situation) -> Any:
        try:
            return run.inputs[self.name]
        except KeyError:
            raise Unknown(f"no value for {self.name!r} was given") from None

    def describe(self) -> str:
        return f"the parameter {self.name!r} ({self.kind})"


Part = str | Source | Date | Counter | Input


@dataclass(frozen=True, slots=True)
class Template:
    """Text put together from fixed parts and others."""

    parts: tuple[Part, ...]

    def answer(self, run: Situation) -> Any:
        return "".join(p if isinstance(p, str) else str(p.answer(run)) for p in self.parts)

    def describe(self) -> str:
        return " + ".join(repr(p) if isinstance(p, str) else p.describe() for p in self.parts)


Rule = Constant | Source | Date | Counter | Input | Template


def part_of(value: Any, part: str) -> Any:
    """A part of a value that an earlier step had.

    >>> part_of("/in/a_17.csv", "stem"), part_of("/in/a_17.csv", "word 2"), part_of(3, "whole")
    ('a_17', '17', 3)
    """
    if part == "whole":
        return value
    if part == "text":
        return str(value)
    if not isinstance(value, str):
        raise TypeError
    folder, _, name = value.rpartition("/")
    match part:
        case "folder":
            return folder
        case "folder name":
            return folder.rpartition("/")[2]
        case "file name":
            return name
        case "stem":
            return name.rpartition(".")[0] or name
        case "path without suffix":
            return value[: -len(name)] + (name.rpartition(".")[0] or name) if name else value
        case "suffix":
            return name[len(name.rpartition(".")[0]) :] if "." in name else ""
        case "lower case":
            return value.lower()
        case "upper case":
            return value.upper()
    return TOKEN.findall(value)[int(part.removeprefix("word "))]


def parts_of(value: Any) -> dict[str, str]:
    """All parts of a value that may come again in later text, by their names.

    >>> sorted(parts_of("a/b.txt").items())[:3]
    [('file name', 'b.txt'), ('folder', 'a'), ('folder name', 'a')]
    """
    if isinstance(value, bool) or value is None:
        return {}
    if not isinstance(value, str):
        return {"text": str(value)} if isinstance(value, int | float) else {}
    names = ["whole", "lower case", "upper case"]
    if "/" in value or "." in value:
        names += ["folder", "folder name", "file name", "stem", "path without suffix", "suffix"]
    found = {name: part_of(value, name) for name in names}
    found |= {f"word {n}": word for n, word in enumerate(TOKEN.findall(value)[:12])}
    return {name: text for name, text in found.items() if text}
