"""Every error that Offhours raises on purpose.

OffhoursError
├── InputError (ValueError)       something handed in cannot be used; nothing was stored
│   ├── ArgumentError             a job's argument cannot be carried by the store
│   ├── PayloadTooLarge           arguments or metadata above `max_payload`
│   ├── TimeError                 a time or duration that is naive, malformed or impossible
│   ├── ScheduleError             a schedule that is malformed or can never fire; `.field`
│   ├── PhraseError               English that is not one schedule; `.suggestions`
│   ├── PriorityError             a priority that is unknown
│   ├── OptionError               an option that is unknown or has a wrong value
│   ├── TaskError                 a function that cannot be a task
│   ├── PlanError                 phases that are no plan; `.faults` lists all of them
│   ├── ConfigError               settings; `.faults` lists all of them
│   │   └── NotInstalled          an extra that is asked for and not there
│   └── SeveralFaults             all that is wrong at once; `.faults` by name
│       ├── FilterError           which jobs are meant
│       ├── BatchError            jobs that were to be stored together
│       ├── TemplateError         a template that cannot be kept
│       └── ParameterError        what a template was given
├── NotFound (LookupError)
│   ├── JobNotFound
│   ├── TaskNotFound
│   ├── ScheduleNotFound
│   ├── ModelNotFound
│   ├── AutomationNotFound
│   ├── FlowNotFound
│   ├── ApprovalNotFound
│   ├── TemplateNotFound
│   ├── OperationNotFound
│   ├── GoalNotFound
│   ├── HandlerNotFound
│   └── ToolNotFound
├── IllegalMove                   the job's state does not allow this
├── Conflict                      somebody else has changed it meanwhile, or has its name
│   ├── UniqueConflict            an unfinished job has the unique key
│   ├── PreviewChanged            more is meant now than was looked at
│   └── IdempotencyConflict       the key stands for another request
├── NotTested                     an automation without a verdict that holds may not be deployed
├── SignalTimeout (TimeoutError)  no signal, or no decision, came in time
├── LeaseLost                     somebody else holds the job now
├── QueueFull                     the bounded queue has no room
├── QuotaExceeded                 an agent or a tenant has as much stored as it may
├── BudgetExceeded                the budget of the work is used up
├── DeliveryError                 a message could not be sent; `.retry_after`, `.permanent`
├── NotStarted                    the app is not running, or was stopped
├── SandboxUnavailable            no complete sandbox on this machine; `.remedy`
├── JobError                      asked for the result of a job that has none
│   ├── JobFailed                 `.code`, `.error`
│   ├── JobCancelled
│   ├── ResultTimeout (TimeoutError)
│   └── ResultNotStored           the job succeeded, its result could not be kept
└── StoreError                    the database
    ├── Busy                      locked by another process until our deadline
    ├── StoreUnavailable          the server cannot be reached; `.unknown`
    ├── StorageFull
    ├── StoreReadOnly
    ├── StoreUnusable             cannot be opened; `.path`
    │   ├── StoreCorrupt
    │   ├── ForeignDatabase       not an Offhours database
    │   ├── NewerSchema           written by a later Offhours
    │   ├── StoreGone             deleted or replaced while it was open
    │   ├── UnsafeSQLite          a library that can lose rows
    │   └── NetworkFileSystem
    └── StoreClosed
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches


class OffhoursError(Exception):
    """The root: catch this to catch all of ours."""


class InputError(OffhoursError, ValueError):
    """Something handed in cannot be used. Nothing was stored."""


class ArgumentError(InputError):
    """An argument that the store cannot carry; `name` says where it sits, as in `items[3]`."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"argument {name}: {problem}" if name else f"the arguments {problem}")
        self.name = name


class PayloadTooLarge(InputError):
    """Arguments or metadata above the app's `max_payload`."""


class TimeError(InputError):
    """A time or duration that is naive, malformed or impossible."""


