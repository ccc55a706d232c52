"""The one table of what spans are called and what is said of them.

`messaging.*`, `error.type` and `exception.*` by the semantic conventions of OpenTelemetry 1.39,
`gen_ai.*` by those for generative AI, which are in development and may still be renamed: here.
"""

from __future__ import annotations

SYSTEM = "messaging.system"
OPERATION = "messaging.operation.name"
OPERATION_TYPE = "messaging.operation.type"
DESTINATION = "messaging.destination.name"  # the task; a queue is a label among us
MESSAGE_ID = "messaging.message.id"
BATCH = "messaging.batch.message_count"

QUEUE = "offhours.queue"
PRIORITY = "offhours.priority"
ATTEMPT = "offhours.job.attempt"
OUTCOME = "offhours.job.outcome"
SCHEDULE = "offhours.schedule.id"
FIRE = "offhours.schedule.fire_at"
WORKFLOW = "offhours.workflow.id"
STEP = "offhours.workflow.step"
JOB = "offhours.job.id"

ERROR_TYPE = "error.type"
EXCEPTION = "exception"
EXCEPTION_TYPE = "exception.type"
EXCEPTION_MESSAGE = "exception.message"
EXCEPTION_TRACE = "exception.stacktrace"

AI_OPERATION = "gen_ai.operation.name"
AI_TOOL = "gen_ai.tool.name"
AI_TOOL_TYPE = "gen_ai.tool.type"

OFFHOURS = "offhours"
SUBMIT = "submit"
SEND = "send"
PROCESS = "process"
EXECUTE_TOOL = "execute_tool"
FUNCTION = "function"
