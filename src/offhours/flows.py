"""Flows: jobs that depend on each other, stored together and steered as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

from offhours.acting import steers
from offhours.core.errors import FlowNotFound, IllegalMove, OptionError, ResultTimeout
from offhours.core.flows import NOTHING_FAILED, FlowStep, IfFailed, Member, Upstream, in_order
from offhours.core.flows import Flow as StoredFlow
from offhours.core.model import JobState
from offhours.core.states import WAITS
from offhours.core.times import SECOND, Duration, parse_duration
from offhours.handles import After, JobHandle, SubmitOptions, TaskHandle, upstream
from offhours.options import word

if TYPE_CHECKING:
    from offhours.app import Offhours

Runnable = Callable[..., Any] | TaskHandle[..., Any] | str

OWN_JOBS = ("connection", "durable", "unique", "on_conflict", "idempotency_key")


class _Step(NamedTuple):
    task: Runnable
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    after: tuple[tuple[int | str, IfFailed], ...]
    options: SubmitOptions


class Flow:
    """Steps, and which of them wait for which. Nothing is stored before `app.submit_flow`.

    >>> flow = Flow("thumbnails")
    >>> made = flow.group("resize", len, [("a",), ("bb",)])
    >>> flow.step("index", sum, args=([1, 2],), after=made)
    'index'
    """

    def __init__(self, name: str) -> None:
        self.name = word(name, "flow") or "flow"
        self._steps: dict[str, _Step] = {}

    def step(
        self,
        name: str,
        task: Runnable,
        /,
        *,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        if_failed: str = "cancel",
        **options: Unpack[SubmitOptions],
    ) -> str:
        """Add a step; its name.

        if_failed: what a failure of those means that say nothing of it by `After`
        options: those of `submit`, but for `connection`, `durable`, `unique`, `on_conflict` and
            `idempotency_key`; `after` has names of steps, also of those to come, or jobs
        """
        checked = word(name, "step") or ""
        if checked in self._steps:
            raise OptionError(f"step: this flow has a step {checked!r} already")
        for key in OWN_JOBS:
            if key in options:
                raise OptionError(f"{key}: not for a step of a flow")
        after = options.pop("after", ())
        waited = [w if isinstance(w, After) else After(w, if_failed) for w in after]
        self._steps[checked] = _Step(
            task, tuple(args), dict(kwargs or {}), tuple(map(upstream, waited)), options
        )
        return checked

    def group(
        self,
        name: str,
        task: Runnable,
        calls: Iterable[tuple[Any, ...]],
        /,
        *,
        if_failed: str = "cancel",
        **options: Unpack[SubmitOptions],
    ) -> list[str]:
        """Add a step for each tuple of arguments, "name 1" and so on; their names."""
        options["after"] = list(options.get("after", ()))
        return [
            self.step(f"{name} {number}", task, args=call, if_failed=if_failed, **options)
            for number, call in enumerate(calls, start=1)
        ]

    def chain(self, *steps: str) -> None:
        """Have each of these steps wait for the one before it."""
        for before, name in pairwise(steps):
            found = self._steps.get(name)
            if found is None:
                raise OptionError(f"chain: this flow has no step {name!r}")
            edge = (before, IfFailed.CANCEL)
            self._steps[name] = found._replace(after=(*found.after, edge))

    def in_order(self, app: Offhours) -> list[FlowStep]:
        """The steps as jobs, each behind those that it waits for. Every fault is an error."""
        if not self._steps:
            raise OptionError(f"flow {self.name!r} has no step")
        names = in_order(
            {
                name: [up for up, _ in step.after if isinstance(up, str)]
                for name, step in self._steps.items()
            }
        )
        places = {name: place for place, name in enumerate(names)}
        ordered: list[FlowStep] = []
        for name in names:
            step = self._steps[name]
            after = [
                Upstream(places[up], if_failed, in_flow=True)
                if isinstance(up, str)
                else Upstream(app.record(up).id, if_failed)
                for up, if_failed in step.after
            ]
            job = app.new_job(step.task, step.args, step.kwargs, step.options)
            ordered.append(FlowStep(name, job, after))
        return ordered


class Progress(NamedTuple):
    """How far a flow is: steps by the state of their latest job."""

    done: int
    total: int
    states: Mapping[str, int]

    @property
    def fraction(self) -> float:
        return self.done / self.total if self.total else 1.0


class FlowHandle:
    """A stored flow by its number. Everything it says is read from the store at that moment."""

    def __init__(self, app: Offhours, flow_id: int) -> None:
        self._app = app
        self.id = flow_id

    @property
    def record(self) -> StoredFlow:
        """The stored row; `FlowNotFound` when there is none."""
        found = self._app.store.flows.flow(self.id)
        if found is None:
            raise FlowNotFound(f"no flow {self.id} in {self._app.store.name}")
        return found

    @property
    def name(self) -> str:
        return self.record.name

    def members(self) -> list[Member]:
        """The steps, each with its latest job, in the order in which they were stored."""
        return self._app.store.flows.members(self.id)

    def job(self, step: str) -> JobHandle[Any]:
        """The latest job of a step."""
        for member in self.members():
            if member.step == step:
                return JobHandle(self._app, member.job_id)
        raise OptionError(f"flow {self.id} has no step {step!r}")

    @property
    def status(self) -> str:
        """`pending` before the first start, `running`, and in the end `succeeded`, `failed` or
        `cancelled`. A step that catches, and had nothing to do, does not count."""
        members = [member for member in self.members() if not _idle(member)]
        found = {member.state for member in members}
        if not all(state.final for state in found):
            begun = any(m.started_at is not None for m in members)
            return "running" if begun else "pending"
        for state in (JobState.FAILED, JobState.CANCELLED):
            if state in found:
                return state.value
        return JobState.SUCCEEDED.value

    @property
    def progress(self) -> Progress:
        """How many of its steps are done."""
        counts: dict[str, int] = {}
        members = self.members()
        for member in members:
            counts[member.state.value] = counts.get(member.state.value, 0) + 1
        return Progress(sum(m.state.final for m in members), len(members), counts)

    def wait(self, timeout: Duration | None = None) -> str:
        """Wait until every step has ended; the status. `ResultTimeout` if it takes longer."""
        clock = self._app.clock
        limit = None if timeout is None else parse_duration(timeout, "timeout") / SECOND
        deadline = None if limit is None else clock.monotonic() + limit
        while open_jobs := [m.job_id for m in self.members() if not m.state.final]:
            left = None if deadline is None else deadline - clock.monotonic()
            if left is not None and left <= 0:
                raise ResultTimeout(f"flow {self.id} was not finished in time", open_jobs[0])
            self._app.wait_for(open_jobs[0], left)
        return self.status

    def results(self) -> dict[str, Any]:
        """What the steps returned that have succeeded, by their names."""
        return {
            member.step: JobHandle[Any](self._app, member.job_id).result()
            for member in self.members()
            if member.state is JobState.SUCCEEDED
        }

    @steers
    def cancel(self, reason: str = "") -> int:
        """Cancel what is not finished; how many steps that concerned."""
        count = 0
        for job_id in reversed(self._needs()):  # what waits first, or it would be let go on
            if not self._app.record(job_id).state.final:
                with suppress(IllegalMove):  # it has ended meanwhile
                    self._app.cancel(job_id, reason or f"flow {self.id} was cancelled")
                    count += 1
        return count

    def _needs(self) -> dict[int, list[int]]:
        """What each step's latest job waits for in this flow, each behind those."""
        steps = {member.job_id: member.step for member in self.members()}
        after: dict[str, list[str]] = {step: [] for step in steps.values()}
        for edge in self._app.store.flows.edges(self.id):
            if edge.upstream in steps and edge.downstream in steps:
                after[steps[edge.downstream]].append(steps[edge.upstream])
        jobs = {step: job_id for job_id, step in steps.items()}
        return {jobs[step]: [jobs[up] for up in after[step]] for step in in_order(after)}

    @steers
    def retry(self) -> list[JobHandle[Any]]:
        """Do the steps again that failed or were cancelled, and what waits for them.

        One that has nothing new before it does not repeat the steps that it recorded.
        """
        bad = (JobState.FAILED, JobState.CANCELLED)
        first = [m.job_id for m in self.members() if m.state in bad and not _idle(m)]
        return self._again(first, keep=True)

    @steers
    def restart(self, step: str) -> list[JobHandle[Any]]:
        """Do a step again, and all that waits for it. `IllegalMove` while one of them is under way:
        it was let go on, and has not ended."""
        return self._again([self.job(step).id], keep=False)

    def _again(self, first: Sequence[int], keep: bool) -> list[JobHandle[Any]]:
        if not first:
            raise IllegalMove(f"flow {self.id} has no step that failed")
        renewed: dict[int, bool] = {}  # whether something before it is done again, too
        for job_id, needed in self._needs().items():
            if job_id in first or not renewed.keys().isdisjoint(needed):
                renewed[job_id] = not renewed.keys().isdisjoint(needed)
        jobs = [self._app.record(job_id) for job_id in renewed]
        for job in jobs:
            waits = job.state is JobState.HELD and job.reason == WAITS and job.id not in first
            if not (job.state.final or waits):
                raise IllegalMove(f"job {job.id} is {job.state}; wait for its end, or cancel it")
        kept = [job_id for job_id, anew in renewed.items() if keep and not anew]
        done = [job for job in jobs if job.state.final]
        made = self._app.store.flows.do_again(done, self._app.clock.micros(), kept)
        self._app.wake_workers()
        return [JobHandle(self._app, job_id) for job_id in made.values()]

    def __repr__(self) -> str:
        return f"<flow {self.id}>"


def _idle(member: Member) -> bool:
    return member.state is JobState.CANCELLED and member.reason == NOTHING_FAILED
