"""What was seen in a run becomes figures, and each thing that went wrong misses its own."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.demo.test_proof import do_it_right

from offhours.core.events import Event
from offhours.core.times import SECOND
from offhours.core.why import Why
from offhours.demo import material
from offhours.demo.findings import parts
from offhours.demo.material import Material
from offhours.demo.site import make_site
from offhours.demo.tour import WORKFLOW, Seen

KINDS = ("folders", "databases", "logs", "sites")


def event(at: float, kind: str, job: int | None = None, **data: Any) -> Event:
    return Event(0, round(at * SECOND), kind, job, 1, json.dumps(data))


@pytest.fixture
def seen(tmp_path: Path) -> Seen:
    """A run in which all went well: job 1 stepped aside, the others waited."""
    rng = random.Random(1)
    made = Material(
        [material.make_folder(tmp_path / "files", rng, 6, 3)],
        [material.make_base(tmp_path / "base.db", rng, 200)],
        [material.make_log(tmp_path / "app.log", ["one\n", "two\n"])],
        [make_site(tmp_path / "site", rng, 8, 2)],
    )
    results = do_it_right(made)
    jobs: Any = {kind: [SimpleNamespace(id=n)] for n, kind in enumerate(KINDS, 1)}
    return Seen(
        made,
        jobs,
        steps={stretch: [0.003] * 100 for stretch in ("before", "beside", "within", "after")},
        stolen=0.01,
        answers=[Why("workflow", f"it waits while {WORKFLOW} is active", None)],
        results={**results, "databases": results["bases"]},
        events=[
            event(1, "job.started", 1),
            event(2, "foreground.entered", workflow=WORKFLOW),
            event(4, "foreground.left", workflow=WORKFLOW),
            *(event(4.1, "job.succeeded", n) for n in (1, 2, 3, 4)),
        ],
    )


def missed(seen: Seen) -> set[str]:
    return {figure.name for part in parts(seen) for figure in part.figures if not figure.ok}


def test_a_run_in_which_all_went_well_reaches_every_figure(seen: Seen) -> None:
    assert missed(seen) == set()


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (lambda s: s.events.pop(), "jobs done"),
        (lambda s: s.events.insert(2, event(3, "job.started", 2)),
         "background jobs started meanwhile"),
        (lambda s: s.events.insert(2, event(3, "job.progress", 1)),
         "running jobs that worked on after 250 ms"),
        (lambda s: s.events.pop(0), "running jobs that stepped aside"),
        (lambda s: setattr(s, "stolen", 0.2), "share of a core that all else used"),
        (lambda s: s.answers.append(Why("next", "it is next", None)),
         "waiting jobs whose why() names it"),
        (lambda s: s.answers.clear(), "waiting jobs whose why() names it"),
        (lambda s: s.events.__setitem__(slice(3, None), []), "its end to the next background work"),
        (lambda s: s.steps.update(within=[0.02] * 100), "step p50 with the backlog waiting"),
        (lambda s: s.steps["within"].__setitem__(0, 0.5), "step p99 with the backlog waiting"),
        (lambda s: s.results.update(sites=[None]), "broken links found"),
    ],
)  # fmt: skip
def test_what_went_wrong_misses_its_figure(
    seen: Seen, spoil: Callable[[Seen], object], name: str
) -> None:
    spoil(seen)
    assert name in missed(seen)
