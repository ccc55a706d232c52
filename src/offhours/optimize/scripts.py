"""Writes a routine down as a script: its parameters are checked, and are never part of its text.

A script only says what is to be done, step by step; whoever runs it has the steps carried out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from offhours.optimize.induce import Rules
from offhours.optimize.patterns import Pattern
from offhours.optimize.rules import (
    COUNTERS,
    RUN_AT,
    Constant,
    Counter,
    Date,
    Input,
    Part,
    Rule,
    Source,
    Template,
)

_TYPES = {"str": "str", "int": "int", "float": "(int, float)", "bool": "bool"}
_WIDTH = 96

_CHECK = '''
def checked(params):
    """Refuse what is missing, unknown or of another type."""
    for name, kind in PARAMETERS.items():
        if name not in params:
            raise ValueError(f"parameter {name!r} is missing")
        value = params[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise TypeError(f"parameter {name!r}: got {type(value).__name__}")
    unknown = set(params) - set(PARAMETERS) - {"run_at", "counters"}
    if unknown:
        raise ValueError(f"unknown parameters: {sorted(unknown)}")
'''

_HELPERS = {
    "folder": """
def folder(path):
    return path.rpartition("/")[0]
""",
    "folder_name": """
def folder_name(path):
    return path.rpartition("/")[0].rpartition("/")[2]
""",
    "file_name": """
def file_name(path):
    return path.rpartition("/")[2]
""",
    "stem": """
def stem(path):
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name
""",
    "without_suffix": """
def without_suffix(path):
    name = path.rpartition("/")[2]
    return path[: len(path) - len(name)] + (name.rpartition(".")[0] or name)
""",
    "suffix": """
def suffix(path):
    name = path.rpartition("/")[2]
    return name[len(name.rpartition(".")[0]) :] if "." in name else ""
""",
    "word": """
def word(text, number):
    return re.findall(r"[^\\W_]+", text)[number]
