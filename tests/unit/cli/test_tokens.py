"""`token`: made and told once, listed, revoked; and how `up` takes one."""

from __future__ import annotations

from pathlib import Path

import pytest

from offhours.api.tokens import digest_of
from offhours.app import Offhours


def test_a_token_is_told_once(run) -> None:
    made = run("token", "create", "ci", "--scope", "submit", "--tenant", "acme", "--json").json
    assert made["token"].startswith("oh_") and made["scope"] == "submit"
    [listed] = run("token", "ls", "--json").json["tokens"]
    assert listed == {"id": 1, "name": "ci", "scope": "submit", "tenant": "acme", "holds": True}
    assert made["token"] not in run("token", "ls").out
    app = Offhours("offhours.db")
    found = app.store.access.token(digest_of(made["token"]), app.clock.micros())
    assert found is not None and found.name == "ci"
    app.close()


def test_it_can_be_piped(run) -> None:
    result = run("token", "create", "ann")
    assert result.out.startswith("oh_") and len(result.out.split()) == 1


def test_revoke(run) -> None:
    run("token", "create", "ci", "--expires", "30d")
    assert "until 2" in run("token", "ls").out
    assert run("token", "revoke", "1").out == "token 1 is revoked\n"
    assert "revoked" in run("token", "ls").out
    again = run("token", "revoke", "1")
    assert again.code == 3 and "no token 1 holds" in again.err
    assert run("token", "revoke", "x").code == 2


def test_what_cannot_be(run) -> None:
    assert run("token", "create", "ci", "--scope", "root").code == 2
    assert run("token", "create", "ci", "--expires", "soon").code == 2


FILE = """
from offhours import Offhours
app = Offhours("file.db")
"""


@pytest.fixture
def served(monkeypatch) -> None:
    Path("shop.py").write_text(FILE)
    monkeypatch.setattr(Offhours, "run", lambda app: 0)


def test_up_says_where_it_serves(run, served) -> None:
    told = run("up", "shop.py", "--port", "0").err
    Path("quiet.py").write_text(FILE)
    Path("plain.py").write_text(FILE)
    assert "page and API at http://127.0.0.1:" in told and "#token=oh_" in told
    assert "page and API" not in run("up", "quiet.py", "--no-server").err
    assert "page and API" not in run("worker", "plain.py").err


def test_up_with_a_token_of_your_own(run, served, monkeypatch) -> None:
    Path("token").write_text("oh_0123456789012345678901234567\n")
    told = run("up", "shop.py", "--port", "0", "--token-file", "token").err
    assert "(the token is that of token)" in told and "oh_0123" not in told
    monkeypatch.setenv("OFFHOURS_TOKEN", "guess-me")
    Path("other.py").write_text(FILE)
    result = run("up", "other.py", "--port", "0")
    assert result.code == 2 and "could be guessed" in result.err and "guess-me" not in result.err


def test_a_stored_token_is_enough_for_the_public(run, served) -> None:
    def up(name: str) -> int:
        Path(f"{name}.py").write_text(FILE)  # another file each time: each has closed its app
        return int(run("up", f"{name}.py", "--port", "0", "--host", "0.0.0.0", "--public").code)

    assert up("first") == 2
    run("--db", "file.db", "token", "create", "ops", "--scope", "admin")
    assert up("second") == 0
    run("--db", "file.db", "token", "revoke", "1")
    assert up("third") == 2
