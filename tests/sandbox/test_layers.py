"""Each layer is needed: with one of them off, known attacks get through."""

from __future__ import annotations

import struct

import pytest
from tests.sandbox.all_attacks import BY_NAME
from tests.sandbox.arena import arena, play

from offhours.sandbox import launch

NO_FILTER = struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000)


def broken(name: str, level: str) -> list[str]:
    with arena() as place:
        return play(BY_NAME[name], level, place)[1]


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("calls of the 32-bit machine", "full"),
        ("wide doors", "full"),
        ("sockets of every family", "partial"),
        ("trace the victim and process 1", "full"),
        ("odd protocols and raw packets", "minimal"),
    ],
)
def test_without_the_filter(monkeypatch: pytest.MonkeyPatch, name: str, level: str) -> None:
    assert broken(name, level) == []
    monkeypatch.setattr(launch, "build", lambda *_, **__: NO_FILTER)
    assert broken(name, level) != []


def test_without_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch.landlock, "rules", lambda *_: (b"", []))
    assert any(
        "abstract was reached" in one for one in broken("an abstract Unix socket", "minimal")
    )


def test_without_both_programs_start_at_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "build", lambda *_, **__: NO_FILTER)
    monkeypatch.setattr(launch.landlock, "rules", lambda *_: (b"", []))
    for name in ("subprocess", "a copied program", "the loader runs it from bash"):
        assert broken(name, "full") != []
