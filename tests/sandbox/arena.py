"""The host that attacks are aimed at: treasures, a victim, listeners; and the judge of a run."""

from __future__ import annotations

import json
import os
import secrets
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.sandbox.attack import Attack

from offhours.core.sandbox import RunStatus, SandboxResult
from offhours.sandbox import Limits, SandboxManager
from offhours.sandbox.arguments import interpreter
from offhours.sandbox.levels import limits_of

_PLAIN_SECONDS = 6


class Arena:
    """Everything here belongs to the host; no attack may touch it."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.token = f"canary-{secrets.token_hex(12)}"
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="arena-")))
        self.folder.chmod(0o755)
        self.drop = self.folder / "drop"
        self.drop.mkdir()
        self.drop.chmod(0o777)
        self.secret = self.folder / "secret.txt"
        self.secret.write_text(self.token)
        os.environ["OFFHOURS_CANARY"] = self.token
        stack.callback(os.environ.pop, "OFFHOURS_CANARY")
        self.open_secret = os.open(self.secret, os.O_RDONLY)
        os.set_inheritable(self.open_secret, True)
        stack.callback(os.close, self.open_secret)
        self._listeners(stack)
        self._victim(stack)

    def _listeners(self, stack: ExitStack) -> None:
        name = f"arena-{secrets.token_hex(6)}"
        places: list[tuple[str, int, int, Any]] = [
            ("tcp", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            ("tcp6", socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0)),
            ("udp", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            ("unix", socket.AF_UNIX, socket.SOCK_STREAM, str(self.folder / "socket")),
            ("abstract", socket.AF_UNIX, socket.SOCK_STREAM, f"\0{name}"),
            ("abstract_dgram", socket.AF_UNIX, socket.SOCK_DGRAM, f"\0{name}-dgram"),
        ]
        self.listeners: dict[str, socket.socket] = {}
        for key, family, kind, address in places:
            listener = stack.enter_context(socket.socket(family, kind))
            try:
                listener.bind(address)
            except OSError:
                continue  # a host without IPv6 has nothing to reach there
            if kind == socket.SOCK_STREAM:
                listener.listen()
            self.listeners[key] = listener
        (self.folder / "socket").chmod(0o777)
        self.abstract = name

    def _victim(self, stack: ExitStack) -> None:
        code = "import time; time.sleep(3600)"
        self.victim = subprocess.Popen([sys.executable, "-c", code, self.token])
        stack.enter_context(self.victim)
        stack.callback(self.victim.kill)

    def params(self, level: str) -> dict[str, Any]:
        ports = {
            key: self.listeners[key].getsockname()[1] if key in self.listeners else 9
            for key in ("tcp", "tcp6", "udp")
        }
        return {
            "secret": str(self.secret),
            "folder": str(self.folder),
            "drop": str(self.drop),
            "unix": str(self.folder / "socket"),
            "abstract": self.abstract,
            "abstract_dgram": f"{self.abstract}-dgram",
            "victim": self.victim.pid,
            "worker": os.getpid(),
            "level": level,
            "plain": level == "plain",
            **ports,
        }

    def breaches(self, said: str, left: str = "") -> list[str]:
        """What the host sees after a run that said something and left something."""
        found = []
        if self.token in said + left:
            found.append("a secret came out")
        if "BREACH" in said:
            place = said.index("BREACH")
            found.append(said[place : place + 160].splitlines()[0])
        if self.victim.poll() is not None:
            found.append("the victim is dead")
            self._victim(self._stack)
        if any(self.drop.iterdir()) or self.secret.read_text() != self.token:
            found.append("files of the host have changed")
            for left in self.drop.iterdir():
                left.unlink()
        return found + self._touched()

    def _touched(self) -> list[str]:
        ready, _, _ = select.select(list(self.listeners.values()), [], [], 0)
        for listener in ready:
            if listener.type == socket.SOCK_STREAM:
                listener.accept()[0].close()
            else:
                listener.recv(100)
        return [f"{key} was reached" for key, one in self.listeners.items() if one in ready]


@contextmanager
def arena() -> Iterator[Arena]:
    with ExitStack() as stack:
        yield Arena(stack)


def left_by(result: SandboxResult) -> str:
    """What comes out of a run beside its words."""
    files = "".join(name + content.decode("latin-1") for name, content in result.files.items())
    return f"{result.data!r} {result.left_out!r} {files}"


def limits_for(attack: Attack, level: str) -> Limits:
    base = {"wall": 10.0, **attack.limits}
    return Limits(
        **{"processes": limits_of(SandboxManager(level).isolation_level).processes, **base}
    )


def play(attack: Attack, level: str, place: Arena) -> tuple[SandboxResult, list[str]]:
    """One attack at one level: how it ended, and what was broken."""
    limits = limits_for(attack, level)
    with SandboxManager(level, limits=limits) as manager:
        result = manager.run(attack.text, attack.language, params=place.params(level))
    broken = place.breaches(result.stdout + result.stderr, left_by(result)) + over(result, limits)
    if result.status in (RunStatus.SANDBOX_ERROR, RunStatus.REJECTED):
        broken.append(f"{result.status}: {result.error}")
    if attack.ends and result.status not in attack.ends:
        broken.append(f"ended as {result.status}, expected {' or '.join(attack.ends)}")
    return result, broken


def over(result: SandboxResult, limits: Limits) -> list[str]:
    """Which limits did not hold."""
    usage = result.usage
    hard = result.guarantees.get("memory_hard", False)
    memory = limits.memory * 1.1 if hard else limits.memory * 1.5 + (64 << 20)
    kept = len(result.stdout.encode("utf-8", "surrogateescape")) // 3
    caps = {
        "memory": (usage.memory, memory),
        "disk": (usage.disk, limits.disk),
        "artefacts": (sum(map(len, result.files.values())), limits.disk),
        "output": (kept, limits.output + 65536),
        "processes": (usage.processes, limits.processes + 1),
    }
    return [f"{name}: {used} of {cap}" for name, (used, cap) in caps.items() if used > cap]


def survivors() -> list[str]:
    """Processes in other process namespaces than ours, once those that are dying have died."""
    until = time.monotonic() + 2
    while (found := _foreign()) and time.monotonic() < until:
        time.sleep(0.01)
    return [f"survivor {pid}" for pid in found]


def _foreign() -> list[str]:
    own = os.stat("/proc/self/ns/pid").st_ino
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}/ns/pid").st_ino != own and _is_ours(pid):
                found.append(pid)
        except OSError:
            continue
    return found


def _is_ours(pid: str) -> bool:
    """Other tests' runs on this machine are not our business: their worker is another process."""
    line = Path(f"/proc/{pid}/status").read_text()
    tags = dict(part.split(":", 1) for part in line.splitlines() if ":" in part)
    parent = tags["PPid"].strip()
    for _ in range(50):
        if parent in ("0", "1"):
            return parent == "1"  # bubblewrap is gone, and it lives
        if parent == str(os.getpid()):
            return True
        status = Path(f"/proc/{parent}/status").read_text()
        parent = next(x.split()[1] for x in status.splitlines() if x.startswith("PPid"))
    return False


