"""Models, routines, flows and questions for the house of the tests and pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import Random

from tests.unit.optimize.doubles import OpenSandbox
from tests.unit.training.learners import Centroids, golden, rows, shuffled

from offhours import Context, Flow, Offhours, PerfCatcherInterceptor
from offhours.optimize import OptimizationEngine, Task
from offhours.testing import FakeMachine

DAYS = 16


def furnish(app: Offhours) -> None:
    """Something in each of the rooms beyond jobs and schedules."""
    train(app)
    automate(app)
    ask(app)
    flow(app).wait(timeout=30)


def train(app: Offhours) -> None:
    """A model that serves, one that was before it, one that was refused; a cycle that is held."""
    machine, learner = FakeMachine(), Centroids()
    trainer = app.trainer("spam", learner, golden(count=200), monitor=machine)
    for data in (rows(1, 120), rows(2, 400), shuffled(rows(3, 400), Random(3))):
        learner.data = data
        trainer.submit("acme").wait(timeout=30)
    model = trainer.model("acme")
    if model.previous is None:
        model.restore(2, "ann", "as good, and newer")
    machine.shows(cpu_percent=97)
    trainer.submit("acme")


def automate(app: Offhours) -> OptimizationEngine:
    """An engine that saw a report filed on sixteen days."""
    engine = OptimizationEngine(app=app, sandbox=OpenSandbox(), watch_jobs=False)
    for day in range(DAYS):
        at = datetime.now() - timedelta(days=DAYS - day)
        path = f"/reports/{at:%Y-%m-%d}.pdf"
        for n, (kind, values) in enumerate([("fetch report", {"shop": f"shop {day % 5}"}),
                                            ("file report", {"path": path})]):  # fmt: skip
            moment = at + timedelta(seconds=40 * n)
            engine.record_task(Task(f"{kind}{day}", kind, "", values, moment, 9e3, True))
    engine.run_cycle()
    return engine


def ask(app: Offhours) -> None:
    """Jobs that wait for a person."""

    @app.task(name="shop.orders:refund")
    def refund(ctx: Context, order: int, cents: int) -> bool:
        return bool(ctx.approve(f"Refund order {order}?", args={"order": order, "cents": cents}))

    for order in (4711, 4712):
        refund.submit(order, order * 10)


def flow(app: Offhours, seconds: float = 0.0, shop: str = "a shop") -> object:
    """A report of several shops, one of which fails."""
    made = Flow("monthly report")
    read = made.group("read", "shop.reports:render", [("2026-10", seconds), ("2026-11", seconds)])
    made.step("check", "shop.orders:mail", args=(shop,), after=read)
    made.step("publish", "shop.stock:count", args=("A7",), after=["check"])
    return app.submit_flow(made)


@contextmanager
def recorded() -> Iterator[PerfCatcherInterceptor]:
    """A recorder of this process, with the figures of some tools."""
    with PerfCatcherInterceptor(sinks=[]) as recorder:
        for number in range(200):
            recorder.record("search", 40 + number % 9)
            recorder.record(("fetch", "rank", "embed")[number % 3], 12 + number % 5)
        yield recorder
