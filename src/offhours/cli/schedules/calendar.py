"""`schedule calendar`: what fires on a day, and what came of what fired."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from offhours.cli.schedules.views import countdown, outcome
from offhours.cli.session import common, json_option, session
from offhours.cli.text import printable
from offhours.core.times import Micros, iso, parse_moment, to_datetime
from offhours.core.triggers.zones import instant, load_zone, local

MOST_DAYS, MOST_FIRES = 366, 10_000
_NAMED = {"yesterday": -1, "today": 0, "tomorrow": 1}
_LAST_YEAR = 2199
_TOLD = ("instant", "schedule", "name", "task", "job", "state", "code", "reason")


@click.command()
@click.argument("day", metavar="[DAY]", default="today")
@click.option(
    "--days", type=click.IntRange(1, MOST_DAYS), default=1, show_default=True, help="How many."
)
@click.option(
    "--timezone",
    metavar="ZONE",
    default="UTC",
    show_default=True,
    help="Whose days, and whose clock.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, MOST_FIRES),
    default=100,
    show_default=True,
    help="How many fires.",
)
@json_option
@common
def calendar(day: str, days: int, timezone: str, limit: int) -> None:
    """What fires on DAY (today, tomorrow, yesterday, 2026-06-01), and what came of what fired.

    What is still to come is what the plans say: blackouts and overlaps may skip some.

    \b
    With --json: {"start", "end", "timezone", "more",
                  "fires": [{"instant", "schedule", "name", "task", "job", "state",
                             "code", "reason"}...]};
    fires to come have the "code" "coming".

    \b
    Example:
      offhours schedule calendar tomorrow --days 7 --timezone Europe/Berlin
    """  # fmt: skip
    state = session()
    zone = load_zone(timezone)
    with state.open() as app:
        now = app.clock.micros()
        opening = _day(day, local(now, zone).date())
        first = _midnight(opening, zone)
        last = _midnight(opening + timedelta(days=days), zone)
        found = app.schedules.calendar(to_datetime(first), to_datetime(last), limit + 1)
    more, fires = len(found) > limit, found[:limit]
    if state.json:
        told = [{member: fire[member] for member in _TOLD} for fire in fires]
        state.emit({"start": iso(first), "end": iso(last), "timezone": timezone, "more": more,
                    "fires": told})  # fmt: skip
        return
    _print(fires, zone, days, now)
    if not fires:
        state.note(f"nothing fires from {_wall(first, zone)} to {_wall(last, zone)} {timezone}")
    if more:
        state.note(f"and more: these are the first {limit:,}; give a larger --limit")


def _day(text: str, today: date) -> date:
    if text in _NAMED:
        return today + timedelta(days=_NAMED[text])
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"expected today, tomorrow, yesterday or a day like 2026-06-01, got {text[:64]!r}"
        ) from None
    if not 1970 < day.year < _LAST_YEAR:
        raise click.BadParameter(f"expected a day of the years 1971 to {_LAST_YEAR - 1}")
    return day


def _midnight(day: date, zone: ZoneInfo) -> Micros:
    return instant(datetime.combine(day, time(0)), zone)


def _wall(at: Micros, zone: ZoneInfo) -> str:
    return f"{local(at, zone):%a %Y-%m-%d %H:%M:%S}"


def _print(fires: list[dict[str, Any]], zone: ZoneInfo, days: int, now: Micros) -> None:
    rows = []
    for fire in fires:
        wall = _wall(parse_moment(fire["instant"]), zone)
        when = countdown(parse_moment(fire["due_at"]), now) if fire["due_at"] else outcome(fire)
        time_of_day = wall if days > 1 else wall[15:]
        rows.append(
            (time_of_day, str(fire["schedule"]), fire["name"], fire["task"], printable(when))
        )
    if rows:
        session().table(("TIME", "ID", "NAME", "TASK", "OUTCOME"), rows)
