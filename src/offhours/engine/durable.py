"""What a run does once, however often its job is started: steps, sleeps, signals, approvals.

A step is looked up by its name, so the code between steps may change, and need not be
deterministic. A run that has to wait for long ends, and its job goes on from the start later,
finding all that was recorded.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any

from offhours.core import points
from offhours.core.clock import Clock
from offhours.core.errors import LeaseLost, OptionError, SignalTimeout, TaskError
from offhours.core.flows import Approval, ApprovalState, Recorded
from offhours.core.outcomes import Suspend, Suspended
from offhours.core.payload import from_plain, to_plain
from offhours.core.times import LATEST, SECOND, Duration, Micros, iso, parse_duration
from offhours.engine.desk import Desk

SHORT: Micros = 2 * SECOND  # for so long a run keeps its slot and waits in it
_LONGEST_NAME = 200
_GIVEN_UP: Micros = -1  # in place of until when it waits: it did not come in time


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided; true when it was approved. It may be awaited, and is there already."""

    approved: bool
    by: str | None
    note: str | None

    def __bool__(self) -> bool:
        return self.approved

    def __await__(self) -> Generator[Any, None, Decision]:
        return self
        yield  # a generator that has nothing to wait for


class Durable:
    """The records of one run, as the task uses them."""

    def __init__(
        self,
        desk: Desk,
        clock: Clock,
        job_id: int,
        pause: Callable[[Micros], None],
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._job_id = job_id
        self._pause = pause
        self._found: dict[str, Recorded] | None = None
        self._used: dict[str, int] = {}
        self.waits: Suspended | None = None

    # -- steps ------------------------------------------------------------------------------

    def step(
        self, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """The result of a function that is called once; awaitable if the function is async."""
        self._once(_name(name))
        if inspect.iscoroutinefunction(function):
            return self._step_async(name, function(*args, **kwargs))
        found = self._result(name)
        if found is not None:
            return _load(found)
        return self._keep(name, function(*args, **kwargs))

    async def _step_async(self, name: str, call: Awaitable[Any]) -> Any:
        found = self._result(name)
        if found is None:
            return self._keep(name, await call)
        if inspect.iscoroutine(call):
            call.close()
        return _load(found)

    def _once(self, name: str) -> None:
        if self._number(name) > 1:
            raise TaskError(
                f"step {name!r}: this run has had a step of that name; names tell steps apart, "
                'so give each its own, such as f"page {number}"'
            )

    def _number(self, name: str) -> int:
        if self.waits is not None:  # somebody has caught it
            raise Suspend(self.waits)
        self._used[name] = self._used.get(name, 0) + 1
        return self._used[name]

    def _numbered(self, name: str) -> str:
        number = self._number(name)
        return name if number == 1 else f"{name} #{number}"

    # -- waiting ----------------------------------------------------------------------------

    def sleep(self, duration: Duration) -> None:
        """Go on after a time, which begins when this is reached first."""
        length = parse_duration(duration, "sleep")
        name = self._numbered("sleep")
        if self._result(name) is not None:
            return
        found = self._recorded(name)
        until = found.until if found is not None else None
        if until is None:
            until = min(self._clock.micros() + length, LATEST)
            self._record(Recorded(name, None, until))
        left = until - self._clock.micros()
        if left > (0 if _in_a_loop() else SHORT):  # a loop has others to see to
            asleep = Suspended("asleep", f"it sleeps until {iso(until)}", until, held=False)
            raise self._suspend(asleep)
        self._pause(until)
        self._record(Recorded(name, "null", until))

    def wait_for_signal(self, signal: str, timeout: Duration | None) -> Any:
        """What a signal carries, when it comes."""
        name = self._numbered(f"signal {_name(signal)}")
        late = f"no signal {signal!r} came for job {self._job_id} in time"
        done = self._recorded(name)
        if done is not None and done.result is not None:
            return _load(done.result)
        if done is not None and done.until == _GIVEN_UP:
            raise SignalTimeout(late)
        come = self._desk.first_signal(signal)
        if come is not None:
            number, payload = come
            self._record(Recorded(name, payload, None), number)
            return _load(payload)
        until = self._wait_until(name, timeout, signal)
        if until <= self._clock.micros():
            self._record(Recorded(name, None, _GIVEN_UP, signal))
            raise SignalTimeout(late)
        reason = f"it waits for the signal {signal}"
        raise self._suspend(Suspended("signal", reason, until, held=True))

    def _suspend(self, outcome: Suspended) -> Suspend:
        self.waits = outcome
        return Suspend(outcome)

    def _wait_until(self, name: str, timeout: Duration | None, awaits: str | None = None) -> Micros:
        found = self._recorded(name)
        if found is not None and found.until is not None:
            return found.until
        now = self._clock.micros()
        until = LATEST if timeout is None else min(now + parse_duration(timeout, "timeout"), LATEST)
        self._record(Recorded(name, None, until, awaits))
        return until

    def approve(
        self, question: str, args: object, timeout: Duration | None, on_timeout: str
    ) -> Decision:
        """What a person decides about exactly this question and these arguments."""
        if on_timeout not in ("deny", "fail"):
            raise OptionError(f"on_timeout: expected deny or fail, got {on_timeout!r}")
        name = self._numbered(f"approval {_name(question)}")
        frozen = None if args is None else _canonical(to_plain(args, "args"))
        digest = digest_of(self._job_id, question, frozen)
        asked = self._desk.approval_of(name)
        if asked is None or asked.digest != digest or asked.state == ApprovalState.VOID:
            # What was decided about other arguments says nothing about these.
            now = self._clock.micros()
            until = None if timeout is None else now + parse_duration(timeout, "timeout")
            self._record(Recorded(name, None, LATEST if until is None else until))
            self._desk.ask(
                Approval(0, self._job_id, name, question, frozen, digest, now, until,
                         ApprovalState.WAITING, None, None, None)
            )  # fmt: skip
            asked = self._desk.approval_of(name)
            assert asked is not None
        if asked.state == ApprovalState.WAITING:
            until = LATEST if asked.until is None else asked.until
            if until > self._clock.micros() or not self._desk.expire(asked):
                # Of the step, not only of the question, which may have been asked more than once.
                reason = f"it waits for an {name.replace(' ', ': ', 1)}"
                raise self._suspend(Suspended("approval", reason, until, held=True))
            asked = asked._replace(state=ApprovalState.EXPIRED)
        if self._result(name) is None:  # else it would let the next question go on, too
            self._record(Recorded(name, "null", asked.until))
        if asked.state == ApprovalState.EXPIRED and on_timeout == "fail":
            raise SignalTimeout(f"nobody decided in time: {question}")
        return Decision(asked.state == ApprovalState.APPROVED, asked.decided_by, asked.note)

    # -- what came before -------------------------------------------------------------------

    def results(self) -> dict[str | int, Any]:
        """What the jobs returned that this one waited for: by step, or by number without one."""
        return {
            number if step is None else step: None if result is None else _load(result)
            for number, step, result in self._desk.results()
        }

    # -- records ----------------------------------------------------------------------------

    def _recorded(self, name: str) -> Recorded | None:
        if self._found is None:
            self._found = {step.name: step for step in self._desk.steps()}
        return self._found.get(name)

    def _result(self, name: str) -> str | None:
        found = self._recorded(name)
        return None if found is None else found.result

    def _keep(self, name: str, result: object) -> Any:
        text = json.dumps(to_plain(result, f"the result of step {name!r}"), separators=(",", ":"))
        points.reach("after step")
        self._record(Recorded(name, text, None))
        points.reach("step recorded")
        return _load(text)  # the same as it is found again

    def _record(self, step: Recorded, signal: int | None = None) -> None:
        self._recorded(step.name)
        if not self._desk.record(step, signal):
            raise LeaseLost(f"job {self._job_id} is not this run's any more; {step.name!r} is void")
        assert self._found is not None
        self._found[step.name] = step


def _in_a_loop() -> bool:
    asyncio = sys.modules.get("asyncio")  # to import it takes longer than to look
    return asyncio is not None and asyncio._get_running_loop() is not None


def digest_of(job_id: int, question: str, args: str | None) -> str:
    """What an approval is bound to, as a hexadecimal SHA-256."""
    return hashlib.sha256(_canonical([job_id, question, args]).encode()).hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _load(text: str) -> Any:
    return from_plain(json.loads(text))


def _name(name: object) -> str:
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or "\0" in name:
        raise TaskError(f"a name of 1 to {_LONGEST_NAME} characters is needed, got {name!r}")
    return name
