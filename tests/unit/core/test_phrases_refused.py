"""What is asked back and what is refused: never a guess, and never slow."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from offhours.core.errors import InputError, PhraseError
from offhours.core.phrases import parse

NOW = datetime(2026, 6, 1, 10, tzinfo=UTC)

AMBIGUOUS = """
every day at 5
on mondays at 8
every 2 hours between 9 and 5
every wed at 5pm and 11
every day at 12 o'clock
every second monday
every third friday at 5pm
every 2nd day of the month
every second of the month
every second march
every third
every month on monday
biweekly
bi-weekly
semimonthly on friday
bimonthly at 9am
twice a day
three times a week
4x per day
every day 3 times
every morning
every night
tomorrow evening
next friday at 9am
this monday at noon
friday at 9am
on the 15th at 9am
first monday at 9am
december 25 at 9am
9am
at 5pm
in january at 9am
tomorrow
on 03/04 at 9am
every 4M
every m
every 5
every few minutes
every couple of hours
every day around 5pm
every day or so
every day at 9am IST
every day at 9am CST
every day at 9am BST
every day at 9am EST
every day at 9am PST
every monday at 9am and friday and
every monday at 9am and friday
every day at 9am and december 25
every 4 hours starting at 9am
every hour from 22:00 to 06:00 on weekdays
every day on monday
daily starting monday
every weekday at 9am except december 25
every 25th of december at 9am except january 1
"""

MEANINGLESS = """
every
every every day
every day every hour
daily daily
every hour every minute
every monday every 5 days
every monday monday
every day at 5pm 6pm
every day at at 5pm
every day at 5pm every
every day at noon pm
every day at 5pm am
every day at 17:00 in the morning
every evening at 5am
every day at 24:00
every day at 24:30
every day at 0am
every day at 13pm
every day at 12:60
every day at 9:5
every day at 9:00:30
every 0 minutes
every zero days
every -5 minutes
every 0.5 seconds
every 1000000000 minutes
every 200 years
every february 30
every april 31
every 31st of june
every 30th in february and march
every month on the 32nd
sixth monday of the month
third to last friday of the month
2nd business day of the month
every friday the 13th
every monday on the 1st
every month on june 5
every week on the 4th
every month in june
every monday except monday
every weekday except weekdays
every hour except weekends and december and noon
mondays at 9am and fridays at 5pm except august
every day at 9am except holidays
every 45 minutes on weekdays
every 45 minutes in june
every 2 days in march
every 5 hours at 9am
every 5 minutes at 9am
every day between 9am and 5pm
every hour from 9am to 9am
every 30 minutes past the hour
every five minutes past the hour
every day at 9am for 0 times
every day until 2020-01-01
every day starting 2027-01-01 until 2026-12-01
today at 9am
2020-01-01 09:00
2026-02-30 10:00
in 0 minutes
tomorrow at 9am for 3 times
every day tomorrow at 9am
2026-12-24T18:00 at 9am
0 9 * * * in Europe/Berlin
every */5 minutes
*/5 minutes
run 0 9 * * *
cron 0 9 * *
cron 99 9 * * *
cron 0 9 * * * every day
every day at 9am (cron 0 10 * * *)
0 0 31 2 *
@reboot
@every 5m
not every day
never on sunday
do it daily
daily please
hello
every blue moon
every day in easter at 9am
every day at 9am in Nowhere
every day at 9am UTC+2
every day at 9am UTC in Berlin
every day in july in july
every monday, and
, every monday
and every monday
every monday and and friday
every minutes
every 21th
every 22th of june
every day at 15 december
every day at 9am, 15 december
every day,,at 9am
every day; every
every day and every day
mondays at 9am and every monday at 09:00
every other 30 day
every of january
every from last
every on monday
between june weekly
from monday at 9am
hourly the last
every hour 2nd
second every hour
every every january
every minute and second
every day and december
every last
nightly in the evening
"""

HOSTILE = [
    "", " ", "\n", "\x00", "every\x00day", "every\nday", "every day at 9\u202eam", "every d\u0430y",
    "every day at \uff19am", "\ud800", "every " * 42, "every day " * 25, "a" * 256, "a" * 257,
    "9" * 256, "9:" * 128, "-" * 256, "," * 256, "." * 256, "((" * 128, "every " + "1," * 120,
    "at " * 85, "and " * 64, "first " * 42, "every 1 hour " + "and 1 hour " * 20,
    "monday," * 36, "to " * 85, "in " * 85, "every day except " * 15, "12/" * 85, "*/" * 128,
    "cron " * 51, "cron " + "* " * 125, "@" * 256, "in " + "a/" * 126,
    "every day at 9am in " + "x" * 200,
    "every day at 9am America/" + "y" * 200, "every day at 9am Europe/../../etc/passwd",
    "every day at 9am in America/New_York/..", "every " + "z" * 250, "quarter to " * 23,
    "every day (cron 0 0 * * *) (cron 0 0 * * *)", "(cron", " (cron )", "{}", "%s%n",
    "every day at 9am'",
]  # fmt: skip


def refusal_of(text: str) -> PhraseError:
    with pytest.raises(PhraseError) as refusal:
        parse(text, NOW)
    return refusal.value


@pytest.mark.parametrize("text", AMBIGUOUS.strip().splitlines())
def test_ambiguity_asks_with_phrases_that_can_be_used(text: str) -> None:
    refusal = refusal_of(text)
    assert refusal.reason
    assert len(set(refusal.suggestions)) >= 2 or text.endswith("and")
    for suggestion in refusal.suggestions:
        parse(suggestion, NOW)


@pytest.mark.parametrize("text", MEANINGLESS.strip().splitlines())
def test_nonsense_is_refused(text: str) -> None:
    refusal = refusal_of(text)
    assert refusal.reason and isinstance(refusal, InputError)
    for suggestion in refusal.suggestions:
        parse(suggestion, NOW)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_refused_at_once(text: str) -> None:
    begun = time.process_time()
    refusal = refusal_of(text)
    spent = time.process_time() - begun
    assert refusal.reason and len(str(refusal)) < 3000
    assert spent < 0.05 or _again(text) < 0.05


def _again(text: str) -> float:
    """Without what the first call of a process loads."""
    begun = time.process_time()
    refusal_of(text)
    return time.process_time() - begun


@pytest.mark.parametrize("value", [None, 5, b"every day", ["every day"]])
def test_only_text_is_read(value: object) -> None:
    with pytest.raises(PhraseError, match="expected text"):
        parse(value, NOW)  # type: ignore[arg-type]


def test_the_refusal_says_which_word() -> None:
    refusal = refusal_of("every day at fnord o'clock")
    assert (refusal.position, refusal.character) == (3, 13)
    assert "fnord" in refusal.reason
    assert refusal_of("mon-funday at 9am").position == 0
    assert refusal_of("every day at noon at").position == 4


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("every wensday at 9am", "every wednesday at 9am"),
        ("every tuseday at 9am", "every tuesday at 9am"),
        ("every day in febuary at 9am", "every day in february at 9am"),
        ("every 5 minuts", "every 5 minutes"),
        ("evry day at 9am", "every day at 9am"),
        ("every day at 9am America/Newyork", "every day at 9am America/New_York"),
    ],
)
def test_a_misspelt_word_is_suggested_and_never_corrected(text: str, wanted: str) -> None:
    assert wanted in refusal_of(text).suggestions


def test_the_choices_of_a_bare_hour_are_its_two_readings() -> None:
    assert refusal_of("every weekday at five").suggestions == (
        "every weekday at 5am",
        "every weekday at 5pm",
    )


def test_typographic_dashes_and_spaces_are_plain_ones() -> None:
    assert parse("mon\u2013fri\u00a09am", NOW) == parse("mon-fri 9am", NOW)
    assert parse("every day at 5 o\u2019clock pm", NOW) == parse("every day at 5pm", NOW)
