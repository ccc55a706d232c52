"""What a running tool asks its client, and how the answer reaches it: as a signal.

A question is never an approval: whoever may answer one is the model that works, not a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import jsonschema
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from offhours.core.errors import OptionError
from offhours.core.model import Job, JobState
from offhours.core.times import Duration
from offhours.engine.codec import load
from offhours.engine.context import current_context

if TYPE_CHECKING:
    from offhours.app import Offhours

_SIGNAL = "input "
_STEP = "question "
_VALUE = {"value": {"type": "string"}}


class Question(NamedTuple):
    """What a held job waits for. `asked` is false for a signal that nobody has put into words."""

    signal: str
    message: str
    schema: Mapping[str, Any]
    asked: bool

    @property
    def request(self) -> dict[str, Any]:
        """As an input request of MCP."""
        params = {"mode": "form", "message": self.message, "requestedSchema": self.schema}
        return {"method": "elicitation/create", "params": params}


def ask(
    message: str,
    fields: Mapping[str, Mapping[str, Any]],
    *,
    name: str = "input",
    timeout: Duration | None = None,
) -> dict[str, Any] | None:
    """Ask the client of a tool something; None when it declines. For the inside of a tool's job.

    fields: a JSON schema for each value that is asked for: `{"folder": {"type": "string"}}`
    name: tells the questions of one run apart
    timeout: `SignalTimeout` after it; without one the job waits

    The job is held meanwhile, as with `ctx.wait_for_signal`, and begins anew with the answer: what
    must not be done twice stands in steps.
    """
    form = _form(fields)
    try:
        jsonschema.Draft202012Validator.check_schema(form)
    except jsonschema.SchemaError as error:
        raise OptionError(f"fields: expected a JSON schema for each: {error.message}") from None
    context = current_context()
    asked = {"message": message, "schema": form}
    context.step(f"{_STEP}{name}", lambda: asked)
    answer: dict[str, Any] = context.wait_for_signal(f"{_SIGNAL}{name}", timeout)
    return answer["content"] if answer["action"] == "accept" else None


def open_questions(app: Offhours, job: Job) -> dict[str, Question]:
    """What a job waits for now, by a key that no other question of this job ever has."""
    if job.state is not JobState.HELD or job.code != "signal":
        return {}
    steps = app.store.flows.steps(job.id)
    done = {step.name: step.result for step in steps}
    return {
        step.name: _question(step.awaits, done.get(f"{_STEP}{step.awaits[len(_SIGNAL) :]}"))
        for step in steps
        if step.awaits is not None and step.result is None and step.until == job.run_at
    }


def payload_of(question: Question, response: Mapping[str, Any]) -> tuple[bool, Any]:
    """Whether an answer is one that the job should hear, and what it hears."""
    action, content = response.get("action"), response.get("content")
    if action in ("decline", "cancel"):
        return question.asked, {"action": action, "content": None}
    if action != "accept":
        raise MCPError(INVALID_PARAMS, f"action: accept, decline or cancel, not {action!r:.50}")
    try:
        jsonschema.validate(content, question.schema)
    except jsonschema.ValidationError as error:
        raise MCPError(INVALID_PARAMS, f"content: {error.message[:500]}") from None
    assert content is not None
    return True, {"action": action, "content": content} if question.asked else content["value"]


def _question(signal: str, asked: str | None) -> Question:
    if signal.startswith(_SIGNAL) and asked is not None:
        told = load(asked)
        return Question(signal, told["message"], told["schema"], True)
    return Question(signal, f"The job waits for the signal {signal}.", _form(_VALUE), False)


def _form(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    properties = {key: dict(schema) for key, schema in fields.items()}
    return {"type": "object", "properties": properties, "required": list(properties)}
