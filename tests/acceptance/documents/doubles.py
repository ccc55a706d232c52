"""What lies outside of the documents' examples: functions of their users, and services."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, Protocol
from urllib.request import Request, urlopen

import pytest
from tests.unit.notify.doubles import Authority, Inbox, WebServer, answer, mail_server, web

from offhours import TaskPriority, TaskSchedulerService, get_global_scheduler
from offhours.core.errors import ScheduleError
from offhours.optimize import PerformanceAnalyzer, PerformanceMetric, Task
from offhours.testing import MemoryApp, memory_app

# -- functions of users: named, so that they can be stored ----------------------------------------


def double(number: int) -> int:
    return 2 * number


def shout(text: str) -> str:
    return text.upper()


def clean_up() -> str:
    return "clean"


cleanup_old_data = backup_database = clean_up
poll_github_webhooks = generate_analytics_report = cleanup_old_logs = clean_up
requests = SimpleNamespace(get=lambda url: SimpleNamespace(json=lambda: {"asked": url}))


def write_module(context: Any) -> dict[str, dict[str, str]]:
    """Carries out a phase of writing: a module, and a test of it."""
    name = context.phase.part.replace(" ", "_").lower()
    test = (
        f"import unittest, {name}\n\nclass Test(unittest.TestCase):\n"
        f"    def test(self):\n        self.assertEqual({name}.NAME, {name!r})\n"
    )
    return {"files": {f"{name}.py": f"NAME = {name!r}\n", f"test_{name}.py": test}}


class Unreliable:
    """Fails so many times, then does it."""

    def __init__(self, faults: int) -> None:
        self.faults = faults

    def __call__(self) -> str:
        self.faults -= 1
        if self.faults >= 0:
            raise ConnectionError("try again")
        return "reliable after all"


class Workflow:
    """Its steps look what became of a background task that was submitted meanwhile."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.background = ""

    @property
    def steps(self) -> Iterator[int]:
        scheduler = get_global_scheduler()
        assert scheduler.has_active_workflows()
        self.background = scheduler.submit(clean_up, priority=TaskPriority.BACKGROUND)
        yield from (1, 2, 3)
        last = scheduler.get_task("4")
        assert last is not None and last.wait(10) == "completed"
        waiting = scheduler.get_task(self.background)
        assert waiting is not None and waiting.status == "pending"

    def execute(self, step: int) -> None:
        self.seen.append(step)


def copies(count: int) -> Iterator[Task]:
    """The same again and again, five minutes apart, the last one just now."""
    now = datetime.now()
    for n in range(count):
        at = now - timedelta(minutes=5 * (count - n))
        parameters = {"source": f"/etc/config{n * n}", "dest": "/backup/config"}
        yield Task(f"task_{n}", "file_copy", "Copy a file", parameters, at, 4_500.0, True)


def slow_pipeline() -> PerformanceAnalyzer:
    """What was measured of a workflow that is slow, greedy and fails at times."""
    analyzer = PerformanceAnalyzer()
    for n in range(10):
        analyzer.add_metric(
            PerformanceMetric("m", "data_pipeline", datetime.now(), 9_000, 85.0, 60.0, n > 2)
        )
    return analyzer


def busy_service(app: MemoryApp | None = None) -> TaskSchedulerService:
    """A service on a fake clock to which all sorts of things have happened."""
    app = memory_app() if app is None else app
    service = TaskSchedulerService(app=app)

    async def use() -> None:
        await service.schedule_task("Report", "Know", "Write it.", "t1", schedule_cron="0 9 * * *")
        await service.schedule_task("Once", "Know", "Do it.", "t2", defer_until="2020-01-01T00:00Z")
        when = app.clock.now() + timedelta(days=3)
        await service.schedule_deferred_task("t3", "known", when, "High system load", {"a": 1})
        with pytest.raises(ScheduleError):
            await service.schedule_task("Bad", "", "No.", "t4", schedule_cron="61 * * * *")

    asyncio.run(use())
    app.clock.advance("1d")
    app.drain()
    return service


# -- services of users --------------------------------------------------------------------------


