"""`schedule_task` as a tool for agents: its description, and what is done with a call of it.

A model's words are data: its function is looked up among those that the program has registered, an
unclear time is answered with choices, and nothing that exists is replaced.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import deepcopy
from typing import Any

from offhours.core.errors import InputError, OffhoursError, PhraseError, did_you_mean
from offhours.core.times import MINUTE
from offhours.faces.local_time import LOCAL
from offhours.faces.scheduled import ScheduledTaskManager
from offhours.known_tasks import is_local

_SHOWN = 3

SCHEDULE_TASK_TOOL: dict[str, Any] = {
    "name": "schedule_task",
    "description": (
        "Have a registered function run by a schedule, durably. The schedule is plain English "
        '("every weekday at 9am", "every 5 minutes", "tomorrow at 14:00") or a cron expression '
        "of five fields. What is ambiguous is refused with choices: ask the user which one is "
        "meant, then call again. Set dry_run to see the meaning and the next runs first."
    ),
    "input_schema": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "A name that no other task has."},
            "description": {"type": "string", "description": "What the task is for."},
            "schedule": {"type": "string", "description": "When to run: English or cron."},
            "function": {"type": "string", "description": "The registered function to run."},
            "arguments": {"type": "object", "description": "Keyword arguments for the function."},
            "timezone": {
                "type": "string",
                "description": "An IANA name like Europe/Berlin; the machine's own by default.",
            },
            "metadata": {"type": "object", "description": "Anything to keep with the task."},
            "dry_run": {"type": "boolean", "description": "Explain the schedule, store nothing."},
        },
        "required": ["name", "schedule", "function"],
        "additionalProperties": False,
    },
}
"""The tool as it is given to a model: MCP calls `input_schema` inputSchema, OpenAI parameters."""


def schedule_task_tool(functions: Collection[str] | None = None) -> dict[str, Any]:
    """A copy of the tool's description; with `functions`, a model can choose among these only.

    >>> tool = schedule_task_tool(["reindex"])
    >>> tool["name"], tool["input_schema"]["properties"]["function"]["enum"]
    ('schedule_task', ['reindex'])
    """
    tool = deepcopy(SCHEDULE_TASK_TOOL)
    if functions is not None:
        tool["input_schema"]["properties"]["function"]["enum"] = sorted(functions)
    return tool


def handle_schedule_task(
    manager: ScheduledTaskManager,
    arguments: Mapping[str, Any],
    functions: Collection[str] | None = None,
) -> dict[str, Any]:
    """Do what a call of the tool asks for; plain JSON to hand back to the model.

    It never raises for what a model may say: the answer then has `error`, and `choices` when it is
    a matter of choosing. `functions` are those that may be scheduled: all registered ones without
    it.

    >>> from offhours.testing import memory_app
    >>> manager = ScheduledTaskManager(app=memory_app())
    >>> _ = manager.register_function(print, "say")
    >>> call = {"name": "greet", "schedule": "every day at 9", "function": "say"}
    >>> handle_schedule_task(manager, call)["choices"]
    ['every day at 9am', 'every day at 9pm']
    """
    try:
        _check_types(arguments)
        allowed = _functions(manager) if functions is None else sorted(functions)
        function = arguments["function"]
        if function not in allowed or manager.app.registry.find(function) is None:
            return _refused(
                f"no function {function!a} is registered{did_you_mean(function, allowed)}", allowed
            )
        return _schedule(manager, arguments)
    except PhraseError as error:
        return _refused(error.reason, error.suggestions)
    except OffhoursError as error:
        return _refused(str(error))


def _schedule(manager: ScheduledTaskManager, arguments: Mapping[str, Any]) -> dict[str, Any]:
    words = arguments["schedule"]
    zone = arguments.get("timezone") or manager.app.settings.timezone or LOCAL
    told = manager.app.schedules.preview(words, timezone=zone)
    plan, _ = manager.app.schedules.plan(words, told.timezone)
    gap = plan.shortest_gap(manager.app.clock.micros())
    if gap is not None and gap < MINUTE:
        return _refused(f"{words!a} runs more often than once a minute", ["every minute"])
    answer: dict[str, Any] = {
        "explanation": told.sentence,
        "timezone": told.timezone,
        "next_runs": [fire.isoformat() for fire in told.fires[:_SHOWN]],
        "warnings": list(told.warnings),
    }
    if arguments.get("dry_run"):
        return {"created": False, **answer}
    task = manager.create_new(
        arguments["name"],
        arguments.get("description", ""),
        words,
        func_name=arguments["function"],
        metadata={"created_by": "agent", **arguments.get("metadata", {})},
        kwargs=arguments.get("arguments", {}),
        timezone=zone,
    )
    named = {"task_id": task.task_id, "name": task.name, "cron_expression": task.cron_expression}
    return {"created": True, **named, **answer}


def _check_types(arguments: object) -> None:
    """What the tool's own schema says, for hosts that hand on whatever a model wrote."""
    if not isinstance(arguments, Mapping):
        raise InputError("expected an object with name, schedule and function")
    schema = SCHEDULE_TASK_TOOL["input_schema"]
    kinds = {"string": str, "object": Mapping, "boolean": bool}
    for key in schema["required"]:
        if key not in arguments:
            raise InputError(f"{key} is missing")
    for key, value in arguments.items():
        known = schema["properties"].get(key)
        if known is None:
            raise InputError(f"{str(key)[:64]!a} is not an argument of schedule_task")
        if not isinstance(value, kinds[known["type"]]):
            raise InputError(f"{key}: expected {known['type']}, got {type(value).__name__}")


def _functions(manager: ScheduledTaskManager) -> list[str]:
    return [n for n in manager.app.registry.names() if not is_local(n)]


def _refused(reason: str, choices: Collection[str] = ()) -> dict[str, Any]:
    refusal: dict[str, Any] = {"created": False, "error": reason}
    return {**refusal, "choices": list(choices)} if choices else refusal
