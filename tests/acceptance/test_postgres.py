"""What an app on PostgreSQL must withstand: lost connections, unknown commits, many writers."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import psycopg
import pytest
from tests.acceptance.proxy import Proxy, through

from offhours import Offhours
from offhours.core.addresses import server_and_schema
from offhours.core.errors import Busy, NewerSchema, OptionError, StoreUnavailable, StoreUnusable
from offhours.store.postgres.wakeups import PostgresWakeUps, probe


def offhours(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "offhours", *argv],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip


def terminate_all(postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'offhours' and datname = current_database()"
        )


def test_a_day_in_the_life(postgres_url: str) -> None:
    with Offhours(postgres_url) as app:

        @app.task
        def add(a: int, b: int) -> int:
            return a + b

        @app.task(retries=0)
        def fail() -> None:
            raise ValueError("it said \0 and \u2603")

        assert add.submit(1, 2).result(timeout=20) == 3
        failed = fail.submit()
        with pytest.raises(Exception, match="it said"):
            failed.result(timeout=20)
        text = "quote ' percent % colon :name backslash \\ brace {x} snow \u2603"
        echoed = app.submit(add, args=(text, "!")).result(timeout=20)
        assert echoed == text + "!"
        with app.foreground("wf"):
            held = add.options(priority=100).submit(1, 1)
            assert "wf" in str(held.why())
        assert held.result(timeout=20) == 2
        kinds = [event.kind for event in app.events()]
        assert kinds.count("job.succeeded") == 3 and kinds.count("job.failed") == 1


def test_lost_connections_lose_nothing(postgres: str, postgres_url: str) -> None:
    app = Offhours(postgres_url)
    app.task(name="t")(lambda n: n)
    ids: list[int] = []
    stop = threading.Event()

    def cut() -> None:
        while not stop.wait(0.05):
            terminate_all(postgres)

    with app:
        killer = threading.Thread(target=cut)
        killer.start()
        try:
            for n in range(300):
                ids.append(app.submit_by_name("t", args=(n,)).id)
        finally:
            stop.set()
            killer.join()
        assert [app.result_of(job_id, timeout=30) for job_id in ids] == list(range(300))
    assert len(set(ids)) == 300 == sum(app.counts()[s] for s in ("succeeded", "ready", "running"))
    app.close()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_whose_answer_was_lost_is_looked_up(
    proxy: Proxy, postgres_url: str, when: str
) -> None:
    app = Offhours(through(proxy, postgres_url))
    app.task(name="t")(lambda: None)
    armed = [True]

    def cut(data: bytes) -> str:
        if armed and b"commit\0" in data:
            armed.clear()
            return when
        return ""

    proxy.cut = cut
    job = app.submit_by_name("t")
    assert not armed
    assert [found.id for found in app.jobs()] == [job.id]
    assert [event.kind for event in app.events()].count("job.submitted") == 1
    app.close()


def test_a_commit_of_which_nothing_can_be_learned_says_so(
    proxy: Proxy, postgres: str, postgres_url: str
) -> None:
    app = Offhours(through(proxy, postgres_url), lock_timeout="0.5s")
    app.task(name="t")(lambda: None)
    proxy.cut = lambda data: "before" if b"commit\0" in data or b"pg_xact_status" in data else ""
    with pytest.raises(StoreUnavailable, match="not known") as lost:
        app.submit_by_name("t")
    assert lost.value.unknown
    proxy.cut = lambda data: ""
    app.submit_by_name("t")
    app.close()


def test_a_worker_finds_out_what_became_of_a_round_without_an_answer(
    proxy: Proxy, postgres_url: str
) -> None:
    """Its outcomes were recorded and jobs were claimed, and it was never told."""
    app = Offhours(through(proxy, postgres_url), lock_timeout="1s", lease="60s")
    ran: list[int] = []
    task = app.task(name="t")(ran.append)
    task.submit_many([(n,) for n in range(300)])
    unknown: list[bytes] = []

    def cut(data: bytes) -> str:
        if b"pg_xact_status" in data and unknown:
            return "before"
        if b"commit\0" in data and ran and len(unknown) < 3:
            unknown.append(data)
            return "after"
        return ""

    proxy.cut = cut
    with app:
        deadline = time.monotonic() + 60
        while app.counts()["succeeded"] < 300:
            assert time.monotonic() < deadline, app.counts()
            if len(unknown) == 3:
                proxy.cut = lambda data: ""
            time.sleep(0.02)
    assert len(unknown) == 3
    assert sorted(ran) == list(range(300))
    kinds = [event.kind for event in app.events()]
    assert kinds.count("job.succeeded") == 300
    assert "job.result_refused" not in kinds
    app.close()


def test_a_server_that_is_away_for_a_while(proxy: Proxy, postgres_url: str) -> None:
    app = Offhours(through(proxy, postgres_url), lock_timeout="20s")
    app.task(name="t")(lambda: 7)
    with app:
        assert app.submit_by_name("t").result(timeout=20) == 7
        proxy.cut = lambda data: "before"
        proxy.drop()
        back = threading.Timer(1.0, lambda: setattr(proxy, "cut", lambda data: ""))
        back.start()
        assert app.submit_by_name("t").result(timeout=30) == 7
    app.close()


def test_a_reader_of_events_misses_none(postgres_url: str) -> None:
    """Eight writers over connections of their own, and a reader that follows their numbers."""
    app = Offhours(postgres_url)
    app.task(name="t")(lambda: None)
    seen: list[int] = []
    done = threading.Event()

    def write() -> None:
        other = Offhours(postgres_url)
        for _ in range(40):
            other.submit_by_name("t")
        other.close()

    def follow() -> None:
        while not done.is_set() or app.store.last_seq() > (seen[-1] if seen else 0):
            seen.extend(e.seq for e in app.store.events(seen[-1] if seen else 0, 1000))

    reader = threading.Thread(target=follow)
    reader.start()
    writers = [threading.Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    done.set()
    reader.join()
    assert seen == [event.seq for event in app.events()]
    assert len(seen) == 320
    app.close()


WORKER = """
import signal, sys
from offhours import Offhours
app = Offhours(sys.argv[1], poll="1h")
@app.task(name="t")
def task(n): return n + 1
with app:
    print("up", flush=True)
    signal.pause()
