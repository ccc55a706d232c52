"""What a running task is told of itself, and what it may tell."""

from __future__ import annotations

import pytest

from offhours import Context
from offhours.core.errors import JobFailed, PayloadTooLarge
from offhours.testing import MemoryApp, memory_app


@pytest.fixture
def app() -> MemoryApp:
    return memory_app()


def test_a_later_attempt_finds_the_partial_result_of_an_earlier_one(app: MemoryApp) -> None:
    @app.task(name="t", retries=1, backoff=0)
    def collect(ctx: Context) -> object:
        before = ctx.previous_partial
        ctx.progress(0.5, partial={"rows": [1, 2]})
        if before is None:
            raise OSError("the network")
        return before

    assert collect.submit().result() == {"rows": [1, 2]}


def test_progress_is_a_share(app: MemoryApp) -> None:
    @app.task(name="t")
    def overdo(ctx: Context) -> None:
        ctx.progress(1.5)

    with pytest.raises(JobFailed, match=r"between 0 and 1, got 1\.5"):
        overdo.submit().result()


def test_a_partial_result_of_progress_is_bounded(app: MemoryApp) -> None:
    told: list[str] = []

    @app.task(name="t")
    def overdo(ctx: Context) -> None:
        try:
            ctx.progress(partial="x" * 64_000)
        except PayloadTooLarge as error:
            told.append(str(error))

    job = overdo.submit()
    job.result()
    assert "at most 64,000 are stored" in told[0]
    assert job.record.progress is None


def test_what_a_late_answer_means_is_one_of_two(app: MemoryApp) -> None:
    @app.task(name="t")
    def ask(ctx: Context) -> None:
        ctx.approve("sure?", timeout="1m", on_timeout="allow")

    with pytest.raises(JobFailed, match="expected deny or fail, got 'allow'"):
        ask.submit().result()
