"""`find`: jobs, tasks, schedules and artefacts, by text or tag."""

from __future__ import annotations

import click

from offhours.cli.options import limit_option
from offhours.cli.session import common, json_option, session
from offhours.core.artifacts import ArtifactType
from offhours.views import artifact_dict, found_job_dict

_HEADERS = ("WHAT", "NAME", "DESCRIPTION")


@click.command()
@click.argument("text", nargs=-1)
@click.option("--tag", "tags", multiple=True, help="Only what has this tag, exactly; repeatable.")
@click.option(
    "--type",
    "kind",
    type=click.Choice([*(kind.value for kind in ArtifactType), "job"]),
    help="Only these; schedules are plan, tasks are function.",
)
@limit_option(10, "How many jobs, and how many of all else.")
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
    with state.open() as app:
        mode, found, jobs = app.search.everything(words, type=kind, tags=tags, limit=limit)
        name = app.store.name
    if state.json:
        told = {
            "found": [artifact_dict(each) for each in found],
            "jobs": [found_job_dict(job) for job in jobs],
        }
        state.emit({"mode": mode, **told})
    elif found or jobs:
        rows = [[each.key, each.name, each.description or each.content] for each in found]
        rows += [[f"job_{job.id}", job.name or job.task, f"{job.state}, {job.task}"]
                 for job in jobs]  # fmt: skip
        state.table(_HEADERS, rows)
    else:
        state.note(f"nothing like that in {name}")
