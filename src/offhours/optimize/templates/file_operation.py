"""Copy, move or delete a file or a folder."""

from __future__ import annotations

import os
import shutil
from typing import Any


def file_operation(params: dict[str, Any]) -> dict[str, Any]:
    """operation: copy, move or delete; source; destination: a path, or a folder that exists."""
    operation, source = params.get("operation"), params.get("source")
    destination = params.get("destination")
    if operation not in ("copy", "move", "delete"):
        return {"success": False, "error": f"operation: copy, move or delete, not {operation!r}"}
    wanted = {"source": source} | ({} if operation == "delete" else {"destination": destination})
    for name, value in wanted.items():
        if not isinstance(value, str) or not value or "\0" in value:
            return {"success": False, "error": f"{name}: expected a path, got {value!r}"}
    try:
        return {"success": True, "operation": operation, **_do(operation, source, destination)}
    except (OSError, shutil.Error, ValueError) as error:
        return {"success": False, "operation": operation, "error": str(error)}


def _do(operation: str, source: Any, destination: Any) -> dict[str, Any]:
    if operation == "delete":
        if os.path.isdir(source) and not os.path.islink(source):
            shutil.rmtree(source)
        else:
            os.remove(source)
        return {"output": source}
    parent = os.path.dirname(destination)
    if parent:
        os.makedirs(parent, exist_ok=True)
    if os.path.isdir(destination):
        destination = os.path.join(destination, os.path.basename(source.rstrip("/")))
    if operation == "move":
        shutil.move(source, destination)
    elif os.path.isdir(source):
        shutil.copytree(source, destination)
    else:
        shutil.copy2(source, destination)
    return {"output": destination}
