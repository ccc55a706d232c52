"""Each contender runs; nothing is timed here, and no peer is installed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.nightly import NIGHTLY

SIDES = Path(__file__).parents[3] / "benchmarks" / "sides"
DURABLE = {"durability": "normal"}
REST = {"pause": 0.0}
ASIDE = {"background": True, "step_aside": "cooperate"}
PROCESS = {"executor": "process", "step_aside": "freeze"}
PREFORK = {"pool": "prefork", "threads": 2, "acks_late": True}
Case = tuple[str, str, dict[str, object]]
INTERFERENCE = {"n": 3_000, "seconds": 0.05, "workers": 1}


def by_day(*cases: Case) -> tuple[Case, ...]:
    """All of them at night, each third one by day: they are programs of their own."""
    return cases if NIGHTLY else cases[::3]


@pytest.mark.parametrize(
    ("side", "measure", "params"),
    by_day(
        ("offhours", "submit", {"n": 50, "threads": 2, "options": DURABLE}),
        ("offhours", "bulk", {"n": 50, "at_once": 25}),
        ("offhours", "drain", {"n": 50, "threads": 2, **DURABLE}),
        ("offhours", "latency", {"n": 5, **REST}),
        ("offhours", "latency_across", {"n": 5, **REST}),
        ("offhours", "due", {"rate": 20, "seconds": 0.2}),
        ("offhours", "idle", {"stored": 50, "seconds": 0.01}),
        ("offhours", "growth", {"n": 20, "stored": 50, "seconds": 0.01}),
        ("offhours", "start", {"n": 1}),
        ("offhours", "recovery", {"n": 1, "patience": 30}),
        ("offhours", "interference", {"n": 0, "seconds": 0.05, "workers": 0}),
        ("offhours", "interference", {"options": ASIDE, **INTERFERENCE}),
        ("offhours", "interference", {"options": ASIDE | PROCESS, **INTERFERENCE}),
        ("offhours", "lateness", {"rate": 20, "seconds": 0.2}),
        ("offhours", "stored_schedules", {"stored": 20, "seconds": 1.1}),
        ("sqlite", "lateness", {"rate": 20, "seconds": 0.2}),
        ("sqlite", "submit", {"n": 50, "each": 5, **DURABLE}),
        ("sqlite", "submit", {"n": 50, "page_size": 1024, **DURABLE}),
        ("sqlite", "fsync", {"n": 5}),
        ("sqlite", "pool_submit", {"n": 50}),
        ("sqlite", "pool_drain", {"n": 50, "threads": 2}),
        ("sqlite", "bulk", {"n": 50, "at_once": 25}),
        ("sqlite", "drain", {"n": 50, "each": 10}),
        ("sqlite", "drain", {"n": 50, "each": 10, "singly": True}),
        ("sqlite", "latency", {"n": 5, **REST}),
        ("sqlite", "latency_across", {"n": 5, **REST}),
        ("sqlite", "idle", {"seconds": 0.01}),
        ("sqlite", "cpu_of", {"code": "pass", "n": 1}),
    ),
)
def test_a_contender_gives_figures(
    side: str, measure: str, params: dict[str, object], tmp_path: Path
) -> None:
    check(side, measure, params, tmp_path)


@pytest.mark.parametrize(
    ("side", "measure", "params"),
    by_day(
        ("offhours_postgres", "submit", {"n": 50, "threads": 2}),
        ("offhours_postgres", "bulk", {"n": 50, "at_once": 25}),
        ("offhours_postgres", "drain", {"n": 50, "threads": 2}),
        ("offhours_postgres", "latency_across", {"n": 5, **REST}),
        ("postgres", "submit", {"n": 50, "threads": 2}),
        ("postgres", "bulk", {"n": 50, "at_once": 25}),
        ("postgres", "drain", {"n": 50, "each": 20}),
        ("postgres", "latency_across", {"n": 5, **REST}),
    ),
)
def test_a_contender_on_postgresql_gives_figures(
    side: str,
    measure: str,
    params: dict[str, object],
    tmp_path: Path,
    postgres: str,
) -> None:
    check(side, measure, params, tmp_path, OFFHOURS_BENCH_POSTGRES=f"{postgres}_bench")


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of our own: the sides empty theirs."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs Redis: none is installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    command = [program, "--port", str(port), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        _until_it_answers(port)
        yield f"redis://127.0.0.1:{port}/0"
        server.terminate()


def _until_it_answers(port: int) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < end, "redis-server does not start"
            time.sleep(0.01)


@pytest.mark.skipif(sys.platform == "win32", reason="Celery has no prefork pool on Windows")
@pytest.mark.parametrize(
    ("side", "measure", "params"),
    by_day(
        ("celery", "drain_noted", {"n": 20, "options": PREFORK}),
        ("offhours_celery", "drain_noted", {"n": 20}),
        ("offhours_celery", "latency_noted", {"n": 5, "options": {"store": "postgres"}, **REST}),
    ),
)
def test_a_contender_at_celery_gives_figures(
    side: str,
    measure: str,
    params: dict[str, object],
    tmp_path: Path,
    redis: str,
    postgres: str,
) -> None:
    servers = {"OFFHOURS_BENCH_REDIS": redis, "OFFHOURS_BENCH_POSTGRES": f"{postgres}_bench"}
    check(side, measure, params, tmp_path, **servers)


def check(
    side: str, measure: str, params: dict[str, object], folder: Path, **environment: str
) -> None:
    command = [
        sys.executable,
        str(SIDES / f"{side}_side.py"),
        measure,
        json.dumps({"disk": str(folder), **params}),
    ]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=os.environ | environment
    )
    assert ended.returncode == 0, ended.stderr
    figures = json.loads(ended.stdout)
    assert figures and all(value >= 0 for value in figures.values())
