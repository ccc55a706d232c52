"""`find`: jobs, tasks, schedules and artefacts, by text or tag."""

from __future__ import annotations

import json
from typing import Any

import click

from offhours.app import Offhours
from offhours.cli.session import common, json_option, session
from offhours.core.artifacts import Artifact, ArtifactType
from offhours.core.model import Job
from offhours.core.times import iso

_HEADERS = ("WHAT", "NAME", "DESCRIPTION")
_LONGEST_PAGE = 500


@click.command()
@click.argument("text", nargs=-1)
@click.option("--tag", "tags", multiple=True, help="Only what has this tag, exactly; repeatable.")
@click.option(
    "--type",
    "kind",
    type=click.Choice([*(kind.value for kind in ArtifactType), "job"]),
    help="Only these; schedules are plan, tasks are function.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, _LONGEST_PAGE),
    default=10,
    show_default=True,
    help="How many jobs, and how many of all else.",
)
@json_option
@common
def find(text: tuple[str, ...], tags: tuple[str, ...], kind: str | None, limit: int) -> None:
    """Find schedules, tasks, artefacts and jobs by TEXT, the best first.

    Names come first, then what is alike: in meaning where the extra `semantic` is installed, else
    in its words. Jobs are found by all the words in their task, name, arguments or error, among
    the newest 10,000.

    \b
    With --json: {"mode": "semantic"|"lexical",
      "found": [{"id", "type", "name", "description", "content", "tags",
                 "metadata", "score"}...],
      "jobs": [{"id", "task", "name", "state", "created_at"}...]}

    \b
    Examples:
      offhours find nightly backup
      offhours find --tag scheduled_task --tag "0 2 * * *"
    """
    words = " ".join(text)
    if not words.strip() and not tags:
        raise click.UsageError("say what to find: offhours find TEXT, or --tag TAG")
    state = session()
    with state.open_here() as app:
        found = [] if kind == "job" else app.search.find(words, type=kind, tags=tags, limit=limit)
        jobs = _jobs(app, words, tags, kind, limit)
        mode, name = app.search.mode, app.store.name
    if state.json:
        told = {"found": [_artifact(each) for each in found], "jobs": [_job(job) for job in jobs]}
        state.emit({"mode": mode, **told})
    elif found or jobs:
        rows = [[each.key, each.name, each.description or each.content] for each in found]
        rows += [[f"job_{job.id}", job.name or job.task, f"{job.state}, {job.task}"]
                 for job in jobs]  # fmt: skip
        state.table(_HEADERS, rows)
    else:
        state.note(f"nothing like that in {name}")


def _jobs(
    app: Offhours, words: str, tags: tuple[str, ...], kind: str | None, limit: int
) -> list[Job]:
    """Jobs have no tags and no type of artefact."""
    return [] if tags or kind not in (None, "job") else app.search.jobs(words, limit)


def _artifact(each: Artifact) -> dict[str, Any]:
    return {
        "id": each.key,
        "type": each.type,
        "name": each.name,
        "description": each.description,
        "content": each.content,
        "tags": list(each.tags),
        "metadata": json.loads(each.metadata or "null"),
        "score": each.score,
    }


def _job(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "task": job.task,
        "name": job.name,
        "state": job.state.value,
        "created_at": iso(job.created_at),
    }
