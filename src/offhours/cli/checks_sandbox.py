"""What `doctor` looks at of the sandbox: it tries it."""

from __future__ import annotations

from collections.abc import Iterator

from offhours.cli.checks import FAIL, OK, WARN, Check
from offhours.core.errors import OffhoursError, SandboxUnavailable
from offhours.core.sandbox import SandboxLevel

_LEAKS = "do not run scripts on this machine; report what is said here"


def sandbox() -> Check:
    """One line: at which levels generated scripts can be run here. The first one is tried."""
    first = next(levels())
    if first.status != OK:
        return first._replace(name="sandbox")
    return Check("sandbox", OK, f"{' '.join(_there())}: {first.message.partition('; ')[0]}")


def _there() -> Iterator[str]:
    from offhours.sandbox.backend import find

    for level in SandboxLevel:
        try:
            find(level)
        except SandboxUnavailable as missing:
            yield f"no {level.value} ({missing.problem})"
        else:
            yield level.value


def levels() -> Iterator[Check]:
    """A line for each level, after ten small attacks that must fail."""
    from offhours.sandbox.probe import probe

    for level in SandboxLevel:
        try:
            yield Check(level.value, OK, f"{probe(level)}; ten attacks failed as they should")
        except SandboxUnavailable as missing:
            yield Check(level.value, WARN, missing.problem, missing.remedy)
        except OffhoursError as error:
            yield Check(level.value, FAIL, str(error), _LEAKS)
