"""Tests of an automation: what is given to it, and what must come of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from offhours.core.errors import OptionError, did_you_mean
from offhours.core.sandbox import Example, SandboxLevel, SandboxResult, same_json

# How the documents' users write a case as a mapping.
_ALIASES = {
    "test_params": "params",
    "input": "params",
    "expected_result": "expected",
    "expected_data": "expected",
    "should_pass": "expected_success",
}


class _Anything:
    """Nothing is expected: any result will do."""

    def __repr__(self) -> str:
        return "ANYTHING"


ANYTHING: Any = _Anything()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test. What is not said is not looked at.

    `expected` is the result's data, `expected_output` its standard output (a line's end at the
    end does not matter), `expected_files` are artefacts that must be there with this content.
    `expected_success=False`: the run must fail, as it should with parameters that make no sense.
    """

    name: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    expected: Any = ANYTHING
    expected_output: str | None = None
    expected_files: Mapping[str, bytes] = field(default_factory=dict)
    expected_success: bool = True

    @staticmethod
    def of(case: Case | Mapping[str, Any]) -> Case:
        """A case, also from a mapping.

        >>> Case.of({"input": {"n": 2}, "expected": 4}).params
        {'n': 2}
        """
        if isinstance(case, Case):
            return case
        if not isinstance(case, Mapping):
            raise OptionError(f"a test case is a Case or a mapping, got {type(case).__name__}")
        known = list(Case.__dataclass_fields__)
        values = {}
        for key, value in case.items():
            name = _ALIASES.get(key, key)
            if name not in known:
                hint = did_you_mean(str(key), [*known, *_ALIASES])
                raise OptionError(f"a test case has no {key!r}{hint}")
            values[name] = value
        return Case(**values)

    @staticmethod
    def observed(example: Example, name: str) -> Case:
        """What happened once must happen again."""
        expected = ANYTHING if example.data is None else example.data
        return Case(
            name=name,
            params=example.params,
            files=example.files,
            expected=expected,
            expected_files=example.left,
        )

    def fault(self, result: SandboxResult) -> str:
        """What is wrong with a result; nothing for a test that passed."""
        if result.success != self.expected_success:
            return result.error if self.expected_success else "it should have failed and did not"
        if self.expected is not ANYTHING and not same_json(result.data, self.expected):
            return f"the result is {_short(result.data)}, expected {_short(self.expected)}"
        wanted = self.expected_output
        if wanted is not None and result.output.rstrip("\n") != wanted.rstrip("\n"):
            return f"it wrote {_short(result.output)}, expected {_short(wanted)}"
        return self._fault_of_files(result.files)

    def _fault_of_files(self, files: Mapping[str, bytes]) -> str:
        for name, content in self.expected_files.items():
            if name not in files:
                return f"file {name!r} is not there"
            if files[name] != content:
                return f"file {name!r} has {_short(files[name])}, expected {_short(content)}"
        return ""


def digest(script: str, language: str, level: SandboxLevel, cases: Sequence[Case]) -> str:
    """What a verdict belongs to: it changes when the script, the level or a test does."""
    told = [script, language, str(level), [_plain(case) for case in cases]]
    text = json.dumps(told, sort_keys=True, default=repr)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(case: Case) -> dict[str, Any]:
    return {
        "name": case.name,
        "params": dict(case.params),
        "files": {name: content.hex() for name, content in case.files.items()},
        "expected": {} if case.expected is ANYTHING else {"is": case.expected},
        "output": case.expected_output,
        "left": {name: content.hex() for name, content in case.expected_files.items()},
        "success": case.expected_success,
    }


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
