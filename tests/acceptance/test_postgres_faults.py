"""What goes wrong around a PostgreSQL server, one fault a test."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from tests.acceptance.proxy import Proxy, through
from tests.nightly import NIGHTLY
from tests.servers import Control, own_server

from offhours import Offhours
from offhours.core.addresses import server_and_schema
from offhours.core.errors import JobFailed, StoreError, StoreUnavailable
from offhours.core.events import fold
from offhours.store.connection import Connection
from offhours.store.postgres.session import Session
from offhours.store.postgres.wakeups import PostgresWakeUps


def test_a_shared_commit_of_which_nothing_can_be_learned_is_not_done_again(
    proxy: Proxy, postgres_url: str
) -> None:
    """The server has committed the work of many callers, and can no longer be asked about it."""
    app = Offhours(through(proxy, postgres_url), lock_timeout="1s")
    onlooker = Offhours(postgres_url)
    inside, go = threading.Event(), threading.Event()
    lost: list[bytes] = []

    def cut(data: bytes) -> str:
        if b"commit\0" in data:
            if not inside.is_set():
                inside.set()  # the first commit is held up, so that the others gather
                go.wait(20)
                return ""
            if not lost:
                lost.append(data)
                return "after"
        return "before" if b"pg_xact_status" in data else ""

    told: list[str] = []

    def submit(number: int) -> None:
        try:
            app.submit_by_name("t", args=(number,))
            told.append("stored")
        except StoreUnavailable as error:
            told.append("unknown" if error.unknown else "lost")

    proxy.cut = cut
    threads = [threading.Thread(target=submit, args=(n,)) for n in range(9)]
    threads[0].start()
    assert inside.wait(20)
    for thread in threads[1:]:
        thread.start()
    deadline = time.monotonic() + 20
    while len(app.store._db._commits._waiting) < 8:  # type: ignore[attr-defined]
        assert time.monotonic() < deadline
        time.sleep(0.01)
    go.set()
    for thread in threads:
        thread.join()
    assert lost
    arguments = [job.args for job in onlooker.jobs(limit=100)]
    assert len(set(arguments)) == len(arguments) == 9
    assert sorted(told) == ["stored"] + 8 * ["unknown"]
    app.close()
    onlooker.close()


def test_texts_about_nul_come_back_as_they_were(postgres_url: str) -> None:
    """Six characters that look like JSON for NUL are text; a real one is not stored."""
    texts = ["\\u0000", "\\\\u0000", "\\\\\\u0000", "\\", "snow \u2603", "%s %(x)s :id ' \" ;--"]
    with Offhours(postgres_url) as app:

        @app.task(name="echo")
        def echo(text: str) -> str:
            return text

        @app.task(name="fail", retries=0)
        def fail(text: str) -> None:
            raise ValueError(f"it said \0 {text}")

        assert [job.result(timeout=20) for job in echo.submit_many([(t,) for t in texts])] == texts
        assert [echo.submit(text).result(timeout=20) for text in texts] == texts
        for text in texts:
            with pytest.raises(JobFailed) as failure:
                fail.submit(text).result(timeout=20)
            assert failure.value.error.endswith(f"it said \\0 {text}")


def test_a_schema_that_was_made_for_its_user(postgres: str, postgres_url: str) -> None:
    _, schema = server_and_schema(postgres_url)
    role = f"r_{schema}"
    database = urlsplit(postgres).path[1:]
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"create role {role} login")  # type: ignore[call-overload]
        admin.execute(f"create schema {schema} authorization {role}")  # type: ignore[call-overload]
        assert admin.execute(
            "select has_database_privilege(%s, %s, 'create')", (role, database)
        ).fetchone() == (False,)
    try:
        app = Offhours(postgres_url.replace("postgres@", f"{role}@"))
        assert app.submit_by_name("t").status == "pending"
        app.close()
    finally:
        with psycopg.connect(postgres, autocommit=True) as admin:
            admin.execute(f"drop schema {schema} cascade; drop role {role}")  # type: ignore[call-overload]


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_another_default_isolation_makes_no_difference(postgres_url: str, level: str) -> None:
    """A snapshot from before our turn would not see what the writers before us did."""
    option = level.replace(" ", "%5C%20")
    url = f"{postgres_url}&options=-c%20default_transaction_isolation%3D{option}"
    apps = [Offhours(url) for _ in range(4)]
    assert apps[0].store._db.read("show default_transaction_isolation") == [(level,)]  # type: ignore[attr-defined]
    ids: list[list[int]] = [[], [], [], []]

    def submit(number: int) -> None:
        for n in range(30):
            ids[number].append(apps[number].submit_by_name("t", unique=f"key {n}").id)

    threads = [threading.Thread(target=submit, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ids[0] == ids[1] == ids[2] == ids[3] and len(set(ids[0])) == 30
    for app in apps:
        app.close()


class Interrupted(BaseException):
    """Raised by a signal's handler."""


