"""What the sandbox does not take, and that parameters stay data."""

from __future__ import annotations

from typing import Any

import pytest

from offhours.core.errors import ConfigError, OptionError
from offhours.sandbox import Limits, RunStatus, SandboxManager

NUMBER = "print(1)"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"script": ""}, "empty"),
        ({"script": "print(1)\0"}, "NUL"),
        ({"script": "print('\ud800')"}, "UTF-8"),
        ({"script": "#" * (1 << 21)}, "at most 1048576"),
        ({"language": "ruby"}, "python bash"),
        ({"language": "Python"}, 'did you mean "python"'),
        ({"language": "applescript"}, "macOS"),
        ({"language": "../bash"}, "is not one of"),
        ({"language": None}, "is not one of"),
        ({"level": "none"}, "full partial minimal"),
        ({"level": "FULL"}, "is not one of"),
        ({"level": 3}, "is not one of"),
        ({"params": [1]}, "not a mapping"),
        ({"params": {"a": {1: 2}}}, "the name 1"),
        ({"params": {"a": {"b": [object()]}}}, "a.b[0] is object"),
        ({"params": {"a": float("nan")}}, "nan"),
        ({"params": {"a": "x" * 300_000}}, "at most 262144"),
        ({"params": {"a": 1, "A": 2}}, "OFFHOURS_PARAM_A"),
        ({"files": {"../x": b""}}, "relative path"),
        ({"files": {"/x": b""}}, "relative path"),
        ({"files": {"a//b": b""}}, "relative path"),
        ({"files": {"a\nb": b""}}, "relative path"),
        ({"files": {"a\0b": b""}}, "relative path"),
        ({"files": {"x" * 300: b""}}, "relative path"),
        ({"files": {".offhours/script.py": b""}}, "relative path"),
        ({"files": {"x": "text"}}, "not bytes"),
        ({"files": {"x": bytes(20 << 20)}}, "do not fit"),
        ({"timeout": 0}, "wall"),
        ({"timeout": -1}, "negative"),
        ({"timeout": "soon"}, "cannot read"),
        ({"env": {"LD_PRELOAD": "x.so"}}, "how programs are run"),
        ({"env": {"PYTHONPATH": "/x"}}, "how programs are run"),
        ({"env": {"BASH_ENV": "/x"}}, "how programs are run"),
        ({"env": {"BASH_FUNC_x%%": "() { :; }"}}, "not a name"),
        ({"env": {"ENV": "/x"}}, "how programs are run"),
        ({"env": {"GCONV_PATH": "/x"}}, "how programs are run"),
        ({"env": {"PATH": "/x"}}, "is ours"),
        ({"env": {"OFFHOURS_RESULT": "/x"}}, "is ours"),
        ({"env": {"A=B": "x"}}, "not a name"),
        ({"env": {"A": "x\0y"}}, "without NUL"),
    ],
)
def test_refused_with_the_reason(sandbox: SandboxManager, asked: dict[str, Any], said: str) -> None:
    result = sandbox.run(**{"script": NUMBER, **asked})
    assert result.status is RunStatus.REJECTED and not result.success
    assert said in result.error
    assert sandbox.history[-1].status is RunStatus.REJECTED


def test_a_manager_that_makes_no_sense() -> None:
    with pytest.raises(OptionError, match=r'did you mean "partial"'):
        SandboxManager("partly")
    with pytest.raises(ConfigError, match="max_concurrent"):
        SandboxManager(max_concurrent=0)
    with pytest.raises(ConfigError, match="wall"):
        SandboxManager(timeout_seconds=0)
    with pytest.raises(ConfigError, match=r"memory.*processes"):
        Limits(memory=0, processes=-1)


HOSTILE = {
    "quote": "'; import os; os._exit(3); '",
    "shell": "$(exit 3); `exit 3`; ; exit 3 #",
    "newline": "a\nexit 3\n",
    "nul": "a\0b",
    "lone": "\ud800",
    "LD_PRELOAD": "/sandbox/x.so",
    "PATH": "/nowhere",
    "BASH_ENV": "/sandbox/x",
    "name with; spaces": "x",
    "BASH_FUNC_echo%%": "() { exit 3; }",
    "../up": "x",
    "deep": {"list": [1, 2.5, None, True, "ü"]},
}


def test_hostile_parameters_are_data_for_python(sandbox: SandboxManager) -> None:
    result = sandbox.run("def execute(params): return params", params=HOSTILE)
    assert result.success and result.data == HOSTILE


def test_hostile_parameters_are_data_for_bash(sandbox: SandboxManager) -> None:
    script = (
        'printf "%s|" "$OFFHOURS_PARAM_QUOTE" "$OFFHOURS_PARAM_SHELL" "$LD_PRELOAD" "$BASH_ENV"'
    )
    result = sandbox.run(script, "bash", params=HOSTILE)
    assert result.success
    assert result.output == f"{HOSTILE['quote']}|{HOSTILE['shell']}|||"


def test_plain_parameters_are_variables_too(sandbox: SandboxManager) -> None:
    result = sandbox.run(
        'for n in WHO N OK L; do v=OFFHOURS_PARAM_$n; echo -n "${!v-none} "; done; echo "$MODE"',
        "bash",
        params={"who": "ann", "n": 3, "ok": True, "l": [1]},
        env={"MODE": "quick"},
    )
    assert result.output == "ann 3 true none quick\n"
