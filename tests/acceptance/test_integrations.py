"""The examples of other frameworks, as their users run them: alone, and under real servers."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
BESIDE = Path(sys.executable).parent
ORDER = json.dumps({"what": "a hat"}).encode()
JSON = {"Content-Type": "application/json"}

servers = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn needs fork")


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "SHOP_FOLDER": str(folder),
        "SHOP_JOBS": str(folder / "shop-jobs.db"),
        "SHOP_TOKEN": "oh_a-token-that-nobody-guesses",
        "PYTHONWARNINGS": "error",
    }


@pytest.mark.parametrize(
    ("example", "told"),
    [
        ("with_flask", ["no worker is running", "a hat goes by the post"]),
        ("with_fastapi", ["a hat goes by the post"]),
        ("with_langgraph", ["publish this?", "https://example.org/all-about-snow", "1 time"]),
    ],
)
def test_an_example_runs(
    example: str,
    told: Sequence[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SHOP_JOBS", str(tmp_path / "jobs.db"))
    spec = importlib.util.spec_from_file_location(example, EXAMPLES / f"{example}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, example, module)
    spec.loader.exec_module(module)
    module.main()
    said = capsys.readouterr().out
    for words in told:
        assert words in said


def test_the_example_of_django_runs(tmp_path: Path) -> None:
    """A process has one Django project, so this one has a process."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / "with_django.py"],
        cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "no worker is running" in done.stdout and "welcome, ann-0" in done.stdout


# -- servers of several processes ------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def program(folder: Path, *line: str | int) -> Iterator[subprocess.Popen[bytes]]:
    """A program that is to live until the block ends, and then to end well by SIGTERM."""
    log = (folder / f"{line[0]}.log").open("wb")
    running = subprocess.Popen(
        [BESIDE / str(line[0]), *map(str, line[1:])],
        cwd=EXAMPLES, env=environment(folder), stdout=log, stderr=log,
    )  # fmt: skip
    try:
        yield running
        running.send_signal(signal.SIGTERM)
        code = running.wait(30)
        told = (folder / f"{line[0]}.log").read_text()
        assert code in (0, -signal.SIGTERM) and "Traceback" not in told, told
    finally:
        running.kill()
        running.wait()
        log.close()


def ask(address: str, data: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
    """What an address answers, once the server is there."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with urlopen(Request(address, data, headers or {}), timeout=20) as answer:
                return json.load(answer)
        except (URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def processes(base: str, at_least: int) -> set[int]:
    """The processes that answer: a new connection each time, until there are so many."""
    found: set[int] = set()
    deadline = time.monotonic() + 30
    while len(found) < at_least and time.monotonic() < deadline:
        found.add(ask(f"{base}/health")["process"])
    assert len(found) >= at_least
    return found


@servers
@pytest.mark.nightly
def test_flask_under_gunicorn_that_forks_a_loaded_application(tmp_path: Path) -> None:
    """The master has opened the database, and made the application, before it forks."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with (
        program(
            tmp_path, "gunicorn", "--preload", "--workers", 3, "--threads", 2,
            "--bind", f"127.0.0.1:{port}", "with_flask:flask",
        ),
        program(tmp_path, "flask", "--app", "with_flask", "offhours", "--quiet", "worker"),
    ):  # fmt: skip
        processes(base, 2)
        numbers = [ask(f"{base}/orders", ORDER, JSON)["job"] for _ in range(20)]
        assert len(set(numbers)) == 20
        deadline = time.monotonic() + 30
        for number in numbers:
            while ask(f"{base}/orders/{number}")["result"] != "a hat goes by the post":
                assert time.monotonic() < deadline, ask(f"{base}/orders/{number}")
                time.sleep(0.05)
        assert ask(f"{base}/ops/healthz") == {"status": "ok"}


@servers
@pytest.mark.nightly
def test_django_under_gunicorn(tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    manage = [sys.executable, str(EXAMPLES / "with_django.py")]
    subprocess.run([*manage, "migrate", "-v0"], env=environment(tmp_path), check=True)
    with (
        program(
            tmp_path, "gunicorn", "--preload", "--workers", 2,
            "--bind", f"127.0.0.1:{port}", "with_django:application",
        ),
        program(tmp_path, "python", EXAMPLES / "with_django.py", "offhours_worker", "--quiet"),
    ):  # fmt: skip
        processes(base, 2)
        for number in range(10):
            assert ask(f"{base}/join", f"name=bob-{number}".encode())["user"]
        deadline = time.monotonic() + 90
        while listed(manage, tmp_path).count('"succeeded"') < 10:
            assert time.monotonic() < deadline
    assert "welcome, bob-9" in listed(manage, tmp_path, "show", "10", "--json")


def listed(manage: list[str], folder: Path, *line: str) -> str:
    done = subprocess.run(
        [*manage, "offhours", *(line or ("ls", "--json"))],
        env=environment(folder), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


@servers
@pytest.mark.nightly
def test_fastapi_under_uvicorn_with_two_workers(tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    signed = {"Authorization": "Bearer oh_a-token-that-nobody-guesses"}
    with program(
        tmp_path, "uvicorn", "with_fastapi:host", "--workers", 2, "--port", port, "--log-level",
        "warning",
    ):  # fmt: skip
        processes(base, 2)
        for _ in range(10):
            number = ask(f"{base}/orders", ORDER, JSON)["job"]
            assert ask(f"{base}/orders/{number}")["result"] == "a hat goes by the post"
        workers = ask(f"{base}/ops/api/v1/workers", headers=signed)["data"]
        assert len(workers) == 2