class ScheduleError(InputError):
    """A schedule that is malformed or can never fire; `field` names the part that is wrong."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class PhraseError(InputError):
    """A text that is not exactly one schedule. Nothing in it was guessed or skipped.

    `reason` says what is wrong. `position` is the index of the word that was not understood,
    counting words between spaces from 0, and `character` where it begins in the stripped text;
    both are None when the text as a whole is meant. Each of the `suggestions` can be parsed as it
    stands; an ambiguous text has at least two.
    """

    def __init__(
        self,
        reason: str,
        position: int | None = None,
        character: int | None = None,
        suggestions: Sequence[str] = (),
    ) -> None:
        choices = " or ".join(f'"{phrase}"' for phrase in suggestions)
        super().__init__(f"{reason}; try {choices}" if choices else reason)
        self.reason = reason
        self.position = position
        self.character = character
        self.suggestions = tuple(suggestions)


class PriorityError(InputError):
    """A priority that is not one of `TaskPriority`."""


class OptionError(InputError):
    """An option that is unknown or has a wrong value."""


class TaskError(InputError):
    """A function that cannot be a task as it stands."""


class PlanError(InputError):
    """Phases that cannot be a plan. All faults at once, in `faults`."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


class ConfigError(InputError):
    """Settings that cannot be used. All faults at once, each with its key, in `faults`."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


class NotInstalled(ConfigError):
    """Something optional is asked for, and is not there.

    >>> raise NotInstalled("traces", "otel")
    Traceback (most recent call last):
    offhours.core.errors.NotInstalled: traces: not installed; pip install "offhours[otel]"
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__([f'{what}: not installed; pip install "offhours[{extra}]"'])


class SeveralFaults(InputError):
    """All that cannot be used, at once: `faults` has what is wrong, by the name of what it is."""

    member = ""
    """Where the names stand in the body of a request."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        told = [f"{name}: {fault}" if name else fault for name, fault in faults.items()]
        rest = [f"and {len(told) - _MOST_TOLD} more"] if len(told) > _MOST_TOLD else []
        super().__init__("; ".join([*told[:_MOST_TOLD], *rest]))
        self.faults = dict(faults)


_MOST_TOLD = 10


class FilterError(SeveralFaults):
    """A filter that does not say which jobs are meant."""

    member = "filter"


class BatchError(SeveralFaults):
    """Jobs that cannot be stored, by their places from 0 on; none of the batch was."""

    member = "jobs"


class TemplateError(SeveralFaults):
    """A template that cannot be kept as it stands."""


class ParameterError(SeveralFaults):
    """What a template was given does not fit its parameters; nothing was stored."""

    member = "parameters"


class NotFound(OffhoursError, LookupError):
    """Nothing has that id or name."""


class JobNotFound(NotFound):
    """No job has that id. Finished jobs are kept for the retention time only."""


class TaskNotFound(NotFound):
    """No task of that name is registered."""


class ScheduleNotFound(NotFound):
    """No schedule has that number or name."""


class ModelNotFound(NotFound):
    """The tenant has no model of that name, or the model no such version."""


class FlowNotFound(NotFound):
    """There is no flow of that number."""


class ApprovalNotFound(NotFound):
    """There is no approval of that number."""


class TemplateNotFound(NotFound):
    """No template has that name, or the template no such version."""


class OperationNotFound(NotFound):
    """There is no bulk operation of that number (any more)."""


class GoalNotFound(NotFound):
    """There is no such goal, or it was forgotten long after it was over."""


class ThoughtNotFound(NotFound):
    """There is no thought of that number, or it was forgotten long after it was closed."""


class HandlerNotFound(NotFound):
    """No handler of that name is registered in this process."""


class ToolNotFound(NotFound):
    """No tool of that name is registered."""


class AutomationNotFound(NotFound):
    """No automation has that id."""


class IllegalMove(OffhoursError):
    """The state of the job or schedule does not allow this."""


class Conflict(OffhoursError):
    """Somebody else has changed it meanwhile, or has its name; nothing was changed."""


class UniqueConflict(Conflict):
    """An unfinished job has the unique key already."""


class PreviewChanged(Conflict):
    """Other jobs are meant now than were looked at, or another filter; nothing was done."""


class IdempotencyConflict(Conflict):
    """An idempotency key was used for another request before."""


class LeaseLost(OffhoursError):
    """The job was given to another worker: this attempt's result is refused."""


