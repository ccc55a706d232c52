"""Bytes by their content: small ones in the store, large ones as files, all of them checked."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from offhours.core.errors import PayloadTooLarge
from offhours.testing import MemoryApp
from offhours.training import ArtefactLost, Artefacts
from offhours.training.artefacts import INLINE, INLINE_ONLY

BIG = b"model " * INLINE


@pytest.fixture
def artefacts(app: MemoryApp, tmp_path: Path) -> Artefacts:
    return Artefacts(app.store.models, tmp_path / "models")


def files(artefacts: Artefacts) -> list[Path]:
    assert artefacts.folder is not None
    return [path for path in artefacts.folder.rglob("*") if path.is_file()]


def test_small_ones_are_in_the_store_and_large_ones_in_files(artefacts: Artefacts) -> None:
    small, large = artefacts.put(b"small"), artefacts.put(BIG)
    assert artefacts.put(BIG) == large
    assert artefacts.get(small) == b"small" and artefacts.get(large) == BIG
    [file] = files(artefacts)
    assert file.name == large and stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_is_damaged_or_gone_is_told(artefacts: Artefacts) -> None:
    digest = artefacts.put(BIG)
    [file] = files(artefacts)
    file.write_bytes(BIG[:-1])
    with pytest.raises(ArtefactLost, match="is damaged"):
        artefacts.get(digest)
    artefacts.put(BIG)  # kept again, it is whole again
    assert artefacts.get(digest) == BIG
    artefacts.drop([digest])
    assert files(artefacts) == []
    with pytest.raises(ArtefactLost, match="is not there"):
        artefacts.get(digest)
    artefacts.drop([digest])


def test_a_write_that_fails_leaves_nothing(
    artefacts: Artefacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="no space"):
        artefacts.put(BIG)
    assert files(artefacts) == []


def test_without_a_folder_all_is_in_the_store_up_to_a_size(app: MemoryApp) -> None:
    artefacts = app.artefacts
    assert artefacts.folder is None
    assert artefacts.get(artefacts.put(BIG)) == BIG
    with pytest.raises(PayloadTooLarge, match="give a folder"):
        artefacts.put(bytes(INLINE_ONLY + 1))
    artefacts.drop(["x"])
