"""What people store is shown as text, wherever it stands: it never becomes part of the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.browser.chrome import go
from tests.browser.shots import PAGES

from offhours import Defer, Offhours, context
from offhours.api import ApiServer
from offhours.core.access import NewToken
from offhours.core.notices import NewAlert
from offhours.recorder import PerfCatcherInterceptor, workflow
from offhours.recorder.sinks.store import StoreSink

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
    recorder.close()
    yield app
    app.close()


def test_nothing_that_is_stored_becomes_markup(new_tab: Any, bad_app: Offhours) -> None:
    with ApiServer(bad_app, port=0) as server:
        tab = new_tab(server.link)
        tab.wait_for_selector("main[data-page='overview'] h1")
        jobs = [f"jobs/{job.id}" for job in bad_app.jobs()]
        schedules = [f"schedules/{each.id}" for each in bad_app.schedules]
        edits = [f"{schedule}/edit" for schedule in schedules]
        dumps = [f"recorder/{dump.dump_id}" for dump in bad_app.store.notices.dumps(None, 10)]
        seen = ""
        for path in [*PAGES.values(), *jobs, *schedules, *edits, *dumps]:
            go(tab, path)
            seen += tab.inner_text("body")
            made = tab.evaluate(
                "document.querySelectorAll('#pwned, img, iframe, object, [onerror], [onload], "
                "[style*=url], a[href^=javascript], svg[onload]').length"
            )
            assert made == 0, path
            assert tab.evaluate("document.scripts.length") == 1, path
            assert "pwned" not in tab.title(), path
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
