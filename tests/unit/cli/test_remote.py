"""Servers that are not there, not ours, too old or not willing: each with its remedy."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from offhours.cli.codes import CommandError, Exit
from offhours.cli.remote.address import read_address
from offhours.cli.remote.refusals import check
from offhours.core import errors

Answer = tuple[int, str, str]
CUT = "<here it breaks off>"


class Server(ThreadingHTTPServer):
    """Answers what it was told to, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[Answer | None] = []
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        assert isinstance(self.server, Server)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.command, self.path, headers))
        answer = self.server.answers.pop(0)
        if answer is None:  # it breaks off
            self.close_connection = True
            return
        status, kind, body = answer
        missing = len(CUT) if body.endswith(CUT) else 0
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode()[: len(body.encode()) - missing])
        self.close_connection = bool(missing)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("OFFHOURS_TOKEN", "oh_secret")
    made = Server()
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def fine(told: object) -> Answer:
    return 200, "application/json", json.dumps(told)


def problem(status: int, **members: Any) -> Answer:
    told = {"title": "a title", "detail": "a detail", "code": "some_code", "hint": "do this"}
    return status, "application/problem+json", json.dumps({**told, **members})


WHY = {"code": "next", "sentence": "it is next", "until": None}


def test_a_question_carries_the_token_and_nothing_else_that_is_secret(run, server) -> None:
    server.answers = [fine(WHY)]
    assert run("--url", server.url, "why", 7) == (0, "it is next\n", "")
    [(method, path, headers)] = server.asked
    assert (method, path) == ("GET", "/api/v1/jobs/7/why")
    assert headers["authorization"] == "Bearer oh_secret"


def test_the_path_under_which_it_is_mounted_is_kept(run, server) -> None:
    server.answers = [fine(WHY)]
    run("--url", f"{server.url}ops", "why", 7)
    assert server.asked[0][1] == "/ops/api/v1/jobs/7/why"


def test_a_change_whose_answer_was_lost_is_asked_for_again_under_the_same_key(run, server) -> None:
    server.answers = [fine({"changed": True}), None, fine({"changed": True})]
    from offhours.cli.remote.wire import Wire

    wire = Wire(read_address(server.url))
    assert wire.post("pause") == wire.post("resume") == {"changed": True}
    wire.close()
    keys = [headers["idempotency-key"] for _, _, headers in server.asked]
    assert keys[0] != keys[1] == keys[2]


def test_a_change_of_a_version_is_never_repeated(server) -> None:
    from offhours.cli.remote.wire import Wire

    server.answers = [fine({}), None]
    wire = Wire(read_address(server.url))
    wire.get("session")
    with pytest.raises(CommandError, match="cannot reach"):
        wire.patch("schedules/1", {}, "*")
    wire.close()
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("answer", "code", "word", "told"),
    [
        (problem(401, code="bad_token"), 4, "bad_token", "offhours token create NAME"),
        (problem(403, code="forbidden"), 4, "forbidden", "--scope SCOPE"),
        (problem(404, code="job_not_found"), 3, "job_not_found", "a detail"),
        (problem(404, code="not_found"), 3, "not_found", "a detail"),
        (problem(404, code="not_found", detail="a title"), 5, "old_server", "older than this one"),
        (problem(405, code="method_not_allowed", detail="a title"), 5, "old_server", "--db"),
        (problem(409, code="illegal_move"), 6, "illegal_move", "a detail"),
        (problem(422, code="option_error"), 2, "option_error", "a detail"),
        (problem(422, code="invalid"), 2, "invalid", "a detail"),
        (problem(429, code="too_many"), 7, "too_many", "in a moment"),
        (problem(503, code="store_unavailable"), 5, "store_unavailable", "a detail"),
        (problem(500, code="internal"), 1, "internal", "do this"),
        ((404, "text/html", "<h1>no</h1>"), 5, "not_offhours", "is mounted"),
        ((302, "text/html", ""), 5, "not_offhours", "is mounted"),
        ((200, "text/html", "<h1>hello</h1>"), 5, "not_offhours", "is mounted"),
        ((200, "application/json", "{no json"), 5, "not_offhours", "is mounted"),
        ((200, "application/json", ""), 5, "not_offhours", "is mounted"),
        ((200, "application/json", "null"), 5, "not_offhours", "is mounted"),
        ((200, "application/json", "[" * 100_000), 5, "not_offhours", "is mounted"),
        ((404, "application/problem+json", '{"code": [], "title": "", "detail": ""}'), 5,
         "not_offhours", "is mounted"),
        ((404, "application/problem+json", "{no json"), 5, "not_offhours", "is mounted"),
        ((404, "application/problem+json", '{"title": "theirs"}'), 5, "not_offhours", "mounted"),
        ((200, "application/json", '{"code": ' + CUT), 5, "no_server", "cannot reach"),
    ],
)  # fmt: skip
def test_each_refusal_has_its_exit_code_and_its_remedy(
    run, server: Server, answer: Answer, code: int, word: str, told: str
) -> None:
    server.answers = [answer]
    result = run("--url", server.url, "why", 7, "--json")
    error = json.loads(result.err)["error"]
    assert (result.code, error["code"], error["exit_code"]) == (code, word, code)
    assert told in error["message"] and "oh_secret" not in result.err


