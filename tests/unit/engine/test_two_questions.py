"""A task that asks twice waits for each answer."""

from __future__ import annotations

import offhours
from offhours.core.model import JobState
from offhours.testing import memory_app


def test_an_answer_lets_its_own_question_go_on_and_no_later_one() -> None:
    app = memory_app()

    @app.task(name="ask")
    def ask(ctx: offhours.Context) -> list[bool]:
        return [bool(ctx.approve("first?")), bool(ctx.approve("second?"))]

    job = ask.submit()
    app.drain()
    app.approve(app.approvals()[0].id, by="ann")
    assert app.drain() == 1
    assert job.status is JobState.HELD
    app.deny(app.approvals()[0].id, by="ann")
    app.drain()
    assert job.result() == [True, False]
