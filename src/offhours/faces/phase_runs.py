"""How a phase is carried out: as a job of a flow, by the handler that is registered here."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

from offhours.app import Offhours
from offhours.core.errors import InputError, JobNotFound
from offhours.core.outcomes import Defer, Retry
from offhours.engine.codec import dump, load
from offhours.engine.context import Context
from offhours.faces.phases import TASKS, Phases, phase_of, results_of, went_wrong
from offhours.orchestrator.handlers import Handler, Handlers, PhaseContext, PhaseFailed, is_async
from offhours.orchestrator.phases import Phase

Stored = dict[str, Any]
_REPAIR = "phase: repair "  # before a number, it is a step in a phase's run
_ELSEWHERE = "30s"


class PhaseRuns:
    """Makes each handler a task of the app, and runs the phases that are its jobs."""

    def __init__(self, app: Offhours, handlers: Handlers) -> None:
        self._app = app
        self._handlers = handlers

    def declare(self, name: str) -> None:
        """From now on this process carries out the phases of a handler."""
        if is_async(self._handlers.get(name)):

            async def run_async(ctx: Context, request: str, phase: Stored, place: int) -> Any:
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
        before = Phases.before(self._app, ctx.job_id)
        known = [phase, *map(phase_of, before.jobs.values())]
        gone = {need.phase for each in known for need in each.edges} - before.jobs.keys()
        if gone:
            told = ", ".join(sorted(gone))
            raise PhaseFailed(f"what came before is not kept any more: {told}; execute it anew")
        wrong = [name for name, job in before.jobs.items() if went_wrong(job)]
        return PhaseContext(
            request,
            phase,
            results=results_of(before.jobs),
            failed={name: before.ending(name) for name in wrong},
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


def _repaired(phase: Phase, error: PhaseFailed) -> str:
    return f"{phase.repair} has repaired it after: {str(error).partition(chr(10))[0]}"


def _run_now(handler: Handler, context: PhaseContext) -> Any:
    return asyncio.run(handler.run(context)) if is_async(handler) else handler.run(context)


async def _run_awaited(handler: Handler, context: PhaseContext) -> Any:
    if is_async(handler):
        return await handler.run(context)
    return await asyncio.to_thread(handler.run, context)
