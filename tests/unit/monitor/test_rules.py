"""Each rule: when it speaks, and that it says what is wrong, the figure, the limit, what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.monitor.conftest import run

from offhours.core.errors import OffhoursError
from offhours.core.model import WorkerInfo
from offhours.core.times import SECOND
from offhours.monitor import (
    AverageTime,
    DeferralStorm,
    ErrorRate,
    FailuresInARow,
    Lateness,
    QueueAge,
    QuietHours,
    Rule,
    Silence,
)
from offhours.testing import MemoryApp


def findings(app: MemoryApp, rule: Rule) -> list[tuple[str, str]]:
    """What fires by a rule now."""
    app.monitor.watch(rule)
    app.monitor.look()
    return [(alert.subject, alert.message) for alert in app.monitor.open_alerts()]


def test_error_rate(app: MemoryApp) -> None:
    rule = ErrorRate(share=0.4, at_least=4)
    run(app, "fail", "fail", "succeed")
    assert findings(app, rule) == []
    run(app, "succeed")
    [(subject, message)] = findings(app, rule)
    assert subject == "task shop:work"
    assert message == (
        "50% of the runs of shop:work failed in the last 5 min (2 of 4; the limit is 40%): "
        "read the errors with `offhours ls --task shop:work --state failed`"
    )
    app.clock.advance("6m")
    assert findings(app, rule) == []


def test_a_rule_of_one_task_looks_at_no_other(app: MemoryApp) -> None:
    run(app, "fail")
    assert findings(app, ErrorRate(at_least=1, task="other")) == []
    assert findings(app, ErrorRate(at_least=1, task="work"))


def test_average_time(app: MemoryApp) -> None:
    run(app, "succeed", "succeed", seconds=10)
    assert findings(app, AverageTime(seconds=11)) == []
    [(_, message)] = findings(app, AverageTime(seconds=10))
    assert "took 10 s on average in the last 5 min (the limit is 10 s)" in message


def test_lateness(app: MemoryApp) -> None:
    app.submit("shop:work", delay="1s")
    app.clock.advance("2m1s")
    app.drain()
    [(_, message)] = findings(app, Lateness(seconds=60))
    assert "had started 2 min late on average (the limit is 1 min)" in message


def test_deferral_storm(app: MemoryApp) -> None:
    run(app, "defer", "defer")
    assert findings(app, DeferralStorm(count=3)) == []
    run(app, "defer")
    [(_, message)] = findings(app, DeferralStorm(count=3))
    assert "put off 3 times in the last 5 min (the limit is 3)" in message


def test_failures_in_a_row_of_a_task_and_of_a_schedule(app: MemoryApp) -> None:
    schedule = app.schedule("shop:work", "every hour", args=("fail",), name="hourly")
    for _ in range(3):
        app.clock.advance("1h")
        app.drain()
    found = dict(findings(app, FailuresInARow(count=3)))
    assert found.keys() == {"task shop:work", f"schedule {schedule.id}"}
    assert "the last 3 runs of the schedule hourly all failed" in found[f"schedule {schedule.id}"]
    run(app, "succeed")
    assert [subject for subject, _ in findings(app, FailuresInARow(count=3))] == [
        f"schedule {schedule.id}"
    ]


def test_queue_age_says_why(app: MemoryApp) -> None:
    app.submit("shop:work", queue="mail")
    app.submit("shop:work", queue="quick", delay="9m")
    app.clock.advance("10m")
    [(subject, message)] = findings(app, QueueAge(longest="10m"))
    assert subject == "queue mail"
    assert message.startswith("job 1 of the queue mail has waited for 10 min (the limit is 10 min)")
    assert "no worker is running" in message
    assert findings(app, QueueAge(longest="10m", queue="quick")) == []


class TestSilence:
    """A worker that lives by its heartbeat, and claims nothing."""

    @pytest.fixture
    def worker(self, app: MemoryApp) -> int:
        now = app.clock.micros()
        tasks = json.dumps(["shop:work"])
        info = WorkerInfo(0, "w", "elsewhere", 1, "1", "", tasks, 4, now, 0, now, 30 * SECOND)
        return app.store.add_worker(info, now)

    def later(self, app: MemoryApp, worker: int, minutes: int) -> None:
        app.clock.advance(60 * minutes)
        app.store.beat(worker, app.clock.micros(), json.dumps(["shop:work"]))

    def test_alive_but_not_consuming(self, app: MemoryApp, worker: int) -> None:
        rule = Silence(longest="2m")
        self.later(app, worker, 10)
        assert findings(app, rule) == []
        app.submit("shop:work")
        self.later(app, worker, 1)
        assert findings(app, rule) == []
        self.later(app, worker, 1)
        [(subject, message)] = findings(app, rule)
        assert subject == "workers"
        assert message.startswith(
            "no job has started for 2 min (the limit is 2 min), though 1 job could and 1 worker "
            "with 4 slots live; 0 run: look with"
        )

    def test_what_waits_for_a_reason_does_not_count(self, app: MemoryApp, worker: int) -> None:
        rule = Silence(longest="2m")
        app.submit("shop:work", queue="mail", priority="LOW")
        app.submit_by_name("unknown:task")
        app.pause(queue="mail")
        self.later(app, worker, 5)
        assert findings(app, rule) == []
        app.resume(queue="mail")
        assert findings(app, rule)
        with app.foreground("wf"):
            assert findings(app, rule) == []

    def test_dead_or_new_workers_are_not_silent(self, app: MemoryApp, worker: int) -> None:
        app.submit("shop:work")
        app.clock.advance("10m")
        assert findings(app, Silence(longest="2m")) == []
        app.store.remove_worker(worker, app.clock.micros())
        now = app.clock.micros()
        info = WorkerInfo(
            0, "w", "h", 1, "1", "", json.dumps(["shop:work"]), 4, now, 0, now, SECOND
        )
        app.store.add_worker(info, now)
        assert findings(app, Silence(longest="2m")) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: ErrorRate(share=0),
        lambda: ErrorRate(share=float("nan")),
        lambda: ErrorRate(window="1s"),
        lambda: ErrorRate(severity="bad"),
        lambda: ErrorRate(lasting=-1),
        lambda: ErrorRate(at_least=True),
        lambda: DeferralStorm(count=0),
        lambda: Silence(longest="0s"),
        lambda: QueueAge(longest="soon"),
        lambda: QuietHours("22:00", "22:00"),
        lambda: QuietHours("late", "07:00"),
        lambda: QuietHours("22:00", "07:00", timezone="Mars/Base"),
        lambda: QuietHours("22:00", "07:00", below="bad"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any) -> None:
    with pytest.raises(OffhoursError):
        make()


def test_rules_are_values_with_one_name_each(app: MemoryApp) -> None:
    assert ErrorRate(share=0.2, lasting=0) == ErrorRate(share=0.2, name="error_rate")
    with pytest.raises(OffhoursError, match='two rules are called "error_rate"'):
        app.monitor.watch(ErrorRate(), ErrorRate(task="x"))
    app.monitor.watch(ErrorRate(), ErrorRate(task="x", name="x errors"))
