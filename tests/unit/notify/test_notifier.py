"""From events to messages: grouped, in time, once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from offhours import Offhours
from offhours.core.errors import DeliveryError
from offhours.core.notices import Delivery, DeliveryState, NewAlert
from offhours.notify import Memory, Message, Notifications, Notifier, Route, Rule
from offhours.notify.notifier import MAX_ATTEMPTS
from offhours.testing import FakeClock, MemoryApp, memory_app


class Post:
    """A channel that keeps what it is given, or fails as it is told to."""

    kind = "post"
    deadline = 10.0

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.fail: Callable[[], None] = lambda: None

    def send(self, message: Message) -> str:
        self.got.append(message)
        self.fail()
        return ""


def refuse(retry_after: float | None = None, permanent: bool = False) -> Callable[[], None]:
    def fail() -> None:
        raise DeliveryError("it is closed", retry_after, permanent=permanent)

    return fail


def fail_jobs(app: Offhours, count: int, first: int = 1) -> None:
    """Failures as the engine tells them, in a hurry."""
    now = app.clock.micros()
    for job in range(first, first + count):
        app.store.tell(now, "job.failed", job, 1, code="error", error="ValueError: no disk")


def tell(app: MemoryApp, notifications: Notifications, minutes: float = 1) -> None:
    step = 1 if minutes < 30 else 10
    for _ in range(round(minutes * 60 / step)):
        app.clock.advance(step)
        notifications.tick()


@pytest.fixture
def post() -> Post:
    return Post()


def subjects(post: Post) -> list[str]:
    return [message.subject for message in post.got]


def test_one_event_is_one_message(post: Post) -> None:
    app = memory_app()
    fail_jobs(app, 3)  # before there was anybody to tell
    notifications = app.notify(Route(post))
    fail_jobs(app, 1, first=7)
    notifications.tick()
    assert post.got == []  # more may come
    tell(app, notifications)
    [message] = post.got
    assert message.subject == message.text == "job 7 failed: ValueError: no disk"
    assert (message.kind, message.severity) == ("job.failed", "medium")
    [event] = message.data["events"]
    assert (event["job"], event["code"]) == (7, "error")
    [delivery] = notifications.recent()
    assert (delivery.state, delivery.key, delivery.attempt) == ("sent", message.key, 1)
    tell(app, notifications, 10)
    assert len(post.got) == 1


def test_ten_thousand_failures_are_few_messages(post: Post) -> None:
    app = memory_app()
    notifications = app.notify(Route(post, every="1m"))
    for batch in range(10):
        fail_jobs(app, 1_000, first=1 + 1_000 * batch)
        tell(app, notifications, 0.1)
    tell(app, notifications, 2)
    assert len(post.got) == 2
    assert sum(message.data["count"] for message in post.got) == 10_000
    assert post.got[0].subject.endswith("000 jobs failed")
    assert "job 1 failed: ValueError: no disk" in post.got[0].text
    assert len(post.got[1].data["events"]) == 5
    assert "more" in post.got[1].text.splitlines()[-1]


def test_events_of_several_kinds_are_one_message(post: Post) -> None:
    app = memory_app()
    notifications = app.notify(Route(post))
    fail_jobs(app, 2)
    app.store.notices.fire(NewAlert("errors", "task t", "critical", "all of them fail"), 5)
    tell(app, notifications)
    [message] = post.got
    assert message.subject == "2 jobs failed, all of them fail (errors, task t, critical)"
    assert (message.kind, message.severity) == ("digest", "critical")
    assert message.data["counts"] == {"job.failed": 2, "alert.firing": 1}


def test_a_channel_speaks_no_more_often_than_it_may(post: Post) -> None:
    app = memory_app()
    notifications = app.notify(Route(post, wait=0, every="10m"))
    for minute in range(30):
        fail_jobs(app, 1, first=minute)
        tell(app, notifications)
    assert 3 <= len(post.got) <= 4
    times = [message.at for message in post.got]
    assert all(later - at >= 600_000_000 for at, later in pairwise(times))
    tell(app, notifications, 10)
    assert sum(message.data["count"] for message in post.got) == 30


def test_what_happens_in_quiet_hours_is_told_afterwards(post: Post) -> None:
    app = memory_app(clock=FakeClock("2026-01-10T21:00:00+00:00"))
    night = Post()
    notifications = app.notify(
        Route(post, quiet="22:00-07:00", timezone="UTC"),
        Route(night, Rule(on="alert.firing", severity="critical"), name="pager"),
    )
    app.clock.advance("2h")
    fail_jobs(app, 40)
    app.store.notices.fire(NewAlert("errors", "all", "critical", "all of them fail"), 5)
    for _ in range(8):
        tell(app, notifications, 0.5)
        app.clock.advance("55m")
    assert post.got == [] and len(night.got) == 1
    app.clock.jump("2026-01-11T07:00:00+00:00")
    notifications.tick()
    notifications.tick()
    assert subjects(post) == ["40 jobs failed, all of them fail (errors, all, critical)"]


def test_a_message_is_tried_five_times_and_then_failed(post: Post) -> None:
    app = memory_app()
    post.fail = refuse()
    other = Post()
    notifications = app.notify(
        Route(post, Rule(on="job.failed")), Route(other, Rule(on="delivery.failed"), name="other")
    )
    fail_jobs(app, 1)
    tell(app, notifications, 60)
    assert len(post.got) == MAX_ATTEMPTS
    assert len({message.key for message in post.got}) == 1
    [failed] = notifications.recent(state=DeliveryState.FAILED)
    assert (failed.target, failed.attempt, failed.error) == ("post", 5, "it is closed")
    [event] = [event for event in app.events() if event.kind == "delivery.failed"]
    assert json.loads(event.data or "")["target"] == "post"
    assert subjects(other) == ["a message to post could not be delivered: it is closed"]


def test_what_is_refused_for_good_is_not_tried_again(post: Post) -> None:
    app = memory_app()
    post.fail = refuse(permanent=True)
    other = Post()
    notifications = app.notify(
        Route(post, Rule(on="job.failed")), Route(other, Rule(on="delivery.failed"), name="other")
    )
    fail_jobs(app, 1)
    tell(app, notifications, 60)
    assert len(post.got) == 1
    [failed] = notifications.recent(state=DeliveryState.FAILED)
    assert (failed.attempt, failed.error) == (1, "it is closed")
    assert subjects(other) == ["a message to post could not be delivered: it is closed"]


def test_failed_messages_are_not_told_to_who_failed_nor_for_ever() -> None:
    app = memory_app()
    one, two = Post(), Post()
    one.fail = two.fail = refuse()
    notifications = app.notify(Route(one, name="one"), Route(two, name="two"))
    fail_jobs(app, 1)
    tell(app, notifications, 200)
    told = [(each.target, each.kind) for each in reversed(notifications.recent())]
    assert sorted(told[:2]) == [("one", "job.failed"), ("two", "job.failed")]
    assert sorted(told[2:]) == [("one", "delivery.failed"), ("two", "delivery.failed")]


def test_the_other_side_may_ask_for_a_longer_pause(post: Post) -> None:
    app = memory_app()
    post.fail = refuse(retry_after=600)
    notifications = app.notify(Route(post))
    fail_jobs(app, 1)
    tell(app, notifications, 9)
    assert len(post.got) == 1
    post.fail = lambda: None
    tell(app, notifications, 2)
    assert len(post.got) == 2
    assert notifications.recent()[0].state == "sent"


def test_who_died_while_sending_at_the_last_attempt_has_failed(post: Post) -> None:
    app = memory_app()

    def die() -> None:
        raise SystemExit

    post.fail = die
    notifications = app.notify(Route(post))
    fail_jobs(app, 1)
    for _ in range(600):
        app.clock.advance(1)
        try:
            notifications.tick()
        except SystemExit:
            continue
    assert len(post.got) == MAX_ATTEMPTS and len({message.key for message in post.got}) == 1
    [delivery] = notifications.recent()
    assert delivery.state == "failed" and "died" in (delivery.error or "")


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_two_processes_tell_once(
    tmp_path: Path, post: Post, store: str, request: pytest.FixtureRequest
) -> None:
    clock = FakeClock()
    server = store == "postgres"
    place = request.getfixturevalue("postgres_url") if server else tmp_path / "jobs.db"
    apps = [Offhours(place, clock=clock) for _ in range(2)]
    notifications = [app.notify(Route(post)) for app in apps]
    for round_ in range(20):
        fail_jobs(apps[round_ % 2], 3)
        clock.advance(30)
        for each in notifications if round_ % 3 else reversed(notifications):
            each.tick()
    clock.advance(600)
    for each in notifications:
        each.tick()
        each.tick()
    assert sum(message.data["count"] for message in post.got) == 60
    assert len({message.key for message in post.got}) == len(post.got) <= 11
    for app in apps:
        app.close()


def test_a_restart_goes_on_where_it_was(tmp_path: Path, post: Post) -> None:
    clock = FakeClock()
    app = Offhours(tmp_path / "jobs.db", clock=clock)
    app.notify(Route(post))
    fail_jobs(app, 2)
    app.close()
    clock.advance("1h")
    app = Offhours(tmp_path / "jobs.db", clock=clock)
    app.notify(Route(post)).tick()
    assert subjects(post) == ["2 jobs failed"]
    app.close()


def test_reading_in_vain_stores_where_it_stands_now_and_then(post: Post) -> None:
    app = memory_app()
    notifier = Notifier(Route(post), app.store, app.clock)
    before = app.store.changed()
    assert before >= 0
    notifier.tick(app.clock.micros())
    for _ in range(3):
        for _ in range(4_000):
            app.store.tell(0, "job.progress", None, None)
        notifier.tick(app.clock.micros())
    reading = app.store.notices.reading("notify:post")
    assert reading is not None and reading.seq == app.store.last_seq()


def test_a_clock_that_was_set_back_silences_nobody(post: Post) -> None:
    app = memory_app()
    notifications = app.notify(Route(post, wait=0))
    fail_jobs(app, 1)
    notifications.tick()
    app.clock.jump("2025-12-01T00:00:00+00:00")
    fail_jobs(app, 1)
    notifications.tick()
    assert len(post.got) == 2


def test_a_clock_that_is_set_back_while_more_is_waited_for_delays_nothing(post: Post) -> None:
    app = memory_app()
    notifications = app.notify(Route(post, wait="5s", every=0))
    fail_jobs(app, 1)
    notifications.tick()
    app.clock.jump("2025-12-01T00:00:00+00:00")
    tell(app, notifications, 0.1)
    assert len(post.got) == 1


def test_the_gravest_is_named_though_it_came_last(post: Post) -> None:
    app = memory_app()
    notifications = app.notify(Route(post))
    for number in range(9):
        severity = "critical" if number == 7 else "low"
        rule = "slow" if number % 3 else "errors"
        alert = NewAlert(rule, f"task {number}", severity, f"number {number}")
        app.store.notices.fire(alert, number)
    tell(app, notifications)
    [message] = post.got
    assert (message.severity, message.subject) == ("critical", "9 alerts are firing")
    assert message.text.startswith("9 alerts are firing: slow 6, errors 3\nnumber 0 (")
    assert "number 7 (slow, task 7, critical)" in message.text
    assert message.text.endswith("… and 4 more")
    assert message.data["groups"] == {"alert.firing": {"slow": 6, "errors": 3}}


def test_failures_are_grouped_by_task(post: Post) -> None:
    app = memory_app()
    notifications = app.notify(Route(post, Rule(on="job.failed")))
    for number in range(14):
        app.task(name=f"task{number}", retries=0)(lambda: 1 / 0)
        for _ in range(1 + (number == 13)):
            app.submit(f"task{number}")
    app.submit(lambda: 1 / 0, durable=False)
    app.drain()
    tell(app, notifications)
    [message] = post.got
    groups = message.data["groups"]["job.failed"]
    assert message.data["count"] == sum(groups.values()) == 16
    assert next(iter(groups.items())) == ("task13", 2)
    assert (len(groups), groups["others"]) == (11, 5)


def test_what_is_pruned_before_it_may_be_told_is_told_all_the_same(post: Post) -> None:
    app = memory_app(clock=FakeClock("2026-01-10T22:00:00+00:00"))
    notifications = app.notify(Route(post, quiet="22:00-07:00", timezone="UTC"))
    for batch in range(5):
        fail_jobs(app, 700, first=1 + 700 * batch)
        tell(app, notifications, 0.1)
        app.store.prune(app.clock.micros() + 1, 0, 10_000, app.clock.micros())
    assert len(list(app.events())) < 10 and post.got == []
    app.clock.jump("2026-01-11T07:00:00+00:00")
    tell(app, notifications, 0.1)
    assert subjects(post) == ["3,500 jobs failed"]
    assert post.got[0].text.startswith("3,500 jobs failed:")
    assert "job 1 failed: ValueError: no disk" in post.got[0].text


def test_what_waits_to_be_told_survives_a_restart_and_is_told_once(
    tmp_path: Path, post: Post
) -> None:
    clock = FakeClock("2026-01-10T22:00:00+00:00")
    route = Route(post, quiet="22:00-07:00", timezone="UTC")
    apps = [Offhours(tmp_path / "jobs.db", clock=clock) for _ in range(3)]
    notifications = [app.notify(route) for app in apps]
    for round_ in range(4):
        fail_jobs(apps[0], 3)
        clock.advance(11)
        for each in notifications[: 1 + round_ % 2]:
            each.tick()
    apps[0].store.prune(clock.micros() + 1, 0, 10_000, clock.micros())
    for app in apps[:2]:
        app.close()  # as if they had died: the third never read a thing
    clock.jump("2026-01-11T07:00:00+00:00")
    for _ in range(3):
        notifications[2].tick()
    assert sum(message.data["count"] for message in post.got) == 12
    assert len(post.got) == 1
    apps[2].close()


def test_two_who_know_the_same_tell_it_once(tmp_path: Path, post: Post) -> None:
    """Both took over what a third had stored, and no event has come since."""
    clock = FakeClock("2026-01-10T22:00:00+00:00")
    route = Route(post, quiet="22:00-07:00", timezone="UTC")
    apps = [Offhours(tmp_path / "jobs.db", clock=clock) for _ in range(3)]
    first = apps[0].notify(route)
    fail_jobs(apps[0], 3)
    clock.advance(11)
    first.tick()
    others = [app.notify(route) for app in apps[1:]]
    clock.jump("2026-01-11T07:00:00+00:00")
    for each in (*others, first, *others):
        each.tick()
    assert [message.data["count"] for message in post.got] == [3]
    for app in apps:
        app.close()


def test_what_ones_own_program_says_goes_out_at_once(post: Post) -> None:
    app = memory_app()
    notifications = app.notify(Route(post, quiet="00:00-23:59"), Route(Memory()))
    assert notifications.send("a subject", "a text", to="post") == {"post": "sent"}
    post.fail = refuse()
    assert notifications.send("again", severity="high") == {"post": "waiting", "memory": "sent"}
    assert [(m.subject, m.text, m.severity) for m in post.got] == [
        ("a subject", "a text", "medium"), ("again", "again", "high"),
    ]  # fmt: skip
    assert isinstance(notifications.recent()[0], Delivery)


def test_a_test_says_what_came_of_it(post: Post) -> None:
    app = memory_app()
    notifications = app.notify(Route(post))
    trial = notifications.test("post")["post"]
    assert trial.ok and trial.error is None and trial.seconds >= 0
    post.fail = refuse()
    assert notifications.test()["post"].error == "it is closed"
    assert notifications.recent() == []  # nobody tries a test again


def test_reading_costs_little(post: Post, tmp_path: Path) -> None:
    """Thirty thousand events of no interest are passed over faster than they are made."""
    app = Offhours(tmp_path / "jobs.db")

    @app.task
    def nothing(n: int) -> None: ...

    notifier = Notifier(Route(post), app.store, app.clock)
    notifier.begin()
    nothing.submit_many([(n,) for n in range(30_000)])
    started = time.process_time()
    notifier.tick(app.clock.micros())
    assert time.process_time() - started < 0.3
    app.close()


def test_a_message_of_hostile_names_is_plain(post: Post) -> None:
    app = memory_app()
    notifications = app.notify(Route(post))
    wrong: Any = "line\r\nBcc: x\0\u202e\u2028" + "x" * 5_000
    app.store.tell(app.clock.micros(), "job.failed", 1, 1, code="error", error=wrong)
    tell(app, notifications)
    [message] = post.got
    assert len(message.subject) <= 200
    assert not set("\r\n\0\u202e\u2028") & set(message.subject)
    assert not set("\r\0\u202e\u2028") & set(message.text)
