"""A database of an older version is brought up and keeps what it has; a newer one is left alone."""

from __future__ import annotations

from typing import Any

import pytest
from tests.next_schemas import known

from offhours import JobState, Offhours
from offhours.core.addresses import is_server
from offhours.core.errors import NewerSchema


def rows(app: Offhours, statement: str) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = app.store._db.read(statement)  # type: ignore[attr-defined]
    return found


def test_an_older_one_is_brought_up_and_keeps_all(database: str) -> None:
    older = Offhours(database, executor="inline")
    add = older.task(name="shop:add")(lambda a, b: a + b)
    done, waiting = add.submit(1, 2), add.submit(3, 4)
    older.cancel(waiting.id)
    [later] = add.options(delay="1h").submit_many([(5, 6)])
    told = [event.kind for event in older.events()]
    older.close()
    with known():
        app = Offhours(database, executor="inline")
        states = [(job.id, job.state) for job in app.jobs()]
        assert (later.id, JobState.PENDING) in states and len(states) == 3
        assert app.job(done.id).status is not JobState.CANCELLED
        assert app.job(waiting.id).status is JobState.CANCELLED
        assert [event.kind for event in app.events()] == told
        shade = 2 if is_server(database) else 1
        assert rows(app, "select distinct colour, shade from jobs") == [("grey", shade)]
        app.task(name="shop:add")(lambda a, b: a + b)
        app.drain()
        assert app.result_of(done.id) == 3
        app.close()
        Offhours(database).close()  # and once more: there is nothing to do


def test_a_newer_one_is_refused_and_not_touched(database: str) -> None:
    with known():
        newer = Offhours(database)
        job = newer.submit_by_name("shop:work", args=(1,))
        newer.close()
    with pytest.raises(NewerSchema, match="Upgrade Offhours"):
        Offhours(database)
    with known():
        newer = Offhours(database)
        assert newer.job(job.id).status is JobState.PENDING
        newer.close()
