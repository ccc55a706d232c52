"""Servers for the tests that need one: those that run here, or else one of our own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from offhours.core.addresses import server_and_schema
from offhours.store.postgres.database import PostgresDatabase
from offhours.store.sql import SqlStore

POSTGRES = os.environ.get("OFFHOURS_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")

Control = Callable[..., None]  # a verb of `pg_ctl`, and options of it


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of an empty database on a PostgreSQL server."""
    with ExitStack() as stack:
        server = POSTGRES
        if not _answers(server):
            server, _ = stack.enter_context(own_server())
        name = f"offhours_test_{uuid4().hex[:12]}"
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"create database {name}")  # type: ignore[call-overload]
        yield server.rpartition("/")[0] + f"/{name}"
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"drop database {name} with (force)")  # type: ignore[call-overload]


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    """The address of a schema of the test's own."""
    with own_schema(postgres) as url:
        yield url


@contextmanager
def own_schema(server: str) -> Iterator[str]:
    """The address of a schema that does not exist yet; it is dropped at the end."""
    name = f"t{uuid4().hex[:12]}"
    yield f"{server}?schema={name}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("set client_min_messages = warning")
        admin.execute(f"drop schema if exists {name} cascade")  # type: ignore[call-overload]


@pytest.fixture(scope="session")
def schema_made_once(postgres: str) -> Iterator[str]:
    """The address of a schema with our tables, which take a fifth of a second to make."""
    with own_schema(postgres) as url:
        SqlStore(PostgresDatabase(url)).close()
        yield url


@pytest.fixture
def emptied_postgres(schema_made_once: str) -> str:
    """The address of an empty store, for tests that leave no process behind."""
    empty(schema_made_once)
    return schema_made_once


def empty(url: str) -> None:
    """Leave in a schema what was in it when it was made; all numbers begin anew."""
    server, schema = server_and_schema(url)
    with psycopg.connect(server) as admin:
        admin.execute(f"set search_path to {schema}")  # type: ignore[call-overload]
        found = "select tablename from pg_tables where schemaname = %s and tablename <> 'meta'"
        for (table,) in admin.execute(found, [schema]).fetchall():
            admin.execute(f"delete from {table}")  # type: ignore[call-overload]
        admin.execute("delete from meta where key not in ('schema', 'store', 'origin')")
        admin.execute(
            "select setval(format('%%I.%%I', schemaname, sequencename)::regclass, start_value,"
            " false) from pg_sequences where schemaname = %s and last_value is not null",
            [schema],
        )


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the store is: the test runs on each kind."""
    if request.param == "sqlite":
        return str(tmp_path / "jobs.db")
    return str(request.getfixturevalue("postgres_url"))


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=3).close()
    except psycopg.Error:
        return False
    return True


@contextmanager
def own_server() -> Iterator[tuple[str, Control]]:
    """Start a server from the programs that are installed; it refuses to run as root."""
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))]
    program = shutil.which("initdb") or (str(found[-1]) if found else None)
    if program is None:
        pytest.skip("needs PostgreSQL: none is installed")
    programs = Path(program).resolve().parent
    folder = Path(tempfile.mkdtemp(prefix="offhours-postgres-"))
    run_as = []
    if os.geteuid() == 0:
        run_as = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
    port = free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    options += " -c wal_writer_delay=10s"  # a crash takes all that is not committed

    def run(program: str, *words: object) -> None:
        command = [*run_as, str(programs / program), "-D", str(folder / "data"), *map(str, words)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)

    def control(verb: str, *words: str) -> None:
        for left in reversed(range(20)):
            try:
                return run("pg_ctl", "-w", "-l", folder / "log", "-o", options, *words, verb)
            except subprocess.CalledProcessError:
                if verb != "start" or not left:
                    print((folder / "log").read_text(encoding="utf-8"))
                    raise
                time.sleep(0.2)  # what a crash has left may still be going
        return None

    try:
        run("initdb", "-A", "trust", "-U", "postgres")
        control("start")
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres", control
        control("stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """One that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
