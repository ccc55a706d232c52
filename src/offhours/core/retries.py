"""When a failed attempt is tried again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from offhours.core.times import (
    DAY,
    HOUR,
    SECOND,
    Micros,
    parse_duration,
    parse_moment,
    to_datetime,
    to_micros,
)

LONGEST_WAIT = 30 * DAY
_LONG_AGO = 1_000_000_000  # a number of seconds that is larger is a moment since 1970

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

    The response is the error's `.response`, or the error itself (`urllib`'s HTTPError).
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


def rate_limit_reset(error: BaseException, now: Micros) -> Micros | None:
    """For how long a provider takes no more calls, if its answer was a rate limit and says so.

    A rate limit is status 429, or an error that is named for it. When it ends stands in
    `.retry_after`, `.reset_at`, Retry-After, or the headers that name the reset of each limit (of
    those that are used up, the latest counts): a number of seconds, a moment since 1970, a length
    of time ("6m0s") or a date.
    """
    try:
        if not _is_rate_limit(error):
            return None
        wait = retry_after(error, now)
        if wait is not None:
            return wait
        reset = getattr(error, "reset_at", None)
        waits = [_until(reset, now)] if reset is not None else _resets(_headers(error), now)
        known = [wait for wait in waits if wait is not None]
    except Exception:  # it comes from a server, or from a property of any exception
        return None
    return min(max(0, *known), LONGEST_WAIT) if known else None


def _is_rate_limit(error: BaseException) -> bool:
    response = getattr(error, "response", None)
    for holder in (error, response):
        for name in ("status_code", "status", "http_status", "code"):
            if getattr(holder, name, None) == 429:
                return True
    return any("ratelimit" in kind.__name__.lower() for kind in type(error).__mro__)


def _headers(error: BaseException) -> dict[str, str]:
    for holder in (getattr(error, "response", None), error):
        headers = getattr(holder, "headers", None)
        if headers is not None and hasattr(headers, "items"):
            return {str(name).lower(): str(value) for name, value in headers.items()}
    return {}


def _resets(headers: dict[str, str], now: Micros) -> list[Micros | None]:
    """The resets of the limits that are used up; of all of them when no limit says that it is."""
    if "retry-after-ms" in headers:
        return [round(float(headers["retry-after-ms"]) * 1000)]
    resets = {
        name: value for name, value in headers.items()
        if "ratelimit" in name.replace("-", "") and "reset" in name
    }  # fmt: skip
    spent = {
        name: value for name, value in resets.items()
        if headers.get(name.replace("reset", "remaining"), "").strip() in ("0", "0.0")
    }  # fmt: skip
    return [_until(value, now) for value in (spent or resets).values()]


def _until(value: Any, now: Micros) -> Micros | None:
    """How long until what a provider calls a reset; None for what cannot be read."""
    if isinstance(value, datetime):
        return to_micros(value if value.tzinfo else value.replace(tzinfo=UTC)) - now
    text = str(value).strip()[:64]
    with suppress(ValueError):
        number = float(text)
        return round(number * SECOND) - (now if number > _LONG_AGO else 0)
    with suppress(ValueError):
        return parse_duration(text)
    with suppress(ValueError):
        return parse_moment(text, timezone=UTC) - now
    with suppress(ValueError, TypeError):
        return _http_date(text, now)
    return None


def _wish(error: BaseException) -> Any:
    wish = getattr(error, "retry_after", None)
    return _headers(error).get("retry-after") if wish is None else wish


def _http_date(text: str, now: Micros) -> Micros:
    from email.utils import parsedate_to_datetime

    moment = parsedate_to_datetime(text)
    if moment.utcoffset() is None:
        moment = moment.replace(tzinfo=to_datetime(now).tzinfo)
    return to_micros(moment) - now
