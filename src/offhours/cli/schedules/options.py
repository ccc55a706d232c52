"""How a schedule fires: the options that `add` and `update` have in common."""

from __future__ import annotations

from typing import Any

import click

from offhours.cli.calls import seconds
from offhours.cli.options import together
from offhours.core.fire_rules import Overlap
from offhours.core.model import TaskPriority

NONE = "none"
_UNSET = ("expires", "timeout", "max_runs", "disable_after")


def _span(ctx: click.Context, param: click.Parameter, text: str | None) -> float | str | None:
    return NONE if text == NONE else seconds(ctx, param, text)


def _count(ctx: click.Context, param: click.Parameter, text: str | None) -> int | str | None:
    if text is None or text in (NONE, "never"):
        return text and NONE
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise click.BadParameter(f"expected a number from 1 on, or none, got {text[:64]!r}")
    return int(text)


policy_options = together(
    click.option("--name", help="What to call it [its task and arguments]."),
    click.option("--timezone", metavar="ZONE", help="Like Europe/Berlin [the app's, UTC]."),
    click.option(
        "--catch-up", metavar="POLICY",
        help="Fires missed while no worker was there: skip, once (the latest only, the "
        "default), all, all:20, or window:2h.",
    ),
    click.option(
        "--overlap", type=click.Choice([policy.value for policy in Overlap]),
        help="While an earlier job is not finished [skip].",
    ),
    click.option("--jitter", callback=seconds, metavar="TIME",
                 help="Fire up to so much later, each time by another share."),
    click.option(
        "--blackout", "blackouts", multiple=True, metavar="WHEN",
        help="When not to fire: 22:00-06:00, 2026-12-24, 2026-12-24..2026-12-26. "
        "Repeatable; none takes them off.",
    ),
    click.option("--expires", callback=_span, metavar="TIME",
                 help="A job that cannot start so soon after its fire is not run."),
    click.option("--max-runs", callback=_count, metavar="N",
                 help="End after so many jobs."),
    click.option("--disable-after", callback=_count, metavar="N|never",
                 help="Stop after so many failures in a row [5]."),
    click.option("--priority", type=click.Choice([p.name.lower() for p in TaskPriority])),
    click.option("--queue", help="The name of its jobs' queue."),
    click.option("--retries", type=click.IntRange(0),
                 help="Attempts after a job's first one fails."),
    click.option("--timeout", callback=_span, metavar="TIME",
                 help="How long an attempt may take."),
)  # fmt: skip


def given(options: dict[str, Any]) -> dict[str, Any]:
    """What was said, as `ScheduleOptions` have it; `none` takes a limit off."""
    found = {key: value for key, value in options.items() if value is not None}
    found |= {key: None for key in _UNSET if found.get(key) == NONE}
    blackouts = found.pop("blackouts", ())
    if blackouts:
        found["blackout"] = [] if blackouts == (NONE,) else list(blackouts)
    return found
