"""`budget` and `quota`: what agents, tenants and all work may use up, and may have stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from offhours.agents.telling import budget_dict, quota_dict
from offhours.cli.options import together
from offhours.cli.session import common, json_option, session
from offhours.cli.views import ahead
from offhours.core.budgets import Amounts, OnBreach
from offhours.core.times import spoken

if TYPE_CHECKING:
    from offhours.agents.room import BudgetState
    from offhours.core.quotas import Quota, Usage

BUDGET_HEADERS = ("OF", "NAME", "TOKENS", "USD", "SECONDS", "CALLS", "PER", "THEN", "REFILLS")
QUOTA_HEADERS = ("OF", "NAME", "ACTIVE", "RECURRING", "BYTES", "DEFERRALS")
_FIELDS = Amounts._fields


_one = (
    click.option("--agent", help="Of this agent."),
    click.option("--tenant", help="Of this tenant."),
)
_all = click.option("--all", "everything", is_flag=True, help="All work.")
_of_one, _of_one_or_all = together(*_one), together(*_one, _all)


def _scope(agent: str | None, tenant: str | None, everything: bool = False) -> tuple[str, str]:
    if sum((agent is not None, tenant is not None, everything)) != 1:
        raise click.UsageError("say whose it is: one of --agent, --tenant and --all")
    if agent is not None:
        return "agent", agent
    return ("all", "") if tenant is None else ("tenant", tenant)


def _name(scope: str, name: str) -> str:
    return "all work" if scope == "all" else f"{scope} {name}"


@click.group()
@common
def budget() -> None:
    """What work may use up: tokens, money, time, calls of tools."""


@budget.command("set")
@_of_one_or_all
@click.option("--tokens", type=int, help="The most tokens.")
@click.option("--usd", type=float, help="The most money, in dollars.")
@click.option("--seconds", metavar="TIME", help="For how long jobs may run, in all: 600 or 10m.")
@click.option("--tool-calls", type=int, help="The most calls of tools.")
@click.option("--per", metavar="TIME", help="When it refills: minute, hour, day, week, or 90m.")
@click.option("--on-breach", type=click.Choice([each.value for each in OnBreach]), default="stop",
              show_default=True, help="What becomes of work when it is used up.")  # fmt: skip
@json_option
@common
def set_budget(agent: str | None, tenant: str | None, everything: bool, **fields: Any) -> None:
    """Set a budget; the one before is replaced.

    \b
    With --json: {"budgets": as `ls` has them}

    \b
    Example:
      offhours budget set --agent scout --usd 5 --per day --on-breach defer
    """
    scope, name = _scope(agent, tenant, everything)
    state = session()
    with state.open() as app:
        given = {key: value for key, value in fields.items() if value is not None}
        app.agents.set_budget(scope, name, None, _numbers(given))
        found = app.agents.budgets()
    if state.json:
        state.emit({"budgets": [budget_dict(each) for each in found]})
    else:
        click.echo(f"{_name(scope, name)} has a budget")


def _numbers(given: dict[str, Any]) -> dict[str, Any]:
    """Seconds may be a number, too."""
    told = given.get("seconds")
    if isinstance(told, str) and told.replace(".", "", 1).isdigit():
        given["seconds"] = float(told)
    return given


@budget.command("ls")
@json_option
@common
def list_budgets() -> None:
    """List budgets, and how much of each is used in its span of time.

    \b
    With --json: {"budgets": [{"scope", "name", "limits": {"tokens", "usd", "seconds",
    "tool_calls"}, "used": {...}, "runs", "per_ms", "on_breach", "refills_at"}...]}
    """
    state = session()
    with state.open() as app:
        found, where, now = app.agents.budgets(), app.store.name, app.clock.micros()
    if state.json:
        state.emit({"budgets": [budget_dict(each) for each in found]})
    elif found:
        state.table(BUDGET_HEADERS, [_budget_row(each, now) for each in found])
    else:
        state.note(f"no budgets in {where}; set one: offhours budget set --all --usd 20 --per day")


def _budget_row(state: BudgetState, now: int) -> tuple[str, ...]:
    told = budget_dict(state)
    cells = [
        "-"
        if told["limits"][name] is None
        else f"{told['used'][name]:g} of {told['limits'][name]:g}"
        for name in _FIELDS
    ]
    per = "-" if state.budget.per is None else spoken(state.budget.per)
    left = "-" if state.refills_at is None else ahead(state.refills_at, now)
    return told["scope"], told["name"] or "-", *cells, per, told["on_breach"], left


@budget.command()
@_of_one_or_all
@json_option
@common
def lift(agent: str | None, tenant: str | None, everything: bool) -> None:
    """Take a budget away.

    With --json: {"lifted": whether there was one}
    """
    scope, name = _scope(agent, tenant, everything)
    state = session()
    with state.open() as app:
        there = any((b.budget.scope, b.budget.name) == (scope, name) for b in app.agents.budgets())
        app.agents.set_budget(scope, name, None, {})
    if state.json:
        state.emit({"lifted": there})
    else:
        click.echo(f"{_name(scope, name)} has no budget" + ("" if there else ", and had none"))


@click.group()
@common
def quota() -> None:
    """How much agents and tenants may have stored that is not finished."""


@quota.command("set")
@_of_one
@click.option("--active", type=click.IntRange(0), help="Goals; of a tenant jobs, too.")
@click.option("--cron", type=click.IntRange(0), help="Goals that fire again and again.")
@click.option("--memory", type=click.IntRange(0), help="Bytes.")
@click.option("--deferrals", type=click.IntRange(1),
              help="How often a goal may be moved to later before a person is asked.")  # fmt: skip
@json_option
@common
def set_quota(agent: str | None, tenant: str | None, **fields: int | None) -> None:
    """Set a quota; the one before is replaced, and what is not said may be as much as it likes.

    With --json: {"quotas": as `ls` has them}

    \b
    Example:
      offhours quota set --agent scout --active 50 --deferrals 20
    """
    scope, name = _scope(agent, tenant)
    given = {key: value for key, value in fields.items() if value is not None}
    if not given:
        raise click.UsageError("say how much: --active, --cron, --memory or --deferrals")
    _set_quota(scope, name, given, "has a quota")


@quota.command("lift")
@_of_one
@json_option
@common
def lift_quota(agent: str | None, tenant: str | None) -> None:
    """Let an agent or a tenant have as much as it likes.

    An agent that never had a quota of its own has 50 active goals; this lifts that, too.

    With --json: {"quotas": as `ls` has them}
    """
    scope, name = _scope(agent, tenant)
    _set_quota(scope, name, {}, "may have as much as it likes")


def _set_quota(scope: str, name: str, fields: Mapping[str, int], told: str) -> None:
    state = session()
    with state.open() as app:
        app.agents.set_quota(scope, name, fields)
        found = app.agents.quotas()
    if state.json:
        state.emit({"quotas": [quota_dict(*each) for each in found]})
    else:
        click.echo(f"{_name(scope, name)} {told}")


@quota.command("ls")
@json_option
@common
def list_quotas() -> None:
    """List quotas, and how much of each is used.

    \b
    With --json: {"quotas": [{"scope", "name", "limits": {"active", "cron", "memory",
    "deferrals"}, "used": {"active", "cron", "memory"}}...]}
    """
    state = session()
    with state.open() as app:
        found, where = app.agents.quotas(), app.store.name
    if state.json:
        state.emit({"quotas": [quota_dict(*each) for each in found]})
    elif found:
        state.table(QUOTA_HEADERS, [_quota_row(*each) for each in found])
    else:
        state.note(f"no quotas in {where}; an agent without one may have 50 active goals")


def _quota_row(quota: Quota, usage: Usage) -> tuple[str, ...]:
    def cell(used: int, most: int | None) -> str:
        return f"{used:,}" if most is None else f"{used:,} of {most:,}"

    return (
        quota.scope, quota.name, cell(usage.active, quota.active), cell(usage.cron, quota.cron),
        cell(usage.memory, quota.memory), "-" if quota.deferrals is None else str(quota.deferrals),
    )  # fmt: skip
