"""From filled slots to a plan: which triggers they make, and what does not go together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from datetime import time as wall_time
from zoneinfo import ZoneInfo

from offhours.core.errors import PhraseError, ScheduleError
from offhours.core.phrases import checks, intervals, recurring
from offhours.core.phrases.clock_times import settle
from offhours.core.phrases.dates import Moment
from offhours.core.phrases.lexicon import NIGHT
from offhours.core.phrases.reader import Reader
from offhours.core.phrases.slots import Clause, Relative, Schedule
from offhours.core.times import SECOND, Micros, to_datetime, to_micros
from offhours.core.triggers import At, Cron, Every, Plan, Trigger, Window
from offhours.core.triggers.zones import instant


@dataclass(slots=True)
class Builder:
    """What every clause needs to become triggers."""

    reader: Reader
    schedule: Schedule
    now: datetime
    zone: ZoneInfo

    def plan(self) -> Plan:
        """The plan of all clauses together."""
        schedule = self.schedule
        triggers: list[Trigger] = []
        windows: list[Window] = []
        for clause in schedule.clauses:
            self._check_clause(clause)
            made, window = self._triggers(clause)
            if all(trigger in triggers for trigger in made):
                raise self.wrong("that is said twice", clause)
            triggers += [trigger for trigger in made if trigger not in triggers]
            windows += window
        self._check_bound_times(triggers)
        if windows and len(schedule.clauses) > 1:
            raise self.wrong("an interval within hours has to be a schedule of its own")
        start, end = self._start(triggers), self._end()
        self._check_bounds(triggers, start, end)
        try:
            plan = Plan(
                triggers=tuple(triggers),
                timezone=self.zone.key,
                start=start,
                end=end,
                count=schedule.count,
                except_dates=schedule.except_dates or (),
                windows=tuple(windows),
            )
        except ScheduleError as wrong:
            raise PhraseError(str(wrong)) from None
        if plan.next_after(to_micros(self.now)) is None:
            raise self.wrong("that has passed, or never comes")
        return plan

    def wrong(self, reason: str, clause: Clause | None = None) -> PhraseError:
        place = None if clause is None else clause.first
        return PhraseError(reason) if place is None else self.reader.wrong(reason, place)

    def _check_clause(self, clause: Clause) -> None:
        if not clause.taken:
            raise self.wrong("there is no schedule in it", clause)
        clauses = self.schedule.clauses
        if len(clauses) == 1:
            return
        if any(other.exceptions for other in clauses):
            raise self.wrong("an exception to several schedules is not clear; make one each")
        timed = {_has_time(other) for other in clauses if _by_day(other)}
        if len(timed) == 2:
            raise self._untimed()

    def _untimed(self) -> PhraseError:
        """One clause has a time and another has none: midnight, or the same time?"""
        clauses = self.schedule.clauses
        untimed = next(c for c in clauses if _by_day(c) and not _has_time(c))
        timed = next(c for c in clauses if _by_day(c) and _has_time(c))
        text, tokens = self.reader.text, self.reader.tokens
        place = clauses.index(untimed)
        stop = len(tokens) - 1
        if place + 1 < len(clauses):
            stop = clauses[place + 1].first - 2
        middle = tokens[stop].end
        hour, minute = timed.times[0].at if timed.times else (0, 0)
        choices = [
            f"{text[:middle]} at {time}{text[middle:]}"
            for time in (f"{hour:02}:{minute:02}", "00:00")
        ]
        return self.reader.wrong("one part has a time and another has none", untimed.first, choices)

    def _triggers(self, clause: Clause) -> tuple[list[Trigger], list[Window]]:
        if clause.cron is not None:
            return [self._cron(clause)], []
        if clause.once is not None:
            return self._once(clause), []
        checks.check(self.reader, clause, self.now)
        if clause.anchor is not None or intervals.is_interval(clause, self.schedule, self.zone):
            return intervals.triggers(self.reader, clause, self.schedule, self.now, self.zone)
        return [*recurring.crons(self.reader, clause)], []

    def _cron(self, clause: Clause) -> Cron:
        if set(clause.taken) != {"cron"}:
            raise self.wrong("a cron expression cannot be mixed with words", clause)
        try:
            return Cron(clause.cron or "")
        except ScheduleError as wrong:
            raise self.wrong(str(wrong), clause) from None

    def _once(self, clause: Clause) -> list[Trigger]:
        once = clause.once
        extra = set(clause.taken) - {"once", "times", "part"}
        if extra:
            raise self.wrong("a single date cannot be repeated", clause)
        schedule = self.schedule
        bounded = schedule.count or schedule.start or schedule.end or schedule.lasting
        if bounded and all(other.once for other in schedule.clauses):
            raise self.wrong("a single date has no bounds", clause)
        if clause.part and not clause.times:
            raise checks.part_without_time(self.reader, clause)
        times = settle(self.reader, clause.times or [], clause.part or "")
        if isinstance(once, Relative):
            return self._from_now(clause, once, [time.at for time in times])
        assert isinstance(once, Moment)
        if once.at is not None and times:
            raise self.wrong("the time is said twice", clause)
        if once.at is None and not times and once.first == clause.taken["once"]:
            self._untimed_day(once)
        if clause.part == NIGHT:
            once = self._night_of(clause, once, [time.at for time in times])
        walls = [wall_time(*each.at) for each in times] or [once.at or wall_time(0)]
        moments = [once.instant(self.zone, self.reader, wall) for wall in walls]
        return [self._ahead(moment, once.first) for moment in moments]

    def _night_of(self, clause: Clause, once: Moment, times: list[tuple[int, int]]) -> Moment:
        """After midnight, tonight is tomorrow; of any other night it is better asked."""
        if not times or any(hour >= 6 for hour, _ in times):
            return once
        if self.reader.tokens[once.first].text == "tonight":
            return replace(once, day=once.day + timedelta(days=self.now.hour >= 6))
        if checks.is_night_of_day(self.reader, clause):
            days = [once.day + timedelta(days=later) for later in (1, 0)]
            raise checks.which_night(
                self.reader, clause, times[0], [f"on {day.isoformat()}" for day in days]
            )
        return once

    def _untimed_day(self, once: Moment) -> None:
        word = self.reader.tokens[once.first]
        if (
            word.is_number
            or self.reader.tokens[min(once.first + 1, len(self.reader.tokens) - 1)].is_number
        ):
            return
        rest = self.reader.text
        choices = [f"{rest} at {time}" for time in ("09:00", "noon")]
        raise self.reader.wrong("at what time?", once.first, choices)

    def _from_now(
        self, clause: Clause, once: Relative, times: list[tuple[int, int]]
    ) -> list[Trigger]:
        if once.unit == "second":
            if times:
                raise self.wrong("hours from now have no time of day", clause)
            return [At(to_micros(self.now) + once.count * SECOND)]
        wall = self.now.replace(tzinfo=None)
        wall = _later(wall, once)
        walls = [wall.replace(hour=h, minute=m, second=0, microsecond=0) for h, m in times]
        found = [instant(each, self.zone) for each in walls or [wall]]
        return [self._ahead(moment, clause.taken["once"]) for moment in found]

    def _ahead(self, moment: Micros, place: int) -> At:
        if moment <= to_micros(self.now):
            raise self.reader.wrong(
                f"that has passed: it is {self.now:%Y-%m-%d %H:%M} in {self.zone.key}", place
            )
        return At(moment)

    def _start(self, triggers: list[Trigger]) -> Micros | None:
        start = self.schedule.start
        if start is not None and start.coming and not _counts(self.schedule, triggers):
            raise self._start_of_what(start)
        if start is not None:
            self._check_months_from(start, triggers)
        if start is None or intervals.takes_start(self.schedule, triggers):
            return None
        return start.instant(self.zone, self.reader)

    def _check_months_from(self, start: Moment, triggers: list[Trigger]) -> None:
        """`every 3 months on the 15th starting in august`: from august, or as the year has them?"""
        often, first = self.schedule.clauses[0].frequency, triggers[0]
        if often is None or not often.counts_from_start or often.unit != "month":
            return
        months = [1 + (start.day.month - 1 + n) % 12 for n in range(0, 12, often.count)]
        if often.count == 1 or 1 in months or not isinstance(first, Cron):
            return
        fields = first.expression.split()
        fields[-2] = ",".join(str(month) for month in sorted(months))
        place = self.schedule.taken["start"]
        bound = self.reader.text[self.reader.tokens[place].start :]
        choices = [
            f"cron {expression} {bound}" for expression in (" ".join(fields), first.expression)
        ]
        reason = "counted from that month, or from january?"
        raise self.reader.wrong(reason, start.first, choices)

    def _start_of_what(self, start: Moment) -> PhraseError:
        """`every 4 hours starting at 9am`: once, or on each day anew?"""
        assert start.at is not None
        stop = len(self.reader.tokens)
        day, time = start.day.isoformat(), f"{start.at:%H:%M}"
        choices = [
            self.reader.replaced(start.first, stop, words)
            for words in (f"starting {day} {time}", f"from {time} to 23:59", f"at {time}")
        ]
        return self.reader.wrong("starting once, or on each day?", start.first, choices)

    def _check_bound_times(self, triggers: list[Trigger]) -> None:
        """`every day until friday at 9am`: each day at that time, or at midnight?"""
        schedule = self.schedule
        days = [c for c in schedule.clauses if c.cron is None and c.once is None and _by_day(c)]
        if not days or any(clause.times for clause in days):
            return
        start, end = schedule.start, schedule.end
        if start is not None and intervals.takes_start(schedule, triggers):
            if start.at is not None:
                return
            start = None
        for slot, bound in (("start", start), ("end", end)):
            if bound is None or bound.at is None or bound.coming:
                continue
            text, place = self.reader.text, schedule.taken[slot]
            here = self.reader.tokens[place].start
            choices = [
                f"{text[:here]}at {time} {text[here:]}" for time in (f"{bound.at:%H:%M}", "00:00")
            ]
            raise self.reader.wrong(f"at that time each day, or only the {slot}?", place, choices)

    def _end(self) -> Micros | None:
        schedule, end = self.schedule, self.schedule.end
        if schedule.lasting:
            if end is not None:
                raise self.wrong("the end is said twice")
            length = Relative(*schedule.lasting)
            base = to_micros(self.now)
            if schedule.start is not None:
                base = schedule.start.instant(self.zone, self.reader) - 1
            if length.unit == "second":
                return base + length.count * SECOND
            local = to_datetime(base).astimezone(self.zone).replace(tzinfo=None)
            return instant(_later(local, length), self.zone)
        if end is None:
            return None
        if end.at is not None:
            return end.instant(self.zone, self.reader)
        midnight = datetime.combine(end.day, datetime.min.time()) + timedelta(days=1)
        return instant(midnight, self.zone) - 1

    def _check_bounds(
        self, triggers: list[Trigger], start: Micros | None, end: Micros | None
    ) -> None:
        place = self.schedule.end.first if self.schedule.end else None
        if end is not None and end <= to_micros(self.now):
            raise self.reader.wrong("the end has passed", place)
        if end is not None and start is not None and end < start:
            raise self.reader.wrong("it would end before it starts", place)
        if len(triggers) > 100:
            raise self.wrong("that is more than a hundred schedules")


def _later(wall: datetime, length: Relative) -> datetime:
    try:
        if length.unit == "day":
            return wall + timedelta(days=length.count)
        month = wall.month - 1 + length.count
        year, month = wall.year + month // 12, month % 12 + 1
        for day in (wall.day, 30, 29, 28):
            try:
                return wall.replace(year=year, month=month, day=min(day, wall.day))
            except ValueError:
                continue
    except (OverflowError, ValueError):
        pass
    raise PhraseError("that is beyond the calendar")


def _counts(schedule: Schedule, triggers: list[Trigger]) -> bool:
    """Whether the schedule is one interval that the grid of the clock does not have."""
    often = schedule.clauses[0].frequency
    return (
        len(schedule.clauses) == 1
        and isinstance(triggers[0], Every)
        and not (often and intervals.divides(often.count))
    )


def _has_time(clause: Clause) -> bool:
    once = clause.once
    said = isinstance(once, Moment) and once.at is not None
    return bool(clause.times or clause.part or isinstance(once, Relative) or said)


def _by_day(clause: Clause) -> bool:
    often = clause.frequency
    return clause.cron is None and not (often is not None and often.within_day)
