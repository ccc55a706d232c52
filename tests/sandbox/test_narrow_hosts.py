"""Workers that have less than usual: a sandbox all the same, or a refusal with its remedy."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a host narrow")
TRY = """
from offhours.sandbox import SandboxManager
from offhours.core.errors import SandboxUnavailable
try:
    result = SandboxManager("full").run("import os; print(os.getuid())")
    print(result.status, result.output, result.error, result.backend)
except SandboxUnavailable as error:
    print("refused:", error.problem, "->", error.remedy)
"""


def tried(*around: str) -> str:
    command = [*around, sys.executable, "-c", TRY]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_root_of_a_small_user_namespace() -> None:
    said = tried("unshare", "--user", "--map-root-user")
    assert said.startswith("passed 1000") and "user namespace" in said


def test_root_without_the_right_to_mount() -> None:
    said = tried("setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin")
    assert said.startswith("refused: the system forbids new namespaces") and "-> run the" in said


def test_user_namespaces_used_up() -> None:
    none = 'echo 0 >/proc/sys/user/max_user_namespaces; exec setpriv --bounding-set -all "$@"'
    said = tried("unshare", "--user", "--map-root-user", "sh", "-c", none, "sh")
    assert said.startswith("refused: ") and "-> " in said


def test_bubblewrap_is_hidden() -> None:
    hide = 'mount --bind /dev/null /usr/bin/bwrap; exec "$@"'
    said = tried("unshare", "--mount", "sh", "-c", hide, "sh")
    assert said.startswith("refused: /usr/bin/bwrap") and "offhours[sandbox]" in said
