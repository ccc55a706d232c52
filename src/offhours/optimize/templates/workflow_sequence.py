"""Several steps, one after the other; each may use what an earlier one answered."""

from __future__ import annotations

from typing import Any


def workflow_sequence(params: dict[str, Any]) -> dict[str, Any]:
    """steps: each with `action` (file_operation, data_processing or api_call) and its `parameters`.

    A parameter `{"from": 1, "key": "output"}` is what step 1 answered under that key. The first
    step that fails ends it.
    """
    actions = {name: globals()[name] for name in ("file_operation", "data_processing", "api_call")}
    steps = params.get("steps")
    if not isinstance(steps, list) or not steps:
        return {"success": False, "error": "steps: expected a list of them"}
    results: list[dict[str, Any]] = []
    for number, step in enumerate(steps, 1):
        action = actions.get(str(step.get("action"))) if isinstance(step, dict) else None
        if action is None:
            error = f"step {number}: action is one of {', '.join(actions)}"
            return {"success": False, "error": error, "results": results}
        try:
            given = {key: _resolved(v, results) for key, v in step.get("parameters", {}).items()}
        except (LookupError, TypeError, AttributeError):
            error = f"step {number} asks for what no earlier step answered"
            return {"success": False, "error": error, "results": results}
        results.append(action(given))
        if not results[-1].get("success"):
            error = f"step {number}: {results[-1].get('error')}"
            return {"success": False, "error": error, "results": results}
    return {"success": True, "results": results}


def _resolved(value: Any, results: list[dict[str, Any]]) -> Any:
    if isinstance(value, dict) and set(value) == {"from", "key"}:
        if value["from"] < 1:
            raise LookupError
        return results[value["from"] - 1][value["key"]]
    return value
