"""Reads configuration files: TOML, YAML, and the `[tool.offhours]` of a pyproject.toml."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

from offhours.core.errors import ConfigError

VARIABLE = "OFFHOURS_CONFIG"  # names the only file to read
OWN = ("offhours.toml", "offhours.yaml", "offhours.yml")
PROJECT = "pyproject.toml"
DOCUMENTED = (
    "omni_dev_bg_config.yaml",
    "config/omni_dev_bg_config.yaml",
    "config/optimization_config.yaml",
)


def found_in(folder: Path) -> list[Path]:
    """The configuration files of a folder, the one that wins last."""
    own = [folder / name for name in OWN if (folder / name).is_file()]
    if len(own) > 1:
        names = " and ".join(path.name for path in own)
        raise ConfigError([f"{names} are both here; keep one of them"])
    others = [*reversed(DOCUMENTED), PROJECT]
    return [folder / name for name in others if (folder / name).is_file()] + own


def tree(path: Path) -> dict[Any, Any]:
    """What a file holds, as nested dictionaries. A `ConfigError` names the file and the line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError([f"{path}: no such file"]) from None
    except IsADirectoryError:
        raise ConfigError([f"{path}: is a folder; name a file in it"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: is not UTF-8 text"]) from None
    try:
        content = _parsed(path, text)
    except RecursionError:
        raise ConfigError([f"{path}: is nested too deeply"]) from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError([f"{path}: expected keys with values"])
    return content


def _parsed(path: Path, text: str) -> Any:
    if path.suffix in (".yaml", ".yml"):
        return _yaml(path, text)
    if path.suffix != ".toml":
        raise ConfigError([f"{path}: expected a name that ends in .toml, .yaml or .yml"])
    import tomllib

    try:
        content = tomllib.loads(text)
    except ValueError as error:
        raise ConfigError([f"{path}: is not TOML: {error}"]) from None
    if path.name != PROJECT:
        return content
    tools = content.get("tool")
    return tools.get("offhours") if isinstance(tools, dict) else None


def _yaml(path: Path, text: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Refuses a key that is there twice: the first one would be lost without a word."""

        def construct_mapping(
            self, node: yaml.MappingNode, deep: bool = False
        ) -> dict[Hashable, Any]:
            keys = [part.value for part, _ in node.value if isinstance(part, yaml.ScalarNode)]
            for key in {key for key in keys if keys.count(key) > 1} - {"<<"}:
                raise yaml.MarkedYAMLError(
                    problem=f'the key "{key}" is there twice', problem_mark=node.start_mark
                )
            return super().construct_mapping(node, deep)

    try:
        return Loader(text).get_single_data()
    except yaml.MarkedYAMLError as error:  # its own text would quote the file, secrets and all
        mark = error.problem_mark
        line = f"line {mark.line + 1}: " if mark else ""
        raise ConfigError([f"{path}: is not YAML: {line}{error.problem}"]) from None
    except (yaml.YAMLError, ValueError, TypeError):
        raise ConfigError([f"{path}: is not YAML"]) from None