""",
}
_PART_HELPERS = {
    "folder": "folder",
    "folder name": "folder_name",
    "file name": "file_name",
    "stem": "stem",
    "path without suffix": "without_suffix",
    "suffix": "suffix",
}


def write_script(pattern: Pattern, rules: Rules | None = None) -> str:
    """The script of a routine, in Python.

    rules: what it goes by, if not by the pattern's own

    Its `execute(params)` gets the free parameters, when the run is (`run_at`, ISO 8601) and how far
    it has counted (`counters`); it answers with the steps and their parameters.
    """
    if rules is not None:
        pattern = replace(pattern, rules=rules)
    writer = _Writer(pattern.rules)
    body = [writer.step(n, kind) for n, kind in enumerate(pattern.steps)]
    helpers = [_HELPERS[name] for name in _HELPERS if name in writer.helpers]
    head = [f"# {literal(pattern.task_type)}, as it was done {pattern.occurrences} times."]
    head += [f"# Parameter {literal(i.name)}: {_example(i)}" for i in pattern.inputs]
    imports = ["import re"] if "word" in writer.helpers else []
    if writer.dated:
        imports.append(f"from datetime import datetime{', timedelta' if writer.shifted else ''}")
    top = ["\n".join(head), "\n".join(imports), _parameters(pattern.inputs)]
    functions = [_execute(pattern, writer, body), _CHECK, *helpers]
    return "\n\n".join(part for part in top if part) + "\n\n\n" + _functions(functions)


def _functions(parts: Sequence[str]) -> str:
    return "\n\n\n".join(part.strip("\n") for part in parts) + "\n"


def _execute(pattern: Pattern, writer: _Writer, body: Sequence[str]) -> str:
    lines = ["def execute(params):", "    checked(params)"]
    if writer.dated:
        lines.append(f'    run_at = datetime.fromisoformat(params["{RUN_AT}"])')
    if writer.counted:
        known = ", ".join(f"{literal(n)}: {last}" for n, last in pattern.counters.items())
        lines.append(f'    counters = {{{known}}} | params.get("{COUNTERS}", {{}})')
        for name, step in writer.counted.items():
            lines.append(f"    counters[{literal(name)}] += {step}")
    lines += body
    done = ", ".join(
        f'{{"task_type": {literal(kind)}, "parameters": step_{n}}}'
        for n, kind in enumerate(pattern.steps, 1)
    )
    steps = f"[{done}]"
    if len(steps) > _WIDTH - 20:
        steps = "[\n        " + done.replace("}, {", "},\n        {") + ",\n    ]"
    lines.append(f"    steps = {steps}")
    counters = ', "counters": counters' if writer.counted else ""
    lines.append(f'    return {{"success": True, "steps": steps{counters}}}')
    return "\n".join(lines)


class _Writer:
    """Writes the expressions, and notes what they need."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.helpers: set[str] = set()
        self.counted: dict[str, int] = {}
        self.dated = self.shifted = False

    def step(self, n: int, kind: str) -> str:
        name = f"step_{n + 1}"
        first = {key: rule for key, rule in self.rules[n].items() if not _is_own(rule, n)}
        items = [f"{literal(key)}: {self.rule(rule)}," for key, rule in first.items()]
        inner = "".join(f"\n        {item}" for item in items)
        value = f"{{{inner}\n    }}" if items else "{}"
        after = "".join(
            f"\n    {name}[{literal(key)}] = {self.rule(rule)}"
            for key, rule in self.rules[n].items()
            if key not in first
        )
        return f"\n    # Step {n + 1}: {literal(kind)}\n    {name} = {value}{after}"

    def rule(self, rule: Rule) -> str:
        if isinstance(rule, Constant):
            return literal(rule.value)
        if isinstance(rule, Template):
            return " + ".join(map(self.text, rule.parts))
        return self.part(rule)

    def text(self, part: Part) -> str:
        if isinstance(part, str):
            return literal(part)
        written = self.part(part)
        is_text = isinstance(part, Date) or (isinstance(part, Source) and part.part != "whole")
        return written if is_text or isinstance(part, Counter) else f"str({written})"

    def part(self, part: Source | Date | Counter | Input) -> str:
        match part:
            case Input(name=name):
                return f"params[{literal(name)}]"
            case Date(form=form, days=days):
                self.dated = True
                self.shifted |= days != 0
                when = f"(run_at + timedelta(days={days}))" if days else "run_at"
                return f"{when}.strftime({literal(form)})"
            case Counter(name=name, step=step, width=width):
                self.counted[name] = step
                counter = f"counters[{literal(name)}]"
                return f"str({counter}).zfill({width})" if width else counter
            case Source(place=(step, key), part=what):
                return self.source(f"step_{step + 1}[{literal(key)}]", what)

    def source(self, value: str, what: str) -> str:
        if what == "whole":
            return value
        if what == "text":
            return f"str({value})"
        if what in ("lower case", "upper case"):
            return f"{value}.{what[:5]}()"
        if what.startswith("word "):
            self.helpers.add("word")
            return f"word({value}, {int(what[5:])})"
        name = _PART_HELPERS[what]
        self.helpers.add(name)
        return f"{name}({value})"


def _is_own(rule: Rule, step: int) -> bool:
    """Whether it follows from another parameter of its own step."""
    parts = rule.parts if isinstance(rule, Template) else (rule,)
    return any(isinstance(part, Source) and part.place[0] == step for part in parts)


def literal(value: Any) -> str:
    """A value as Python writes it, in ASCII: whatever it holds, it is one literal and nothing else.

    >>> literal("a\\n'; import os"), literal([1, None])
    ('"a\\\\n\\'; import os"', '[1, None]')
    """
    match value:
        case str() | bool() | int() | None:
            return ascii(value)
        case float() if math.isfinite(value):
            return repr(value)
        case list() | tuple():
            return f"[{', '.join(map(literal, value))}]"
        case dict():
            items = ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items())
            return f"{{{items}}}"
    return ascii(str(value))


def _parameters(inputs: Sequence[Input]) -> str:
    if not inputs:
        return "PARAMETERS = {}"
    items = "".join(f"\n    {literal(i.name)}: {_TYPES.get(i.kind, 'object')}," for i in inputs)
    return f"PARAMETERS = {{{items}\n}}"


def _example(given: Input) -> str:
    examples = ", ".join(map(literal, given.examples[-2:]))
    return f"{given.kind}, such as {examples}"[: _WIDTH - 14]
