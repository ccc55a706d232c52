"""When a failed attempt is tried again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from offhours.core.times import DAY, HOUR, SECOND, Micros, to_datetime, to_micros

LONGEST_WAIT = 30 * DAY

ExceptionTypes = tuple[type[BaseException], ...]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with jitter, and which exceptions deserve it.

    The n-th retry waits `base * factor**(n-1)`, at most `cap`, less a random share of up to
    `jitter`. With `retry_on` only those exceptions are retried; `give_up_on` never are.
    """

    base: Micros = SECOND
    factor: float = 2.0
    cap: Micros = HOUR
    jitter: float = 0.25
    retry_on: ExceptionTypes = (Exception,)
    give_up_on: ExceptionTypes = field(default=())

    def allows(self, error: BaseException) -> bool:
        return isinstance(error, self.retry_on) and not isinstance(error, self.give_up_on)

    def delay(self, spent: int, chance: float) -> Micros:
        """The wait before the next attempt after `spent` of them; `chance` is in [0, 1)."""
        try:
            wait = min(float(self.cap), self.base * self.factor ** max(spent - 1, 0))
        except OverflowError:
            wait = float(self.cap)
        return round(wait * (1 - self.jitter * chance))


def retry_after(error: BaseException, now: Micros) -> Micros | None:
    """The delay that an error carries: `.retry_after`, or an HTTP response's Retry-After.

    A header holds seconds or an HTTP date; what cannot be read is ignored, and nobody is made to
    wait longer than 30 days.
    """
    try:
        wish = _wish(error)
        if wish is None or isinstance(wish, bool):
            return None
        if isinstance(wish, str) and not wish.strip().replace(".", "", 1).isdigit():
            wait = _http_date(wish[:64], now)
        else:
            seconds = wish.total_seconds() if hasattr(wish, "total_seconds") else float(wish)
            wait = round(seconds * SECOND)
    except Exception:  # it comes from a server, or from a property of any exception
        return None
    return min(max(0, wait), LONGEST_WAIT)


def _wish(error: BaseException) -> Any:
    wish = getattr(error, "retry_after", None)
    if wish is None:
        headers = getattr(getattr(error, "response", None), "headers", {})
        wish = headers.get("Retry-After") if hasattr(headers, "get") else None
    return wish


def _http_date(text: str, now: Micros) -> Micros:
    from email.utils import parsedate_to_datetime

    moment = parsedate_to_datetime(text)
    if moment.utcoffset() is None:
        moment = moment.replace(tzinfo=to_datetime(now).tzinfo)
    return to_micros(moment) - now