@pytest.fixture
def alarm() -> Iterator[None]:
    def interrupt(number: int, frame: object) -> None:
        raise Interrupted

    old = signal.signal(signal.SIGALRM, interrupt)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, old)


def test_a_wait_for_the_server_can_be_interrupted(
    postgres: str, postgres_url: str, alarm: None
) -> None:
    """By any exception: the connection that has an answer to come is not used again."""
    _, schema = server_and_schema(postgres_url)
    app = Offhours(postgres_url)
    for action in (lambda: app.store.last_seq(), lambda: app.submit_by_name("t")):
        with psycopg.connect(postgres) as other:
            other.execute(f"lock table {schema}.events")  # type: ignore[call-overload]
            signal.setitimer(signal.ITIMER_REAL, 0.03)
            with pytest.raises(Interrupted):
                action()
        app.submit_by_name("t")
        assert app.store.last_seq() == sum(app.counts().values())
    app.close()


def test_a_transaction_that_failed_inside_says_so_at_its_end(postgres_url: str) -> None:
    app = Offhours(postgres_url)

    def careless() -> None:
        with app.transaction() as tx:
            app.submit_by_name("t", connection=tx)
            with suppress(psycopg.Error):
                tx.execute("select 1 / 0")

    with pytest.raises(StoreError, match="rolled back"):
        careless()
    assert app.jobs() == []
    app.close()


def test_a_transaction_of_somebody_holds_up_only_those_who_want_its_key(
    postgres: str, postgres_url: str
) -> None:
    app, other = Offhours(postgres_url), Offhours(postgres_url)
    same: list[int] = []
    with psycopg.connect(postgres) as connection:
        job = app.submit_by_name("t", unique="k", connection=connection)
        waiting = threading.Thread(
            target=lambda: same.append(app.submit_by_name("t", unique="k").id)
        )
        waiting.start()
        for _ in range(20):
            started = time.monotonic()
            other.submit_by_name("t")
            assert time.monotonic() - started < 2
            time.sleep(0.02)
        assert waiting.is_alive() and not same
    waiting.join()
    assert same == [job.id]
    assert sum(app.counts().values()) == 21
    app.close()
    other.close()


def test_notifications_with_many_files_open(postgres: str) -> None:
    """`select` takes no file whose number is above 1023."""
    server, schema = server_and_schema(postgres)
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, most), most))
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(1100)]
    one, other = PostgresWakeUps(server, schema), PostgresWakeUps(server, schema)
    heard = threading.Event()
    try:
        one.hear(lambda kind: heard.set())
        deadline = time.monotonic() + 20
        while not heard.wait(0.05):
            other.tell("c")
            assert time.monotonic() < deadline
    finally:
        one.close()
        other.close()
        for number in files:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))


def test_what_was_told_while_a_listener_was_away_is_found(proxy: Proxy, postgres_url: str) -> None:
    app, other = Offhours(through(proxy, postgres_url), poll="1h"), Offhours(postgres_url)
    app.task(name="t")(lambda: 7)
    with app:
        assert app.submit_by_name("t").result(timeout=20) == 7
        proxy.cut = lambda data: "before" if b"listen " in data else ""
        proxy.drop()
        job = other.submit_by_name("t")
        proxy.cut = lambda data: ""
        assert job.result(timeout=20) == 7
    app.close()
    other.close()


def test_a_process_that_was_stopped_in_its_turn_takes_another(postgres_url: str, until) -> None:
    """The server has ended its session, and nothing of its transaction was stored."""
    app, other = Offhours(postgres_url), Offhours(postgres_url)
    alive = "select 1 from pg_stat_activity where pid = :pid"
    pids: list[int] = []

    def unit(session: Connection) -> int:
        pids.append(session.execute("select pg_backend_pid()").get)
        if len(pids) == 1:
            session.execute("set local idle_in_transaction_session_timeout = '20ms'").fetchall()
            until(lambda: not other.store._db.read(alive, pids))  # type: ignore[attr-defined]
        return len(pids)

    assert app.store._db.write(unit) == 2  # type: ignore[attr-defined]
    assert pids[0] != pids[1]
    app.close()
    other.close()


