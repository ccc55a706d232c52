"""Numbers of jobs, flows, approvals and the like on the command line."""

from __future__ import annotations

import click

LARGEST = 2**63 - 1


def job_number(ctx: click.Context, param: click.Parameter, text: str | None) -> int | None:
    """An option's or argument's job id."""
    return None if text is None else parse_id(text)


def job_numbers(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> list[int]:
    """Several job ids, each once, in the order given."""
    return list(dict.fromkeys(map(parse_id, texts)))


def parse_id(text: str) -> int:
    """The number of something that is stored.

    >>> parse_id("42")
    42
    """
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= LARGEST):
        raise click.BadParameter(f"expected a number such as 42, got {text[:64]!r}")
    return int(text)
