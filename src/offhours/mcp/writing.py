"""The verbs that change something. Each has a dry run; none of them approves anything."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import Field

from offhours.core import states
from offhours.core.errors import OptionError
from offhours.core.schedules import ScheduleStatus
from offhours.core.times import iso, parse_until
from offhours.handles import SubmitOptions
from offhours.mcp.changes import Changes, McpContext, metadata_of
from offhours.mcp.planning import check_name, confirmation, explained, plan_for_agent
from offhours.mcp.reading import Kind, Page, telling
from offhours.schedules import ScheduleOptions

Text = Annotated[str, Field(max_length=500)]
Long = Annotated[str, Field(max_length=20_000)]
Priority = Literal["critical", "high", "normal", "low", "background"]


class Writing(Changes):
    """The tools that write."""

    @telling
    def offhours_submit(
        self,
        ctx: McpContext,
        task: Text,
        args: list[Any] | None = None,
        kwargs: dict[str, Any] | None = None,
        delay: str | None = None,
        at: str | None = None,
        priority: Priority | None = None,
        queue: str | None = None,
        name: Text | None = None,
        unique: str | None = None,
        idempotency_key: str | None = None,
        goal: Long | None = None,
        trigger_prompt: Long | None = None,
        conversation_id: Text | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Store a job for a task (see offhours_list what=tasks). It survives restarts; ask for it
        with offhours_get.

        delay, at: not before then: "10m", or 2026-06-01T09:00+02:00
        unique: while an unfinished job has this key, that one is the answer
        idempotency_key: makes one job, however often it is submitted
        goal, trigger_prompt, conversation_id: what it is for, kept with the job
        dry_run: check all of it and store nothing
        """
        caller = self._caller(ctx)
        self._check_known(task)
        given = {"delay": delay, "at": at, "priority": priority, "queue": queue, "name": name,
                 "unique": unique, "idempotency_key": idempotency_key}  # fmt: skip
        options = cast(SubmitOptions, {k: v for k, v in given.items() if v is not None})
        options["metadata"] = metadata_of(caller, goal, trigger_prompt, conversation_id)
        known = self._app.task_named(task)
        self._app.check_options(known, options)
        known.codec.encode(tuple(args or ()), kwargs or {}, self._app.settings.max_payload)

        def change() -> dict[str, Any]:
            job = self._app.submit_by_name(task, args=args or (), kwargs=kwargs, **options)
            return {"job": job.id, "why": job.why().sentence}

        return self._change(caller, dry_run, f"store a job for {task}", change)

    @telling
    def offhours_schedule(
        self,
        ctx: McpContext,
        task: Text,
        when: Text,
        name: Text,
        args: list[Any] | None = None,
        kwargs: dict[str, Any] | None = None,
        timezone: str | None = None,
        catch_up: str = "once",
        overlap: str = "skip",
        priority: Priority | None = None,
        goal: Long | None = None,
        trigger_prompt: Long | None = None,
        conversation_id: Text | None = None,
        confirm: str = "",
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Have a task run again and again. Call it twice: the first call explains the schedule and
        gives a code; read the explanation, and call again with that code as `confirm`.

        when: English ("every weekday at 9am") or cron; it ends after 30 days at the latest
        name: your schedule of that name is changed if there is one
        catch_up: fires missed while no worker ran: skip, once, all, all:20, window:2h
        overlap: while an earlier run goes on: skip, queue_one, queue_all, cancel_old, allow
        """
        caller = self._caller(ctx)
        self._check_known(task)
        check_name(self._app, name, caller.name)
        plan = plan_for_agent(self._app, when, timezone)
        options: ScheduleOptions = {
            "name": name, "timezone": timezone, "catch_up": catch_up, "overlap": overlap,
            "metadata": metadata_of(caller, goal, trigger_prompt, conversation_id),
        }  # fmt: skip
        if priority is not None:
            options["priority"] = priority
        known = self._app.task_named(task)
        self._app.schedules.check(known, args or (), kwargs, options)
        told = explained(self._app, plan)
        code = confirmation({**options, "task": task, "when": when, "args": args, "kwargs": kwargs})

        def change() -> dict[str, Any]:
            made = self._app.schedules.add(known, plan, args or (), kwargs, options, redeclare=True)
            return {"schedule": made.id, "explanation": told}

        would = f"have {task} run {told['sentence']}, as {name}"
        if confirm != code and not dry_run:
            return _unconfirmed(would, told, code)
        answer = self._change(caller, dry_run, would, change)
        return {**answer, "explanation": told, **({"confirm": code} if dry_run else {})}

    @telling
    def offhours_defer(
        self, ctx: McpContext, job: Page, until: Text, reason: Text = "", dry_run: bool = False
    ) -> dict[str, Any]:
        """Move a pending job to later, or sooner. No attempt is spent.

        until: a delay ("10m"), a time of day ("14:00") or a moment (2026-06-01T09:00+02:00)
        """
        caller, now = self._caller(ctx), self._app.clock.micros()
        moment = parse_until(until, now, self._app.settings.timezone)
        states.reschedule(self._app.record(job), moment, reason)  # or it says why not

        def change() -> dict[str, Any]:
            self._app.defer(job, until, reason)
            return {"job": job, "run_at": iso(moment)}

        return self._change(caller, dry_run, f"move job {job} to {iso(moment)}", change)

    @telling
    def offhours_cancel(
        self,
        ctx: McpContext,
        id: Page,  # noqa: A002
        kind: Kind = "job",
        reason: Text = "",
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Cancel a job (one that runs is asked to stop), or delete a schedule for good."""
        caller = self._caller(ctx)
        if kind == "job":
            found = self._app.record(id)
            if found.state.final:
                states.cancel(found, reason)  # says why not
            return self._change(
                caller, dry_run, f"cancel job {id}, which is {found.state}",
                lambda: {"job": id, "at_once": self._app.cancel(id, reason)},
            )  # fmt: skip
        schedule = self._app.schedules.get(id)

        def delete() -> dict[str, Any]:
            schedule.delete()
            return {"schedule": id}

        would = f"delete schedule {id} ({schedule.record.name})"
        return self._change(caller, dry_run, would, delete)

    @telling
    def offhours_pause(
        self,
        ctx: McpContext,
        queue: str | None = None,
        task: str | None = None,
        schedule: Page | None = None,
        reason: Text = "",
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Let no job of a queue or task start, or a schedule not fire. What runs goes on."""
        caller, about = self._caller(ctx), _about(queue, task, schedule)
        if schedule is not None:
            handle = self._app.schedules.get(schedule)

            def pause_it() -> dict[str, Any]:
                handle.pause(reason)
                return {"changed": True}

            return self._change(caller, dry_run, f"pause {about}", pause_it)
        return self._change(
            caller, dry_run, f"pause {about}",
            lambda: {"changed": self._app.pause(queue=queue, task=task, reason=reason)},
        )  # fmt: skip

    @telling
    def offhours_resume(
        self,
        ctx: McpContext,
        queue: str | None = None,
        task: str | None = None,
        schedule: Page | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """End the pause of a queue, a task or a schedule."""
        caller, about = self._caller(ctx), _about(queue, task, schedule)
        if schedule is not None:
            handle = self._app.schedules.get(schedule)
            was = handle.record.status

            def resume_it() -> dict[str, Any]:
                handle.resume()
                return {"changed": was is not ScheduleStatus.ACTIVE}

            return self._change(caller, dry_run, f"resume {about}", resume_it)
        return self._change(
            caller, dry_run, f"resume {about}",
            lambda: {"changed": self._app.resume(queue=queue, task=task)},
        )  # fmt: skip

    @telling
    def offhours_signal(
        self, ctx: McpContext, job: Page, name: Text, payload: Any = None, dry_run: bool = False
    ) -> dict[str, Any]:
        """Send a job the signal that it waits for. A signal is no approval: people give those."""
        caller, found = self._caller(ctx), self._app.record(job)
        if found.state.final:
            raise OptionError(f"job {job} is {found.state} and hears no signal any more")

        def change() -> dict[str, Any]:
            self._app.signal(job, name, payload)
            return {"job": job}

        return self._change(caller, dry_run, f"send job {job} {name!r}", change)


def _unconfirmed(would: str, told: dict[str, Any], code: str) -> dict[str, Any]:
    again = f"read the explanation, then call again with confirm={code}"
    return {"done": False, "would": would, "explanation": told, "confirm": code, "next": again}


def _about(queue: str | None, task: str | None, schedule: int | None) -> str:
    if sum(given is not None for given in (queue, task, schedule)) != 1:
        raise OptionError("say what it is about: one of queue, task and schedule")
    if queue is not None:
        return f"the queue {queue}"
    return f"schedule {schedule}" if task is None else f"the task {task}"
