"""Cron on a plain calendar without zones: cronsim, and the two day forms it does not know.

It is used without a zone on purpose: what happens in skipped and repeated hours is decided in
`cron`, where it can be told in two rules.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, timedelta

from cronsim import CronSim

_SATURDAY, _SUNDAY = 5, 6


class Walk(CronSim):
    """The matching wall-clock times later than `start`, one after the other.

    >>> next(Walk("0 9 15W * *", datetime(2026, 2, 1)))
    datetime.datetime(2026, 2, 16, 9, 0)
    """

    def __init__(self, expression: str, start: datetime) -> None:
        self._nearest: set[int] = set()
        self._before_end: set[int] = set()
        fields = expression.split()
        plain = [item for item in fields[-3].split(",") if not self._takes(item)]
        both = fields[-3].startswith("*") or fields[-1].startswith("*")
        fields[-3] = ",".join(plain) or "1"
        super().__init__(" ".join(fields), start)
        if not plain:
            self.days = set()
        self.day_and = both

    def _takes(self, item: str) -> bool:
        if item.startswith("L-"):
            self._before_end.add(int(item[2:]))
        elif item.endswith("W") and item != "LW":
            self._nearest.add(int(item[:-1]))
        else:
            return False
        return True

    def match_dom(self, d: date) -> bool:
        """Whether the day-of-month field names this day."""
        if super().match_dom(d):
            return True
        if not self._nearest and not self._before_end:
            return False
        last = monthrange(d.year, d.month)[1]
        return last - d.day in self._before_end or any(
            day <= last and nearest_weekday(d.replace(day=day)) == d for day in self._nearest
        )

    def ever(self) -> bool:
        """Whether any day matches. The years 2000 to 2027 hold every kind of year there is."""
        return any(
            self.match_day(date(year, month, day))
            for year in range(2000, 2028)
            for month in self.months
            for day in range(1, monthrange(year, month)[1] + 1)
        )


def nearest_weekday(day: date) -> date:
    """The day itself, or the nearest of Monday to Friday inside its month.

    >>> nearest_weekday(date(2026, 8, 1)).day
    3
    """
    last = monthrange(day.year, day.month)[1]
    if day.weekday() == _SATURDAY:
        return day + timedelta(days=2 if day.day == 1 else -1)
    if day.weekday() == _SUNDAY:
        return day + timedelta(days=-2 if day.day == last else 1)
    return day
