"""What people store is shown as text, wherever it stands: it never becomes part of the page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from tests.browser.chrome import go
from tests.browser.shots import PAGES
from tests.unit.optimize.doubles import OpenSandbox
from tests.unit.training.learners import Centroids, golden, rows

from offhours import Context, Defer, Flow, Offhours, context
from offhours.api import ApiServer
from offhours.core.access import NewToken
from offhours.core.notices import NewAlert
from offhours.optimize import OptimizationEngine, Task
from offhours.recorder import PerfCatcherInterceptor, workflow
from offhours.recorder.sinks.store import StoreSink
from offhours.testing import FakeMachine

BAD = [
    "<img src=x onerror=\"document.title='pwned'\">",
    "<script>document.title='pwned'</script>",
    "\"'><svg onload=\"document.title='pwned'\"><b id=pwned>",
    "javascript:document.title='pwned'",
    "{{7*7}}${7*7}</textarea></title><b id=pwned>",
]
ALL = " ".join(BAD)


@pytest.fixture(scope="module")
def bad_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offhours]:
    """An app that was fed with markup wherever it takes text."""
    app = Offhours(
        str(tmp_path_factory.mktemp("bad") / "bad.db"), executor="inline", labels=[BAD[0]]
    )

    @app.task(name=f"shop:{BAD[0]}")
    def fails(text: str) -> None:
        raise ValueError(text)

    @app.task(name=f"shop:{BAD[1]}")
    def tells(text: str) -> str:
        context().progress(0.5, text)
        return text

    @app.task(name=f"shop:{BAD[2]}")
    def defers(text: str) -> None:
        raise Defer(until="2h", reason=text)

    for number, task in enumerate((fails, tells, defers)):
        app.submit(task, args=(ALL,), name=ALL[:200], metadata={ALL: ALL}, queue=BAD[2],
                   tenant=BAD[0])  # fmt: skip
        made = app.schedule(task, "every minute", name=f"{number} {ALL}"[:200], args=(ALL,))
        made.run_now()
        made.pause(ALL)
    app.drain()
    app.submit(fails, args=("x",), delay="1h").cancel(ALL)
    feed_rooms(app)
    app.pause(queue=BAD[0], reason=ALL)
    app.hold_foreground(ALL[:200], 600)
    notices, now = app.store.notices, app.clock.micros()
    notices.fire(NewAlert(BAD[0], BAD[1], BAD[2], ALL, 1.0, 0.5), now)
    app.store.access.add_token(NewToken("0" * 64, ALL, "read", BAD[0], None), now)
    recorder = PerfCatcherInterceptor(sinks=[StoreSink(app)])
    with workflow(BAD[0], BAD[1]):
        recorder.record(BAD[2], 5)
    recorder.dump_now(ALL)
    recorder.flush(timeout=5)
    yield app
    recorder.close()
    app.close()


def feed_rooms(app: Offhours) -> None:
    """Markup in questions, flows, models, routines and the audit log."""

    @app.task(name="shop:asks")
    def asks(ctx: Context) -> bool:
        return bool(ctx.approve(ALL[:200], args={ALL: ALL}))

    asks.submit()
    made = Flow(BAD[1])
    made.step(BAD[0], asks)
    made.step(BAD[2], asks, after=[BAD[0]])
    app.submit_flow(made)
    learner = Centroids()
    trainer = app.trainer(BAD[1], learner, golden(count=60), monitor=FakeMachine())
    for count in (200, 400):
        learner.data = rows(count, count)
        trainer.submit(BAD[0])
        app.drain()
    model = trainer.model(BAD[0])
    with app.acting_as(ALL[:200], BAD[3]):
        model.restore(3 - model.aliases()["champion"], BAD[4], ALL)
    engine = OptimizationEngine(app=app, sandbox=OpenSandbox(), watch_jobs=False)
    for day in range(12):
        at = datetime.now() - timedelta(days=12 - day)
        for kind in BAD[:2]:
            engine.record_task(Task(f"{kind}{day}", kind, "", {ALL: BAD[day % 5]}, at, 9e3, True))
    engine.run_cycle()


def test_nothing_that_is_stored_becomes_markup(new_tab: Any, bad_app: Offhours) -> None:
    with ApiServer(bad_app, port=0) as server:
        tab = new_tab(server.link)
        tab.wait_for_selector("main[data-page='overview'] h1")
        jobs = [f"jobs/{job.id}" for job in bad_app.jobs()]
        schedules = [f"schedules/{each.id}" for each in bad_app.schedules]
        edits = [f"{schedule}/edit" for schedule in schedules]
        dumps = [f"recorder/{dump.dump_id}" for dump in bad_app.store.notices.dumps(None, 10)]
        rooms = ["flows/1", "training/1", f"tasks/{quote(f'shop:{BAD[0]}', safe='')}"]
        rooms += [f"optimizer/{a.automation_id}" for a in bad_app.store.automations.all()]
        seen = ""
        for path in [*PAGES.values(), *jobs, *schedules, *edits, *dumps, *rooms]:
            go(tab, path)
            seen += tab.inner_text("body")
            made = tab.evaluate(
                "document.querySelectorAll('#pwned, img, iframe, object, [onerror], [onload], "
                "[style*=url], a[href^=javascript], svg[onload]').length"
            )
            assert made == 0, path
            assert tab.evaluate("document.scripts.length") == 1, path
            assert tab.title() != "pwned", path
        for text in BAD:
            assert text in seen


def test_an_address_of_any_kind_leads_to_no_markup(new_tab: Any, bad_app: Offhours) -> None:
    with ApiServer(bad_app, port=0) as server:
        tab = new_tab(server.link)
        tab.wait_for_selector("main[data-page='overview'] h1")
        for path in ("jobs?q=" + ALL, "jobs?state=" + BAD[0], "alerts?state=" + BAD[1], BAD[2]):
            tab.evaluate("path => { location.hash = '#/' + path }", path)
            tab.wait_for_timeout(50)
            assert tab.evaluate("document.querySelectorAll('#pwned, img').length") == 0
