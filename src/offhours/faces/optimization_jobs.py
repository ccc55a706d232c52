"""What the optimization engine learns from the jobs of its app: a record of each that finished."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from offhours.app import Offhours
from offhours.core.events import Event
from offhours.core.notices import JobFacts
from offhours.core.ports import name_list
from offhours.core.times import to_datetime
from offhours.engine.codec import load
from offhours.optimize.records import PerformanceMetric, Task

_FINISHED = name_list(["job.succeeded", "job.failed"])
_PAGES = 20


class JobFollower:
    """Reads the events from its making on. `but` are tasks of which nothing is to be learnt."""

    def __init__(
        self,
        app: Offhours,
        record_task: Callable[[Task], None],
        record_performance: Callable[[PerformanceMetric], None],
        but: Collection[str],
    ) -> None:
        self._app = app
        self._record_task = record_task
        self._record_performance = record_performance
        self._but = but
        self._seq = app.store.last_seq()

    def follow(self) -> int:
        """Learn from the jobs that finished since the last time; how many there were."""
        followed = 0
        for _ in range(_PAGES):
            events = self._app.store.events(self._seq, kinds=_FINISHED)
            if not events:
                break
            ids = [event.job_id for event in events if event.job_id]
            facts = {found.id: found for found in self._app.store.facts(ids)}
            for event in events:
                found = facts.get(event.job_id or 0)
                if found is not None and found.task not in self._but:
                    followed += self._learn(event, found)
            self._seq = events[-1].seq
        return followed

    def _learn(self, event: Event, facts: JobFacts) -> bool:
        job = self._app.store.job(facts.id)
        if job is None or facts.started_at is None:
            return False
        began, name = to_datetime(facts.started_at), facts.name or facts.task
        lasted = (event.at - facts.started_at) / 1000
        success = event.kind == "job.succeeded"
        parameters = self._arguments(job.task, job.args)
        actor = facts.queue if job.tenant is None else job.tenant
        self._record_task(
            Task(f"job-{job.id}", name, "", parameters, began, lasted, success, actor)
        )
        waited = max(0, facts.started_at - facts.run_at) / 1000
        timeout = None if job.timeout is None else job.timeout / 1000
        self._record_performance(
            PerformanceMetric(
                f"job-{job.id}", name, began, lasted, 0.0, 0.0, success,
                wait_ms=waited, attempt=max(1, job.attempts), timeout_ms=timeout,
            )
        )  # fmt: skip
        return True

    def _arguments(self, task: str, text: str) -> dict[str, Any]:
        args, kwargs = load(text)
        known = self._app.registry.find(task)
        names: list[str] = []
        if known is not None:
            with suppress(TypeError, ValueError):
                names = list(inspect.signature(known.function).parameters)
        numbered = [*names[: len(args)], *(f"argument {n}" for n in range(len(names), len(args)))]
        return {**dict(zip(numbered, args, strict=True)), **kwargs}
