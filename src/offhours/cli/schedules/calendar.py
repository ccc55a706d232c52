"""`schedule calendar`: what fires on a day, and what came of what fired."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from offhours.cli.schedules.views import countdown, outcome
from offhours.cli.session import common, json_option, session
from offhours.cli.text import printable
from offhours.core.schedules import Schedule, next_words
from offhours.core.times import Micros, iso, parse_moment, to_datetime
from offhours.core.triggers.zones import instant, load_zone, local

if TYPE_CHECKING:
    from offhours.cli.remote import AnyApp

MOST_DAYS, MOST_FIRES = 366, 10_000
_NAMED = {"yesterday": -1, "today": 0, "tomorrow": 1}
_LAST_YEAR = 2199


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
        fires = _fires(app, first, last, limit + 1, now)
        more, fires = len(fires) > limit, fires[:limit]
        if state.json:
            told = [{k: v for k, v in fire.items() if k != "when"} for fire in fires]
            state.emit(
                {"start": iso(first), "end": iso(last), "timezone": timezone, "more": more}
                | {"fires": [{**fire, "instant": iso(fire["instant"])} for fire in told]}
            )
            return
        _print(fires, zone, days)
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


def _fires(
    app: AnyApp, first: Micros, last: Micros, limit: int, now: Micros
) -> list[dict[str, Any]]:
    """In order: what was recorded, then what is to come."""
    start, end = to_datetime(first), to_datetime(last)
    schedules: dict[int, Schedule | None] = {}
    found: list[dict[str, Any]] = []
    for result in app.schedules.results_between(start, end, limit):
        number = result["schedule"]
        if number not in schedules:
            schedules[number] = app.store.schedules.get(number)
        schedule = schedules[number]
        if schedule is not None:
            at = parse_moment(result["instant"])
            found.append(_entry(at, schedule, result, outcome(result)))
    for at, schedule in app.schedules.between(start, end, limit):
        when = next_words(schedule, now) if at == schedule.next_at else countdown(at, now)
        coming = {"job": None, "state": None, "code": "coming", "reason": None}
        found.append(_entry(at, schedule, coming, when))
    return sorted(found, key=lambda fire: (fire["instant"], fire["schedule"]))[:limit]


def _entry(at: Micros, schedule: Schedule, result: dict[str, Any], when: str) -> dict[str, Any]:
    told = {key: result[key] for key in ("job", "state", "code", "reason")}
    of = {"schedule": schedule.id, "name": schedule.name, "task": schedule.task}
    return {"instant": at, **of, **told, "when": when}


def _print(fires: list[dict[str, Any]], zone: ZoneInfo, days: int) -> None:
    state = session()
    rows = [
        (
            _wall(fire["instant"], zone) if days > 1 else _wall(fire["instant"], zone)[15:],
            str(fire["schedule"]),
            fire["name"],
            fire["task"],
            printable(fire["when"]),
        )
        for fire in fires
    ]
    if rows:
        state.table(("TIME", "ID", "NAME", "TASK", "OUTCOME"), rows)
