"""How a phase is carried out: as a job of a flow, by the handler that is registered here."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

from offhours.app import Offhours
from offhours.core.errors import InputError, JobNotFound
from offhours.core.flows import NOTHING_FAILED
from offhours.core.model import Job, JobState
from offhours.core.outcomes import Defer, Retry
from offhours.engine.codec import dump, load
from offhours.engine.context import Context
from offhours.orchestrator.handlers import Handler, Handlers, PhaseContext, PhaseFailed, is_async
from offhours.orchestrator.phases import Phase, Plan

TASKS = "phase:"  # before the name of a handler, it is the name of its task
Stored = dict[str, Any]
_REPAIR = "phase: repair "  # before a number, it is a step in a phase's run
_ELSEWHERE = "30s"
_SAID = re.compile(r"^[\w.]*\bPhaseFailed: (.*)$", re.MULTILINE)
_MODULES = re.compile(r"^(?:\w+\.)+(?=\w+(?:: |$))")


class Phases(NamedTuple):
    """The phases of an execution with their latest jobs, in the order of the plan, and for each all
    that come before it."""

    jobs: Mapping[str, Job]
    before: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, app: Offhours, flow_id: int) -> Phases:
        flows = app.store.flows
        steps = {member.job_id: member.step for member in flows.members(flow_id)}
        found = sorted(((step, app.record(n)) for n, step in steps.items()), key=_place)
        before: dict[str, set[str]] = {step: set() for step, _ in found}
        for edge in flows.edges(flow_id):
            if edge.upstream in steps and edge.downstream in steps:
                before[steps[edge.downstream]].add(steps[edge.upstream])
        jobs = dict(found)
        return cls(jobs, {name: [b for b in jobs if b in before[name]] for name in jobs})

    def plan(self) -> Plan:
        """What was planned, as far as it is kept."""
        first, *_ = self.jobs.values()
        phases = [phase_of(job) for job in self.jobs.values()]
        kept = [[need for need in phase.edges if need.phase in self.jobs] for phase in phases]
        return Plan(
            request_of(first),
            [replace(phase, needs=needs) for phase, needs in zip(phases, kept, strict=True)],
        )


class PhaseRuns:
    """Makes each handler a task of the app, and runs the phases that are its jobs."""

    def __init__(self, app: Offhours, handlers: Handlers) -> None:
        self._app = app
        self._handlers = handlers

    def declare(self, name: str) -> None:
        """From now on this process carries out the phases of a handler."""
        if is_async(self._handlers.get(name)):

            async def run_async(
                ctx: Context, request: str, phase: dict[str, Any], place: int
            ) -> Any:
                return await self._run_async(ctx, request, Phase.from_dict(phase))

            self._register(name, run_async)
        else:

            def run(ctx: Context, request: str, phase: Stored, place: int) -> Any:
                return self._run(ctx, request, Phase.from_dict(phase))

            self._register(name, run)

    def _register(self, name: str, function: Any) -> None:
        self._app.registry.remove(TASKS + name)  # a handler may take the place of another
        self._app.task(name=TASKS + name, executor="thread", give_up_on=(PhaseFailed,))(function)

    # -- one run ----------------------------------------------------------------------------

    def _run(self, ctx: Context, request: str, phase: Phase) -> Any:
        context = self._context(ctx, request, phase)
        try:
            result = self._handlers.get(phase.handler).run(context)
        except PhaseFailed as error:
            step, handler, told = self._repair(ctx, context, error)
            ctx.step(step, _run_now, handler, told)
            raise Retry(0, _repaired(phase, error)) from error
        return self._checked(result)

    async def _run_async(self, ctx: Context, request: str, phase: Phase) -> Any:
        context = await asyncio.to_thread(self._context, ctx, request, phase)
        try:
            result = await self._handlers.get(phase.handler).run(context)
        except PhaseFailed as error:
            step, handler, told = self._repair(ctx, context, error)
            await ctx.step(step, _run_awaited, handler, told)
            raise Retry(0, _repaired(phase, error)) from error
        return self._checked(result)

    def _repair(
        self, ctx: Context, context: PhaseContext, error: PhaseFailed
    ) -> tuple[str, Handler, PhaseContext]:
        """Who mends it, and what that one is told; the error again if nobody does."""
        phase = context.phase
        if phase.repair is None or ctx.last_attempt:
            raise error
        if phase.repair not in self._handlers:
            raise Defer(_ELSEWHERE, f"its repair waits for a process with {phase.repair!r}")
        told = replace(context, failure=str(error), repairing=True)
        step = f"{_REPAIR}{len(context.repairs) + 1}"
        return step, self._handlers.get(phase.repair), told

    def _checked(self, result: object) -> object:
        """A result that the phases behind would not get is a failure now."""
        try:
            dump(result, "its result", self._app.settings.max_payload)
        except InputError as error:
            raise PhaseFailed(f"the result of a phase is plain data: {error}") from error
        return result

    # -- what it is told --------------------------------------------------------------------

    def _context(self, ctx: Context, request: str, phase: Phase) -> PhaseContext:
        found = self._app.store.flows.flow_of(ctx.job_id)
        if found is None:
            raise PhaseFailed(f"job {ctx.job_id} is no phase of an execution")
        phases = Phases.of(self._app, found[0])
        before = {name: phases.jobs[name] for name in phases.before[found[1]]}
        known = [phase, *map(phase_of, before.values())]
        gone = {need.phase for each in known for need in each.edges} - before.keys()
        if gone:
            told = ", ".join(sorted(gone))
            raise PhaseFailed(f"what came before is not kept any more: {told}; execute it anew")
        return PhaseContext(
            request,
            phase,
            results=results_of(before),
            failed={name: ending(job) for name, job in before.items() if went_wrong(job)},
            attempt=ctx.attempt,
            failure=self._failure(ctx.job_id),
            repairs=self._repairs(ctx.job_id),
        )

    def _failure(self, job_id: int) -> str:
        """How the attempt before ended, of this job or of that which it is a retry of."""
        job = self._app.record(job_id)
        if job.error is None and job.retry_of is not None:
            with suppress(JobNotFound):  # pruned
                job = self._app.record(job.retry_of)
        return job.error or ""

    def _repairs(self, job_id: int) -> list[Any]:
        steps = self._app.store.flows.steps(job_id)
        return [load(step.result) for step in steps if step.name.startswith(_REPAIR)]


def _place(found: tuple[str, Job]) -> int:
    """Where in its plan a phase stands."""
    return int(load(found[1].args)[0][2])


def request_of(job: Job) -> str:
    """The request that the job of a phase is there for."""
    return str(load(job.args)[0][0])


def phase_of(job: Job) -> Phase:
    """The phase that a job is there for."""
    return Phase.from_dict(load(job.args)[0][1])


def results_of(jobs: Mapping[str, Job]) -> dict[str, Any]:
    """What phases returned that have succeeded, by their names."""
    return {n: load(job.result) for n, job in jobs.items() if job.state is JobState.SUCCEEDED}


def went_wrong(job: Job) -> bool:
    """Whether it failed, or was not done though it should have been."""
    return job.state in (JobState.FAILED, JobState.CANCELLED) and job.reason != NOTHING_FAILED


def ending(job: Job) -> str:
    """How a job came to an end that was no success, in a line."""
    if job.state is not JobState.FAILED or not job.error:
        return job.reason or job.state.value
    said = _SAID.findall(job.error)
    if said:
        return str(said[-1])
    lines = [line for line in job.error.splitlines() if line[:1].strip()]
    return _MODULES.sub("", lines[-1]) if lines else "no message"


def _repaired(phase: Phase, error: PhaseFailed) -> str:
    return f"{phase.repair} has repaired it after: {str(error).partition(chr(10))[0]}"


def _run_now(handler: Handler, context: PhaseContext) -> Any:
    return asyncio.run(handler.run(context)) if is_async(handler) else handler.run(context)


async def _run_awaited(handler: Handler, context: PhaseContext) -> Any:
    if is_async(handler):
        return await handler.run(context)
    return await asyncio.to_thread(handler.run, context)
