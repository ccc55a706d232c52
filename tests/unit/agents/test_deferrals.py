"""The ledger of deferrals, limits after which a person is asked, and providers' rate limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from offhours import Defer
from offhours.core.errors import IllegalMove, JobNotFound, OptionError
from offhours.core.gates import OPEN, Verdict
from offhours.core.model import Claimed, JobState
from offhours.core.ports import Store
from offhours.core.retries import rate_limit_reset
from offhours.core.times import MINUTE, SECOND, Micros, to_datetime
from offhours.testing import MemoryApp, memory_app

NOW = 1_800_000_000 * SECOND


@pytest.fixture
def app() -> MemoryApp:
    return memory_app()


@dataclass
class Hours:
    shut: bool = True
    name: str = "hours"

    def look(self, job: Claimed, now: Micros, store: Store) -> Verdict:
        return Verdict(False, f"shut at {now}", now + MINUTE) if self.shut else OPEN


def test_the_ledger_says_how_often_why_and_what(app: MemoryApp) -> None:
    @app.task(name="ask")
    def ask(reason: str, times: int) -> None:
        if app.record(1 if reason == "rate limit" else 2).deferrals < times:
            raise Defer("1m", reason=reason)

    limited, busy = ask.submit("rate limit", 3), ask.submit("busy", 1)
    gated = app.task(name="gated", gates=[Hours()])(lambda: None).submit()
    for _ in range(4):
        app.drain()
        app.clock.advance("1m")
    ledger = app.agents.deferrals
    assert list(ledger.reasons()) == [("hours", 4), ("rate limit", 3), ("busy", 1)]
    assert ledger.count("7d") == 8
    [first, *_] = ledger.most(3)
    assert (first.kind, first.id, first.name, first.times) == ("job", gated.id, "gated", 4)
    history = ledger.of_job(limited.id)
    assert [each.reason for each in history] == ["rate limit"] * 3
    assert all(each.until - each.at == MINUTE for each in history)
    assert [each.gate for each in ledger.of_job(gated.id)] == ["hours"] * 4
    assert len(ledger.of_job(busy.id)) == 1
    app.clock.advance("8d")
    assert ledger.count("7d") == 0 and ledger.reasons("7d") == []
    with pytest.raises(JobNotFound):
        ledger.of_job(99)


def test_a_person_is_asked_about_what_is_deferred_too_often(app: MemoryApp) -> None:
    @app.task(name="ask", max_deferrals=2)
    def ask() -> None:
        raise Defer("1m", reason="rate limit")

    job = ask.options(metadata={"agent": "scout"}).submit()

    def pass_time() -> None:
        for _ in range(5):
            app.drain()
            app.clock.advance("1m")

    pass_time()
    assert job.status is JobState.HELD and job.record.deferrals == 2
    [question] = app.approvals()
    assert question.question == "job 1 (ask) was moved to later 2 times; may it go on?"
    with pytest.raises(IllegalMove, match="scout has asked for this"):
        app.approve(question.id, by="scout")
    app.approve(question.id, by="ann")
    pass_time()
    assert job.status is JobState.HELD and job.record.deferrals == 4
    [question] = app.approvals()
    assert "4 times" in question.question
    app.deny(question.id, by="ann")
    app.drain()
    assert job.status is JobState.FAILED and job.record.code == "denied"
    assert job.record.attempts == 1
    with pytest.raises(OptionError, match="max_deferrals: expected a whole number from 1"):
        app.task(name="x", max_deferrals=0)(lambda: None)


# -- a provider's answer ------------------------------------------------------------------------


class Response:
    def __init__(self, status_code: int, **headers: str) -> None:
        self.status_code = status_code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class HTTPError(Exception):
    def __init__(self, response: Any) -> None:
        super().__init__("an answer")
        self.response = response


class RateLimitError(Exception):
    def __init__(self, **given: Any) -> None:
        super().__init__("slow down")
        self.__dict__.update(given)


ISO = to_datetime(NOW + 90 * SECOND).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (HTTPError(Response(429, Retry_After="30")), 30),
        (HTTPError(Response(429, retry_after_ms="1500")), 1.5),
        (HTTPError(Response(429, X_RateLimit_Reset="1800000060")), 60),
        (HTTPError(Response(429, RateLimit_Reset="45")), 45),
        (HTTPError(Response(429, x_ratelimit_reset_tokens="6m0s")), 360),
        (HTTPError(Response(429, anthropic_ratelimit_requests_reset=ISO)), 90),
        (
            HTTPError(
                Response(
                    429, x_ratelimit_reset_requests="20ms", x_ratelimit_remaining_requests="5",
                    x_ratelimit_reset_tokens="2m", x_ratelimit_remaining_tokens="0",
                )
            ),
            120,
        ),
        (RateLimitError(retry_after=12), 12),
        (RateLimitError(reset_at=to_datetime(NOW) + timedelta(minutes=5)), 300),
        (RateLimitError(reset_at=datetime(2020, 1, 1, tzinfo=UTC)), 0),
        (RateLimitError(status=429, response=Response(429, Retry_After="7")), 7),
        (HTTPError(Response(429)), None),
        (HTTPError(Response(429, X_RateLimit_Reset="soon")), None),
        (HTTPError(Response(429, X_RateLimit_Reset="nan")), None),
        (HTTPError(Response(503, Retry_After="30")), None),
        (HTTPError(None), None),
        (ValueError("x"), None),
        (RateLimitError(reset_at=float("inf")), None),
        (RateLimitError(), None),
    ],
)  # fmt: skip
def test_when_a_provider_takes_calls_again(error: Exception, seconds: float | None) -> None:
    expected = None if seconds is None else round(seconds * SECOND)
    assert rate_limit_reset(error, NOW) == expected


def test_nobody_waits_longer_than_a_month() -> None:
    error = HTTPError(Response(429, X_RateLimit_Reset="4000000000"))
    assert rate_limit_reset(error, NOW) == 30 * 86_400 * SECOND


def test_a_rate_limit_with_a_known_reset_is_a_deferral_and_spends_no_attempt(
    app: MemoryApp,
) -> None:
    calls: list[int] = []

    @app.task(name="call", retries=0)
    def call() -> str:
        calls.append(1)
        if len(calls) < 4:
            raise HTTPError(Response(429, Retry_After="120"))
        return "done"

    job = call.submit()
    for _ in range(4):
        app.drain()
        assert len(calls) < 4 or job.status is JobState.SUCCEEDED
        app.clock.advance("2m")
    assert job.result() == "done" and job.record.attempts == 1
    assert [each.reason for each in app.agents.deferrals.of_job(job.id)] == [
        "rate limit: HTTPError"
    ] * 3


def test_a_rate_limit_that_a_task_gives_up_on_fails_it(app: MemoryApp) -> None:
    error = HTTPError(Response(429, Retry_After="120"))

    def call() -> None:
        raise error

    job = app.task(name="call", give_up_on=(HTTPError,))(call).submit()
    app.drain()
    assert job.status is JobState.FAILED


def test_a_rate_limit_without_a_reset_is_a_failed_attempt(app: MemoryApp) -> None:
    def call() -> None:
        raise HTTPError(Response(429))

    job = app.task(name="call", retries=1)(call).submit()
    app.drain()
    assert job.record.attempts == 1 and job.record.code == "error"