def test_a_pooler_that_never_answers_is_given_up(
    proxy: Proxy, postgres_url: str, until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is open and what is sent is acknowledged: only the time can tell."""
    monkeypatch.setattr("offhours.store.postgres.session.STATEMENT_SECONDS", 1)
    app = Offhours(through(proxy, postgres_url), lock_timeout="1s", lease="1s")
    other = Offhours(postgres_url)
    app.task(name="t")(lambda: 7)
    swallowed: list[bytes] = []

    def cut(data: bytes) -> str:
        swallowed.append(data)
        return "swallow"

    with app:
        proxy.cut = cut
        until(lambda: any(data.startswith(b"Q") for data in swallowed))  # a statement was sent
        proxy.cut = lambda data: ""
        assert other.submit_by_name("t").result(timeout=20) == 7
    app.close()
    other.close()


@pytest.fixture(scope="module")
def own() -> Iterator[tuple[str, Control]]:
    with own_server() as server:
        yield server


def test_a_crash_of_the_server_in_a_commit(own: tuple[str, Control]) -> None:
    """The number of what it took with it is given again, to a transaction that is committed."""
    server, control = own
    parts = urlsplit(server)
    proxy = Proxy(parts.hostname or "", parts.port or 0)
    app = Offhours(through(proxy, server), lock_timeout="20s")
    with psycopg.connect(server) as connection:
        connection.execute("create table others (number text)")
    numbers: list[object] = []
    given_again = threading.Event()

    def cut(data: bytes) -> str:
        if b"pg_xact_status" in data:
            given_again.wait(20)
        if numbers or b"commit\0" not in data:
            return ""
        numbers.append(app.store._db._writer._transaction)  # type: ignore[attr-defined]
        control("stop", "-m", "immediate")
        control("start")
        with psycopg.connect(server) as somebody:
            given = "insert into others select pg_current_xact_id()::text returning number"
            numbers.append(somebody.execute(given).fetchone())
        given_again.set()
        return "before"

    proxy.cut = cut
    try:
        with pytest.raises(StoreUnavailable, match="not known"):
            app.submit_by_name("t")
        assert numbers[1] == (numbers[0],)
        assert app.jobs() == []
        job = app.submit_by_name("t")
        assert [found.id for found in app.jobs()] == [job.id]
    finally:
        app.close()
        proxy.close()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_backend_that_ends_at_any_statement(
    postgres: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """One workload for each n: the server ends our connection around its n-th statement."""
    send = Session._send
    left = [0]
    admin = psycopg.connect(postgres, autocommit=True)

    def end(session: Session) -> None:
        connection = session._connection
        if connection is not None and not connection.closed:
            pid = connection.info.backend_pid
            admin.execute("select pg_terminate_backend(%s, 5000)", (pid,))

    def counted(session: Session, sql: str) -> Any:
        left[0] -= 1
        if left[0] == 0 and when == "before":
            end(session)
        answer = send(session, sql)
        if left[0] == 0 and when == "after":
            end(session)
        return answer

    monkeypatch.setattr(Session, "_send", counted)
    nth = rounds = 0
    while left[0] <= 0:
        nth += 1 if NIGHTLY else 5
        rounds += 1
        left[0] = nth
        before = sum(app_counts(postgres_url))
        app = Offhours(postgres_url, executor="inline")
        ran: list[int] = []
        app.task(name="t")(ran.append)
        ids = [app.submit_by_name("t", args=(n,)).id for n in range(2)]
        ids += [job.id for job in app.task(name="m")(ran.append).submit_many([(2,), (3,)])]
        later = app.submit_by_name("t", args=(4,), delay="1h", unique="u")
        with app.foreground("wf"):
            app.drain()
        assert later.cancel()
        app.close()
        assert sorted(ran) == [0, 1, 2, 3], nth
        assert left[0] > 0 or len({*ids, later.id}) == 5
        counts = app_counts(postgres_url)
        assert sum(counts) == before + 5, nth
        assert counts == (4 * rounds, rounds), nth
    assert nth > 50
    left[0] = 0
    check = Offhours(postgres_url)
    assert fold(check.events()) == {job.id: job.state for job in check.jobs(limit=10_000)}
    assert check.workers() == []
    check.close()
    admin.close()


def app_counts(url: str) -> tuple[int, int]:
    """How many jobs succeeded and were cancelled; there are no others."""
    server, schema = server_and_schema(url)
    with psycopg.connect(server) as connection:
        exists = connection.execute("select to_regclass(%s)", (f"{schema}.jobs",)).fetchone()
        if exists == (None,):
            return 0, 0
        states = connection.execute(f"select state from {schema}.jobs").fetchall()  # type: ignore[call-overload]
    assert {state for (state,) in states} <= {"succeeded", "cancelled"}
    return states.count(("succeeded",)), states.count(("cancelled",))
