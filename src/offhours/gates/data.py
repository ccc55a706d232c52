"""Holds until there is enough to work on, and not too much."""

from __future__ import annotations

from collections.abc import Callable

from offhours.core.errors import ConfigError
from offhours.core.gates import OPEN, Verdict
from offhours.core.model import Claimed
from offhours.core.ports import Store
from offhours.core.times import Duration, Micros, parse_duration


class DataAmount:
    """Holds while `count(job)` is less than `least` or more than `most`. A person may not pass:
    there would be nothing to work on.

    count: asked on the thread that is to run the job; what it raises holds the job
    again: how long after a hold it is asked again

    >>> DataAmount(lambda job: 12, least=100).name
    'data'
    """

    name = "data"

    def __init__(
        self,
        count: Callable[[Claimed], int],
        *,
        least: int = 1,
        most: int | None = None,
        again: Duration = "1h",
    ) -> None:
        faults = []
        if least < 0:
            faults.append(f"least: expected 0 or more, got {least!r}")
        if most is not None and most < least:
            faults.append(f"most: expected at least {least}, got {most!r}")
        if faults:
            raise ConfigError(faults)
        self._count = count
        self._least = least
        self._most = most
        self._again = parse_duration(again, "again")

    def look(self, job: Claimed, now: Micros, store: Store) -> Verdict:
        """Open when the amount is between the two."""
        found, limit = self._count(job), self._least
        if found < limit:
            reason = f"there are {found:,} pieces of data, and at least {limit:,} are wanted"
        elif self._most is not None and found > self._most:
            limit = self._most
            reason = f"there are {found:,} pieces of data, and at most {limit:,} are taken"
        else:
            return OPEN
        return Verdict(False, reason, now + self._again, found, limit, forceable=False)
