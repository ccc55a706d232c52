"""What can be said of a task or of a job, checked: the same for whoever says it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypedDict, cast
from uuid import uuid4

from offhours.config import Settings
from offhours.core.accounts import with_budget
from offhours.core.budgets import Budget
from offhours.core.carried import FORCE_KEY, OURS, attach
from offhours.core.errors import OptionError, did_you_mean
from offhours.core.gates import DeferralLimit, Gate
from offhours.core.limits import MOST, Rate
from offhours.core.model import NewJob, TaskPriority
from offhours.core.retries import RetryPolicy
from offhours.core.terms import Conflict, Terms
from offhours.core.times import (
    LATEST,
    Duration,
    Micros,
    Moment,
    parse_duration,
    parse_moment,
    parse_until,
)
from offhours.engine.codec import Codec, dump
from offhours.engine.registry import Task, task_name
from offhours.handles import SubmitOptions

LONGEST_NAME = 500
MOST_RETRIES = 1_000_000
_OPTION_NAMES = tuple(SubmitOptions.__annotations__)


class TaskOptions(TypedDict, total=False):
    """The policy of a task.

    name: what it is called in the store ("module:function"); keep it when you move the function
    priority, retries, timeout, queue, on_lost: as for a job
    backoff, factor, max_backoff: the first wait before a retry (1 s), its growth (2), its cap (1 h)
    retry_on, give_up_on: exception types that are retried (all), and that never are (none)
    step_aside: what a running background job does while the person in front is active:
        "cooperate" (wait in `ctx.checkpoint()`) or "finish" (go on to its end); in a process also
        "yield" (lowest scheduling class) or "freeze" (stopped, its timeout too; continued after)
    concurrency: how many of its jobs run at once, at all workers together
    rate: how many of them start in a time, evenly spread: "10/s", "100 per minute", "5/30s"
    requires: labels that a worker must have to run it, such as ["gpu"]
    gates: what may hold its jobs back just before they run, such as those of `offhours.gates`
    max_deferrals: how often one of its jobs may be moved to later before a person is asked whether
        it may go on; None for any number
    executor: "thread" (a coroutine: the event loop); "process": what the task does to its
        process (crash, leak, hold the GIL) it does to nobody else, and its timeout is enforced;
        or "celery": the same, at a Celery worker
    """

    name: str
    priority: TaskPriority | int | str
    retries: int
    timeout: Duration | None
    queue: str
    on_lost: str
    backoff: Duration
    factor: float
    max_backoff: Duration
    retry_on: tuple[type[BaseException], ...]
    give_up_on: tuple[type[BaseException], ...]
    step_aside: str
    executor: str
    concurrency: int | None
    rate: str | None
    requires: Collection[str]
    gates: Collection[Gate]
    max_deferrals: int | None


def new_job(task: Task, options: SubmitOptions, now: Micros, settings: Settings) -> NewJob:
    """A job of a task as these options want it; its arguments are still to come."""
    if not options:
        return NewJob(
            task.name, "", task.priority, now, task.max_attempts, task.queue, task.timeout,
            on_lost=task.on_lost,
        )  # fmt: skip
    for key in options:
        if key not in _OPTION_NAMES:
            raise OptionError(f"{key}: unknown option{did_you_mean(key, _OPTION_NAMES)}")
    get = cast(dict[str, Any], options).get
    metadata = tagged(get("metadata"), get("tags"))
    run_at = _run_at(get("delay"), get("at"), now, settings)
    together = word(get("concurrency_key"), "concurrency_key")
    if together is None and "per_key" in options:
        raise OptionError("per_key: it says how many of a concurrency_key run; give that, too")
    return NewJob(
        task=task.name,
        args="",
        priority=TaskPriority.parse(get("priority", task.priority)),
        run_at=run_at,
        max_attempts=(
            _whole(get("retries"), "retries") + 1 if "retries" in options else task.max_attempts
        ),
        queue=word(get("queue", task.queue), "queue") or "default",
        timeout=_timeout(options["timeout"]) if "timeout" in options else task.timeout,
        name=text(get("name"), "name"),
        metadata=_budgeted(
            _forced(
                None if metadata is None else _metadata(metadata, settings), get("force", False)
            ),
            get("budget"),
        ),
        unique_key=text(get("unique"), "unique"),
        on_lost=_on_lost(get("on_lost", task.on_lost)),
        expires_at=_expires_at(get("expires"), run_at, now, settings),
        tenant=word(get("tenant"), "tenant"),
        concurrency_key=together,
        per_key=None if together is None else at_most(get("per_key", 1), "per_key"),
    )


def _run_at(delay: Duration | None, at: Moment | None, now: Micros, settings: Settings) -> Micros:
    if delay is not None and at is not None:
        raise OptionError("delay and at exclude each other; give one of them")
    if at is not None:
        return parse_moment(at, "at", settings.timezone)
    run_at = now if delay is None else now + parse_duration(delay, "delay")
    if run_at > LATEST:
        raise OptionError(f"delay: {delay!r} from now is beyond the year 9999")
    return run_at


def _expires_at(
    expires: Moment | Duration | None, run_at: Micros, now: Micros, settings: Settings
) -> Micros | None:
    if expires is None:
        return None
    moment = parse_until(expires, now, settings.timezone, "expires")
    if moment <= run_at:
        raise OptionError(f"expires: {expires!r} is over before the job may start")
    return moment


def tagged(metadata: Any, tags: object) -> Any:
    """Metadata with tags in it."""
    if tags is None or not (metadata is None or isinstance(metadata, Mapping)):
        return metadata
    if isinstance(tags, str) or not isinstance(tags, Collection):
        raise OptionError(f"tags: expected a list of names, got {tags!r}")
    if "tags" in (metadata or {}):
        raise OptionError("tags: the metadata has tags already; give them once")
    return {**(metadata or {}), "tags": [word(tag, "tags") for tag in tags]}


def _metadata(metadata: Mapping[str, Any], settings: Settings) -> str:
    if not isinstance(metadata, Mapping):
        raise OptionError(f"metadata: expected a mapping, got {type(metadata).__name__}")
    ours = [key for key in metadata if isinstance(key, str) and key.startswith(OURS)]
    if ours:
        raise OptionError(f"metadata: the key {ours[0]!r} is taken by Offhours")
    return dump(dict(metadata), "metadata", settings.max_payload)


def _forced(metadata: str | None, force: object) -> str | None:
    if not isinstance(force, bool):
        raise OptionError(f"force: expected true or false, got {force!r}")
    return attach(metadata, FORCE_KEY, True) if force else metadata


def _budgeted(metadata: str | None, value: object) -> str | None:
    if value is None:
        return metadata
    return with_budget(metadata, make_budget(value), uuid4().hex)


def make_budget(value: object) -> Budget:
    """A budget, or one from a mapping with its fields."""
    if isinstance(value, Budget):
        return value
    if not isinstance(value, Mapping):
        raise OptionError(f"budget: expected a Budget or a mapping, got {value!r}")
    known = tuple(Budget.__dataclass_fields__)
    for key in value:
        if key not in known:
            raise OptionError(f"budget: {key!r} is unknown{did_you_mean(str(key), known)}")
    return Budget(**value)


def terms_of(options: SubmitOptions) -> Terms:
    """On which terms a job is stored."""
    get = cast(dict[str, Any], options).get
    conflict, once = get("on_conflict", Conflict.RETURN_EXISTING), get("idempotency_key")
    if conflict not in list(Conflict):
        raise OptionError(f"on_conflict: expected {', '.join(Conflict)}, got {conflict!r}")
    if conflict != Conflict.RETURN_EXISTING and get("unique") is None:
        raise OptionError("on_conflict: there can be no conflict without a unique key")
    return Terms(Conflict(conflict), text(once, "idempotency_key"))


def _gates(value: object, max_deferrals: object) -> tuple[Gate, ...]:
    if not isinstance(value, Collection) or not all(isinstance(gate, Gate) for gate in value):
        raise OptionError(f"gates: expected a list of gates, got {value!r}")
    most = at_most(max_deferrals, "max_deferrals")
    return tuple(value) if most is None else (*value, DeferralLimit(most))


def make_task(function: Callable[..., Any], options: TaskOptions, executor: str = "thread") -> Task:
    """A task from a function and its options, all checked; `executor` is that of the app."""
    for key in options:
        if key not in TaskOptions.__annotations__:
            raise OptionError(
                f"{key}: unknown option{did_you_mean(key, tuple(TaskOptions.__annotations__))}"
            )
    get = cast(dict[str, Any], options).get
    name = word(get("name"), "name") or task_name(function)
    default = Task(name, function, Codec(function, name))
    policy = RetryPolicy()
    if executor == "inline" or (executor == "process" and default.is_async):
        executor = "thread"
    executor = _executor(get("executor", executor))
    return Task(
        name=name,
        function=function,
        codec=default.codec,
        priority=TaskPriority.parse(get("priority", default.priority)),
        retries=_whole(get("retries", default.retries), "retries"),
        timeout=_timeout(options["timeout"]) if "timeout" in options else default.timeout,
        queue=word(get("queue", default.queue), "queue") or default.queue,
        policy=RetryPolicy(
            base=parse_duration(get("backoff", 1), "backoff"),
            factor=_factor(get("factor", policy.factor)),
            cap=parse_duration(get("max_backoff", "1h"), "max_backoff"),
            retry_on=_exceptions(get("retry_on", policy.retry_on), "retry_on"),
            give_up_on=_exceptions(get("give_up_on", ()), "give_up_on"),
        ),
        on_lost=_on_lost(get("on_lost", default.on_lost)),
        step_aside=_step_aside(get("step_aside", default.step_aside), executor),
        executor=executor,
        concurrency=at_most(get("concurrency"), "concurrency"),
        rate=None if get("rate") is None else Rate.parse(get("rate")),
        requires=_labels(get("requires", ())),
        gates=_gates(get("gates", ()), get("max_deferrals")),
    )


def at_most(value: object, name: str) -> int | None:
    """A limit on how many; None for none."""
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST:
        raise OptionError(f"{name}: expected a whole number from 1 on, got {value!r}")
    return value


def _labels(value: object) -> frozenset[str]:
    if isinstance(value, str) or not isinstance(value, Collection):
        raise OptionError(f"requires: expected a list of labels, got {value!r}")
    return frozenset(word(label, "requires") or "" for label in value)


def _whole(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_RETRIES:
        raise OptionError(f"{name}: expected a whole number from 0 to {MOST_RETRIES:,}")
    return value


def text(value: object, name: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME:
        raise OptionError(f"{name}: expected text of 1 to {LONGEST_NAME} characters")
    if "\0" in value:
        raise OptionError(f"{name}: contains a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise OptionError(f"{name}: contains a lone surrogate, which is not text") from None
    return value


def _timeout(value: Duration | None) -> Micros | None:
    if value is None:
        return None
    micros = parse_duration(value, "timeout")
    if micros == 0:
        raise OptionError("timeout: must be longer than 0; None means no limit")
    return micros


def word(value: object, name: str) -> str | None:
    """A name that claims look for: without control characters, which separate such names."""
    checked = text(value, name)
    if checked is not None and any(character < " " for character in checked):
        raise OptionError(f"{name}: contains a control character")
    return checked


def _factor(value: object) -> float:
    if not isinstance(value, int | float) or not 1 <= value <= 1000:
        raise OptionError(f"factor: expected a number from 1 to 1000, got {value!r}")
    return float(value)


def _on_lost(value: object) -> str:
    if value not in ("retry", "fail"):
        raise OptionError(f"on_lost: expected retry or fail, got {value!r}")
    return str(value)


def _executor(value: object) -> str:
    if value not in ("thread", "process", "celery"):
        raise OptionError(f"executor: expected thread, process or celery, got {value!r}")
    return str(value)


def _step_aside(value: object, executor: str) -> str:
    if value in ("yield", "freeze") and executor == "thread":
        raise OptionError(
            f'step_aside: {value} needs executor="process"; a thread cannot be made to {value}'
        )
    if value not in ("cooperate", "finish", "yield", "freeze"):
        raise OptionError(f"step_aside: expected cooperate, finish, yield or freeze, got {value!r}")
    return str(value)


def _exceptions(value: Any, name: str) -> tuple[type[BaseException], ...]:
    kinds = value if isinstance(value, tuple | list) else (value,)
    if not all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds):
        raise OptionError(f"{name}: expected exception types, got {value!r}")
    return tuple(kinds)
