"""What the event stream says about background jobs while a workflow was active."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from offhours.core.events import KINDS, Event
from offhours.core.model import JobState
from offhours.core.times import Micros


@dataclass(slots=True)
class Sightings:
    """Background jobs, by their number, between a workflow's begin and its end."""

    entered: Micros = 0
    left: Micros = 0
    running: set[int] = field(default_factory=set)
    """They ran when it began."""
    at_once: set[int] = field(default_factory=set)
    """They started while the news of it travelled."""
    started: set[int] = field(default_factory=set)
    """They started later, while it was active."""
    ended: set[int] = field(default_factory=set)
    """They ran when it began, and came to their end before they were to be quiet."""
    stirred: set[int] = field(default_factory=set)
    """They gave a sign of work when they were to be quiet."""
    again: Micros | None = None
    """The first sign of background work after it."""

    @property
    def aside(self) -> set[int]:
        """They ran when it began, and waited until it had ended."""
        return self.running - self.ended - self.stirred


def sightings_of(
    events: Sequence[Event], background: Collection[int], workflow: str, *, news: Micros,
    quiet: Micros,
) -> Sightings:  # fmt: skip
    """Read the events in their order. `news`: how long a start, `quiet`: how long a sign of work
    is no offence after the workflow began."""
    told = Sightings()
    for event in events:
        if event.kind.startswith("foreground."):
            if event.told.get("workflow") == workflow:
                entered = event.kind == "foreground.entered"
                setattr(told, "entered" if entered else "left", event.at)
        elif event.job_id in background:
            _note(told, event, news, quiet)
    return told


def _note(told: Sightings, event: Event, news: Micros, quiet: Micros) -> None:
    job = event.job_id
    assert job is not None
    if not told.entered:
        _before(told, event, job)
    elif told.left:
        told.again = told.again or event.at
    elif event.kind == "job.started":
        (told.at_once if event.at - told.entered <= news else told.started).add(job)
    elif event.kind == "job.returned":
        told.running.discard(job)  # claimed, and given back before it ran
        told.at_once.discard(job)
    elif event.at - told.entered > quiet:
        told.stirred.add(job)
    elif KINDS[event.kind] is not None:
        told.ended.add(job)


def _before(told: Sightings, event: Event, job: int) -> None:
    state = KINDS[event.kind]
    if state is JobState.RUNNING:
        told.running.add(job)
    elif state is not None:
        told.running.discard(job)
