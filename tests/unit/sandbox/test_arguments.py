"""The call of bubblewrap, word by word: it is the security model."""

from __future__ import annotations

import os

import pytest

from offhours.core.sandbox import SandboxLevel
from offhours.sandbox import arguments
from offhours.sandbox.arguments import Interpreter, interpreter


@pytest.fixture
def plain_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host as Debian has it, with an interpreter in a home."""
    found = {"/etc/ld.so.cache", "/etc/localtime", "/etc/resolv.conf", "/etc/ssl/certs"}
    found |= {"/proc/keys", "/proc/uptime"}
    links = {"/bin": "usr/bin", "/lib": "usr/lib"}
    python = Interpreter("/home/ann/py/bin/python3", "/home/ann/py/lib")
    monkeypatch.setattr(arguments, "interpreter", lambda: python)
    monkeypatch.setattr(os.path, "exists", lambda path: path in found)
    monkeypatch.setattr(os.path, "islink", lambda path: path in links)
    monkeypatch.setattr(os.path, "isdir", lambda path: path == "/lib64")
    monkeypatch.setattr(os, "readlink", lambda path: links[path])


def call(level: SandboxLevel, root: bool) -> str:
    return " ".join(arguments.arguments("bwrap", level, 4096, 7, "BOOT", root=root))


HEAD = "bwrap --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try --hostname sandbox"
AS_ROOT = (
    "--cap-drop ALL --cap-add CAP_SETUID --cap-add CAP_SETGID --cap-add CAP_SETPCAP"
    " --cap-add CAP_KILL"
)
AS_USER = "--unshare-user --uid 1000 --gid 1000 --cap-drop ALL"
LIFE = (
    "--die-with-parent --new-session --as-pid-1 --clearenv --setenv LANG C.UTF-8"
    " --setenv MALLOC_ARENA_MAX 2 --ro-bind /usr /usr --symlink usr/bin /bin"
    " --symlink usr/lib /lib"
)
FOLDERS = "--perms 0755 --dir {}"
TAIL = (
    "--proc /proc --ro-bind /dev/null /proc/keys --dev /dev"
    " --perms 0777 --size 1048576 --tmpfs /dev/shm"
    " --perms 0777 --size 4096 --tmpfs /sandbox --symlink sandbox /tmp"
    " --remount-ro /dev --remount-ro / --chdir /sandbox"
    " -- /home/ann/py/bin/python3 -I -S -B -c BOOT 7"
)


def folders(*names: str) -> str:
    return " ".join(FOLDERS.format(name) for name in names)


def binds(*names: str) -> str:
    return " ".join(f"--ro-bind {name} {name}" for name in names)


@pytest.mark.usefixtures("plain_host")
@pytest.mark.parametrize("level", [SandboxLevel.FULL, SandboxLevel.PARTIAL])
def test_closed_levels(level: SandboxLevel) -> None:
    made = folders("/etc", "/home", "/home/ann", "/home/ann/py", "/home/ann/py/bin")
    seen = binds("/home/ann/py/bin/python3", "/home/ann/py/lib", "/lib64")
    seen += " " + binds("/etc/ld.so.cache", "/etc/localtime")
    body = f"{LIFE} {made} {seen} {TAIL}"
    assert call(level, root=True) == f"{HEAD} --unshare-net {AS_ROOT} {body}"
    assert call(level, root=False) == f"{HEAD} --unshare-net {AS_USER} {body}"


@pytest.mark.usefixtures("plain_host")
def test_minimal_has_the_hosts_network_and_what_it_takes() -> None:
    made = folders("/etc", "/etc/ssl", "/home", "/home/ann", "/home/ann/py", "/home/ann/py/bin")
    seen = binds("/home/ann/py/bin/python3", "/home/ann/py/lib", "/lib64", "/etc/ld.so.cache")
    seen += " " + binds("/etc/localtime", "/etc/resolv.conf", "/etc/ssl/certs")
    assert call(SandboxLevel.MINIMAL, root=True) == f"{HEAD} {AS_ROOT} {LIFE} {made} {seen} {TAIL}"


def test_the_interpreter_is_the_one_below_the_virtual_environment() -> None:
    found = interpreter()
    assert os.path.isfile(found.executable) and not os.path.islink(found.executable)
    assert os.path.isdir(
        os.path.join(found.library, os.path.basename(os.path.dirname(os.__file__)))
    )
