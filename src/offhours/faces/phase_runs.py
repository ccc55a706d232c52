"""How a phase is carried out: as a job of a flow, by the handler that is registered here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from offhours.app import Offhours
from offhours.core.errors import InputError, JobNotFound
from offhours.core.flows import NOTHING_FAILED, Member, in_order
from offhours.core.model import Job, JobState
from offhours.core.outcomes import Defer, Retry
from offhours.engine.codec import dump, load
from offhours.engine.context import Context
from offhours.orchestrator.handlers import Handler, Handlers, PhaseContext, PhaseFailed, is_async
from offhours.orchestrator.phases import Phase

TASKS = "phase:"  # before the name of a handler, it is the name of its task
_REPAIR = "phase: repair "  # before a number, it is a step in a phase's run
_ELSEWHERE = "30s"


class Strand(NamedTuple):
    """The phases of a flow with their latest jobs, each behind those that it needs."""

    members: Mapping[str, Member]
    needs: Mapping[str, list[str]]

    @classmethod
    def of(cls, app: Offhours, flow_id: int) -> Strand:
        members = app.store.flows.members(flow_id)
        steps = {member.job_id: member.step for member in members}
        needs: dict[str, list[str]] = {member.step: [] for member in members}
        for edge in app.store.flows.edges(flow_id):
            if edge.upstream in steps and edge.downstream in steps:
                needs[steps[edge.downstream]].append(steps[edge.upstream])
        named = {member.step: member for member in members}
        return cls({step: named[step] for step in in_order(needs)}, needs)

    def before(self, name: str) -> list[Member]:
        """All that a phase needs, near and far, in order."""
        found: set[str] = set()
        left = list(self.needs[name])
        while left:
            step = left.pop()
            if step not in found:
                found.add(step)
                left += self.needs[step]
        return [member for step, member in self.members.items() if step in found]


class PhaseRuns:
    """Makes each handler a task of the app, and runs the phases that are its jobs."""

    def __init__(self, app: Offhours, handlers: Handlers) -> None:
        self._app = app
        self._handlers = handlers

    def declare(self, name: str) -> None:
        """From now on this process carries out the phases of a handler."""
        if is_async(self._handlers.get(name)):

            async def run_async(ctx: Context, request: str, phase: dict[str, Any]) -> Any:
                return await self._run_async(ctx, request, Phase.from_dict(phase))

            self._register(name, run_async)
        else:

            def run(ctx: Context, request: str, phase: dict[str, Any]) -> Any:
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
        told = PhaseContext(
            context.request, phase, context.results, context.failed, context.attempt,
            str(error), context.repairs,
        )  # fmt: skip
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
        before = [] if found is None else Strand.of(self._app, found[0]).before(found[1])
        records = {member.step: self._app.record(member.job_id) for member in before}
        return PhaseContext(
            request,
            phase,
            results=results_of(records),
            failed={name: ending(job) for name, job in records.items() if _failed(job)},
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


def results_of(records: Mapping[str, Job]) -> dict[str, Any]:
    """What phases returned that have succeeded, by their names."""
    return {n: load(job.result) for n, job in records.items() if job.state is JobState.SUCCEEDED}


def ending(job: Job) -> str:
    """How a job came to an end that was no success, in a line."""
    lines = (job.error or "").strip().splitlines()
    if job.state is JobState.FAILED and lines:
        return _headline(lines)
    return job.reason or job.state.value


def _headline(lines: Iterable[str]) -> str:
    """Of a traceback the line that names the exception, without the module of it."""
    found = [line for line in lines if line[:1].strip() and not line.startswith("Traceback")]
    return found[-1] if found else "no message"


def told_of(job: Job) -> dict[str, Any]:
    """What a phase said last of its progress."""
    return json.loads(job.progress) if job.progress else {}


def _failed(job: Job) -> bool:
    return job.state in (JobState.FAILED, JobState.CANCELLED) and job.reason != NOTHING_FAILED


def _repaired(phase: Phase, error: PhaseFailed) -> str:
    return f"{phase.repair} has repaired it after: {str(error).partition(chr(10))[0]}"


def _run_now(handler: Handler, context: PhaseContext) -> Any:
    return asyncio.run(handler.run(context)) if is_async(handler) else handler.run(context)


async def _run_awaited(handler: Handler, context: PhaseContext) -> Any:
    if is_async(handler):
        return await handler.run(context)
    return await asyncio.to_thread(handler.run, context)