@pytest.mark.parametrize("command", ["openapi", "metrics"])
def test_what_is_asked_beside_the_api_is_no_page_of_somebody_else(
    run, server: Server, command: str
) -> None:
    server.answers = [(200, "text/html", "<h1>hello</h1>")]
    result = run("--url", server.url, command)
    assert (result.code, result.out) == (5, "") and "no Offhours server" in result.err


def test_an_answer_that_broke_off_is_asked_for_again(run, server: Server) -> None:
    from offhours.cli.remote.wire import Wire

    server.answers = [fine({}), (200, "application/json", "{" + CUT), fine({"name": "ann"})]
    wire = Wire(read_address(server.url))
    wire.get("session")
    assert wire.get("session") == {"name": "ann"}
    wire.close()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://no.such.name.invalid/", "http://no..name/"]
)
def test_a_server_that_is_not_there_is_told(run, monkeypatch, url: str) -> None:
    monkeypatch.setenv("OFFHOURS_TOKEN", "oh_secret")
    result = run("--url", url, "ls")
    assert result.code == 5 and f"cannot reach {url}" in result.err
    assert "offhours up FILE.py" in result.err


def test_what_speaks_no_tls_is_told(run, server) -> None:
    result = run("--url", server.url.replace("http:", "https:"), "ls")
    assert result.code == 5 and "http://" in result.err


def test_without_a_token_nobody_is_asked(run, server, monkeypatch) -> None:
    monkeypatch.delenv("OFFHOURS_TOKEN")
    result = run("--url", server.url, "ls")
    assert (result.code, server.asked) == (4, [])
    assert "OFFHOURS_TOKEN" in result.err and "OFFHOURS_TOKEN_FILE" in result.err


@pytest.mark.parametrize(
    "url",
    ["ftp://host/", "host:8787", "http://", "http://host:port/", "http://host/?token=oh_x",
     "http://ann:oh_x@host/"],
)  # fmt: skip
def test_what_is_no_address_is_refused_and_not_repeated(run, monkeypatch, url: str) -> None:
    monkeypatch.setenv("OFFHOURS_TOKEN", "oh_secret")
    result = run("--url", url, "ls")
    assert result.code == 2 and "oh_x" not in result.err


def test_a_token_with_a_line_end_in_it_reaches_no_header(monkeypatch) -> None:
    with pytest.raises(CommandError) as refused:
        read_address("http://h/", {"OFFHOURS_TOKEN": "oh_a\nX-Evil: 1"})
    assert refused.value.exit is Exit.NO_PERMISSION


@pytest.mark.parametrize("told", [None, b"\xff\xfe"])
def test_a_token_file_that_cannot_be_read_is_named(run, monkeypatch, tmp_path, told) -> None:
    file = tmp_path / "token"
    if told:
        file.write_bytes(told)
    monkeypatch.setenv("OFFHOURS_TOKEN_FILE", str(file))
    result = run("--url", "http://127.0.0.1:1/", "ls")
    assert result.code == 2 and f"OFFHOURS_TOKEN_FILE: {file} cannot be read" in result.err


def test_a_token_that_goes_over_the_net_in_the_clear_is_noted() -> None:
    told = {"OFFHOURS_TOKEN": "oh_1"}
    assert read_address("http://build.example/", told).in_the_clear
    assert not read_address("https://build.example/", told).in_the_clear
    assert not read_address("http://[::1]:8787/", told).in_the_clear
    assert read_address("http://[::1]:8787/ops", told).name == "http://[::1]:8787/ops/"


def test_a_database_and_a_server_at_once_are_refused(run) -> None:
    result = run("ls", "--db", "jobs.db", "--url", "http://h/")
    assert result.code == 2 and "leave out one of them" in result.err


def test_a_database_on_the_line_counts_more_than_a_server_of_the_environment(
    run, app, monkeypatch
) -> None:
    monkeypatch.setenv("OFFHOURS_URL", "http://127.0.0.1:1/")
    assert run("ls", "--db", "offhours.db").code == 0
    assert run("ls").code == 4


def test_a_file_has_its_own_database(run, app, tmp_path) -> None:
    (tmp_path / "own.py").write_text("from offhours import Offhours\napp = Offhours('own.db')\n")
    result = run("submit", "own:f", "--file", "own.py", "--url", "http://h/")
    assert result.code == 2 and "leave out --url" in result.err


def every(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    for each in kind.__subclasses__():
        yield each
        yield from every(each)


@pytest.mark.parametrize("kind", sorted(every(errors.OffhoursError), key=lambda k: k.__name__))
def test_each_error_of_ours_comes_through_as_itself(
    kind: type[errors.OffhoursError],
) -> None:
    code = errors.code_of(kind.__new__(kind))
    status, _, body = problem(422, code=code)
    with pytest.raises(errors.OffhoursError) as raised:
        check(status, "application/problem+json", body.encode(), "http://h/")
    assert type(raised.value) is kind and str(raised.value) == "a detail"
