"""Rarer ways to say a schedule: what each means, and why others are refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from offhours.core.errors import PhraseError
from offhours.core.phrases import describe, parse

NOW = datetime(2026, 6, 1, 10, tzinfo=UTC)  # a monday

MEANS = """
every 2 hours starting from tomorrow => every 2 hours starting 2026-06-02
every 2 hours starting 2026-07-01T09:00+02:00 => every 2 hours starting 2026-07-01 07:00
every 2 days starting july 1 9am => every 2 days at 09:00 starting 2026-07-01
every 2 months starting july 1 on the 15th at 9am => every 2 months on the 15th at 09:00 \
starting 2026-07-01
every day at 9am starting july 1 for 2 weeks => every day at 09:00 starting 2026-07-01 until \
2026-07-14
every day at 9am starting january 31 for 1 month => every day at 09:00 starting 2027-01-31 until \
2027-02-28
every day at 9am until the 5th of june => every day at 09:00 until 2026-06-05
every day at 9am until friday => every day at 09:00 until 2026-06-05
every minute for 90 seconds => every minute until 2026-06-01 10:01:30
tonight at 1am => on 2026-06-02 01:00
2026-07-15 => on 2026-07-15 00:00
every day at 9h => every day at 09:00
every day at 9h30 => every day at 09:30
every day at 9:30:00 => every day at 09:30
every day at 9.30pm => every day at 21:30
every day in jan. at 9am => every day in january at 09:00
every hour at 10 past every hour => every hour at minute 10
every hour at a quarter to the hour => every hour at minute 45
every hour and a half => every 90 minutes starting 2026-06-01 10:00
every twenty-five minutes => every 25 minutes starting 2026-06-01 10:00
the twenty-first of every month at 9am => on the 21st of the month at 09:00
every june 5 to 9 at 9am => on the 5th to 9th of june at 09:00
every june 5 and 6 at 9am => on the 5th and 6th of june at 09:00
the first friday of the year at 9am => on the first friday of january at 09:00
the last friday of the year at 9am => on the last friday of december at 09:00
the nearest weekday to the 15th of the month at 9am => on the weekday nearest the 15th of the \
month at 09:00
the 3rd to the last day of the month at 9am => on the 3rd to last day of the month at 09:00
every 10 seconds except on monday => every 10 seconds on tuesday to sunday
cron * 9-10 * * * => every minute from 09:00 to 10:59 (cron * 9-10 * * *)
cron 0 9 * * 1#1,2 => cron 0 9 * * 1#1,2
cron 0 9 * * 1#1,2#2 => cron 0 9 * * 1#1,2#2
"""

REFUSED = """
every 5 minutes from june 3 to 5pm => "to" is not understood
every 2 days counted from banana => "banana" is not understood
every monday at 9am counted from july 1 => only an interval is counted
every 2 hours at minute x => "x" is not understood
every 2 hours at minute 75 => no minute 75
every hour at minute 5 and 75 => no minute 75
every hour at minute 5 starting at minute 6 => said twice
every 20 minutes starting at minute 3 between 9am and 5pm => the window says where it starts
every 7 minutes from 9:20 to 11:05 and every day at 5pm => a schedule of its own
every 10 minutes at minute 5 => does not go with a frequency in minutes
every 2 hours from 9:30 to 17:30 at :15 => the minute is said twice
every hour from 9:20 to 9:40 at :50 => holds no such minute
every hour from 9am to 5pm except noon => say the hours in one way
every hour from 10pm to 2am in june => which days are meant
every hour from 9am to dusk => "dusk" is not understood
every hour except 9am at :30 => from every hour only
every day at 9am except 5pm => from hours only
every 10 seconds between 9am and 5pm => does not go with seconds
every half second => less than a second
every 1.2345 hours => more precise
every 1 month and 3 days => cannot be mixed
every 101 years => more than a hundred years
every 13 o'clock => a time of day, not a length
in 90 seconds at 9am => no time of day
every monday starting june 3 at 9am => only the start?
every weekday until 2026-07-01T09:00 => only the end?
every day at 9am until june 30 for 3 months => the end is said twice
every day at 9am until february 30 => no such date
every day at 9am until monday => a week from now
every 2 weeks starting july 1 9am at 10am => the time is said twice
every 2 weeks starting 2026-07-01T09:00+02:00 => keeps the time of its zone
every 3 years on march 3 and june 6 at 9am => does not go with that interval
every 2 years starting 9999-12-20 on june 5 at 9am => beyond the calendar
every 2 weeks starting 9999-12-31 on monday at 9am => beyond the calendar
every friday night at 1am => that night is another day
tomorrow night at 1am => that night is another day
every day on the 15th at 9am => only on that day?
every day at zero dark => missing
every day at 9: 30 => not understood
every day at 9h5 => not understood
every day at 9.75 => not understood
every day 1430 => missing
every day at 5 a => missing
2026- 07-01 at 9am => "2026-" is not understood
2026-07-01T25:00 => not a time like 18:00
2026-07-01T09:00x => not understood
on 3.4 at 9am => not understood
on 30/02 at 9am => write a date as
next week at 9am => does not say which day
every other banana at 9am => "banana" is not understood
every day a or so at 9am => leaves open
every day in june and june at 9am => said twice
every june 5 and june 5 at 9am => said twice
every day at 9am except 2026-07-01 and 2026-07-01 => said twice
every day at 9am except february 29 => needs its year
every day at 9am except the last day of the month => only numbered days
every 15th except mondays at 9am => no cron form
the first friday of every month except the 3rd at 9am => no cron form
every monday except the 13th at 9am => no cron form
the 15th of every month except the 15th at 9am => leaves nothing
every january except january at 9am => leaves nothing
every month except mondays at 9am => no such day to leave out
the fifth friday of the year at 9am => only the first and the last of a year
the 2nd of the quarter at 9am => only the first and the last of a quarter
the 15th to 10th of every month at 9am => backwards
32nd to last day of the month at 9am => no such day
40 days before the end of the month at 9am => no such day
5 times a month => but not when
5 times hourly => but not when
4x a year => but not when
"""


def pairs(table: str) -> list[tuple[str, str]]:
    return [
        (text, said) for text, _, said in (row.partition(" => ") for row in table.split("\n")[1:-1])
    ]


@pytest.mark.parametrize(("text", "sentence"), pairs(MEANS))
def test_what_it_means(text: str, sentence: str) -> None:
    plan = parse(text, NOW)
    assert describe(plan) == sentence
    assert parse(sentence, NOW) == plan


@pytest.mark.parametrize(("text", "reason"), pairs(REFUSED))
def test_why_it_is_refused(text: str, reason: str) -> None:
    with pytest.raises(PhraseError) as refusal:
        parse(text, NOW)
    assert reason in refusal.value.reason
    for suggestion in refusal.value.suggestions:
        parse(suggestion, NOW)
