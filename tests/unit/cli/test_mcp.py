"""`mcp`: what it refuses, and that its stdout is the protocol's alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from tests.unit.cli.conftest import Run

from offhours.app import Offhours

pytest.importorskip("mcp")


def test_a_database_that_is_not_there_is_not_made(run: Run, tmp_path: Path) -> None:
    refused = run("mcp", "--db", "none.db")
    assert refused.code == 5 and "no database none.db" in refused.err
    assert not (tmp_path / "none.db").exists()


def test_without_the_extra_it_says_what_to_install(
    run: Run, app: Offhours, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(("offhours.mcp", "mcp."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mcp", None)
    refused = run("mcp")
    assert (refused.code, refused.err) == (
        2, 'offhours: MCP: not installed; pip install "offhours[mcp]"\n',
    )  # fmt: skip


def say(number: int, method: str, **params: object) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}) + "\n"


def test_it_only_looks_and_what_a_file_prints_stays_out_of_the_protocol(tmp_path: Path) -> None:
    (tmp_path / "jobs.py").write_text(
        "from offhours import Offhours\nprint('hello')\napp = Offhours('jobs.db')\n"
        "@app.task\ndef add(a: int, b: int) -> int:\n    return a + b\n"
    )
    client = {"name": "t", "version": "1"}
    server = subprocess.Popen(
        [sys.executable, "-m", "offhours", "mcp", "--file", "jobs.py"],
        stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    answers: dict[int, Any] = {}
    with server:
        assert server.stdin and server.stdout and server.stderr
        for request in (
            say(1, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo=client),
            say(2, "tools/list"),
            say(3, "tools/call", name="offhours_list", arguments={"what": "tasks"}),
        ):
            server.stdin.write(request)
            server.stdin.flush()
            told = json.loads(server.stdout.readline())
            answers[told["id"]] = told["result"]
        server.stdin.close()
        assert server.stdout.read() == ""
        heard = server.stderr.read()
    assert server.returncode == 0, heard
    assert answers[1]["serverInfo"]["name"] == "offhours"
    assert [tool["name"] for tool in answers[2]["tools"]] == [
        "offhours_list", "offhours_get", "offhours_why", "offhours_explain_schedule",
    ]  # fmt: skip
    assert answers[3]["structuredContent"] == {"items": ["jobs:add"]}
    assert "hello" in heard and "MCP on stdin and stdout" in heard
