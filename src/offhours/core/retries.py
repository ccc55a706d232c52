"""When a failed attempt is tried again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from offhours.core.times import HOUR, SECOND, Micros, to_datetime, to_micros

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
        exponent = min(max(spent - 1, 0), 64)
        wait = min(float(self.cap), self.base * min(self.factor**exponent, 1e12))
        return round(wait * (1 - self.jitter * chance))


def retry_after(error: BaseException, now: Micros) -> Micros | None:
    """The delay that an error carries: `.retry_after`, or an HTTP response's Retry-After.

    A header holds seconds or an HTTP date; what cannot be read is ignored.
    """
    wish: Any = getattr(error, "retry_after", None)
    if wish is None:
        headers = getattr(getattr(error, "response", None), "headers", {})
        wish = headers.get("Retry-After") if hasattr(headers, "get") else None
    try:
        if wish is None or isinstance(wish, bool):
            return None
        seconds = wish.total_seconds() if hasattr(wish, "total_seconds") else float(wish)
        return max(0, round(seconds * SECOND))
    except (TypeError, ValueError, OverflowError):
        return _http_date(str(wish)[:64], now)


def _http_date(text: str, now: Micros) -> Micros | None:
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if moment.utcoffset() is None:
        moment = moment.replace(tzinfo=to_datetime(now).tzinfo)
    return max(0, to_micros(moment) - now)
