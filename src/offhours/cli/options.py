"""Options that several commands have, and how some are put on a command together."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import click

C = TypeVar("C", bound=Callable[..., Any])

LONGEST_PAGE = 500


def together(*options: Callable[[C], C]) -> Callable[[C], C]:
    """One decorator of many, listed by `--help` in this order."""

    def add(command: C) -> C:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def limit_option(default: int, text: str = "How many.") -> Callable[[C], C]:
    """--limit: how long a list may be."""
    return click.option(
        "--limit", type=click.IntRange(1, LONGEST_PAGE), default=default, show_default=True,
        help=text,
    )  # fmt: skip


class Seconds(click.FloatRange):
    """A length of time within bounds; what is no number is within none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        if math.isnan(found):
            self.fail(f"{value} is no length of time", param, ctx)
        return found
