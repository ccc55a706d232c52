"""A plan or trigger back to one sentence. A sentence is only given when it reads back the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from offhours.core.errors import PhraseError, ScheduleError
from offhours.core.phrases.cron_words import in_words
from offhours.core.phrases.fields import canonical
from offhours.core.phrases.lexicon import WEEKDAY_NAMES, joined
from offhours.core.phrases.tokens import LONGEST
from offhours.core.phrases.understand import understand
from offhours.core.times import HOUR, MINUTE, SECOND, Micros, to_datetime
from offhours.core.triggers import Calendar, Cron, Every, Plan, Trigger
from offhours.core.triggers.zones import load_zone, passes

_UNITS = ((HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second"))


def describe(subject: Plan | Trigger, timezone: str = "UTC") -> str:
    """One sentence that `parse` reads back, with `timezone` as its own, to the same plan.

    A cron expression in an unusual spelling is added to the sentence; one that has no words is
    given as it is, after `cron`. What no sentence can carry is listed without such a promise.

    >>> describe(Cron("*/10 9-16 * * 1-5"))
    'every 10 minutes from 09:00 to 16:59 on weekdays'
    >>> describe(Cron("0 9 * * MON-FRI")), describe(Cron("5 4 1 * 1"))
    ('every weekday at 09:00 (cron 0 9 * * MON-FRI)', 'cron 5 4 1 * 1')
    """
    plan = subject if isinstance(subject, Plan) else Plan((subject,), timezone)
    zone = load_zone(plan.timezone)
    tail = _tail(plan, zone, timezone)
    sentence = ""
    for sentence in _candidates(plan, zone, tail):
        if len(sentence) <= LONGEST and _reads_back(sentence, plan, timezone):
            return sentence
    return sentence


def _reads_back(sentence: str, plan: Plan, timezone: str) -> bool:
    try:
        now = to_datetime(max((plan.next_after(-1) or 0) - 1, 0))
        return understand(sentence, now, timezone) == plan
    except (PhraseError, ScheduleError, OverflowError):
        return False


def _candidates(plan: Plan, zone: ZoneInfo, tail: str) -> Iterator[str]:
    """Sentences from the most readable to the safest."""
    for shorten in (_grouped, _same_weeks, _pairs):
        shorter = shorten(plan)
        if shorter:
            yield shorter + tail
    clauses = [_clause(trigger, zone, plan) for trigger in plan.triggers]
    first = plan.triggers[0]
    if len(clauses) == 1 and isinstance(first, Cron):
        words = in_words(canonical(first.expression))
        if words is not None:
            yield words.sentence + tail
            yield f"{words.sentence}{tail} (cron {first.expression})"
    else:
        yield _starting(clauses, plan) + tail
        yield " and ".join(clauses) + tail
    verbatim = [
        f"cron {trigger.expression}" if isinstance(trigger, Cron) else clause
        for trigger, clause in zip(plan.triggers, clauses, strict=True)
    ]
    yield " and ".join(verbatim) + tail
    if len(clauses) == 1 and isinstance(first, Cron) and not tail:
        yield first.expression


def _starting(clauses: list[str], plan: Plan) -> str:
    """Of a lone interval the anchor is where it starts."""
    if len(clauses) == 1 and plan.start is None:
        return clauses[0].replace(" counted from ", " starting ")
    return " and ".join(clauses)


def _clause(trigger: Trigger, zone: ZoneInfo, plan: Plan) -> str:
    if isinstance(trigger, Cron):
        words = in_words(canonical(trigger.expression))
        return words.sentence if words else f"cron {trigger.expression}"
    if isinstance(trigger, Every):
        hours = "".join(f" from {_wall(w.start)} to {_wall(w.end)}" for w in plan.windows)
        return (
            f"every {_length(trigger.interval)}{hours} counted from {_moment(trigger.anchor, zone)}"
        )
    if isinstance(trigger, Calendar):
        return f"{_calendar(trigger)} counted from {trigger.anchor_date.isoformat()}"
    return f"on {_moment(trigger.moment, zone)}"


def _length(interval: Micros) -> str:
    size, name = next((unit for unit in _UNITS if interval % unit[0] == 0), _UNITS[-1])
    count = f"{interval / size:g}" if interval % size else f"{interval // size}"
    return f"{count} {name}{'' if count == '1' else 's'}"


def _calendar(trigger: Calendar, days: str = "") -> str:
    if trigger.months:
        years = trigger.months % 12 == 0
        count, unit = (trigger.months // 12, "year") if years else (trigger.months, "month")
    elif trigger.days % 7 == 0 and trigger.days > 7:
        count, unit = trigger.days // 7, "week"
        days = days or f" on {WEEKDAY_NAMES[trigger.anchor_date.isoweekday() % 7]}"
    else:
        count, unit = trigger.days, "day"
    times = joined([_wall(each) for each in trigger.at])
    return f"every {count} {unit}{'' if count == 1 else 's'}{days} at {times}"


def _wall(wall: time) -> str:
    return f"{wall:%H:%M}" if wall == wall.replace(second=0, microsecond=0) else wall.isoformat()


def _moment(moment: Micros, zone: ZoneInfo) -> str:
    """The local date and time; with its offset where the clock shows that time twice."""
    local = to_datetime(moment).astimezone(zone)
    wall = local.replace(tzinfo=None, fold=0)
    text = f"{wall:%Y-%m-%d %H:%M}"
    if wall.second or wall.microsecond:
        text = wall.isoformat(" ")
    if passes(wall, zone)[:1] == (moment,):
        return text
    utc = to_datetime(moment).astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat()}Z"


def _tail(plan: Plan, zone: ZoneInfo, timezone: str) -> str:
    """What holds for the whole schedule: exceptions, bounds, zone."""
    parts = []
    if plan.except_dates:
        parts.append(f"except {joined([day.isoformat() for day in plan.except_dates])}")
    if plan.start is not None:
        parts.append(f"starting {_start(plan.start, zone)}")
    if plan.end is not None:
        parts.append(f"until {_end(plan.end, zone)}")
    if plan.count is not None:
        parts.append(f"for {plan.count} times")
    if plan.timezone != timezone:
        parts.append(f"in {plan.timezone}")
    return "".join(f" {part}" for part in parts)


def _start(moment: Micros, zone: ZoneInfo) -> str:
    return _moment(moment, zone).removesuffix(" 00:00")


def _end(moment: Micros, zone: ZoneInfo) -> str:
    """A date when the end is the last instant of that day."""
    last = to_datetime(moment).astimezone(zone)
    midnight = datetime.combine(last.date() + timedelta(days=1), time(0))
    if passes(midnight, zone)[:1] == (moment + 1,):
        return last.date().isoformat()
    return _moment(moment, zone)


def _grouped(plan: Plan) -> str:
    """Times of day on the same days, said in one clause: `every day at 09:15 and 17:45`."""
    words = [
        in_words(canonical(trigger.expression)) if isinstance(trigger, Cron) else None
        for trigger in plan.triggers
    ]
    timed = [each for each in words if each is not None and each.times]
    if len(timed) != len(plan.triggers) or len(timed) < 2:
        return ""
    clauses = []
    for days, group in groupby(timed, key=lambda each: each.days):
        times = ", ".join(each.times for each in group).replace(" and ", ", ").split(", ")
        clauses.append(f"{days} at {joined(sorted(times))}")
    return " and ".join(clauses)


def _same_weeks(plan: Plan) -> str:
    """Weekdays of the same weeks: `every 3 weeks on monday and friday`."""
    calendars = [trigger for trigger in plan.triggers if isinstance(trigger, Calendar)]
    first = calendars[0] if len(calendars) == len(plan.triggers) > 1 else None
    if first is None or first.days % 7 or plan.start is not None:
        return ""
    alike = all(replace(each, anchor_date=first.anchor_date) == first for each in calendars)
    names = [WEEKDAY_NAMES[each.anchor_date.isoweekday() % 7] for each in calendars]
    start = min(each.anchor_date for each in calendars).isoformat()
    return f"{_calendar(first, f' on {joined(names)}')} starting {start}" if alike else ""


def _pairs(plan: Plan) -> str:
    """The fires within a window and the one at its end: `every 10 minutes from 09:00 to 17:00`."""
    crons = [canonical(t.expression) for t in plan.triggers if isinstance(t, Cron)]
    if not 2 <= len(crons) == len(plan.triggers) <= 3:
        return ""
    body = next((each for each in crons if each.startswith("*")), "")
    rest = [each.split() for each in crons if each != body]
    words = in_words(body) if body else None
    if (
        words is None
        or " to " not in words.often
        or not all(r[0].isdigit() and r[1].isdigit() for r in rest)
    ):
        return ""
    last = rest[-1]
    often = words.often.rpartition(" to ")[0]
    return f"{often} to {int(last[1]):02}:{int(last[0]):02} {words.days}".rstrip()
