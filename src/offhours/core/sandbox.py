"""What a sandbox promises: how a generated script is run so that it cannot hurt the machine.

The room `offhours.sandbox` implements `Sandbox`; whoever runs scripts knows this file only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock
from typing import Any, Protocol

from offhours.core.times import Micros


class SandboxLevel(StrEnum):
    """What a script may do. At every level the host's files, processes and secrets are invisible.

    `full`: read and write in its private folder; start no program, use no network.
    `partial`: also start the programs of the read-only system; no network.
    `minimal`: also use the network.
    """

    FULL = "full"
    PARTIAL = "partial"
    MINIMAL = "minimal"


class RunStatus(StrEnum):
    """How a run ended, as the kernel and the sandbox saw it, never as the script tells it."""

    PASSED = "passed"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CPU_LIMIT = "cpu_limit"
    MEMORY_LIMIT = "memory_limit"
    DISK_LIMIT = "disk_limit"
    PROCESS_LIMIT = "process_limit"
    OUTPUT_LIMIT = "output_limit"
    KILLED = "killed"
    REJECTED = "rejected"  # never started: the script's language, a name or a parameter is refused
    SANDBOX_ERROR = "sandbox_error"  # our failure, never the script's


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file that the script left in its private folder. `name` is relative, with `/` between."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run used: seconds, bytes at the peak, most processes and threads seen at once."""

    wall: float = 0.0
    cpu: float = 0.0
    memory: int = 0
    disk: int = 0
    processes: int = 0
    output: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxResult:
    """One run.

    `data` is what `execute(params)` returned, or what the script wrote as JSON into the file that
    `OFFHOURS_RESULT` names; None without. `error` says in a sentence why the run did not pass.
    `left_out` names what was in the private folder and is no artefact, each with the reason.
    `guarantees` says what held during the run: a result is as good as these.
    """

    run_id: str
    automation_id: str
    status: RunStatus
    level: SandboxLevel
    language: str
    started_at: Micros
    exit_code: int | None = None
    error: str = ""
    data: Any = None
    stdout: str = ""
    stderr: str = ""
    truncated: bool = False
    artefacts: tuple[Artefact, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    usage: Usage = Usage()
    backend: str = ""
    guarantees: Mapping[str, bool] = field(default_factory=dict)
    script_hash: str = ""

    @property
    def success(self) -> bool:
        """Whether the run passed."""
        return self.status is RunStatus.PASSED

    @property
    def duration_ms(self) -> float:
        """The script's wall time in milliseconds."""
        return self.usage.wall * 1000

    @property
    def output(self) -> str:
        """What the script wrote to its standard output."""
        return self.stdout

    @property
    def files(self) -> dict[str, bytes]:
        """The artefacts by name."""
        return {artefact.name: artefact.content for artefact in self.artefacts}


@dataclass(frozen=True, slots=True)
class Example:
    """Something that was seen to happen: with these parameters and files, this came of it.

    `data` is what was returned, `left` which files were there afterwards, by name. None and no
    files say nothing about either.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    data: Any = None
    left: Mapping[str, bytes] = field(default_factory=dict)


class ExampleBook:
    """What was observed of each pattern: the tests of an automation come from here.

    The newest examples are kept, each once.

    >>> book = ExampleBook()
    >>> book.record("p1", Example({"a": 1}, data=2))
    >>> [example.data for example in book.examples_of("p1")]
    [2]
    """

    def __init__(self, patterns: int = 1000, examples: int = 20) -> None:
        self._patterns = patterns
        self._examples = examples
        self._pages: dict[str, list[Example]] = {}
        self._lock = Lock()

    def record(self, pattern_id: str, example: Example) -> None:
        """Remember one more."""
        with self._lock:
            page = self._pages.pop(pattern_id, [])
            kept = [one for one in page if one != example]
            self._pages[pattern_id] = [*kept, example][-self._examples :]
            while len(self._pages) > self._patterns:
                del self._pages[next(iter(self._pages))]

    def examples_of(self, pattern_id: str) -> tuple[Example, ...]:
        """Oldest first."""
        with self._lock:
            return tuple(self._pages.get(pattern_id, ()))


OBSERVED = ExampleBook()
"""The process's own book: whoever finds patterns writes it, testers read it."""


class Sandbox(Protocol):
    """A place where a script runs."""

    def run(
        self,
        script: str,
        language: str = "python",
        *,
        level: SandboxLevel | str | None = None,
        params: Mapping[str, Any] | None = None,
        files: Mapping[str, bytes] | None = None,
        timeout: float | None = None,
        automation_id: str = "",
    ) -> SandboxResult:
        """Run the script and wait for its end; may be called from any thread.

        A Python script that defines `execute(params)` has it called; any other runs as it is.
        `params` (JSON) reach the script as data, never as text in it. `files` lie in the private
        folder when it starts. Without `level` and `timeout` (seconds) the sandbox's own hold.

        Raises `SandboxUnavailable` when this machine cannot hold the level; nothing ran then.
        """
        ...


def same_json(one: object, other: object) -> bool:
    """Equal as JSON: a tuple is a list there, and `True` is not 1.

    >>> same_json({"n": (1, 2)}, {"n": [1, 2]}), same_json(1, True)
    (True, False)
    """
    try:
        return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    except (TypeError, ValueError):
        return False
