"""The JSON Schema of a configuration file, from the table of keys."""

from __future__ import annotations

from typing import Any

from offhours.sources.keys import BY_NAME, Key


def schema() -> dict[str, Any]:
    """What an editor needs to check and complete `offhours.toml` and `offhours.yaml`."""
    root = _section() | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Offhours",
        "description": "Settings of Offhours: offhours.toml, offhours.yaml, [tool.offhours].",
    }
    for name, key in BY_NAME.items():
        *sections, last = name.split(".")
        place = root
        for section in sections:
            place = place["properties"].setdefault(section, _section())
        place["properties"][last] = _property(name, key)
    return dict(sorted(root.items()))


def _section() -> dict[str, Any]:
    return {"type": "object", "properties": {}, "additionalProperties": False}


def _property(name: str, key: Key) -> dict[str, Any]:
    told = key.about or f"used by {key.used_by}"
    described: dict[str, Any] = dict(key.kind.schema) | {"description": told}
    if name != key.path:
        return described | {"description": f"the same as {key.path}: {told}"}
    return described if key.default is None else described | {"default": key.default}