class NotTested(OffhoursError):
    """An automation that was not tested as it is now, or not well enough, may not be deployed."""


class SignalTimeout(OffhoursError, TimeoutError):
    """A signal or a decision did not come in time."""


class QueueFull(OffhoursError):
    """The bounded queue has no room for the job. Nothing was stored."""


class QuotaExceeded(OffhoursError):
    """An agent or a tenant has as much stored as its quota allows. Nothing was stored."""


class BudgetExceeded(OffhoursError):
    """The budget of this work is used up. A run that lets it pass fails, and is not retried."""


class NotStarted(OffhoursError):
    """The app is not running, or was stopped."""


class SandboxUnavailable(OffhoursError):
    """This machine cannot hold a sandbox's promises, so nothing was run; `remedy` is what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}" if remedy else problem)
        self.problem = problem
        self.remedy = remedy


class JobError(OffhoursError):
    """There is no result to give."""

    def __init__(self, message: str, job_id: int) -> None:
        super().__init__(message)
        self.job_id = job_id


class JobFailed(JobError):
    """The job failed: `code` is a word for it, `error` the stored error with its traceback."""

    def __init__(self, message: str, job_id: int, code: str, error: str) -> None:
        super().__init__(message, job_id)
        self.code = code
        self.error = error


class JobCancelled(JobError):
    """The job was cancelled before it could succeed."""


class ResultTimeout(JobError, TimeoutError):
    """The job was not finished in time; it goes on."""


class ResultNotStored(JobError):
    """The job succeeded, but its result could not be kept; the message says why."""


class StoreError(OffhoursError):
    """The database refused. The driver's own error is the cause."""


class Busy(StoreError):
    """Another process held the write lock until our deadline. Nothing was stored."""


class StoreUnavailable(StoreError):
    """The database server cannot be reached.

    `unknown` says that the connection broke in a commit and that nobody could say what became of
    it; else nothing was stored.
    """

    def __init__(self, message: str, unknown: bool = False) -> None:
        super().__init__(message)
        self.unknown = unknown


class StorageFull(StoreError):
    """The disk is full. Nothing was half-stored."""


class StoreReadOnly(StoreError):
    """The database can be read, not written."""


class StoreClosed(StoreError):
    """The store was closed."""


class StoreUnusable(StoreError):
    """The database cannot be opened; the file was left as it is."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path


class StoreCorrupt(StoreUnusable):
    """The file is damaged, or is not a SQLite database."""


class ForeignDatabase(StoreUnusable):
    """A SQLite database that belongs to something else."""


class NewerSchema(StoreUnusable):
    """Written by a later Offhours than this one."""


class StoreGone(StoreUnusable):
    """The file was deleted or replaced while it was open: what is written would be lost."""


class UnsafeSQLite(StoreUnusable):
    """The linked SQLite can lose acknowledged rows with several processes on one file."""


class NetworkFileSystem(StoreUnusable):
    """File locks do not hold there."""


class DeliveryError(OffhoursError):
    """A channel could not send a message; the text says why, without secrets.

    `retry_after`: in how many seconds the other side wants to be asked again, if it said so.
    `permanent`: whether it would say the same for ever, so that nobody should ask again.
    """

    def __init__(
        self, message: str, retry_after: float | None = None, *, permanent: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.permanent = permanent


def code_of(error: BaseException) -> str:
    """The word for machines: `JobNotFound` is `job_not_found`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).lower()


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """`; did you mean "queue"?`, or nothing when no name is near."""
    near = get_close_matches(word, known, n=1)
    return f'; did you mean "{near[0]}"?' if near else ""
