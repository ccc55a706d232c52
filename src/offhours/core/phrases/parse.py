"""A text to a plan, or a refusal whose suggestions were tried."""

from __future__ import annotations

from datetime import datetime

from offhours.core.errors import PhraseError
from offhours.core.phrases.describe import describe
from offhours.core.phrases.tokens import LONGEST, plain
from offhours.core.phrases.understand import is_cron, understand
from offhours.core.triggers import Plan

_GENERAL = ("every hour", "every day at 09:00")


def parse(text: str, now: datetime, timezone: str = "UTC") -> Plan:
    """The one schedule that the text means, or a `PhraseError`.

    `now` is aware; `timezone` is used unless the text names another. A cron expression is taken
    word for word, also in brackets behind a sentence that means the same.

    >>> from datetime import UTC
    >>> parse("every sunday at noon", datetime(2026, 6, 1, tzinfo=UTC)).triggers
    (Cron(expression='0 12 * * 0'),)
    """
    if now.utcoffset() is None:
        raise ValueError("now: expected an aware datetime")
    try:
        return _sayable(understand(text, now, timezone), text)
    except PhraseError as refusal:
        good = _that_parse(refusal.suggestions, now, timezone)
        raise PhraseError(refusal.reason, refusal.position, refusal.character, good) from None


def _sayable(plan: Plan, text: str) -> Plan:
    """The plan, when its sentence fits the length that can be read back."""
    if len(text) > LONGEST // 4 and not is_cron(plain(text)) and len(describe(plan)) > LONGEST:
        raise PhraseError("too much for one schedule to be said back; make it two")
    return plan


def _that_parse(phrases: tuple[str, ...], now: datetime, timezone: str) -> tuple[str, ...]:
    """The suggestions that hold, with the usual ones when an ambiguity has too few left."""
    good: list[str] = []
    for phrase in phrases:
        if len(good) < 4 and phrase not in good and _holds(phrase, now, timezone):
            good.append(phrase)
    if phrases and len(good) < 2:
        good += [phrase for phrase in _GENERAL if phrase not in good]
    return tuple(good)


def _holds(phrase: str, now: datetime, timezone: str) -> bool:
    try:
        _sayable(understand(phrase, now, timezone), phrase)
    except PhraseError:
        return False
    return True
