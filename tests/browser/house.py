"""A house with something in every room, for tests and pictures: real jobs, run by real workers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.browser.rooms import furnish

from offhours import Defer, Offhours, PerfCatcherInterceptor, TaskPriority, context
from offhours.api import ApiServer
from offhours.core.notices import NewAlert
from offhours.recorder import workflow
from offhours.recorder.sinks.store import StoreSink
from offhours.testing import FakeClock


def make_app(path: Path, clock: FakeClock | None = None) -> Offhours:
    """An app with tasks that succeed, fail, take their time and put themselves off."""
    if clock is None:
        app = Offhours(str(path), threads=4)
    else:
        app = Offhours(str(path), executor="inline", clock=clock)
    rest = time.sleep if clock is None else clock.advance

    @app.task(name="shop.orders:mail")
    def mail(to: str, order: int = 0) -> str:
        if "@" not in to:
            raise ValueError(f"{to!r} is no address (order {order})")
        return f"sent to {to}"

    @app.task(name="shop.stock:count", priority=TaskPriority.BACKGROUND)
    def count(shelf: str) -> dict[str, int]:
        return {"shelf": len(shelf), "items": 42}

    @app.task(name="shop.reports:render", priority=TaskPriority.LOW)
    def render(month: str, seconds: float = 0.0) -> str:
        ctx = context()
        ends = app.clock.monotonic() + seconds
        while (left := ends - app.clock.monotonic()) > 0:
            ctx.checkpoint()
            ctx.progress(max(0.0, 1 - left / seconds), f"pages of {month}")
            rest(0.02 if clock is None else 1)
        return f"{month}.pdf"

    @app.task(name="shop.orders:charge", retries=1, backoff="1s")
    def charge(card: str, cents: int) -> None:
        raise ConnectionError(f"the bank did not answer within {cents % 7} s")

    @app.task(name="shop.sync:pull")
    def pull(site: str) -> None:
        raise Defer(until="2h", reason=f"rate limit of {site}")

    return app


def live_an_hour(path: Path) -> None:
    """An hour of work that lies behind."""
    now = datetime.now(UTC)
    clock = FakeClock(now - timedelta(minutes=59))
    app = make_app(path, clock)
    for minute in range(60):
        if clock.now() > now - timedelta(minutes=3):
            break
        app.submit("shop.orders:mail", args=(f"customer{minute}@example.org", minute))
        if minute % 9 == 3:
            app.submit("shop.orders:mail", args=("nowhere", minute))
        if minute % 5 == 1:
            app.submit("shop.reports:render", args=(f"2026-{minute % 12 + 1:02}", 40 + minute))
        app.drain()
        clock.advance(60 - clock.micros() / 1e6 % 60)
    app.close()


def fill(app: Offhours) -> None:
    """Work of every kind; when it returns, what can be done is done."""
    for number in range(60):
        app.submit("shop.orders:mail", args=(f"customer{number}@example.org", number))
        app.submit("shop.reports:render", args=(f"2026-{number % 12 + 1:02}", number % 7 * 0.02))
    for number in range(4):
        app.submit("shop.orders:mail", args=("nowhere", number), name=f"order {number}")
    charge = app.submit("shop.orders:charge", args=("4711", 1999), metadata={"customer": "ann"})
    for site in ("north", "north", "south"):
        app.submit("shop.sync:pull", args=(site,))
    app.schedule("shop.orders:mail", "every weekday at 9am", name="morning mail",
                 args=("all@example.org",), timezone="Europe/Berlin")  # fmt: skip
    nightly = app.schedule("shop.stock:count", "every minute", name="count the shelf",
                           args=("A7",), blackout=["22:00-06:00"], overlap="queue_one")  # fmt: skip
    app.schedule("shop.orders:mail", "every 3 minutes", name="digest", args=("nowhere",))
    app.schedule("shop.reports:render", "on the last day of the month at 18:00",
                 name="monthly report", args=("2026-11",), timezone="America/New_York")  # fmt: skip
    app.schedule("shop.orders:mail", "every 4 minutes", name="price check", args=("a@b",))
    for each in app.schedules:
        if each.name != "monthly report":
            for _ in range(6):
                each.run_now()
    nightly.pause("the shelf is being moved")
    with_reason(app)
    furnish(app)
    app.submit("shop.stock:count", args=("B2",), delay="3h", name="later")
    charge.wait(timeout=30)


def with_reason(app: Offhours) -> None:
    """A dump of the recorder, an alert, a paused queue."""
    recorder = PerfCatcherInterceptor(sinks=[StoreSink(app)])
    with workflow("wf_checkout", "step_2"):
        for number in range(400):
            recorder.record("search", 9 + number % 2)
            recorder.record(("fetch", "rank", "embed")[number % 3], 20 + number % 3)
            time.sleep(0.001)
        recorder.record("search", 480)
    recorder.dump_now()
    recorder.flush(timeout=5)
    recorder.close()
    alert = NewAlert("error_rate", "shop.orders:charge", "high",
                     "half of the runs of shop.orders:charge failed", 0.5, 0.1)  # fmt: skip
    app.store.notices.fire(alert, app.clock.micros())
    app.submit("shop.orders:mail", args=("bulk@example.org",), queue="newsletter")
    app.pause(queue="newsletter", reason="bounces are being looked at")


@contextmanager
def served(app: Offhours, token: str | None = None) -> Iterator[ApiServer]:
    """The app's page and API, on a free port."""
    with ApiServer(app, port=0, token=token) as server:
        assert server.wait()
        yield server
