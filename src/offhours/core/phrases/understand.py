"""A text to a plan: cron expressions as they are, anything else through the grammar."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from offhours.core.errors import PhraseError, ScheduleError
from offhours.core.phrases.build import Builder
from offhours.core.phrases.fields import CRON_NAMES, canonical
from offhours.core.phrases.grammar import read
from offhours.core.phrases.reader import Reader
from offhours.core.phrases.tokens import plain, tokenise
from offhours.core.times import to_micros
from offhours.core.triggers import Cron, Plan
from offhours.core.triggers.zones import load_zone

_AS_CRON = " (cron "


def understand(text: str, now: datetime, timezone: str) -> Plan:
    """The one plan the text means. The suggestions of a refusal are not yet tried."""
    ascii_text = plain(text)
    zone = load_zone(timezone)
    if is_cron(ascii_text):
        return _plan_of(ascii_text, timezone, now)
    body, marker, rest = ascii_text.rpartition(_AS_CRON)
    if marker and rest.endswith(")") and _AS_CRON not in body:
        return _with_cron(understand(body, now, timezone), rest[:-1], now)
    reader = Reader(ascii_text, tokenise(ascii_text))
    schedule = read(reader, now.astimezone(zone))
    if schedule.zone is not None:
        zone = load_zone(schedule.zone)
        reader = Reader(ascii_text, reader.tokens)
        schedule = read(reader, now.astimezone(zone))
    return Builder(reader, schedule, now.astimezone(zone), zone).plan()


def is_cron(text: str) -> bool:
    """Whether the text is meant as a cron expression: an alias, or words of digits and stars."""
    words = text.split()
    if words[0][0] == "@":
        return words[0][1:].isalpha() or len(words[0]) == len(text)
    if words[0][0] not in "*+-0123456789":
        return False
    return any(word[0] == "*" for word in words) or (
        len(words) > 4 and all(_is_cron_word(word) for word in words)
    )


def _is_cron_word(word: str) -> bool:
    for mark in ",-/#":
        word = word.replace(mark, " ")
    return all(
        piece.isdigit() or piece.rstrip("LW").isdigit() or piece in ("L", "LW", "?")
        or piece.upper() in CRON_NAMES
        for piece in word.split()
    )  # fmt: skip


def _plan_of(expression: str, timezone: str, now: datetime) -> Plan:
    try:
        plan = Plan((Cron(expression),), timezone)
    except ScheduleError as wrong:
        raise PhraseError(str(wrong)) from None
    if plan.next_after(to_micros(now)) is None:
        raise PhraseError("that never comes")
    return plan


def _with_cron(plan: Plan, expression: str, now: datetime) -> Plan:
    """The plan with its expression spelled as given, when both mean the same."""
    try:
        cron = Cron(expression)
    except ScheduleError as wrong:
        raise PhraseError(str(wrong)) from None
    (first, *others) = plan.triggers
    if others or not isinstance(first, Cron):
        raise PhraseError("the cron expression is only one part of that")
    if canonical(first.expression) != canonical(cron.expression):
        choices = (f"cron {first.expression}", f"cron {cron.expression}")
        raise PhraseError("the words and the cron expression differ", suggestions=choices)
    return replace(plan, triggers=(cron,))
