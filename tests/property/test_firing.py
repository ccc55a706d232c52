"""Whatever the policies, the sleeps and the rounds: every instant is settled once, in order."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from offhours.core.fire_rules import Overlap
from offhours.core.times import MINUTE, SECOND
from offhours.testing import memory_app

naps = st.lists(st.integers(1, 6_000), min_size=1, max_size=6)


@given(
    naps=naps,
    catch_up=st.sampled_from(["skip", "once", "all", "all:3", "window:5m"]),
    overlap=st.sampled_from(sorted(Overlap)),
    jitter=st.sampled_from([0, 20, 420]),
    slow=st.booleans(),
)
def test_each_instant_is_one_job_or_one_skip(
    naps: list[int], catch_up: str, overlap: str, jitter: int, slow: bool
) -> None:
    app = memory_app()
    ran: list[int] = []

    @app.task(name="t", timeout=None)
    def task() -> None:
        ran.append(app.clock.micros())
        if slow:  # time passes while it runs: fires meet an unfinished job
            app.clock.advance("3m")

    schedule = app.schedule(
        task, timedelta(minutes=7), catch_up=catch_up, overlap=overlap, jitter=jitter
    )
    first = schedule.record.next_at
    assert first is not None
    for nap in naps:
        app.clock.advance(nap)
        if nap % 3:
            app.drain()
    app.drain()
    row = schedule.record
    fires = list(reversed(schedule.fires(100_000)))
    assert row.next_at is not None
    assert [f.instant for f in fires] == list(range(first, row.next_at, 7 * MINUTE))
    assert row.runs == sum(f.job_id is not None for f in fires)
    assert row.skipped == sum(f.job_id is None for f in fires)
    assert all(f.reason for f in fires if f.job_id is None)
    jobs = [f.job_id for f in fires if f.job_id is not None]
    assert len(set(jobs)) == len(jobs) and jobs == sorted(jobs)
    assert row.next_at + jitter * SECOND + 7 * MINUTE > app.clock.micros()
    app.close()
