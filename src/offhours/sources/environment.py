"""Reads environment variables: ours, and the documents'."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from offhours.core.errors import ConfigError, InputError, did_you_mean
from offhours.core.kinds import Flag
from offhours.sources.files import VARIABLE
from offhours.sources.keys import BY_VARIABLE, KEYS

if TYPE_CHECKING:
    from offhours.sources.configuration import Setting

ONLY_ENVIRONMENT = "OMNI_DEV_BG_USE_ENV"
_OURS = ("OFFHOURS_", "PERFCATCHER_", "BG_WORKER_", "BG_THREADED_", "BG_MONITORING_")
_NO_SETTINGS = {
    VARIABLE, "OFFHOURS_APP", "OFFHOURS_MODEL", "OFFHOURS_TASKS_FILE", "OFFHOURS_TOKEN",
    "OFFHOURS_TOKEN_FILE", "OFFHOURS_URL",
}  # fmt: skip
# Those of our own tests; and a Kubernetes service called "offhours" is told to each pod.
_OF_OTHERS = re.compile(
    r"OFFHOURS_(TEST_|BENCH_|NIGHTLY|(\w+_)?SERVICE_(HOST|PORT)|(\w+_)?PORT(_|$))"
)
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


def variables(
    environment: Mapping[str, str], faults: list[str], where: str = ""
) -> dict[str, Setting]:
    """The settings of an environment; what is wrong is added to `faults`."""
    from offhours.sources.configuration import Setting

    found: dict[str, Setting] = {}
    for key in KEYS.values():
        for name in (key.variable, *key.variables):
            if not (text := environment.get(name)):
                continue
            value = key.kind.read(text)
            try:
                key.kind(value, f"{where}{name}")
            except ConfigError as error:
                faults += error.faults
            except InputError as error:
                faults.append(str(error))
            found[key.path] = Setting(key, value, f"{where}{name}")
            break
    faults += [
        f"{where}{name}: unknown variable{_near(name)}"
        for name in sorted(environment)
        if name.startswith(_OURS) and environment[name] and not is_known(name)
    ]
    return found


def is_known(name: str) -> bool:
    """Whether a variable is one of ours, or one that is not ours to judge."""
    return name in BY_VARIABLE or name in _NO_SETTINGS or _OF_OTHERS.match(name) is not None


def _near(name: str) -> str:
    """What was meant; the part that all of them share says nothing."""
    prefix = name[: name.index("_") + 1]
    rests = [known.removeprefix(prefix) for known in BY_VARIABLE if known.startswith(prefix)]
    return did_you_mean(name.removeprefix(prefix), rests).replace('"', f'"{prefix}', 1)


def is_on(name: str, environment: Mapping[str, str]) -> bool:
    """Whether a variable that is true or false is true."""
    return Flag()(Flag().read(environment.get(name) or "false"), name)


def dotenv(path: Path) -> dict[str, str]:
    """The variables of a `.env` file: `NAME=value` a line, quotes around a value left off."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read: {type(error).__name__}"]) from None
    found, faults = {}, []
    for number, line in enumerate(lines, start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            faults.append(f"{path}: line {number}: expected NAME=value")
            continue
        found[match[1]] = _unquoted(match[2])
    if faults:
        raise ConfigError(faults)
    return found


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return re.split(r"\s+#", value, maxsplit=1)[0].rstrip()
