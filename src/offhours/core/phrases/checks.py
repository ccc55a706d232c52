"""What does not go together in a clause, and what may be meant in more than one way."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from offhours.core.errors import PhraseError
from offhours.core.phrases.clock_times import settle
from offhours.core.phrases.lexicon import MORNING, NIGHT, PARTS, WEEKDAY_NAMES, joined
from offhours.core.phrases.reader import Reader
from offhours.core.phrases.slots import Clause, Days, Frequency

NIGHTLY = "nightly"
_HOURS_OF = {MORNING: ("8am", "9am"), "afternoon": ("2pm", "4pm"), "evening": ("6pm", "8pm"),
             NIGHT: ("10pm", "2am")}  # fmt: skip


def part_of(clause: Clause) -> str:
    """The part of the day that bare hours lie in."""
    return NIGHT if clause.part == NIGHTLY else clause.part or ""


def check(reader: Reader, clause: Clause, now: datetime) -> None:
    """Refuse what may be meant as a single date, and slots that contradict each other."""
    days, often = clause.days, clause.frequency
    if not _is_rule(clause):
        raise _once_or_always(reader, clause, now)
    if clause.part and clause.part != NIGHTLY and not clause.times:
        raise part_without_time(reader, clause)
    if clause.part == NIGHT and days and days.weekdays and is_night_of_day(reader, clause):
        _check_night(reader, clause, days)
    if often is None:
        _refuse(reader, clause, "that needs to say how often", "window", "in_step", "first_minute")
        _refuse(reader, clause, "minutes of an hour need `every hour`", "minutes")
        return
    if days and days.alone and days.of_month and often.unit != "month":
        place = clause.taken["days"]
        if reader.tokens[place].text not in ("on", "day", "days"):
            raise reader.wrong("the day of which month?", place, _on_the(reader, place))
    if often.within_day:
        _refuse(
            reader, clause, "a time of day does not go with a shorter frequency", "times", "part"
        )
    else:
        _refuse(
            reader, clause, "that goes only with minutes or hours",
            "window", "minutes", "first_minute", "in_step",
        )  # fmt: skip
        _check_days(reader, clause, often)


def is_night_of_day(reader: Reader, clause: Clause) -> bool:
    """Whether it is `friday night` or `tomorrow night`, and not `friday at 1 at night`."""
    place = clause.taken["part"]
    day = reader.tokens[place - 1].text if place else ""
    return reader.tokens[place].text in PARTS and day.isalpha() and day not in ("every", "each")


def _check_night(reader: Reader, clause: Clause, days: Days) -> None:
    """One in the morning of friday night: friday, or saturday?"""
    times = [time.at for time in settle(reader, clause.times or [], NIGHT)]
    if all(hour >= 6 for hour, _ in times):
        return
    later = [
        f"every {joined([WEEKDAY_NAMES[(day + ahead) % 7] for day in sorted(days.weekdays)])}"
        for ahead in (1, 0)
    ]
    raise which_night(reader, clause, times[0], later)


def which_night(
    reader: Reader, clause: Clause, at: tuple[int, int], days: list[str]
) -> PhraseError:
    """The refusal of a time after midnight in the night of a day."""
    choices = [f"{day} at {at[0]:02}:{at[1]:02}" for day in days]
    reason = "after midnight that night is another day; which one is meant?"
    return reader.wrong(reason, clause.taken["part"], choices)


def _is_rule(clause: Clause) -> bool:
    days = clause.days
    if clause.every or clause.frequency or clause.minutes:
        return True
    if days is None:
        return False
    return not days.alone or (clause.inherits and bool(days.weekdays))


def _on_the(reader: Reader, place: int) -> list[str]:
    word = reader.tokens[place].raw
    return [reader.replaced(place, place + 1, f"on {the}{word}") for the in ("the ", "")]


def _refuse(reader: Reader, clause: Clause, reason: str, *slots: str) -> None:
    for slot in slots:
        if slot in clause.taken:
            place = clause.taken[slot]
            choices = [f"every hour {_tail(reader, place)}"] if slot == "window" else []
            raise reader.wrong(reason, place, choices)


def _tail(reader: Reader, place: int) -> str:
    return reader.text[reader.tokens[place].start :]


def _check_days(reader: Reader, clause: Clause, often: Frequency) -> None:
    days = clause.days
    place = clause.taken.get("days", clause.first)
    if often.unit == "day" and often.count == 1 and days is not None:
        if days.alone or (len(days.weekdays) == 1) or days.numbered or days.dates:
            raise reader.wrong(
                "every day, or only on that day?", place, _without_every(reader, days)
            )
        if len(days.of_month) == 1:
            raise reader.wrong("every day, or only on that day?", place)
    if often.is_week and days is not None and not days.weekdays:
        raise reader.wrong("a week has no such day", place)
    if often.unit == "month" and days is not None and days.weekdays:
        name = WEEKDAY_NAMES[min(days.weekdays)]
        choices = [f"first {name} of the month", f"last {name} of the month", f"every {name}"]
        raise reader.wrong("which of the month's weeks?", place, choices)
    if often.unit == "month" and often.count % 12 and days and days.dates:
        raise reader.wrong("a date of the year does not go with that frequency", place)
    one_month = often.count == 1 and len(clause.months or ()) == 1
    if often.unit == "month" and clause.months and (one_month or 1 < often.count < 12):
        raise reader.wrong("the months are said twice", clause.taken["months"])


def _without_every(reader: Reader, days: Days) -> list[str]:
    return [f"every {WEEKDAY_NAMES[day]}" for day in sorted(days.weekdays)] + ["every day"]


def part_without_time(reader: Reader, clause: Clause) -> PhraseError:
    """The refusal of `every morning`: at what time?"""
    place = clause.taken["part"]
    hours = _HOURS_OF[clause.part or MORNING]
    stop = len(reader.text)
    choices = [f"{reader.text[:stop]} at {hour}" for hour in hours]
    choices += [f"every day at {hour}" for hour in hours]
    return reader.wrong(f"at what time of the {clause.part}?", place, choices)


def _once_or_always(reader: Reader, clause: Clause, now: datetime) -> PhraseError:
    """The refusal of `monday at 9am`, which may be one date or a rule."""
    text = reader.text
    bare = text.removeprefix("on ").removeprefix("the ")
    choices = [f"every day {text}", f"tomorrow {text}"]
    if clause.days is not None:
        place = clause.taken["days"]
        day = _next_date(clause.days, now)
        stop = _end_of_slot(reader, clause, place)
        choices = [f"every {bare}", f"every month {text}"]
        if day is not None:
            choices.append(reader.replaced(place, stop, f"on {day.isoformat()}"))
    elif clause.months is not None:
        choices = [f"every day {text}", f"every month {text}"]
    if clause.first:
        word = reader.tokens[clause.first].raw
        place = clause.first
        choices = [
            reader.replaced(place, place + 1, f"{and_then}{word}")
            for and_then in ("every ", "every month on the ", "on the ")
        ]
    reason = "that may be meant once or always; say `every`, or a date with its year"
    return reader.wrong(reason, clause.first, choices)


def _end_of_slot(reader: Reader, clause: Clause, place: int) -> int:
    later = [start for start in clause.taken.values() if start > place]
    return min(later, default=len(reader.tokens))


def _next_date(days: Days, now: datetime) -> date | None:
    """The next date, from tomorrow, that a single day may mean."""
    for ahead in range(1, 366 * 4):
        day = now.date() + timedelta(days=ahead)
        if day.isoweekday() % 7 in days.weekdays or (day.month, day.day) in days.dates:
            return day
        if str(day.day) in days.of_month:
            return day
    return None
