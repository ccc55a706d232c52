"""`offhours`: the commands, what is common to them, and how each error ends."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from offhours import __version__
from offhours.cli.lazy import Entry, LazyGroup
from offhours.cli.session import Host, Session, common

SECTIONS = {
    "Work": {
        "demo": Entry("offhours.cli.demo:demo", "See it work, in a throwaway database."),
        "up": Entry("offhours.cli.up:up", "Work on FILE.py's jobs, serve the page (alias: serve)."),
        "worker": Entry("offhours.cli.up:worker", "The same, as one of many workers."),
        "celery-app": Entry(
            "offhours.cli.celery_app:celery_app", "How to start Celery workers for FILE.py."
        ),
        "submit": Entry("offhours.cli.submit:submit", "Store a job; print its id."),
        "submit-many": Entry(
            "offhours.cli.operations:submit_many", "Store the jobs of a file, all or none."
        ),
        "template": Entry("offhours.cli.templates:template", "Jobs written down beforehand."),
        "train": Entry("offhours.cli.models:train", "Have a tenant's model trained, guarded."),
        "schedule": Entry(
            "offhours.cli.schedules.group:schedule", "Have tasks run again and again."
        ),
        "migrate": Entry(
            "offhours.cli.migrate:migrate", "Bring schedules over from Celery or APScheduler."
        ),
        "mcp": Entry("offhours.cli.mcp:mcp", "Serve agents over the Model Context Protocol."),
        "completion": Entry(
            "offhours.cli.completion:completion", "Let bash, zsh or fish complete it."
        ),
        "install-skill": Entry("offhours.cli.skill:install_skill", "Tell agents how to use it."),
    },
    "Ask": {
        "ls": Entry("offhours.cli.ls:ls", "List jobs, workers, tasks, queues or schedules."),
        "show": Entry("offhours.cli.show:show", "All about one job, with its history."),
        "why": Entry("offhours.cli.show:why", "Why a job stands where it stands."),
        "logs": Entry("offhours.cli.failures:logs", "What happens to a job, as it happens."),
        "failures": Entry("offhours.cli.failures:failures", "What fails, by cause."),
        "find": Entry("offhours.cli.find:find", "Find schedules, tasks, artefacts and jobs."),
        "graph": Entry("offhours.cli.graph:graph", "Why it happened, and what is around it."),
        "dumps": Entry("offhours.cli.dumps:dumps", "What the flight recorder kept."),
        "tools": Entry("offhours.cli.tools:tools", "What is usual for each tool; `set` a limit."),
        "optimize": Entry(
            "offhours.cli.optimize:optimize", "What repeats, and the automations made of it."
        ),
        "metrics": Entry("offhours.cli.metrics:metrics", "Print the metrics, for Prometheus."),
        "top": Entry("offhours.cli.top:top", "Watch the work, live."),
        "alerts": Entry("offhours.cli.alerts:alerts", "What is wrong; `ack ID` to look after it."),
        "models": Entry(
            "offhours.cli.models:models", "What serves; `rollback` and `restore` to go back."
        ),
        "flow": Entry("offhours.cli.flows:flow", "Jobs that depend on each other."),
        "goal": Entry("offhours.cli.goals:goal", "What agents are told, and when."),
        "thoughts": Entry("offhours.cli.thoughts:thoughts", "What waits for agents."),
        "deferrals": Entry("offhours.cli.deferrals:deferrals", "What was moved to later, and why."),
        "approvals": Entry("offhours.cli.approvals:approvals", "What jobs ask a person."),
        "operations": Entry(
            "offhours.cli.operations:operations", "Long actions; `resume ID` and `stop ID`."
        ),
        "audit": Entry("offhours.cli.audit:audit", "Who did what by hand."),
        "notify": Entry("offhours.cli.notify:notify", "Routes, test messages, what was sent."),
        "openapi": Entry("offhours.cli.openapi:openapi", "Describe the REST API."),
        "config": Entry("offhours.cli.config:config", "Which settings hold, and why."),
        "doctor": Entry("offhours.cli.doctor:doctor", "Check this machine and the database."),
    },
    "Steer": {
        "cancel": Entry("offhours.cli.steer:cancel", "Cancel jobs."),
        "retry": Entry("offhours.cli.steer:retry", "Submit finished jobs anew."),
        "defer": Entry("offhours.cli.deferrals:defer", "Move a job to later."),
        "approve": Entry("offhours.cli.approvals:approve", "Say yes to what a job asks."),
        "deny": Entry("offhours.cli.approvals:deny", "Say no to it."),
        "signal": Entry("offhours.cli.approvals:signal", "Send a job what it waits for."),
        "stop": Entry("offhours.cli.audit:stop", "The kill switch: stop everything."),
        "pause": Entry("offhours.cli.limits:pause", "Let nothing of a queue or task start."),
        "resume": Entry("offhours.cli.limits:resume", "End a pause."),
        "workflow": Entry("offhours.cli.workflows:workflow", "Who is in front; `end` a lease."),
        "limit": Entry("offhours.cli.limits:limit", "Limit how much of it runs."),
        "budget": Entry("offhours.cli.budgets:budget", "What work may use up: set, ls, lift."),
        "quota": Entry("offhours.cli.budgets:quota", "How much may be stored: set, ls, lift."),
        "token": Entry("offhours.cli.tokens:token", "Who may use the API: create, ls, revoke."),
        "export": Entry("offhours.cli.moving:export_all", "Write all of it as JSON lines."),
        "import": Entry("offhours.cli.moving:import_all", "Store what an export has."),
        "backup": Entry("offhours.cli.backup:backup", "Copy the database while it is in use."),
    },
}
ALIASES = {"serve": "up"}

EPILOG = """\
Data goes to stdout, all else to stderr. The options before COMMAND may also follow it.

Exit codes: 0 ok, 1 the work failed, 2 usage, 3 not found, 4 no permission, 5 cannot reach the
database or server, 6 conflict, 7 refused by policy, 124 the wait timed out, 130 interrupted.
"""


class Cli(LazyGroup):
    """Ends with an exit code and one line on stderr, whatever happens."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        state = kwargs.setdefault("obj", Session())
        kwargs["standalone_mode"] = False
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            code = super().main(*args, **kwargs)
        except BaseException as error:
            from offhours.cli.failure import report

            code = report(error, state)
        sys.exit(code if isinstance(code, int) else 0)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _quiet_pipe():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with _quiet_pipe():
            return super().invoke(ctx)


@contextmanager
def _quiet_pipe() -> Iterator[None]:
    """Whoever reads our output may stop when they have enough; Click would end with 1."""
    try:
        yield
    except BrokenPipeError:
        # What is still buffered must not be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(0) from None


@click.group(
    cls=Cli,
    sections=SECTIONS,
    aliases=ALIASES,
    invoke_without_command=True,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="offhours", message="%(prog)s %(version)s")
@common
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Background work that stays out of the way, loses nothing, and says why."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        ctx.color = False
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def run(host: Host, args: Sequence[str], prog_name: str) -> int:
    """A command on the app that another program has; the exit code.

    Its database and tasks are those of the app, so that `up` and `worker` need no file.
    """
    try:
        cli.main(args=list(args), prog_name=prog_name, obj=Session(host=host))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def main() -> None:
    """The entry point of the `offhours` command."""
    cli(prog_name="offhours")
