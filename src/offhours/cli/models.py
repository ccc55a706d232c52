"""`models`: what serves, what was before, and back to it; each tenant's apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from offhours.cli.options import limit_option, together
from offhours.cli.session import common, json_option, session, user
from offhours.training.registry import ModelHandle, ModelRegistry
from offhours.training.telling import cycle_dict, move_dict, version_dict

if TYPE_CHECKING:
    from offhours.cli.remote.models import RemoteModel, RemoteModels

MODEL_HEADERS = ("MODEL", "CHAMPION", "PREVIOUS", "CYCLES", "GOOD", "BAD", "SKIPPED", "LAST")
VERSION_HEADERS = ("VERSION", "SERVES AS", "BYTES", "MADE", "METRICS")
CYCLE_HEADERS = ("CYCLE", "STARTED", "END", "WHY")

AnyModel: TypeAlias = "ModelHandle | RemoteModel"


_of_tenant = together(
    click.option("--tenant", required=True, help="Whose models are meant."),
    click.option(
        "--folder", type=click.Path(file_okay=False),
        help="Of large models, if not beside the database.",
    ),
)  # fmt: skip
_by = click.option("--by", help="Who wants it; else the user of this shell.")
_reason = click.option("--reason", default="", help="Kept with the move.")


@contextmanager
def _registry(tenant: str, folder: str | None) -> Iterator[ModelRegistry | RemoteModels]:
    from offhours.training import Artefacts

    if folder is None:
        with session().open() as app:
            yield app.models(tenant)
    else:
        with session().open_here() as app:
            artefacts = Artefacts(app.store.models, folder)
            yield ModelRegistry(app.store, artefacts, app.clock, tenant)


def _person(by: str | None) -> str:
    if by is not None and session().url:
        raise click.UsageError("over --url it is the token's holder who does it; leave out --by")
    return by or user()


@click.group()
@common
def models() -> None:
    """Look at the models of a tenant, and go back to earlier ones.

    \b
    Example:
      offhours models rollback digits --tenant acme --reason "users complain"
    """


@models.command("ls")
@_of_tenant
@json_option
@common
def list_models(tenant: str, folder: str | None) -> None:
    """List the models of a tenant.

    \b
    With --json: {"models": [{"model", "aliases", "cycles", "good", "bad", "skipped",
    "last"}...]}
    """
    state = session()
    with _registry(tenant, folder) as registry:
        found = [_summary(model) for model in registry]
    if state.json:
        state.emit({"models": found})
    elif found:
        state.table(MODEL_HEADERS, [_model_row(each) for each in found])
    else:
        state.note(f"{tenant} has no models")


@models.command()
@click.argument("name", metavar="MODEL")
@limit_option(10)
@_of_tenant
@json_option
@common
def show(name: str, limit: int, tenant: str, folder: str | None) -> None:
    """Show a model's newest versions, learning cycles and changes of what serves.

    \b
    With --json: {"model", "aliases", "golden", "versions": [...], "cycles": [...],
    "moves": [...]}
    """
    state = session()
    with _registry(tenant, folder) as registry:
        model = registry.get(name)
        told = _shown(model, limit)
    if state.json:
        state.emit(told)
        return
    state.table(VERSION_HEADERS, [_version_row(each) for each in told["versions"]])
    click.echo()
    state.table(CYCLE_HEADERS, [_cycle_row(each) for each in told["cycles"]])


@models.command()
@click.argument("name", metavar="MODEL")
@_by
@_reason
@_of_tenant
@json_option
@common
def rollback(name: str, by: str | None, reason: str, tenant: str, folder: str | None) -> None:
    """Let the version before serve again.

    \b
    With --json: {"model", "champion", "aliases"}
    """
    with _registry(tenant, folder) as registry:
        model = registry.get(name)
        model.rollback(_person(by), reason)
        _tell(model)


@models.command()
@click.argument("name", metavar="MODEL")
@click.argument("version", type=int)
@_by
@_reason
@_of_tenant
@json_option
@common
def restore(
    name: str, version: int, by: str | None, reason: str, tenant: str, folder: str | None
) -> None:
    """Let any earlier version serve whose bytes are still there.

    \b
    With --json: {"model", "champion", "aliases"}
    """
    with _registry(tenant, folder) as registry:
        model = registry.get(name)
        model.restore(version, _person(by), reason)
        _tell(model)


@models.command()
@click.argument("name", metavar="MODEL")
@_of_tenant
@json_option
@common
def pardon(name: str, tenant: str, folder: str | None) -> None:
    """Count the failures in a row from nothing again: a cool-down ends.

    \b
    With --json: {"model", "pardoned"}
    """
    state = session()
    with _registry(tenant, folder) as registry:
        count = registry.get(name).pardon(_person(None))
    if state.json:
        state.emit({"model": name, "pardoned": count})
    else:
        click.echo(f"{count} failures of {name} count no more")


@click.command()
@click.argument("name", metavar="MODEL")
@click.option("--tenant", required=True, help="Whose model is to be trained.")
@click.option("--force", is_flag=True, help="Pass the gates that a person may pass; it is told.")
@json_option
@common
def train(name: str, tenant: str, force: bool) -> None:
    """Store a learning cycle, which starts when its gates open; print its job's id.

    A program that has `app.trainer("MODEL", ...)` and works on the database makes it.

    \b
    With --json: {"job"}

    \b
    Example:
      offhours train digits --tenant acme --force
    """
    state = session()
    with state.open() as app:
        job = app.train(name, tenant=tenant, force=force)
    if state.json:
        state.emit({"job": job.id})
    else:
        click.echo(job.id)


def _tell(model: AnyModel) -> None:
    state, aliases = session(), model.aliases()
    if state.json:
        told = {"model": model.name, "champion": aliases["champion"], "aliases": aliases}
        state.emit(told)
    else:
        click.echo(f"version {aliases['champion']} of {model.name} serves now")


def _summary(model: AnyModel) -> dict[str, Any]:
    counts, last = model.counts(), model.cycles(1)
    return {
        "model": model.name,
        "aliases": model.aliases(),
        "cycles": counts.total,
        "good": counts.good,
        "bad": counts.bad,
        "skipped": counts.skipped,
        "last": cycle_dict(last[0]) if last else None,
    }


def _shown(model: AnyModel, limit: int) -> dict[str, Any]:
    aliases = model.aliases()
    return {
        "model": model.name,
        "aliases": aliases,
        "golden": model.record.golden,
        "versions": [version_dict(each, aliases) for each in model.versions(limit)],
        "cycles": [cycle_dict(each) for each in model.cycles(limit)],
        "moves": [move_dict(each) for each in model.history(limit)],
    }


def _model_row(told: dict[str, Any]) -> tuple[str, ...]:
    aliases, last = told["aliases"], told["last"]
    numbers = (told[name] for name in ("cycles", "good", "bad", "skipped"))
    return (
        told["model"],
        str(aliases.get("champion", "")),
        str(aliases.get("previous", "")),
        *map(str, numbers),
        "" if last is None else f"{last['status']} {last['started_at'][:16]}Z",
    )


def _version_row(told: dict[str, Any]) -> tuple[str, ...]:
    metrics = ", ".join(f"{name} {value:.4g}" for name, value in told["metrics"].items())
    size = f"{told['bytes']:,}" if told["dropped_at"] is None else "given up"
    made = f"{told['created_at'][:16]}Z"
    return str(told["version"]), " ".join(told["aliases"]), size, made, metrics


def _cycle_row(told: dict[str, Any]) -> tuple[str, ...]:
    started = f"{told['started_at'][:16]}Z"
    return str(told["cycle"]), started, told["status"], told["reason"] or told["step"] or ""
