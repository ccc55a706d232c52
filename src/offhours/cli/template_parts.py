"""What a template is made of, as a line or a file says it."""

from __future__ import annotations

from typing import IO, Any

import click

from offhours.cli.calls import call_options, pairs, read_json, values
from offhours.cli.options import together
from offhours.core.errors import TemplateError
from offhours.core.templates import Kind, Parameter

_PARTS = ("args", "kwargs", "parameters", "options", "schedule", "description")
_MAPPINGS = ("kwargs", "parameters", "options", "schedule")


def _declared(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> dict[str, Any]:
    return {name: declared(text) for name, text in pairs(texts).items()}


def declared(text: str) -> dict[str, Any]:
    """A parameter as it is said on a line.

    >>> declared("int:3"), declared("sales|legal")
    ({'type': 'int', 'default': 3}, {'type': 'choice', 'choices': ['sales', 'legal']})
    """
    kind, colon, default = text.partition(":")
    choices = kind.split("|") if "|" in kind else []
    told: dict[str, Any] = {"type": "choice", "choices": choices} if choices else {"type": kind}
    if colon:
        known = kind in list(Kind) and kind != Kind.CHOICE
        told["default"] = Parameter(Kind(kind)).read(default) if known else default
    return told


parts_options = together(
    call_options,
    click.option(
        "--param", "parameters", multiple=True, callback=_declared, metavar="NAME=TYPE",
        help="A parameter: str, int, float, bool, date or a|b|c; `int:3` has a default. "
        "Repeatable.",
    ),
    click.option(
        "--option", "options", multiple=True, callback=values, metavar="NAME=VALUE",
        help="An option of its jobs: priority=high, retries=3, name='for {day}'. "
        "Repeatable.",
    ),
    click.option("--tag", "tags", multiple=True, help="A tag of its jobs. Repeatable."),
    click.option("--when", help="When a schedule of it fires, if nothing else is said."),
    click.option("--timezone", metavar="ZONE", help="Of that schedule."),
    click.option("--description", help="What it is for."),
    click.option(
        "--parts", "file_of_parts", type=click.File(encoding="utf-8"), metavar="FILE.json",
        help='More of it: {"args", "kwargs", "parameters", "options", "schedule", '
        '"description"}.',
    ),
)  # fmt: skip


def parts_of(file_of_parts: IO[str] | None, **said: Any) -> dict[str, Any]:
    """The parts that were given, those on the line before those of a file."""
    parts = {} if file_of_parts is None else _in_file(file_of_parts)
    schedule = {key: said.pop(key) for key in ("when", "timezone")}
    tags = said.pop("tags")
    said["options"] = {**said["options"], **({"tags": list(tags)} if tags else {})}
    said["schedule"] = {key: value for key, value in schedule.items() if value is not None}
    for part, value in said.items():
        if isinstance(value, dict) and value:
            parts[part] = {**parts.get(part, {}), **value}
        elif value:
            parts[part] = value
    if taken := sorted({*_PARTS, "task"} & set(parts.get("options", ()))):
        raise TemplateError({f"options/{name}": "is a part of it, and no option" for name in taken})
    return parts


def _in_file(file: IO[str]) -> dict[str, Any]:
    try:
        parts = read_json(file.read())
    except ValueError as error:
        raise TemplateError({"parts": f"is not JSON: {error}"}) from None
    if not isinstance(parts, dict) or (unknown := sorted(set(parts) - set(_PARTS))):
        what = f"{unknown[0]} is unknown; " if isinstance(parts, dict) else ""
        raise TemplateError({"parts": f"{what}expected a mapping of {', '.join(_PARTS)}"})
    wrong = [part for part in _MAPPINGS if not isinstance(parts.get(part, {}), dict)]
    if wrong:
        raise TemplateError(dict.fromkeys(wrong, "expected a mapping"))
    return parts
