"""A sandbox for tests of what is around it: it runs the scripts of these tests as they are."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from offhours.core.sandbox import RunStatus, SandboxLevel, SandboxResult, Usage


class OpenSandbox:
    """Implements `core.sandbox.Sandbox` without any protection: only for scripts of our own."""

    def __init__(self) -> None:
        self.runs: list[Mapping[str, Any]] = []
        self.broken = False

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
        self.runs.append(params or {})
        space: dict[str, Any] = {}
        error, data = "", None
        try:
            if self.broken:
                raise RuntimeError("the world has changed")
            exec(compile(script, "script", "exec"), space)
            data = space["execute"](copy.deepcopy(dict(params or {})))
        except Exception as raised:
            error = str(raised) or type(raised).__name__
        return SandboxResult(
            run_id="1",
            automation_id=automation_id,
            status=RunStatus.FAILED if error else RunStatus.PASSED,
            level=SandboxLevel.FULL,
            language=language,
            started_at=0,
            error=error,
            data=data,
            usage=Usage(wall=0.5, cpu=0.25),
        )
