"""Vectors from a server, in the forms of Ollama and of OpenAI."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from offhours.core.errors import OptionError, StoreUnavailable
from offhours.search import HttpEmbedder


class Server(HTTPServer):
    answer: Any = None
    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str | None, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api/embed"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers.get("Authorization"), body))
        answer = self.server.answer(body) if callable(self.server.answer) else self.server.answer
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_many_texts_are_asked_for_in_parts(server: Server) -> None:
    server.answer = lambda body: {"embeddings": [[len(text), 1] for text in body["input"]]}
    vectors = HttpEmbedder(server.url + "?x=1", "m", key="secret").embed(
        ["a" * n for n in range(70)]
    )
    assert vectors == [[float(n), 1.0] for n in range(70)]
    [first, second] = server.asked
    assert first[:2] == ("/api/embed?x=1", "Bearer secret") and first[2]["model"] == "m"
    assert (len(first[2]["input"]), len(second[2]["input"])) == (64, 6)


def test_the_form_of_openai_in_any_order(server: Server) -> None:
    server.answer = {"data": [{"index": 1, "embedding": [2]}, {"index": 0, "embedding": [1]}]}
    assert HttpEmbedder(server.url, "m").embed(["a", "b"]) == [[1.0], [2.0]]
    assert server.asked[0][1] is None


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [(500, {}, "answered 500"), (200, b"<html>", "no vectors"), (200, {"data": 5}, "no vectors"),
     (200, {"embeddings": [[1]]}, "1 vectors for 2 texts"), (200, [], "no vectors")],
)  # fmt: skip
def test_another_answer_is_an_error(server: Server, status: int, answer: Any, said: str) -> None:
    server.status, server.answer = status, answer
    with pytest.raises(StoreUnavailable, match=said) as error:
        HttpEmbedder(server.url, "m", key="secret").embed(["a", "b"])
    assert "secret" not in str(error.value)


def test_a_server_that_is_not_there(server: Server) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        HttpEmbedder("http://127.0.0.1:1/x", "m").embed(["a"])


@pytest.mark.parametrize("url", ["ftp://x/y", "http://", "localhost", "http://me:pw@host/"])
def test_an_address_that_cannot_be_used(url: str) -> None:
    with pytest.raises(OptionError, match="url: ") as error:
        HttpEmbedder(url, "m")
    assert "pw" not in str(error.value)
