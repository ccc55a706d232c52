"""A network that falls silent for longer than a lease, between one worker and the server."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.proxy import Proxy, through

from offhours import JobState, Offhours

LEASE = 1.0


@pytest.fixture
def database(proxy: Proxy, postgres_url: str) -> str:
    """Where the workers of this file find the store: behind the proxy."""
    return through(proxy, postgres_url)


@pytest.mark.parametrize("end", ["what was sent arrives late", "connections are reset"])
def test_a_worker_that_was_cut_off_for_longer_than_its_lease(
    database: str, proxy: Proxy, postgres_url: str, tmp_path: Path, worker, until, ledger, end: str
) -> None:
    """Its jobs run again elsewhere, what it brings is refused, and it goes on as a new worker."""
    app = Offhours(postgres_url)
    go = tmp_path / "go"
    first = worker(threads=2, lease=LEASE, host="cut off")
    stuck = app.submit_by_name("wait_for", args=(str(go),), priority=0)
    until(lambda: stuck.id in ledger.runs())
    naps = [app.submit_by_name("nap", args=(0.02,)) for _ in range(200)]
    until(lambda: naps[5].status is JobState.SUCCEEDED)
    proxy.stall()
    second = worker(database=postgres_url, threads=2, lease=LEASE, host="not cut off")
    until(lambda: len(ledger.runs()[stuck.id]) == 2)
    go.touch()
    assert stuck.result(20) == 2
    assert {job.wait(20) for job in naps} == {JobState.SUCCEEDED}
    if end == "connections are reset":
        proxy.drop()
    proxy.heal()
    until(lambda: len(app.workers()) == 2)  # it is back as a new one
    second.terminate()
    assert second.wait(20) == 0
    again = app.submit_by_name("nap", args=(0,))
    assert again.wait(20) is JobState.SUCCEEDED
    assert {run.pid for run in ledger.runs()[again.id]} == {first.pid}
    kinds = [event.kind for event in stuck.history()]
    assert kinds.count("job.result_refused") == kinds.count("job.succeeded") == 1
    assert stuck.result() == 2
    # What was claimed and not recorded when the silence began runs twice, and nothing else.
    given_away = {
        event.job_id for event in app.events() if event.kind in ("job.rescued", "job.returned")
    }
    assert stuck.id in given_away
    assert stuck.id in {job for job, *_ in ledger.overlaps()} <= given_away
    assert {job.id for job in (stuck, *naps)} <= ledger.runs().keys()
    succeeded = [event.job_id for event in app.events() if event.kind == "job.succeeded"]
    assert sorted(succeeded) == sorted(job.id for job in (stuck, *naps, again))
    first.terminate()
    assert first.wait(20) == 0
    app.close()


def test_a_job_whose_claim_is_answered_after_the_lease_is_handed_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be another's by then: begun here it would run twice, perhaps long after its end."""
    app = Offhours(tmp_path / "jobs.db", lease=0.3)
    app.task(name="t")(lambda: 7)
    job = app.submit_by_name("t")
    exchange, late = app.store.exchange, threading.Event()

    def answer_late(*asked: Any) -> Any:
        answer = exchange(*asked)
        if answer.claimed and not late.is_set():
            late.set()
            time.sleep(0.4)
        return answer

    monkeypatch.setattr(app.store, "exchange", answer_late)
    with app:
        assert job.result(timeout=20) == 7
    kinds = [event.kind.removeprefix("job.") for event in job.history()]
    assert kinds == ["submitted", "started", "returned", "started", "succeeded"]
    app.close()
