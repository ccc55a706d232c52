"""A pooler in transaction mode between an app and PostgreSQL: no session is anybody's own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.servers import free_port

from offhours import Context, JobState, Offhours, TaskPriority
from offhours.core.events import fold
from offhours.core.outcomes import Defer

CONFIG = """
[databases]
* = host={server.hostname} port={server.port} user={server.username}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
"""


class Pooler:
    """PgBouncer with fewer connections to the server than it has clients."""

    def __init__(self, program: str, server: str, folder: Path) -> None:
        self.port = free_port()
        config = folder / "pgbouncer.ini"
        config.write_text(CONFIG.format(server=urlsplit(server), port=self.port))
        other = ["-u", "postgres"] if os.geteuid() == 0 else []  # it refuses to be root
        self._command = [program, "-q", *other, str(config)]
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def answers(self) -> bool:
        with socket.socket() as trying:
            return trying.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def pooler(postgres: str, tmp_path: Path, until) -> Iterator[Pooler]:
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("needs PgBouncer: it is not installed")
    made = Pooler(program, postgres, tmp_path)
    until(made.answers)
    yield made
    made.kill()


@pytest.fixture
def pooled(pooler: Pooler, postgres_url: str) -> str:
    """The address of the test's schema by way of the pooler."""
    return postgres_url.replace(
        urlsplit(postgres_url).netloc.rpartition("@")[2], f"127.0.0.1:{pooler.port}"
    )


def test_a_day_in_the_life(pooled: str, until) -> None:
    ticks: list[None] = []
    deferred: set[int] = set()
    app = Offhours(pooled, poll="50ms")
    with app:

        @app.task(retries=1, backoff="10ms")
        def add_at_the_second_try(context: Context, a: int, b: int) -> int:
            if context.attempt == 1:
                raise ValueError
            return a + b

        @app.task
        def wait_once(context: Context) -> str:
            if context.job_id not in deferred:
                deferred.add(context.job_id)
                raise Defer("10ms", "not yet")
            return "now"

        @app.task
        def obey(context: Context) -> None:
            until(context.checkpoint)

        added = add_at_the_second_try.submit(1, 2)
        assert (added.result(timeout=20), added.record.attempts) == (3, 2)
        assert wait_once.submit().result(timeout=20) == "now"
        with app.foreground("wf"):
            held = wait_once.options(priority=TaskPriority.BACKGROUND).submit()
            assert "wf" in str(held.why())
        assert held.result(timeout=20) == "now"

        obeying, later = obey.submit(), wait_once.options(delay="1h").submit()
        until(lambda: obeying.status is JobState.RUNNING)
        for job in (obeying, later):
            job.cancel()
            assert job.wait(20) is JobState.CANCELLED

        with app.transaction() as mine:
            mine.execute("create temporary table rows (n int) on commit drop")
            ours = wait_once.options(connection=mine).submit()
        assert ours.result(timeout=20) == "now"

        schedule = app.schedule(app.task(ticks.append, name="tick"), "every second", args=(None,))
        until(lambda: len(ticks) >= 2)
        schedule.pause()
    assert fold(app.events()) == {job.id: job.state for job in app.jobs()}
    app.close()


def test_a_pooler_that_is_killed_and_started_again_loses_nothing(
    pooler: Pooler, pooled: str, postgres_url: str
) -> None:
    app = Offhours(pooled, poll="50ms", lock_timeout="20s")
    app.task(name="t")(lambda n: n)
    with app:
        ids = [app.submit_by_name("t", args=(n,)).id for n in range(100)]
        pooler.kill()
        back = threading.Timer(0.5, pooler.start)
        back.start()
        ids += [app.submit_by_name("t", args=(n,)).id for n in range(100, 200)]
        back.join()
        assert [app.result_of(job_id, timeout=30) for job_id in ids] == list(range(200))
    app.close()
    direct = Offhours(postgres_url)
    assert sorted(job.id for job in direct.jobs(limit=300)) == sorted(ids)
    assert [event.kind for event in direct.events()].count("job.succeeded") == 200
    direct.close()


def test_doctor_says_that_notifications_do_not_arrive(pooled: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "offhours", "--db", pooled, "doctor"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout
    assert "notifications do not arrive (a pooler in transaction mode?)" in answer.stdout
