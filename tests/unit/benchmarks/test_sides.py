"""Each contender runs, with workers of its own; nothing is timed here, no peer is installed."""

from __future__ import annotations

import json
import logging
import runpy
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
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
Contender = Callable[[str, str, dict[str, object], dict[str, str]], dict[str, float]]
INTERFERENCE = {"n": 3_000, "seconds": 0.05, "workers": 1}


def by_day(*cases: Case) -> tuple[Case, ...]:
    """All of them at night, each third one by day: they are programs of their own."""
    return cases if NIGHTLY else cases[::3]


@pytest.fixture
def contender(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Contender]:
    """Runs a side as the program that it is, but in this process: an interpreter less to start."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(SIDES))
    monkeypatch.setenv("OFFHOURS_BENCH_LEDGER", "")  # what a side sets goes with the test

    def run(
        side: str, measure: str, params: dict[str, object], environment: dict[str, str]
    ) -> dict[str, float]:
        script = str(SIDES / f"{side}_side.py")
        told = json.dumps({"disk": str(tmp_path), **params})
        monkeypatch.setattr(sys, "argv", [script, measure, told])
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        runpy.run_path(script, run_name="__main__")
        return dict(json.loads(capsys.readouterr().out))

    yield run
    logging.disable(logging.NOTSET)  # the sides of others are quiet while they run
    for name in set(sys.modules) - before:
        if str(SIDES) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


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
        ("offhours", "interference", {"options": ASIDE | PROCESS, **INTERFERENCE}),
        ("offhours", "interference", {"options": ASIDE, **INTERFERENCE}),
        ("offhours", "interference", {"n": 0, "seconds": 0.05, "workers": 0}),
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
    contender: Contender, side: str, measure: str, params: dict[str, object]
) -> None:
    check(contender, side, measure, params)


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
    contender: Contender, side: str, measure: str, params: dict[str, object], postgres: str
) -> None:
    check(contender, side, measure, params, OFFHOURS_BENCH_POSTGRES=f"{postgres}_bench")


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
    contender: Contender,
    side: str,
    measure: str,
    params: dict[str, object],
    redis: str,
    postgres: str,
) -> None:
    servers = {"OFFHOURS_BENCH_REDIS": redis, "OFFHOURS_BENCH_POSTGRES": f"{postgres}_bench"}
    check(contender, side, measure, params, **servers)


def check(
    contender: Contender, side: str, measure: str, params: dict[str, object], **environment: str
) -> None:
    figures = contender(side, measure, params, environment)
    assert figures and all(value >= 0 for value in figures.values())
