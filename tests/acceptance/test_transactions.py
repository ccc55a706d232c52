"""Jobs and the user's own rows in one transaction: both are there, or neither."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
import sqlalchemy.orm
from tests import django_site

from offhours import Offhours
from offhours.core.errors import JobNotFound, OptionError, QueueFull, StoreError
from offhours.core.events import fold


class RolledBack(Exception):
    """What ends a transaction without a commit."""


def noop() -> None: ...


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Offhours]:
    made = Offhours(tmp_path / "jobs.db")
    made.task(name="t")(noop)
    yield made
    made.close()


@pytest.fixture
def remote(postgres_url: str) -> Iterator[Offhours]:
    made = Offhours(postgres_url)
    made.task(name="t")(noop)
    yield made
    made.close()


def test_rows_and_jobs_are_stored_together(app: Offhours) -> None:
    with app.transaction() as tx:
        tx.execute("create table guests (name text)")
        tx.execute("insert into guests values (?)", ("Ann",))
        job = app.submit_by_name("t", connection=tx)
    with suppress(RolledBack), app.transaction() as tx:
        tx.execute("insert into guests values ('Bob')")
        gone = app.submit_by_name("t", connection=tx)
        raise RolledBack
    assert [found.id for found in app.jobs()] == [job.id]
    with pytest.raises(JobNotFound):
        _ = gone.status
    with app.transaction() as tx:
        assert tx.execute("select name from guests").fetchall() == [("Ann",)]
    assert fold(app.events()) == {job.id: "pending"}


def test_a_worker_runs_what_was_submitted_in_a_transaction(app: Offhours) -> None:
    with app:
        with app.transaction() as tx:
            job = app.submit_by_name("t", connection=tx)
        job.result(timeout=20)


def test_a_transaction_is_not_ended_by_hand(app: Offhours) -> None:
    for verb in ("commit", "ROLLBACK", "begin immediate", "end"):
        with app.transaction() as tx, pytest.raises(StoreError, match="with"):
            tx.execute(verb)
    with pytest.raises(StoreError, match="has ended"):
        tx.execute("select 1")
    with pytest.raises(OptionError, match="has ended"):
        app.submit_by_name("t", connection=tx)


def test_what_would_wait_for_itself_is_refused(app: Offhours) -> None:
    with app.transaction() as tx:
        with pytest.raises(StoreError, match="connection="):
            app.submit_by_name("t")
        with pytest.raises(StoreError, match="already open"), app.transaction():
            pass
        app.submit_by_name("t", connection=tx)
    assert app.counts()["ready"] == 1


def test_other_threads_wait_for_a_transaction(app: Offhours) -> None:
    inside, go = threading.Event(), threading.Event()

    def hold() -> None:
        with app.transaction() as tx:
            tx.execute("create table mine (n integer)")
            inside.set()
            go.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    assert inside.wait(20)
    others = [threading.Thread(target=app.submit_by_name, args=("t",)) for _ in range(5)]
    for other in others:
        other.start()
    go.set()
    for thread in (holder, *others):
        thread.join()
    assert app.counts()["ready"] == 5


def test_a_foreign_connection_is_refused(app: Offhours, tmp_path: Path) -> None:
    foreign = sqlite3.connect(tmp_path / "other.db")
    with pytest.raises(OptionError, match="sqlite3"):
        app.submit_by_name("t", connection=foreign)
    foreign.close()
    other = Offhours(tmp_path / "second.db")
    with other.transaction() as tx, pytest.raises(OptionError, match="another"):
        app.submit_by_name("t", connection=tx)
    other.close()
    with pytest.raises(OptionError, match="durable"):
        app.submit(lambda: None, durable=False, connection=object())
    assert app.jobs() == []


def test_postgres_rows_and_jobs_are_stored_together(remote: Offhours, postgres: str) -> None:
    with psycopg.connect(postgres) as connection:
        first = remote.submit_by_name("t", connection=connection)
        later = remote.submit_by_name("t", connection=connection, delay="1h")
        assert remote.jobs() == []
    with suppress(RolledBack), psycopg.connect(postgres) as connection:
        remote.submit_by_name("t", connection=connection)
        raise RolledBack
    assert [job.id for job in remote.jobs()] == [later.id, first.id]
    with remote:
        first.result(timeout=20)
    assert fold(remote.events()) == {first.id: "succeeded", later.id: "pending"}
    kinds = [event.kind for event in remote.events() if event.job_id == first.id]
    assert kinds == ["job.submitted", "job.started", "job.succeeded"]


def test_postgres_wakes_an_idle_worker_at_the_commit(postgres_url: str, postgres: str) -> None:
    app = Offhours(postgres_url, poll="1h")
    app.task(name="t")(noop)
    with app:
        app.submit_by_name("t").result(timeout=20)
        with psycopg.connect(postgres) as connection:
            job = app.submit_by_name("t", connection=connection)
        job.result(timeout=20)
    app.close()


def test_postgres_events_have_no_gap_with_transactions_of_others(
    remote: Offhours, postgres: str, postgres_url: str
) -> None:
    """Transactions that commit in another order than they submitted, and a reader beside them."""
    seen: list[int] = []
    done = threading.Event()

    def follow() -> None:
        while not done.is_set() or remote.store.last_seq() > (seen[-1] if seen else 0):
            seen.extend(e.seq for e in remote.store.events(seen[-1] if seen else 0, 1000))

    def write() -> None:
        for n in range(15):
            with psycopg.connect(postgres) as slow, psycopg.connect(postgres) as quick:
                remote.submit_by_name("t", connection=slow)
                remote.submit_by_name("t", connection=quick)
                quick.commit()
                remote.submit_by_name("t")
                if n % 3 == 0:
                    slow.rollback()

    reader = threading.Thread(target=follow)
    reader.start()
    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    remote.submit_by_name("t")  # the next writer tells what the last ones submitted
    done.set()
    reader.join()
    assert seen == [event.seq for event in remote.events()]
    assert set(fold(remote.events())) == {job.id for job in remote.jobs(limit=1000)}
    assert len(remote.jobs(limit=1000)) == 4 * (15 * 3 - 5) + 1


def test_bulk_submits_beside_transactions_of_others(remote: Offhours, postgres: str) -> None:
    """The numbers of a bulk submit may have gaps when others take some meanwhile."""
    stop = threading.Event()

    def others() -> None:
        with psycopg.connect(postgres) as connection:
            while not stop.is_set():
                remote.submit_by_name("t", connection=connection)
                connection.commit()

    thread = threading.Thread(target=others)
    thread.start()
    task = remote.task(name="one")(lambda n: n)
    try:
        ids = [job.id for _ in range(5) for job in task.submit_many([(n,) for n in range(500)])]
    finally:
        stop.set()
        thread.join()
    assert len(set(ids)) == 2_500
    assert {remote.record(job_id).task for job_id in ids} == {"one"}
    remote.submit_by_name("t")
    told = [event.job_id for event in remote.events() if event.kind == "job.submitted"]
    assert len(told) == len(set(told)) == sum(remote.counts().values())


def test_postgres_unique_keys_and_bounds_hold_in_transactions(
    postgres: str, postgres_url: str
) -> None:
    app = Offhours(postgres_url, max_queue_size=2)
    app.task(name="t")(noop)
    with psycopg.connect(postgres) as connection:
        one = app.submit_by_name("t", unique="k", connection=connection)
        same = app.submit_by_name("t", unique="k", connection=connection)
        assert one.id == same.id
        app.submit_by_name("t", connection=connection)
        with pytest.raises(QueueFull):
            app.submit_by_name("t", connection=connection)
    app.close()


def test_sqlalchemy(remote: Offhours, postgres: str) -> None:
    url = postgres.replace("postgresql://", "postgresql+psycopg://")
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("create table if not exists guests (name text)"))
        first = remote.submit_by_name("t", connection=connection)
    with sqlalchemy.orm.Session(engine) as session, session.begin():
        second = remote.submit_by_name("t", connection=session)
    with sqlalchemy.orm.Session(engine) as session:
        remote.submit_by_name("t", connection=session)
        session.rollback()
    engine.dispose()
    assert [job.id for job in remote.jobs()] == [second.id, first.id]


def test_django(remote: Offhours, postgres: str) -> None:
    django_site.use()
    from django.db import connections, transaction

    parts = psycopg.conninfo.conninfo_to_dict(postgres)
    connections.settings["jobs"] = {
        **connections.settings["default"],
        "ENGINE": "django.db.backends.postgresql", "NAME": parts["dbname"],
        "USER": parts["user"], "HOST": parts["host"], "PORT": parts["port"],
    }  # fmt: skip
    try:
        with transaction.atomic("jobs"):
            job = remote.submit_by_name("t", connection=connections["jobs"])
        with suppress(RolledBack), transaction.atomic("jobs"):
            remote.submit_by_name("t", connection=connections["jobs"])
            raise RolledBack
        with pytest.raises(OptionError, match="autocommit"):
            remote.submit_by_name("t", connection=connections["jobs"])
    finally:
        connections["jobs"].close()
        del connections.settings["jobs"], connections["jobs"]
    assert [found.id for found in remote.jobs()] == [job.id]


def test_postgres_connections_that_lead_elsewhere(remote: Offhours, postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as loose:
        with pytest.raises(OptionError, match="autocommit"):
            remote.submit_by_name("t", connection=loose)
        with loose.transaction():
            job = remote.submit_by_name("t", connection=loose)
    with (
        psycopg.connect(postgres.rpartition("/")[0] + "/postgres") as elsewhere,
        pytest.raises(OptionError, match="another database"),
    ):
        remote.submit_by_name("t", connection=elsewhere)
    for wrong in (sqlite3.connect(":memory:"), object(), "postgresql://"):
        with pytest.raises(OptionError, match="expected a connection"):
            remote.submit_by_name("t", connection=wrong)
        if isinstance(wrong, sqlite3.Connection):
            wrong.close()
    assert [found.id for found in remote.jobs()] == [job.id]


def test_postgres_gives_a_connection_out_too(remote: Offhours) -> None:
    with remote.transaction() as tx:
        job = remote.submit_by_name("t", connection=tx)
    with suppress(RolledBack), remote.transaction() as tx:
        remote.submit_by_name("t", connection=tx)
        raise RolledBack
    assert [found.id for found in remote.jobs()] == [job.id]