def play_plain(attack: Attack, place: Arena) -> list[str]:
    """The same attack without any sandbox: what it breaks."""
    with tempfile.TemporaryDirectory() as folder:
        params = place.params("plain")
        Path(folder, "params.json").write_text(json.dumps(params))
        environment = {
            **os.environ,
            "OFFHOURS_PARAMS": f"{folder}/params.json",
            "OFFHOURS_RESULT": f"{folder}/result.json",
            **{f"OFFHOURS_PARAM_{name.upper()}": str(value) for name, value in params.items()},
        }
        shell = attack.language == "bash"
        python = [interpreter().executable, "-I", "-S", "-B"]  # as in a sandbox
        command = [*(["bash"] if shell else python), "-c", attack.text]
        with subprocess.Popen(
            command, cwd=folder, env=environment, close_fds=False, text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:  # fmt: skip
            try:
                told = "".join(process.communicate(timeout=_PLAIN_SECONDS))
            except subprocess.TimeoutExpired:
                told = ""
            broken = place.breaches(told)
            broken += _left_alive(process.pid, folder)
            process.kill()
    return broken


def _left_alive(session: int, folder: str) -> list[str]:
    """Who works in the folder after the end: found, and ended."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/cwd").startswith(folder):
                # The attack itself, too: one that has us trace it is waited for as if it had ended,
                # and stays stopped.
                os.kill(int(pid), 9)
                if int(pid) != session:
                    found.append(f"survivor {pid}")
        except OSError:
            continue
    return found
