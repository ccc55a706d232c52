"""How fast the page is: to its first rows, from a submit to its row, and through 100,000 jobs.

python benchmarks/page.py          needs Chromium and Playwright (the dev group)
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.browser.chrome import chromium, go

from offhours import Offhours
from offhours.api import ApiServer

JOBS = 100_000
FRAMES = """
steps => new Promise(done => {
  const frames = [];
  let last = performance.now(), step = 0;
  const next = now => {
    frames.push(now - last);
    last = now;
    if (++step > steps) return done(frames.slice(1));
    scrollBy(0, 400);
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
})
"""
SEEN = """
queue => new Promise(done => {
  const look = () => {
    const row = document.querySelector('[data-job]');
    if (row) { watch.disconnect(); done(Date.now()); }
  };
  const watch = new MutationObserver(look);
  watch.observe(document.body, { childList: true, subtree: true });
})
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        app = Offhours(str(Path(folder) / "page.db"), threads=2)

        @app.task(name="shop:post")
        def post(to: str) -> None: ...

        with ApiServer(app, port=0) as server, chromium() as browser:
            server.wait()
            post.submit_many([(f"{number}@example.org",) for number in range(JOBS)])
            cold(browser, server)
            table(browser, server)
            live(browser, server, app)
        app.close()


def cold(browser: Any, server: ApiServer) -> None:
    """A browser that has never been here, until the first rows of the table stand."""
    taken = []
    for _ in range(5):
        context = browser.new_context()
        tab = context.new_page()
        started = time.perf_counter()
        tab.goto(f"{server.url}#token={server.token}")
        tab.wait_for_selector("#recent-failures")
        taken.append((time.perf_counter() - started) * 1000)
        context.close()
    print(f"cold load to the overview: {statistics.median(taken):.0f} ms (median of 5)")


def table(browser: Any, server: ApiServer) -> None:
    """Frames while 100,000 jobs are scrolled, and jumps to places far away."""
    tab = browser.new_page()
    tab.goto(server.link)
    go(tab, "jobs")
    tab.wait_for_selector("[data-job]")
    frames = sorted(tab.evaluate(FRAMES, 300))
    late = sum(frame > 34 for frame in frames)
    print(
        f"scrolling {JOBS:,} jobs, 400 px a frame: p50 {frames[150]:.1f} ms, "
        f"p95 {frames[285]:.1f} ms, longest {frames[-1]:.0f} ms, {late} of 300 over 34 ms"
    )
    for name, part, job in (("the end", 1, "='1'"), ("the middle", 0.5, "^='500'")):
        started = time.perf_counter()
        tab.evaluate("part => scrollTo(0, part * document.body.scrollHeight)", part)
        tab.wait_for_selector(f"[data-job{job}]", timeout=60_000)
        print(f"jump to {name}: {(time.perf_counter() - started) * 1000:.0f} ms")
    print(f"rows in the document: {tab.locator('.rows > .jobrow').count()}")
    tab.close()


def live(browser: Any, server: ApiServer, app: Offhours) -> None:
    """From a submit in this process to the row in the document."""
    tab = browser.new_page()
    tab.goto(server.link)
    taken = []
    for number in range(20):
        queue = f"live{number}"
        go(tab, f"jobs?queue={queue}")
        tab.wait_for_selector(".empty")
        tab.evaluate(f"() => {{ window.seen = ({SEEN.strip()})('{queue}') }}")
        at = time.time()
        app.submit("shop:post", args=("x@y",), queue=queue)
        taken.append(tab.evaluate("() => window.seen") - at * 1000)
    taken.sort()
    print(
        f"submit to row: p50 {taken[10]:.0f} ms, p95 {taken[18]:.0f} ms, longest {taken[-1]:.0f} ms"
    )
    tab.close()


if __name__ == "__main__":
    main()