"""


def test_a_job_wakes_an_idle_worker_of_another_process(postgres_url: str) -> None:
    app = Offhours(postgres_url)
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, postgres_url], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "up\n"
        for n in range(5):
            assert app.submit_by_name("t", args=(n,)).result(timeout=20) == n + 1
    finally:
        process.terminate()
        assert process.wait(30) == 0
        process.stdout.close()
    app.close()


def test_notifications_are_probed(postgres: str) -> None:
    server, schema = server_and_schema(postgres)
    assert probe(server, schema)
    nowhere = PostgresWakeUps("postgresql://127.0.0.1:1/none", "s")
    nowhere.put()  # costs nothing and breaks nothing
    nowhere.close()
    with pytest.raises(psycopg.OperationalError):
        probe("postgresql://127.0.0.1:1/none", "s")


def test_a_lock_that_is_held_ends_in_busy(postgres: str, postgres_url: str) -> None:
    app = Offhours(postgres_url, lock_timeout="0.3s")
    app.task(name="t")(lambda: None)
    _, schema = server_and_schema(postgres_url)
    with psycopg.connect(postgres) as other:
        other.execute(
            "select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"offhours.{schema}"]
        )
        with pytest.raises(Busy):
            app.submit_by_name("t")
    app.submit_by_name("t")
    assert app.counts()["ready"] == 1
    app.close()


def test_a_newer_schema_is_refused(postgres: str, postgres_url: str) -> None:
    Offhours(postgres_url).close()
    _, schema = server_and_schema(postgres_url)
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"update {schema}.meta set value = 999 where key = 'schema'")  # type: ignore[call-overload]
    with pytest.raises(NewerSchema, match="999"):
        Offhours(postgres_url)


def test_many_processes_open_an_empty_schema_at_once(postgres_url: str) -> None:
    opened: list[Offhours] = []
    threads = [
        threading.Thread(target=lambda: opened.append(Offhours(postgres_url))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 8
    for app in opened:
        app.close()


def test_addresses_that_cannot_be_used(postgres: str) -> None:
    with pytest.raises(OptionError, match="schema"):
        Offhours(f"{postgres}?schema=No-Such")
    with pytest.raises(OptionError, match="mysql"):
        Offhours("mysql://localhost/db")
    with pytest.raises(StoreUnusable, match="does not exist"):
        Offhours(postgres.rpartition("/")[0] + "/offhours_no_such")
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        Offhours("postgresql://127.0.0.1:1/none", lock_timeout=0.1)


def test_a_password_is_never_shown(postgres_url: str) -> None:
    secret = "sUpErGeHeIm"
    url = postgres_url.replace("postgres@", f"postgres:{secret}@")
    app = Offhours(url)
    assert secret not in app.store.name and secret not in repr(app)
    app.close()
    for command in (["doctor"], ["ls"], ["doctor", "--json"]):
        answer = offhours("--db", url, *command)
        assert answer.returncode == 0, answer.stdout
        assert secret not in answer.stdout
    gone = url.replace("schema=", f"password={secret}&schema=").replace(
        "127.0.0.1", "127.0.0.2:1/x"
    )
    with pytest.raises(StoreUnavailable) as refused:
        Offhours(gone, lock_timeout=0.1)
    assert secret not in str(refused.value)
