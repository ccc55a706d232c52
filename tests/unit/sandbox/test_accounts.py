"""Each run of a worker that is root has an account of its own."""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from pathlib import Path

import pytest

from offhours.core.errors import SandboxUnavailable
from offhours.sandbox import accounts
from offhours.sandbox.accounts import FIRST, Account

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root hands out accounts")


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "PLACES", (str(tmp_path),))


def test_no_two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "LAST", FIRST + 2)
    with ExitStack() as stack:
        uids = [stack.enter_context(Account()).uid for _ in range(3)]
        assert uids == [FIRST, FIRST + 1, FIRST + 2]
        with pytest.raises(SandboxUnavailable, match="max_concurrent"):
            Account()
    with Account() as again:
        assert again.uid == FIRST


def test_a_file_that_is_not_roots_alone_is_not_trusted(tmp_path: Path) -> None:
    file = tmp_path / "offhours-sandbox.lock"
    file.touch(0o666)
    file.chmod(0o666)
    with pytest.raises(SandboxUnavailable, match="no place"):
        Account()
    file.unlink()
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SandboxUnavailable, match="no place"):
        Account()
    file.unlink()
    with Account():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
