"""Puts the sources on top of each other: defaults < files < environment < arguments."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from offhours.config import CHECKS, Options
from offhours.core.errors import ConfigError, InputError, did_you_mean
from offhours.sources.environment import (
    ONLY_ENVIRONMENT,
    dotenv,
    is_on,
    variables,
)
from offhours.sources.files import VARIABLE, found_in, tree
from offhours.sources.keys import BY_NAME, KEYS, SECTIONS, Key
from offhours.sources.secrets import HIDDEN, masked, without_secrets

DEFAULT = "default"
PathLike = str | os.PathLike[str]


class Setting(NamedTuple):
    """A key's value, and where it comes from: `default`, or as in `offhours.toml: threads`."""

    key: Key
    value: Any
    source: str = DEFAULT

    @property
    def shown(self) -> Any:
        """The value without what must not be seen."""
        if isinstance(self.value, Mapping):
            return without_secrets(self.value)
        if not self.key.secret or not isinstance(self.value, str):
            return self.value
        if "://" in self.value:
            return masked(self.value)
        return self.value if self.key.path == "db" else HIDDEN

    @property
    def given(self) -> bool:
        return self.source != DEFAULT


@dataclass(frozen=True, slots=True)
class Configuration:
    """All settings, checked, each with its source."""

    settings: Mapping[str, Setting]

    def __getitem__(self, path: str) -> Any:
        """A key's checked value: a length of time is in microseconds.

        >>> read(environment={"OFFHOURS_LEASE": "1m"}, files=False)["lease"]
        60000000
        """
        setting = self.settings[path]
        return setting.key.kind(setting.value, path) if setting.value is not None else None

    def __iter__(self) -> Iterator[Setting]:
        return iter(self.settings.values())

    @property
    def options(self) -> Options:
        """What was chosen among the keyword arguments of `Offhours`."""
        given: Any = {s.key.path: s.value for s in self if s.given and s.key.path in CHECKS}
        return given  # type: ignore[no-any-return]

    def section(self, name: str) -> dict[str, Any]:
        """What was chosen in a section."""
        chosen = (s for s in self if s.given and s.key.path.startswith(f"{name}."))
        return {s.key.path.removeprefix(f"{name}."): s.value for s in chosen}

    def given(self, path: str) -> bool:
        """Whether any source chose it."""
        return self.settings[path].given

    def set_log_level(self) -> None:
        """Have our logger tell as much as was chosen; without a choice it is left as it is."""
        if self.given("log_level"):
            logging.getLogger("offhours").setLevel(self["log_level"])


def read(
    path: PathLike | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    env_file: PathLike | None = None,
    files: bool = True,
) -> Configuration:
    """Read all sources; a `ConfigError` names every fault in all of them.

    path: the only file to read; else OFFHOURS_CONFIG names it, else those of this folder are read
    environment: of this process; what is empty is not set
    env_file: a file of variables, below those of the environment
    files: False to read no file
    """
    faults: list[str] = []
    layers = []
    for one in _paths(path, environment, faults) if files else []:
        with _kept(faults):
            layers.append(_of_file(one, faults))
    if env_file is not None:
        with _kept(faults):
            layers.append(variables(dotenv(Path(env_file)), faults, f"{env_file}: "))
    layers.append(variables(environment, faults))
    if faults:
        raise ConfigError(faults)
    settings = {name: Setting(key, key.default) for name, key in KEYS.items()}
    for layer in layers:
        settings |= layer
    return Configuration(settings)


def _paths(path: PathLike | None, environment: Mapping[str, str], faults: list[str]) -> list[Path]:
    """The files to read, the one that wins last."""
    if path is not None:
        return [Path(path)]
    with _kept(faults):
        if is_on(ONLY_ENVIRONMENT, environment):
            return []
        named = environment.get(VARIABLE)
        return [Path(named)] if named else found_in(Path())
    return []


@contextmanager
def _kept(faults: list[str]) -> Iterator[None]:
    """Go on after what cannot be used, and remember it."""
    try:
        yield
    except ConfigError as error:
        faults += error.faults
    except InputError as error:
        faults.append(str(error))


def _of_file(path: Path, faults: list[str]) -> dict[str, Setting]:
    found: dict[str, Setting] = {}
    for name, value in _flat(tree(path), "", f"{path}: ", faults):
        key = BY_NAME[name]
        if key.path in found:
            other = found[key.path].source.removeprefix(f"{path}: ")
            faults.append(f"{path}: {name} is the same as {other}; keep one of them")
            continue
        with _kept(faults):
            key.kind(value, f"{path}: {name}")
        found[key.path] = Setting(key, value, f"{path}: {name}")
    return found


def _flat(
    content: Mapping[Any, Any], prefix: str, where: str, faults: list[str]
) -> Iterator[tuple[str, Any]]:
    for part, value in content.items():
        name = f"{prefix}{part}"
        if name in BY_NAME:
            yield name, value
        elif name not in SECTIONS:
            faults.append(f"{where}{name}: unknown key{_near(prefix, str(part))}")
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{name}.", where, faults)
        elif value is not None:  # YAML's `monitoring:` with nothing below it
            faults.append(f"{where}{name}: expected a section of keys")


def _near(prefix: str, part: str) -> str:
    """What was meant: the same name in another section, or one like it in this one."""
    elsewhere = [name for name in BY_NAME if name.rpartition(".")[2] == part]
    if elsewhere:
        return f'; did you mean "{elsewhere[0]}"?'
    here = [n.removeprefix(prefix) for n in (*BY_NAME, *SECTIONS) if n.startswith(prefix)]
    return did_you_mean(part, [name for name in here if "." not in name])
