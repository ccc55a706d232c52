"""The automation sandbox: generated scripts run so that they cannot hurt the machine.

Names are loaded when they are first used.

>>> from offhours.sandbox import SandboxManager
>>> with SandboxManager("full") as manager:
...     manager.run("def execute(params): return {'sum': params['a'] + 1}", params={"a": 2}).data
{'sum': 3}
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from offhours.core.sandbox import Artefact as Artefact
    from offhours.core.sandbox import Example as Example
    from offhours.core.sandbox import RunStatus as RunStatus
    from offhours.core.sandbox import SandboxLevel as SandboxLevel
    from offhours.core.sandbox import SandboxResult as SandboxResult
    from offhours.core.sandbox import Usage as Usage
    from offhours.sandbox.cases import Case as Case
    from offhours.sandbox.levels import Limits as Limits
    from offhours.sandbox.manager import SandboxManager as SandboxManager
    from offhours.sandbox.tester import AutomationTester as AutomationTester
    from offhours.sandbox.tester import SuiteResult as SuiteResult
    from offhours.sandbox.tester import Verdict as Verdict

_HOME = {
    "Artefact": "offhours.core.sandbox",
    "AutomationTester": "offhours.sandbox.tester",
    "Case": "offhours.sandbox.cases",
    "Example": "offhours.core.sandbox",
    "Limits": "offhours.sandbox.levels",
    "RunStatus": "offhours.core.sandbox",
    "SandboxLevel": "offhours.core.sandbox",
    "SandboxManager": "offhours.sandbox.manager",
    "SandboxResult": "offhours.core.sandbox",
    "SuiteResult": "offhours.sandbox.tester",
    "Usage": "offhours.core.sandbox",
    "Verdict": "offhours.sandbox.tester",
}

__all__ = [*_HOME]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
