"""The words that schedules are made of, each with its one meaning."""

from __future__ import annotations


def words(text: str) -> tuple[str, ...]:
    """The words of a text.

    >>> words("noon midnight")
    ('noon', 'midnight')
    """
    return tuple(text.split())


WEEKDAY_NAMES = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
MONTH_NAMES = (
    "january", "february", "march", "april", "may", "june", "july",
    "august", "september", "october", "november", "december",
)  # fmt: skip

WEEKDAYS = {name: number for number, name in enumerate(WEEKDAY_NAMES)} | {
    "sun": 0, "mon": 1, "tue": 2, "tues": 2, "wed": 3, "weds": 3,
    "thu": 4, "thur": 4, "thurs": 4, "fri": 5, "sat": 6,
}  # fmt: skip
PLURAL_WEEKDAYS = {f"{name}s": number for number, name in enumerate(WEEKDAY_NAMES)}
WORK_DAYS = frozenset({1, 2, 3, 4, 5})
WEEKEND = frozenset({0, 6})
ALL_DAYS = frozenset(range(7))
DAY_GROUPS = {
    "weekday": WORK_DAYS, "weekdays": WORK_DAYS, "week days": WORK_DAYS, "week day": WORK_DAYS,
    "workday": WORK_DAYS, "workdays": WORK_DAYS, "work day": WORK_DAYS, "work days": WORK_DAYS,
    "working day": WORK_DAYS, "working days": WORK_DAYS,
    "business day": WORK_DAYS, "business days": WORK_DAYS,
    "weekend day": WEEKEND, "weekend days": WEEKEND, "weekend": WEEKEND, "weekends": WEEKEND,
}  # fmt: skip
BUSINESS_DAY = ("weekday", "week day", "workday", "work day", "working day", "business day")

MONTHS = {name: number for number, name in enumerate(MONTH_NAMES, 1)} | {
    name[:3]: number for number, name in enumerate(MONTH_NAMES, 1)
} | {"sept": 9}  # fmt: skip
LONGEST_MONTH = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

SECOND, MINUTE, HOUR = 1, 60, 3600
# How many of the base unit (second, day, month) one of each is.
UNITS: dict[str, tuple[str, int]] = {}
for _base, _size, _words in (
    ("second", SECOND, "second seconds sec secs s"),
    ("second", MINUTE, "minute minutes min mins m"),
    ("second", HOUR, "hour hours hr hrs h"),
    ("day", 1, "day days d"),
    ("day", 7, "week weeks wk wks w"),
    ("day", 14, "fortnight fortnights"),
    ("month", 1, "month months mos mth mths"),
    ("month", 3, "quarter quarters"),
    ("month", 12, "year years yr yrs y"),
):
    UNITS |= dict.fromkeys(words(_words), (_base, _size))

ADVERBS = {
    "minutely": "minute", "hourly": "hour", "daily": "day", "everyday": "day", "nightly": "day",
    "weekly": "week", "fortnightly": "fortnight", "monthly": "month", "quarterly": "quarter",
    "yearly": "year", "annually": "year",
}  # fmt: skip
UNCLEAR_ADVERBS = {
    "biweekly": ("every 2 weeks", "every monday and thursday"),
    "semiweekly": ("every monday and thursday", "every 2 weeks"),
    "bimonthly": ("every 2 months", "on the 1st and 15th of the month"),
    "semimonthly": ("on the 1st and 15th of the month", "every 2 months"),
    "biannually": ("every 6 months", "every 2 years"),
    "biannual": ("every 6 months", "every 2 years"),
    "biennially": ("every 2 years", "every 6 months"),
    "semiannually": ("every 6 months", "every 2 years"),
    "semiannual": ("every 6 months", "every 2 years"),
    "biyearly": ("every 6 months", "every 2 years"),
    "bidaily": ("every 12 hours", "every 2 days"),
    "semidaily": ("every 12 hours", "every 2 days"),
    "bihourly": ("every 2 hours", "every 30 minutes"),
    "semihourly": ("every 30 minutes", "every 2 hours"),
    "triweekly": ("every 3 weeks", "every monday, wednesday and friday"),
    "trimonthly": ("every 3 months", "on the 1st, 11th and 21st of the month"),
}
UNCLEAR_WORDS = frozenset(
    words(
        "around about approximately approx roughly few couple several some sometimes often"
        " occasionally regularly periodically frequently rarely ish maybe so nearly almost"
        " sometime whenever usually soon later"
    )
)

NUMBERS = {
    word: number
    for number, word in enumerate(
        words(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen"
            " fourteen fifteen sixteen seventeen eighteen nineteen"
        )
    )
}
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70,
        "eighty": 80, "ninety": 90}  # fmt: skip

ORDINALS = {
    word: number
    for number, word in enumerate(
        words(
            "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
            " thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
        ),
        1,
    )
} | {"thirtieth": 30}
ORDINAL_NAMES = {number: word for word, number in ORDINALS.items() if number <= 5}

MORNING, AFTERNOON, EVENING, NIGHT = "morning", "afternoon", "evening", "night"
PARTS = {part: part for part in (MORNING, AFTERNOON, EVENING, NIGHT)} | {
    f"{part}s": part for part in (MORNING, AFTERNOON, EVENING, NIGHT)
}

# Known words, for "did you mean".
KNOWN_WORDS = sorted(
    {word for word in (*WEEKDAYS, *PLURAL_WEEKDAYS, *MONTHS, *ADVERBS, *PARTS) if len(word) > 4}
    | {word for word in UNITS if len(word) > 2}
    | {"every", "each", "weekday", "weekdays", "weekend", "weekends", "midnight", "noon", "other"}
    | {"starting", "until", "except", "between", "through", "tomorrow", "today", "tonight"}
    | {*MONTH_NAMES, *WEEKDAY_NAMES, "first", "third", "fourth", "fifth", "last", "business"}
)


def ordinal(number: int) -> str:
    """A number with its ending.

    >>> ordinal(1), ordinal(12), ordinal(23)
    ('1st', '12th', '23rd')
    """
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def joined(parts: list[str]) -> str:
    """A list as people write it.

    >>> joined(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)
