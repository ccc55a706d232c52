"""Which events are told, and when one may speak."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from offhours.core.errors import ConfigError, InputError
from offhours.core.hours import Hours
from offhours.core.notices import NewAlert
from offhours.core.times import to_datetime, to_micros
from offhours.notify import Log, Mail, Memory, Route, Rule
from offhours.notify.facts import Fact
from offhours.notify.notifier import pause
from offhours.notify.rules import events_of
from offhours.testing import MemoryApp, memory_app

BERLIN = ZoneInfo("Europe/Berlin")


def boom() -> None:
    raise ValueError("no disk")


def facts(app: MemoryApp, kind: str) -> list[Fact]:
    return [Fact(event, app.store) for event in app.events() if event.kind == kind]


def test_a_rule_looks_at_kind_task_and_priority() -> None:
    app = memory_app()
    app.submit(boom, priority="HIGH")
    app.drain()
    [fact] = facts(app, "job.failed")
    assert fact.job is not None
    task = fact.job.task
    for fits in (
        Rule(), Rule(on="job.*"), Rule(on=["worker.lost", "job.failed"]), Rule(tasks=task),
        Rule(tasks=["x", f"{task[:4]}*"]), Rule(priority="HIGH"), Rule(priority="NORMAL"),
        Rule(severity="medium"),
    ):  # fmt: skip
        assert fits.matches(fact), fits
    for misses in (
        Rule(on="job.quarantined"), Rule(on="alert.*"), Rule(tasks="other"),
        Rule(priority="CRITICAL"), Rule(severity="high"),
    ):  # fmt: skip
        assert not misses.matches(fact), misses
    assert fact.sentence == f"job 1 ({task}) failed: ValueError: no disk"


def test_a_rule_looks_at_schedule_and_tenant() -> None:
    app = memory_app()
    app.task(name="boom")(boom)
    schedule = app.schedule("boom", "every minute")
    app.clock.advance("1m")
    app.submit("boom", tenant="acme")
    app.drain()
    fired, submitted = sorted(facts(app, "job.failed"), key=lambda fact: fact.tenant or "")
    assert (fired.schedule, submitted.tenant) == (schedule.id, "acme")
    mine, theirs = Rule(schedules=[schedule.id]), Rule(tenants="acme")
    assert mine.matches(fired) and not mine.matches(submitted)
    assert theirs.matches(submitted) and not theirs.matches(fired)
    told = {"tenant": "acme", "model": "m", "version": 2, "by": "ann", "reason": "bad"}
    app.store.tell(0, "model.rolled_back", None, None, **told)
    [back] = facts(app, "model.rolled_back")
    assert Rule(on="model.*", tenants=["acme"], severity="high").matches(back)
    assert back.sentence == "m (acme) was rolled back to version 2 by ann: bad"


def test_a_job_that_kills_its_workers_is_quarantined() -> None:
    app = memory_app()
    app.store.tell(0, "job.failed", 7, 3, code="quarantined", crashes=3, reason="its worker died")
    [fact] = facts(app, "job.failed")
    assert Rule(on="job.quarantined", severity="high").matches(fact)
    assert Rule(on="job.failed").matches(fact)
    assert not Rule(tasks="any").matches(fact)  # its job is forgotten
    assert fact.sentence == "job 7 failed: its worker died (quarantined after 3 crashes)"
    assert events_of([Rule(on="job.quarantined")]) == "\x1fjob.failed\x1f"


def test_the_end_of_an_alert_is_as_severe_as_the_alert() -> None:
    app = memory_app()
    notices = app.store.notices
    for rule, severity in (("errors", "high"), ("slow", "low"), ("odd", "purple")):
        notices.fire(NewAlert(rule, "task t", severity, "half of them fail"), 5)
        notices.resolve(rule, "task t", 6)
    high = Rule(severity="high")
    told = [f.sentence for f in facts(app, "alert.firing") if high.matches(f)]
    assert told == [
        "half of them fail (errors, task t, high)", "half of them fail (odd, task t, high)",
    ]  # fmt: skip
    ended = [fact.sentence for fact in facts(app, "alert.resolved") if high.matches(fact)]
    assert ended == ["resolved: errors, task t", "resolved: odd, task t"]


def test_an_event_that_is_told_otherwise_is_told_all_the_same() -> None:
    app = memory_app()
    app.store.tell(0, "alert.firing", None, None, what="smoke")
    app.store.tell(0, "store.log_large", None, None, bytes=7)
    app.store.tell(0, "worker.lost", None, None)
    kinds = ("alert.firing", "store.log_large", "worker.lost")
    told = [fact.sentence for kind in kinds for fact in facts(app, kind)]
    assert told == ["alert.firing: what smoke", "store.log_large: bytes 7", "worker.lost"]


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Rule(on=["job.fialed", "alert.*"], priority="HGIH", severity="hihg")
    assert len(caught.value.faults) == 3
    assert 'did you mean "job.failed"?' in str(caught.value)
    assert 'did you mean "high"?' in str(caught.value)
    with pytest.raises(ConfigError, match="at least one"):
        Rule(on=[])
    with pytest.raises(ConfigError) as caught:
        Route(Log(), name="a b", wait="soon", every=-1, quiet="night", timezone="Europe/Berln")
    assert [fault.partition(":")[0] for fault in caught.value.faults] == [
        "name", "wait", "every", "quiet", "timezone",
    ]  # fmt: skip


def test_routes_have_names_of_their_own() -> None:
    app = memory_app()
    with pytest.raises(ConfigError, match="two routes log"):
        app.notify(Route(Log()), Route(Log()))
    app.notify(Route(Log()), Route(Log(), name="night"), Route(Memory()))
    with pytest.raises(ConfigError, match="two routes memory"):
        app.notify(Route(Memory()))
    notifications = app.notify()
    assert list(notifications.routes) == ["log", "night", "memory"]
    with pytest.raises(ConfigError, match='did you mean "night"'):
        notifications.test("nihgt")
    for wrong in ({"subject": "a\nb"}, {"subject": " "}, {"subject": "a", "severity": "bad"}):
        with pytest.raises(InputError):
            notifications.send(**wrong)
    assert Route(Mail("mail.example.com", "a@example.com"), Rule()).rules == (Rule(),)


@pytest.mark.parametrize(
    ("span", "now", "over"),
    [
        ("22:00-07:00", "2026-01-10 21:59", None),
        ("22:00-07:00", "2026-01-10 22:00", "2026-01-11 07:00"),
        ("22:00-07:00", "2026-01-11 00:30", "2026-01-11 07:00"),
        ("22:00-07:00", "2026-01-11 06:59", "2026-01-11 07:00"),
        ("22:00-07:00", "2026-01-11 07:00", None),
        ("12:00 to 13:30", "2026-01-11 13:00", "2026-01-11 13:30"),
        ("12:00–13:30", "2026-01-11 11:59", None),
        ("22:00-07:00", "2026-03-28 23:00", "2026-03-29 07:00"),  # the clocks go forward
        ("22:00-02:30", "2026-03-29 01:00", "2026-03-29 02:30"),  # a time that is not there
    ],
)
def test_quiet_hours(span: str, now: str, over: str | None) -> None:
    def at(text: str) -> int:
        return to_micros(datetime.fromisoformat(text).replace(tzinfo=BERLIN))

    found = Hours.parse(span).over_at(at(now), BERLIN)
    assert found == at(over or now)


@pytest.mark.parametrize("text", ["", "night", "22-7", "25:00-07:00", "22:00", "07:00-07:00"])
def test_what_are_no_quiet_hours(text: str) -> None:
    with pytest.raises(InputError):
        Hours.parse(text)


def test_quiet_hours_without_a_zone_are_those_of_the_machine() -> None:
    now = to_micros(datetime(2026, 1, 10, 12, tzinfo=UTC))
    end = to_datetime(Hours.parse("00:00-23:59").over_at(now, None)).astimezone()
    assert (end.hour, end.minute) == (23, 59) or end == to_datetime(now)


def test_pauses_grow_up_to_an_hour() -> None:
    seconds: Any = [pause(attempt) / 1_000_000 for attempt in range(1, 7)]
    assert seconds == [30, 120, 480, 1920, 3600, 3600]
    assert pause(1, 7) / 1_000_000 == 30
    assert pause(1, 300) / 1_000_000 == 300
    assert pause(1, 1e12) / 1_000_000 == 3600