class Learner:
    """Learns at once, and remembers how it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    async def trigger_learning_cycle(self, tenant_id: str, force_training: bool = False) -> Any:
        self.asked.append({"tenant_id": tenant_id, "force_training": force_training})
        return {"status": "completed", "quality_score": 0.9}


class MemoryService:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []

    def store_memory(self, content: str, tenant_id: str, importance_score: int) -> None:
        told = {"content": content, "tenant_id": tenant_id, "importance": importance_score}
        self.kept.append(told)


class TimeServiceProtocol(Protocol):
    """Tells the time; the document names it and does not show it."""

    @staticmethod
    def now() -> datetime:
        return datetime.now(UTC)


# -- servers on loopback ------------------------------------------------------------------------


def call(method: str, url: str, token: str, body: str = "") -> tuple[int, dict[str, Any]]:
    """Ask a server of ours; the status and the answer."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    asked = Request(url, body.encode() if body else None, headers, method=method)
    with urlopen(asked, timeout=20) as answer:
        return answer.status, json.load(answer)


class Internet:
    """The hosts that the documents name, on loopback. Their certificates are good ones."""

    PUBLIC = "93.184.215.14"

    def __init__(self, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
        self._authority = authority
        self._ports: dict[tuple[str, int], int] = {}
        self._connect, self._look_up = socket.create_connection, socket.getaddrinfo
        monkeypatch.setattr(socket, "create_connection", self._connect_here)
        monkeypatch.setattr(socket, "getaddrinfo", self._found)
        monkeypatch.setenv("SSL_CERT_FILE", authority.ca_file)

    def _connect_here(self, place: tuple[str, int], *rest: Any) -> socket.socket:
        port = self._ports.get(place)
        return self._connect(place if port is None else ("127.0.0.1", port), *rest)

    def _found(self, host: str, port: int, *rest: Any, **more: Any) -> Any:
        found = self._look_up("127.0.0.1", port, *rest, **more)
        if host == "127.0.0.1":
            return found
        return [(*entry[:4], (self.PUBLIC, port)) for entry in found]

    @contextmanager
    def mail(self, host: str, port: int, password: bytes | None) -> Iterator[Inbox]:
        """A mail server; without a password it knows no TLS."""
        inbox = Inbox(password=password or b"")
        tls = None if password is None else self._authority.context(host)
        with mail_server(inbox, tls) as self._ports[host, port]:
            yield inbox

    @contextmanager
    def web(self, host: str) -> Iterator[WebServer]:
        """A server behind HTTPS that takes what it is sent."""
        with web(answer("200 OK"), self._authority.context(host)) as server:
            self._ports[self.PUBLIC, 443] = server.port
            yield server


class Ollama:
    """Answers `POST /api/embed` as Ollama does. Its model knows which of these are alike."""

    ALIKE = (("backup", "copies"), ("watch", "look after"), ("poll", "ask again"))

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/api/embed"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(asked)
        return {
            "model": asked["model"],
            "embeddings": [self._vector(text.lower()) for text in asked["input"]],
            "total_duration": 14_143_917, "load_duration": 1_019_500, "prompt_eval_count": 8,
        }  # fmt: skip

    def _vector(self, text: str) -> list[float]:
        return [0.1, *(float(any(word in text for word in alike)) for alike in self.ALIKE)]

    def _handler(ollama: Ollama) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                known = self.path == "/api/embed"
                told = ollama.answer(json.loads(body)) if known else {"error": "not found"}
                self.send_response(200 if known else 404)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(told).encode())

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


class OllamaClient:
    """A user's client of it."""

    embedding_model = "nomic-embed-text"

    def __init__(self, url: str = "") -> None:
        self.url = url

    def generate_embedding(self, text: str) -> Sequence[float]:
        body = json.dumps({"model": self.embedding_model, "input": [text]}).encode()
        asked = Request(self.url, body, {"Content-Type": "application/json"})
        with urlopen(asked, timeout=10) as answer:
            found: list[list[float]] = json.load(answer)["embeddings"]
        return found[0]


ollama_client = OllamaClient()
