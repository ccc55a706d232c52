"""A database of the version before bulk operations and templates keeps what it has."""

from __future__ import annotations

import pytest

from offhours import Offhours
from offhours.store import migrate, postgres

OWN = next(number for number, text in migrate.scripts().items() if "table templates" in text)


def old_scripts(scripts: dict[int, str]) -> dict[int, str]:
    return {number: text for number, text in scripts.items() if number < OWN}


@pytest.fixture
def older(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database as the version before has left it, with a job and two operations."""
    known = migrate.scripts()
    with monkeypatch.context() as patch:
        for module in (migrate, postgres):
            patch.setattr(module, "scripts", lambda: old_scripts(known))
        app = Offhours(database)
        app.submit_by_name("shop:work", args=(1,), metadata={"tags": ["a"]})
        put = "insert into operations (kind, state, made_by, total, done, created_at, finished_at)"
        for values in ("'jobs.retry', 'succeeded', 'ann', 3, 3, 1, 2",
                       "'jobs.cancel', 'running', 'ann', 3, 1, 1, null"):  # fmt: skip
            statement = f"{put} values ({values})"
            app.store._db.write(lambda db, statement=statement: db.execute(statement))  # type: ignore[attr-defined]
        app.close()
    return database


def test_it_is_brought_up_and_keeps_all(older: str) -> None:
    app = Offhours(older)
    assert [job.task for job in app.jobs()] == ["shop:work"]
    left, ended = app.store.access.operations()
    assert (ended.done, ended.request, ended.place) == (3, None, 0)
    assert left.state == "running" and app.bulk.unfinished() == []  # nobody knows what it was told
    assert app.bulk.cancel(tag="a").done == 1
    assert app.templates.create("a", "shop:work").version == 1
    app.close()


def test_the_older_version_refuses_the_newer_one(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from offhours.core.errors import NewerSchema

    Offhours(database).close()
    known = migrate.scripts()
    for module in (migrate, postgres):
        monkeypatch.setattr(module, "scripts", lambda: old_scripts(known))
    with pytest.raises(NewerSchema, match="Upgrade Offhours"):
        Offhours(database)
