"""The housekeeping demo: real work in the background, a person in front, and what both noticed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from offhours.core.errors import JobError
from offhours.core.events import Event
from offhours.core.why import Why
from offhours.demo import example, material
from offhours.demo.desk import Desk
from offhours.demo.material import Material
from offhours.demo.screen import Screen
from offhours.handles import JobHandle, TaskHandle

WORKFLOW = "wf_report"
MIDDLE = 0.35
QUIET = 0.25
_FINAL = ("succeeded", "failed", "cancelled")


@dataclass(slots=True)
class Seen:
    """All that was seen in one run: what the report is made of."""

    made: Material
    jobs: dict[str, list[JobHandle[Any]]]
    steps: dict[str, list[float]] = field(default_factory=dict)
    """Seconds of each step of the person in front, in the stretches of the run."""
    stolen: float = 1.0
    """The share of a core that everything else used while the workflow was active."""
    answers: list[Why] = field(default_factory=list)
    """Why each waiting job waited, asked during the workflow."""
    results: dict[str, list[object]] = field(default_factory=dict)
    """What each job returned; None when it did not."""
    events: list[Event] = field(default_factory=list)


class Tour:
    """One run. `seconds` bounds it."""

    def __init__(self, root: Path, seconds: float, screen: Screen) -> None:
        self._seconds = seconds
        self._give_up = time.monotonic() + 0.9 * seconds
        self._screen = screen
        self._desk = Desk()
        # A fifth of the time for one core: a machine that others want too takes several times that.
        made = material.make(root, 0.2 * seconds)
        self._work = example.load(root / "housekeeping.db")
        self._app = self._work.app
        self._seen = Seen(made, {})

    def run(self) -> Seen:
        """A person alone, with work, with work that stands aside, and alone again."""
        seen, app, desk = self._seen, self._app, self._desk
        try:
            app.start()
            self._screen.say("a person works, nothing else does")
            seen.steps["before"] = desk.work_for(0.1 * self._seconds, self._look)
            self._submit()
            self._screen.say(f"{self._total} jobs are submitted: background work begins")
            seen.steps["beside"] = desk.work(lambda: not self._done(MIDDLE))
            self._workflow()
            while not self._done(1):
                time.sleep(0.02)
            self._screen.say("a person works, nothing else does")
            seen.steps["after"] = desk.work_for(0.08 * self._seconds, self._look)
            seen.results = {kind: [_result(j) for j in jobs] for kind, jobs in seen.jobs.items()}
            seen.events = list(app.events())
        finally:
            app.stop(1)
            app.close()
        return seen

    def _submit(self) -> None:
        made, work, jobs = self._seen.made, self._work, self._seen.jobs
        calls: list[tuple[str, TaskHandle[..., Any], tuple[str, ...]]] = material.interleaved(
            [("folders", work.deduplicate, (str(f.path),)) for f in made.folders],
            [("databases", work.back_up, (str(b.path), str(b.target))) for b in made.bases],
            [("logs", work.compress_log, (str(log.path),)) for log in made.logs],
            [("sites", work.check_links, (str(site.path),)) for site in made.sites],
        )
        for kind, task, args in calls:
            jobs.setdefault(kind, []).append(self._app.submit(task, args=args))

    def _workflow(self) -> None:
        """The person asks for quiet: what waits meanwhile, and what is still felt of it."""
        seen, app, desk = self._seen, self._app, self._desk
        self._screen.say(f"the foreground workflow {WORKFLOW} begins: the rest steps aside")
        with app.foreground(WORKFLOW):
            steps = desk.work_for(QUIET, self._look)
            started, others = time.monotonic(), _others()
            steps += desk.work_for(0.12 * self._seconds - QUIET, self._look)
            seen.stolen = (_others() - others) / (time.monotonic() - started)
            seen.steps["within"] = steps
            seen.answers = [app.why(job.id) for job in app.jobs(state="pending", limit=10_000)]
        self._screen.say(f"{WORKFLOW} has ended: background work goes on")

    @property
    def _total(self) -> int:
        return sum(map(len, self._seen.jobs.values()))

    def _done(self, share: float) -> bool:
        """Whether this share of the jobs is finished, or there is no more time to wait for it."""
        self._look()
        counts = self._app.counts()
        finished = sum(counts[state] for state in _FINAL)
        return finished >= share * self._total or time.monotonic() >= self._give_up

    def _look(self) -> None:
        self._screen.show(self._shares)

    def _shares(self) -> Mapping[str, tuple[float, float]]:
        records = {job.id: job for job in self._app.jobs(limit=10_000)}
        shares = {}
        for kind, jobs in self._seen.jobs.items():
            done = sum(records[job.id].state.final for job in jobs)
            told = [job.progress for job in jobs if records[job.id].state == "running"]
            parts = sum(progress["fraction"] or 0 for progress in told if progress)
            shares[kind] = (done + parts, len(jobs))
        return shares


def _others() -> float:
    """CPU seconds of this process apart from this thread."""
    return time.process_time() - time.thread_time()


def _result(job: JobHandle[Any]) -> object:
    try:
        return job.result(timeout="1ms")
    except JobError:
        return None
